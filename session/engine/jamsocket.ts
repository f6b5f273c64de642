/**
 * Jamsocket: the engine and the dialect of its HTTP API v2, which the dev platform
 * implements as well.
 *
 * @see {@link https://docs.jamsocket.com/platform/reference}
 */
import { checkNumber } from "../../net/number.ts";
import { isObject } from "../../net/shape.ts";
import { parseUrl } from "../../net/url.ts";
import {
  type CallOptions,
  type ConnectRequest,
  type Revocable,
  type RunningBackend,
  toBackendState,
} from "../../types.ts";
import {
  type EngineDialect,
  type EngineOptions,
  HTTPEngine,
  quote,
} from "./http_engine.ts";
import type { StatusDialect } from "./dialect.ts";
import { bearer } from "./http.ts";

/** How Jamsocket reports the status of its backends. */
export const jamsocketStatus: StatusDialect = {
  streamUrl: (statusUrl) => `${statusUrl}/stream`,
  toState: toBackendState,
  losesStates: false,
};

/** The dialect of one service: of an account, and maybe in an environment. */
function jamsocketDialect(
  names: readonly (string | undefined)[],
  words: Pick<
    EngineDialect,
    "connecting" | "unreachableHint" | "foreignHint"
  >,
): EngineDialect {
  const servicePath = names.filter(Boolean).map((name) =>
    encodeURIComponent(name!)
  ).join("/");
  const backendPath = (id: string) => `/v2/backend/${id}`;
  return {
    ...jamsocketStatus,
    ...words,
    backendPath,
    connect: (request) => ({
      path: `/v2/service/${servicePath}/connect`,
      body: jamsocketRequest(request),
    }),
    terminate: (id, hard) => ({
      path: `${backendPath(id)}/terminate`,
      body: hard ? { hard } : {},
    }),
  };
}

/**
 * The body of a connect request, with the tag where the platform expects it.
 * @throws {TypeError} if a limit is not a number; the message names it
 * @throws {RangeError} if a limit cannot be sent as JSON
 */
function jamsocketRequest({ tag, ...request }: ConnectRequest): unknown {
  if (typeof request.spawn === "object") checkLimits("spawn", request.spawn);
  if (tag === undefined || request.spawn === false) return request;
  const spawn = typeof request.spawn === "object" ? request.spawn : {};
  return { ...request, spawn: { tag, ...spawn } };
}

/** The fields of a spawn that are numbers. */
const NUMBERS: ReadonlySet<string> = /* @__PURE__ */ new Set([
  "cpu_period",
  "cpu_period_percent",
  "cpu_time_limit",
  "disk_limit_bytes",
  "lifetime_limit_seconds",
  "max_idle_seconds",
  "memory_limit_bytes",
]);

/** Rejects negative numbers, and NaN and `Infinity`, which JSON turns into `null`. */
function checkLimits(where: string, values: unknown): void {
  for (const [name, value] of Object.entries(Object(values))) {
    if (value === undefined || value === null) continue;
    if (typeof value === "object") checkLimits(`${where}.${name}`, value);
    if (typeof value !== "number") {
      if (NUMBERS.has(name)) checkNumber(`${where}.${name}`, value);
      continue;
    }
    if (value >= 0 && value < Infinity) continue;
    throw new RangeError(
      `${where}.${name} must be 0 or more and finite; got ${value}; omit it for no limit`,
    );
  }
}

/** How {@linkcode Jamsocket} reaches the hosted platform. */
export interface JamsocketHostedInitOptions extends EngineOptions {
  /** The account that owns the service. */
  account: string;
  /** An API token, stored where neither JSON nor inspection shows it. */
  token: string;
  /** The service whose backends to use. */
  service: string;
  /** The service's environment, if it has several. */
  environment?: string | undefined;
  /** The URL of the platform's API. @default {"https://api.jamsocket.com"} */
  apiUrl?: string | undefined;
}

