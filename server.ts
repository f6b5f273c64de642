/**
 * The side that holds the API token: spawns session backends, follows their
 * status and ends them, on {@linkcode Jamsocket} or on a
 * {@linkcode Plane} of one's own.
 *
 * ```ts ignore
 * import { Jamsocket } from "@feedline/feedline/server";
 *
 * const jamsocket = new Jamsocket({ dev: true });
 * const { url, status_url } = await jamsocket.connect({ key: "room-1" });
 * ```
 *
 * @module
 */
import type {
  BackendState,
  CallOptions,
  ConnectRequest,
  ConnectResponse,
  SessionEngine,
  StatusStreamOptions,
  TerminateOptions,
  UnsubscribeFn,
} from "./types.ts";
import { wait } from "./net/wait.ts";
import {
  clusterOrigins,
  isEnding,
  isPlaneAnswer,
  type PlaneDefaults,
  planeRequest,
} from "./session/engine/plane.ts";
import {
  checkRequest,
  encodeId,
  EngineApi,
  quote,
  readConnectResponse,
} from "./session/engine/api.ts";

// By name, not by star: the schemas, and zod with them, stay in types.ts.
export {
  type ApiError,
  type BackendState,
  type BackendStatus,
  type CallOptions,
  type ConnectRequest,
  type ConnectResponse,
  FeedlineError,
  type FeedlineErrorCode,
  HTTPError,
  isBackendState,
  isConnectResponse,
  isFeedlineError,
  type SessionEngine,
  type SpawnOptions,
  type StatusStreamOptions,
  type TerminateOptions,
  type TerminationKind,
  type TerminationReason,
  type UnsubscribeFn,
} from "./types.ts";

export { type VerifiedUser, verifiedUser } from "./session/verified.ts";

/** Called with each state of a backend. */
export type OnStatusCallback = (backendState: BackendState) => void;

/** What every engine may be given. */
export interface EngineOptions {
  /** The `fetch` to use. @default {globalThis.fetch} */
  fetch?: typeof fetch | undefined;
}

/** How {@linkcode Jamsocket} reaches the hosted platform. */
export interface JamsocketHostedInitOptions extends EngineOptions {
  /** The account that owns the service. */
  account: string;
  /** An API token. It is kept where neither JSON nor inspection shows it. */
  token: string;
  /** The service whose backends to use. */
  service: string;
  /** The service's environment, where it has several. */
  environment?: string | undefined;
  /** Where the platform's API is. @default {"https://api.jamsocket.com"} */
  apiUrl?: string | undefined;
}

/** How {@linkcode Jamsocket} reaches the dev platform of this machine. */
export interface JamsocketDevInitOptions extends EngineOptions {
  /** Use the dev platform. */
  dev: true;
  /** The port of its API. @default {8080} */
  port?: number | undefined;
}

/** Both forms of {@linkcode Jamsocket}'s options. */
export type JamsocketInitOptions =
  | JamsocketHostedInitOptions
  | JamsocketDevInitOptions;

function validatePort(port: unknown, name: string): number {
  const number = typeof port === "string" && port !== "" ? Number(port) : port;
  if (
    typeof number !== "number" || !Number.isInteger(number) || number < 1 ||
    number > 65_535
  ) {
    throw new RangeError(
      `${name} must be a port number from 1 to 65535, got ${
        JSON.stringify(port)
      }`,
    );
  }
  return number;
}

/** Where the dev platform's backends, and those of nobody else, are reached. */
const LOOPBACK = [
  "http://localhost:*",
  "http://127.0.0.1:*",
  "http://[::1]:*",
] as const;

/**
 * Session backends on the Jamsocket platform, or on the dev platform of one's
 * own machine.
 *
 * The wire format is the Jamsocket HTTP API v2, see
 * {@link https://docs.jamsocket.com/platform/reference}.
 *
 * ```ts
 * import { Jamsocket } from "@feedline/feedline/server";
 *
 * const hosted = new Jamsocket({ account: "me", token: "secret", service: "rooms" });
 * const local = new Jamsocket({ dev: true });
 * console.log(JSON.stringify(hosted)); // has no token in it
 * ```
 */
