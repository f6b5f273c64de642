/**
 * Jamsocket: the engine and the dialect of its HTTP API v2, which the dev platform
 * implements as well.
 *
 * @see {@link https://docs.jamsocket.com/platform/reference}
 */
import { checkNumber } from "../../net/number.ts";
import { type ConnectRequest, toBackendState } from "../../types.ts";
import {
  type EngineDialect,
  type EngineOptions,
  HTTPEngine,
  quote,
} from "./http_engine.ts";
import type { StatusDialect } from "./dialect.ts";

/** How Jamsocket reports the status of its backends. */
export const jamsocketStatus: StatusDialect = {
  streamUrl: (statusUrl) => `${statusUrl}/stream`,
  toState: toBackendState,
  losesStates: false,
};

/** The dialect of one service. */
function jamsocketDialect(
  servicePath: string,
  words: Pick<
    EngineDialect,
    "connecting" | "unreachableHint" | "foreignHint"
  >,
): EngineDialect {
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

/** How {@linkcode Jamsocket} reaches the dev platform on this machine. */
export interface JamsocketDevInitOptions extends EngineOptions {
  /** Selects the dev platform. */
  dev: true;
  /** The port of its API. @default {8080} */
  port?: number | undefined;
}

/** The options of {@linkcode Jamsocket}, for either platform. */
export type JamsocketInitOptions =
  | JamsocketHostedInitOptions
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

  /**
   * Takes `{ account, token, service }` for the hosted platform or
   * `{ dev: true, port }` for the dev platform.
   * @throws {TypeError} if `account`, `token` or `service` is missing
   * @throws {RangeError} if `port` is not a port number, or `timeout` not a duration
   */
  constructor(options: JamsocketInitOptions) {
    const { dialect, address, backendOrigins } = isDev(options)
      ? devPlatform(options)
      : hostedPlatform(options);
    super(dialect, address, options);
    this.backendOrigins = backendOrigins;
  }

  /** The former name of {@linkcode Jamsocket.backendOrigins}. */
  get origins(): readonly string[] {
    return this.backendOrigins;
  }

  /**
   * Creates an engine from environment variables, such as `Deno.env.toObject()`,
   * `process.env` or a worker's bindings. Reads either `JAMSOCKET_ACCOUNT`,
   * `JAMSOCKET_TOKEN`, `JAMSOCKET_SERVICE` and optionally `JAMSOCKET_API_URL`, or
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
    if (missing.length > 0) {
      throw new TypeError(
        `Jamsocket.fromEnv needs JAMSOCKET_ACCOUNT, JAMSOCKET_TOKEN and JAMSOCKET_SERVICE, or JAMSOCKET_DEV=true; missing: ${
          missing.join(", ")
        }${dev ? `; JAMSOCKET_DEV is ${JSON.stringify(dev)}` : ""}`,
      );
    }
    const apiUrl = text("JAMSOCKET_API_URL");
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

function devPlatform(options: JamsocketDevInitOptions) {
  const port = checkPort(options.port ?? 8080, "port");
  const base = `http://localhost:${port}`;
  return {
    dialect: jamsocketDialect("-/-", {
      connecting: "Connecting to the dev platform",
      unreachableHint:
        "start the dev platform with: deno run -A jsr:@feedline/feedline/dev ./backend.ts; if HTTP_PROXY is set, set NO_PROXY=localhost,127.0.0.1 too",
      foreignHint:
        `the server at ${base} is not the dev platform; if HTTP_PROXY is set, set NO_PROXY=localhost,127.0.0.1 too`,
    }),
    address: { base, baseName: "port" },
    backendOrigins: LOOPBACK,
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
  const path = [account, service, ...(environment ? [environment] : [])];
  return {
    dialect: jamsocketDialect(path.map(encodeURIComponent).join("/"), {
      connecting: `Connecting to service ${quote(service)}`,
    }),
    address: {
      base: apiUrl ?? "https://api.jamsocket.com",
      baseName: "apiUrl",
      headers: { authorization: `Bearer ${token}` },
    },
    backendOrigins: ["https://*.jamsocket.net", "https://*.jamsocket.run"],
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