/** How {@linkcode Jamsocket} reaches a platform of your own (`feedline serve`). */
export interface JamsocketOwnInitOptions extends EngineOptions {
  /** The URL of its API, such as `http://127.0.0.1:8080`. */
  apiUrl: string;
  /** Its API token, if it has one; stored where neither JSON nor inspection shows it. */
  token?: string | undefined;
  /** Keys of different accounts are independent. @default {"-"} */
  account?: string | undefined;
  /** Keys of different services are independent. @default {"-"} */
  service?: string | undefined;
  /** Keys of different environments are independent. */
  environment?: string | undefined;
  /**
   * The origins of its connection URLs. Set it if `--public-url` has another host than
   * `apiUrl`. @default all ports of the host in `apiUrl`
   */
  backendOrigins?: readonly string[] | undefined;
}

/** How {@linkcode Jamsocket} reaches the dev platform on this machine. */
export interface JamsocketDevInitOptions extends EngineOptions {
  /** Selects the dev platform. */
  dev: true;
  /** The port of its API. @default {8080} */
  port?: number | undefined;
}

/** The options of {@linkcode Jamsocket}, for each platform. */
export type JamsocketInitOptions =
  | JamsocketHostedInitOptions
  | JamsocketOwnInitOptions
  | JamsocketDevInitOptions;

/** The origins of the dev platform's backends. */
const LOOPBACK = [
  "http://localhost:*",
  "http://127.0.0.1:*",
  "http://[::1]:*",
] as const;

/**
 * Session backends on the Jamsocket platform, or on the dev platform of your own
 * machine.
 *
 * The wire format is the Jamsocket HTTP API v2, see
 * {@link https://docs.jamsocket.com/platform/reference}.
 *
 * ```ts
 * import { Jamsocket } from "@feedline/feedline/server";
 *
 * const hosted = new Jamsocket({ account: "me", token: "secret", service: "rooms" });
 * const local = new Jamsocket({ dev: true });
 * console.log(JSON.stringify(hosted)); // does not contain the token
 * ```
 *
 * Connect to the backend that holds a key:
 *
 * ```ts ignore
 * import { Jamsocket } from "@feedline/feedline/server";
 *
 * const jamsocket = new Jamsocket({ dev: true });
 * const { url, status_url } = await jamsocket.connect({
 *   key: "room-1",
 *   spawn: { max_idle_seconds: 300 },
 *   user: "ada",
 *   auth: { role: "editor" },
 * });
 * ```
 */
export class Jamsocket extends HTTPEngine {
  /** The origins of this platform's backends; see {@linkcode SessionEngine}. */
  readonly backendOrigins: readonly string[];
  readonly #account: string;

  /**
   * Takes `{ account, token, service }` for the hosted platform, `{ apiUrl, token }` for
   * a platform of your own, or `{ dev: true, port }` for the dev platform.
   * @throws {TypeError} if `account`, `token` or `service` is missing without `apiUrl`
   * @throws {RangeError} if `port` is not a port number, or `timeout` not a duration
   */
  constructor(options: JamsocketInitOptions) {
    const { dialect, address, backendOrigins, account = "-" } = isDev(options)
      ? devPlatform(options)
      : isOwn(options)
      ? ownPlatform(options)
      : hostedPlatform(options);
    super(dialect, address, options);
    this.backendOrigins = backendOrigins;
    this.#account = account;
  }

  /** The former name of {@linkcode Jamsocket.backendOrigins}. */
  get origins(): readonly string[] {
    return this.backendOrigins;
  }