export class Jamsocket implements SessionEngine {
  readonly #api: EngineApi;
  readonly #servicePath: string;
  /** What `connect` does, as the beginning of an error message. */
  readonly #connecting: string;
  /** Where this platform's backends are reached; see {@linkcode SessionEngine}. */
  readonly origins: readonly string[];

  /**
   * Takes `{ account, token, service }` for the hosted platform or
   * `{ dev: true, port }` for the dev platform.
   * @throws {TypeError} if one of the three is missing
   * @throws {RangeError} if `port` is no port number
   */
  constructor(options: JamsocketInitOptions) {
    if (
      (options as Partial<JamsocketDevInitOptions> | undefined)?.dev === true
    ) {
      const { port: given = 8080, fetch } = options as JamsocketDevInitOptions;
      const port = validatePort(given, "port");
      this.#connecting = "Connecting to the dev platform";
      this.#servicePath = "/v2/service/-/-";
      this.#api = new EngineApi({
        base: `http://localhost:${port}`,
        baseName: "port",
        backends: "/v2/backend",
        fetch,
      });
      this.origins = LOOPBACK;
      return;
    }
    const { account, token, service, environment, apiUrl, fetch } = Object(
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
    this.#connecting = `Connecting to service ${quote(service)}`;
    this.#servicePath = "/v2/service/" +
      path.map(encodeURIComponent).join("/");
    this.#api = new EngineApi({
      base: apiUrl ?? "https://api.jamsocket.com",
      baseName: "apiUrl",
      backends: "/v2/backend",
      headers: { authorization: `Bearer ${token}` },
      fetch,
    });
    this.origins = ["https://*.jamsocket.net", "https://*.jamsocket.run"];
  }

  /**
   * Configured by an environment such as `Deno.env.toObject()`, `process.env`
   * or a worker's bindings: `JAMSOCKET_ACCOUNT`, `JAMSOCKET_TOKEN`,
   * `JAMSOCKET_SERVICE` and, if wanted, `JAMSOCKET_API_URL`; or
   * `JAMSOCKET_DEV` (`true` or `"true"`) and, if wanted, `JAMSOCKET_DEV_PORT`.
   *
   * ```ts
   * import { Jamsocket } from "@feedline/feedline/server";
   *
   * const jamsocket = Jamsocket.fromEnv({ JAMSOCKET_DEV: "true" });
   * ```
   *
   * @throws {TypeError} naming what is missing
   * @throws {RangeError} if `JAMSOCKET_DEV_PORT` is no port number
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
          : { port: validatePort(port, "JAMSOCKET_DEV_PORT") }),
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

  /** Whether the platform gave an answer; see {@linkcode SessionEngine}. */
  isPlatformAnswer(
    answer: { readonly status: number; readonly headers: Headers },
  ): boolean {
    return isPlaneAnswer(answer);
  }

  /**
   * Finds the backend that holds `request.key`, or spawns one. Without a key,
   * each call spawns one.
   *
   * ```ts ignore
   * import { Jamsocket } from "@feedline/feedline/server";
   *
   * const jamsocket = new Jamsocket({ dev: true });
   * const response = await jamsocket.connect({
   *   key: "room-1",
   *   spawn: { max_idle_seconds: 300 },
   *   user: "ada",
   *   auth: { role: "editor" },
   * });
   * ```
   *
   * @throws {HTTPError} if the platform answers with anything but success
   */
  async connect(
    request: ConnectRequest = {},
    { signal }: CallOptions = {},
  ): Promise<ConnectResponse> {
    checkRequest(request);
    const action = this.#connecting;
    const { tag, ...json } = request;
    if (tag !== undefined && json.spawn !== false) {
      json.spawn = { tag, ...(typeof json.spawn === "object" && json.spawn) };
    }
    const answer = await this.#api.call(`${this.#servicePath}/connect`, {
      action,
      json,
      authorized: true,
      signal,
    });
    return readConnectResponse(answer, action);
  }

  /**
   * The backend's present state.
   * @throws {HTTPError} e.g. with code 404 if there is no such backend
   */
  async status(
    backendId: string,
    options?: CallOptions,
  ): Promise<BackendState> {
    return await this.#api.status(backendId, options);
  }

  /**
   * Calls `onStatus` exactly once for every state of the backend, past ones
   * first, in order, until it is terminated or the returned function is called.
   * Lost connections are taken up again, without end.
   *
   * @throws {HTTPError} e.g. with code 404 if there is no such backend
   */
  async statusStream(
    backendId: string,
    onStatus: OnStatusCallback,
    options?: StatusStreamOptions,
  ): Promise<UnsubscribeFn> {
    return await this.#api.statusStream(backendId, onStatus, options);
  }

  /**
   * The same states as an async iterable, which ends after `terminated`.
   *
   * ```ts ignore
   * import { Jamsocket } from "@feedline/feedline/server";
   *
   * const jamsocket = new Jamsocket({ dev: true });
   * const { backend_id } = await jamsocket.connect();
   * for await (const { status, time } of jamsocket.statuses(backend_id)) {
   *   console.log(time, status);
   * }
   * ```
   *
   * @throws {HTTPError} e.g. with code 404 if there is no such backend
   */
  statuses(
    backendId: string,
    options?: CallOptions,
  ): AsyncIterableIterator<BackendState> {
    return this.#api.statuses(backendId, options);
  }

  /**
   * Ends the backend: softly (it is asked, and has some seconds to finish), or
   * `hard`, at once. Resolves when the platform has taken the order.
   * @throws {HTTPError} if the platform refuses
   */
  async terminate(
    backendId: string,
    { hard = false, signal }: TerminateOptions = {},
  ): Promise<void> {
    await this.#api.call(this.#api.backendPath(backendId, "/terminate"), {
      action: `Terminating backend ${quote(backendId)}`,
      json: hard ? { hard } : {},
      authorized: true,
      signal,
    });
  }
}