  /**
   * Lists the running backends of the account.
   *
   * @throws {HTTPError} if the platform refuses
   * @throws {TypeError} if the platform is unreachable, or its response is not a list
   * @throws {DOMException} a `TimeoutError` after the engine's `timeout`
   */
  async list(options: CallOptions = {}): Promise<RunningBackend[]> {
    const action = "Listing the running backends";
    const account = encodeURIComponent(this.#account);
    const order = { path: `/v2/account/${account}/backends` };
    const answer = await this.ask(action, { order }, options);
    const listed = isObject(answer) ? answer.running_backends : undefined;
    const backends = Array.isArray(listed)
      ? listed.map(toRunning)
      : [undefined];
    if (backends.every((backend) => backend !== undefined)) return backends;
    throw new TypeError(
      `${action} failed: the response is not a list of backends`,
    );
  }

  /**
   * Makes the connection URLs of a user, of a backend or of a user for a backend useless,
   * and ends what is open through them. The hosted platform cannot do that (code 404); the
   * dev platform and `feedline serve` can.
   *
   * @throws {HTTPError} if the platform refuses
   * @throws {DOMException} a `TimeoutError` after the engine's `timeout`
   */
  async revoke(access: Revocable, options: CallOptions = {}): Promise<void> {
    const { user, backendId } = access;
    const order = { path: "/v2/revoke", body: { user, backend_id: backendId } };
    await this.ask("Revoking access", { order }, options);
  }

  /**
   * Creates an engine from environment variables, such as `Deno.env.toObject()`,
   * `process.env` or a worker's bindings. Reads either `JAMSOCKET_ACCOUNT`,
   * `JAMSOCKET_TOKEN`, `JAMSOCKET_SERVICE` and optionally `JAMSOCKET_API_URL`,
   * `JAMSOCKET_API_URL` and optionally `JAMSOCKET_TOKEN` of a platform of your own, or
   * `JAMSOCKET_DEV` (`true` or `"true"`) and optionally `JAMSOCKET_DEV_PORT`.
   *
   * ```ts
   * import { Jamsocket } from "@feedline/feedline/server";
   *
   * const jamsocket = Jamsocket.fromEnv({ JAMSOCKET_DEV: "true" });
   * ```
   *
   * @throws {TypeError} if a variable is missing; the message names it
   * @throws {RangeError} if `JAMSOCKET_DEV_PORT` is not a port number
   */
  static fromEnv(env: object, options: EngineOptions = {}): Jamsocket {
    const values: Record<string, unknown> = Object(env);
    const dev = values.JAMSOCKET_DEV;
    if (dev === true || dev === "true") {
      const port = values.JAMSOCKET_DEV_PORT;
      return new Jamsocket({
        ...options,
        dev: true,
        ...(port === undefined || port === ""
          ? {}
          : { port: checkPort(port, "JAMSOCKET_DEV_PORT") }),
      });
    }
    const text = (name: string) => {
      const value = values[name];
      return typeof value === "string" ? value : "";
    };
    const missing = [
      "JAMSOCKET_ACCOUNT",
      "JAMSOCKET_TOKEN",
      "JAMSOCKET_SERVICE",
    ].filter((name) => text(name) === "");
    const apiUrl = text("JAMSOCKET_API_URL");
    if (apiUrl && (!text("JAMSOCKET_ACCOUNT") || !text("JAMSOCKET_SERVICE"))) {
      return new Jamsocket({
        ...options,
        apiUrl,
        token: text("JAMSOCKET_TOKEN"),
        account: text("JAMSOCKET_ACCOUNT") || undefined,
        service: text("JAMSOCKET_SERVICE") || undefined,
      });
    }
    if (missing.length > 0) {
      throw new TypeError(
        `Jamsocket.fromEnv needs JAMSOCKET_ACCOUNT, JAMSOCKET_TOKEN and JAMSOCKET_SERVICE, or JAMSOCKET_DEV=true; missing: ${
          missing.join(", ")
        }${dev ? `; JAMSOCKET_DEV is ${JSON.stringify(dev)}` : ""}`,
      );
    }
    return new Jamsocket({
      ...options,
      account: text("JAMSOCKET_ACCOUNT"),
      token: text("JAMSOCKET_TOKEN"),
      service: text("JAMSOCKET_SERVICE"),
      ...(apiUrl ? { apiUrl } : {}),
    });
  }
}

function isDev(options: unknown): options is JamsocketDevInitOptions {
  return (options as Partial<JamsocketDevInitOptions> | undefined)?.dev ===
    true;
}

/** Whether the options name a platform's API, without what the hosted one needs. */
function isOwn(options: unknown): options is JamsocketOwnInitOptions {
  const { apiUrl, account, service } = Object(options);
  return typeof apiUrl === "string" && (!account || !service);
}

function ownPlatform(options: JamsocketOwnInitOptions) {
  const { apiUrl, token, account = "-", service = "-", environment } = options;
  return {
    dialect: jamsocketDialect([account, service, environment], {
      connecting: "Connecting to your platform",
      unreachableHint: "start it with: feedline serve --image <image>",
    }),
    address: {
      base: apiUrl,
      baseName: "apiUrl",
      headers: bearer(token),
    },
    backendOrigins: options.backendOrigins ?? originsOf(apiUrl),
    account,
  };
}

/** The origins of backends whose platform has its API at `apiUrl`. */
function originsOf(apiUrl: string): readonly string[] {
  const url = parseUrl(apiUrl);
  // An invalid URL is refused later, by name.
  if (!url) return [];
  const own = `${url.protocol}//${url.hostname}:*`;
  return LOOPBACK.includes(own as typeof LOOPBACK[number]) ? LOOPBACK : [own];
}

/** A backend of a list, in the common form. */
function toRunning(value: unknown): RunningBackend | undefined {
  if (!isObject(value) || typeof value.id !== "string") return undefined;
  const { id, key, status, created_at } = value as Record<string, string>;
  return {
    backend_id: id!,
    ...(key === undefined ? {} : { key }),
    ...(status === undefined
      ? {}
      : { status: status as RunningBackend["status"] }),
    ...(created_at === undefined ? {} : { created_at }),
  };
}

function devPlatform(options: JamsocketDevInitOptions) {
  const port = checkPort(options.port ?? 8080, "port");
  const base = `http://localhost:${port}`;
  return {
    dialect: jamsocketDialect(["-", "-"], {
      connecting: "Connecting to the dev platform",
      unreachableHint:
        "start the dev platform with: deno run -A jsr:@feedline/feedline/dev ./backend.ts; if HTTP_PROXY is set, set NO_PROXY=localhost,127.0.0.1 too",
      foreignHint:
        `the server at ${base} is not the dev platform; if HTTP_PROXY is set, set NO_PROXY=localhost,127.0.0.1 too`,
    }),
    address: { base, baseName: "port" },
    backendOrigins: LOOPBACK,
    account: "-",
  };
}

function hostedPlatform(options: JamsocketHostedInitOptions) {
  const { account, token, service, environment, apiUrl } = Object(
    options,
  ) as JamsocketHostedInitOptions;
  for (const [name, value] of Object.entries({ account, token, service })) {
    if (typeof value !== "string" || value === "") {
      throw new TypeError(
        `Jamsocket needs account, token and service, or dev: true; ${name} is missing`,
      );
    }
  }
  return {
    dialect: jamsocketDialect([account, service, environment], {
      connecting: `Connecting to service ${quote(service)}`,
    }),
    address: {
      base: apiUrl ?? "https://api.jamsocket.com",
      baseName: "apiUrl",
      headers: bearer(token),
    },
    backendOrigins: [
      "https://*.jamsocket.net",
      "https://*.jamsocket.run",
      ...(apiUrl === undefined ? [] : originsOf(apiUrl)),
    ],
    account,
  };
}

function checkPort(port: unknown, name: string): number {
  const number = typeof port === "string" && port !== "" ? Number(port) : port;
  if (
    typeof number !== "number" || !Number.isInteger(number) || number < 1 ||
    number > 65_535
  ) {
    throw new RangeError(
      `${name} must be a port number from 1 to 65535; got ${
        JSON.stringify(port)
      }`,
    );
  }
  return number;
}