/** How {@linkcode Plane} reaches a controller and what it spawns. */
export interface PlaneInitOptions extends EngineOptions {
  /** The controller's address, e.g. `http://localhost:8080`. */
  controllerUrl: string;
  /** The cluster to spawn in. @default the controller's own default */
  cluster?: string | undefined;
  /** The namespace of all keys. @default {""} */
  namespace?: string | undefined;
  /**
   * What to run, in the form that the drones' runtime takes, e.g.
   * `{ image: "ghcr.io/me/rooms" }`. A request's `executable` is merged into it.
   */
  executable: Record<string, unknown>;
  /**
   * Headers for the reverse proxy that guards the controller's `/ctrl`, e.g.
   * `authorization`. Sent with orders, not with public status reads, and kept
   * where neither JSON nor inspection shows them.
   */
  headers?: Record<string, string> | undefined;
  /**
   * The origins at which this Plane's proxies are reached, e.g.
   * `https://*.example.com`. The edge route connects to no other.
   * @default those that follow from `cluster`
   */
  origins?: readonly string[] | undefined;
}

/**
 * Session backends on a Plane of one's own. The methods and answers are those
 * of {@linkcode Jamsocket}; the requests are those of Plane's controller, see
 * {@link https://plane.dev}.
 *
 * ```ts
 * import { Plane } from "@feedline/feedline/server";
 *
 * const plane = new Plane({
 *   controllerUrl: "http://localhost:8080",
 *   cluster: "localhost:9090",
 *   executable: { image: "ghcr.io/me/rooms" },
 *   origins: ["http://localhost:9090"],
 * });
 * ```
 */
export class Plane implements SessionEngine {
  readonly #api: EngineApi;
  readonly #defaults: PlaneDefaults;
  /** Where this Plane's backends are reached; see {@linkcode SessionEngine}. */
  readonly origins?: readonly string[];

  /**
   * Checks the options; calls nothing.
   * @throws {TypeError} if `controllerUrl` or `executable` is missing
   */
  constructor(options: PlaneInitOptions) {
    const { controllerUrl, executable, headers = {}, cluster } = Object(
      options,
    ) as PlaneInitOptions;
    if (typeof executable !== "object" || executable === null) {
      throw new TypeError("Plane needs the executable to spawn, an object");
    }
    this.#api = new EngineApi({
      base: controllerUrl,
      baseName: "controllerUrl",
      backends: "/pub/b",
      headers,
      fetch: options.fetch,
    });
    this.#defaults = { cluster, namespace: options.namespace, executable };
    const origins = options.origins ?? (cluster && clusterOrigins(cluster));
    if (origins) this.origins = origins;
  }

  /** Whether the platform gave an answer; see {@linkcode SessionEngine}. */
  isPlatformAnswer(
    answer: { readonly status: number; readonly headers: Headers },
  ): boolean {
    return isPlaneAnswer(answer);
  }

  /**
   * Finds the backend that holds `request.key`, or spawns one.
   * @throws {HTTPError} with Plane's error kind in `error.kind`, e.g. `KeyHeld`
   */
  async connect(
    request: ConnectRequest = {},
    { signal }: CallOptions = {},
  ): Promise<ConnectResponse> {
    checkRequest(request);
    const action = "Connecting to a backend of Plane";
    const json = planeRequest(request, this.#defaults);
    // A key whose backend is ending is answered with that backend, which takes
    // no connection any more. Its time of grace is 10 s; then there is a new one.
    for (let attempt = 0;; attempt++) {
      const answer = await this.#api.call("/ctrl/connect", {
        action,
        json,
        authorized: true,
        signal,
      });
      const response = readConnectResponse(
        typeof answer === "object" ? { ready_url: "", ...answer } : answer,
        action,
      );
      if (!isEnding(response) || attempt === 30) {
        return response;
      }
      await wait(400, { signal });
    }
  }

  /**
   * The backend's present state.
   * @throws {HTTPError} e.g. with code 404 if there is no such backend
   */
  async status(
    backendId: string,
    options?: CallOptions,
  ): Promise<BackendState> {
    return await this.#api.status(backendId, options);
  }

  /**
   * Calls `onStatus` exactly once for every state of the backend; as
   * {@linkcode Jamsocket.statusStream}.
   * @throws {HTTPError} e.g. with code 404 if there is no such backend
   */
  async statusStream(
    backendId: string,
    onStatus: OnStatusCallback,
    options?: StatusStreamOptions,
  ): Promise<UnsubscribeFn> {
    return await this.#api.statusStream(backendId, onStatus, options);
  }

  /**
   * The same states as an async iterable, which ends after `terminated`.
   * @throws {HTTPError} e.g. with code 404 if there is no such backend
   */
  statuses(
    backendId: string,
    options?: CallOptions,
  ): AsyncIterableIterator<BackendState> {
    return this.#api.statuses(backendId, options);
  }

  /**
   * Ends the backend, softly or `hard`.
   * @throws {HTTPError} if the controller refuses
   */
  async terminate(
    backendId: string,
    { hard = false, signal }: TerminateOptions = {},
  ): Promise<void> {
    const kind = hard ? "hard-terminate" : "soft-terminate";
    await this.#api.call(`/ctrl/b/${encodeId(backendId)}/${kind}`, {
      action: `Terminating backend ${quote(backendId)}`,
      json: {},
      authorized: true,
      signal,
    });
  }
}
