/**
 * Plane: the engine and the dialect of its controller's HTTP API.
 *
 * @see {@link https://plane.dev}
 */
import {
  type BackendState,
  type CallOptions,
  type ConnectOptions,
  type ConnectRequest,
  type ConnectResponse,
  HTTPError,
  isHTTPError,
  type PlaneExecutable,
  type TerminateOptions,
  toBackendState,
} from "../../types.ts";
import { isObject } from "../../net/shape.ts";
import { wait } from "../../net/wait.ts";
import {
  type EngineDialect,
  type EngineOptions,
  HTTPEngine,
  quote,
} from "./http_engine.ts";
import type { StatusDialect } from "./dialect.ts";
import {
  type PlaneClusterState,
  type PlaneControllerStatus,
  readClusterState,
} from "./plane_controller.ts";
import {
  checkPlaneRequest,
  type PlaneDefaults,
  planeRequest,
} from "./plane_request.ts";
import { isEnding } from "./status.ts";

/** How Plane reports the status of its backends. */
export const planeStatus: StatusDialect = {
  streamUrl: (statusUrl) => `${statusUrl}-stream`,
  toState: planeState,
  // Its notifications drop events of overlapping transactions.
  losesStates: true,
};

/** Whether a status URL is one of Plane's. */
export function isPlaneStatusUrl(statusUrl: string): boolean {
  return /\/pub\/(c\/[^/]+\/)?b\/[^/]+\/status$/.test(statusUrl);
}

/**
 * Converts a state from Plane's form. `time` counts milliseconds since 1970, and the
 * reason, kind and exit code have different names, which are kept beside the common
 * ones.
 */
function planeState(value: unknown): BackendState | undefined {
  if (!isObject(value)) return undefined;
  const { time, reason, termination, exit_code } = value;
  const state: Record<string, unknown> = { ...value };
  // The range of a JavaScript date.
  if (typeof time === "number" && Math.abs(time) <= 8.64e15) {
    state.time = new Date(time).toISOString();
  }
  if (typeof reason === "string") state.termination_reason ??= reason;
  if (typeof termination === "string" && termination !== "") {
    state.termination_kind ??= termination;
  }
  if (typeof exit_code === "number") state.exit_error ??= exit_code !== 0;
  return toBackendState(state);
}

/** The dialect of one controller. */
function planeDialect(defaults: PlaneDefaults): EngineDialect {
  return {
    ...planeStatus,
    connecting: "Connecting to a backend on Plane",
    backendPath: (id) => `/pub/b/${id}`,
    connect: (request) => {
      const body = planeRequest(request, defaults);
      checkPlaneRequest(body);
      return { path: "/ctrl/connect", body };
    },
    terminate: (id, hard) => ({
      path: `/ctrl/b/${id}/${hard ? "hard" : "soft"}-terminate`,
      body: {},
    }),
    // Plane has no page that waits for a backend, so `ready_url` is empty.
    toConnectResponse: (answer) =>
      isObject(answer) ? { ready_url: "", ...answer } : answer,
  };
}

/** The origins of a cluster's backends, which follow from the cluster's name. */
function clusterOrigins(cluster: string): string[] {
  const [host, port] = cluster.split(":");
  return port === undefined || port === "443"
    ? [`https://${host}`, `https://*.${host}`]
    : [`http://${cluster}`, `http://*.${cluster}`];
}

/** How {@linkcode Plane} reaches a controller and what it spawns. */
export interface PlaneInitOptions extends EngineOptions {
  /** The controller's URL, e.g. `http://localhost:8080`. */
  controllerUrl: string;
  /** The cluster to spawn in. @default the controller's own default */
  cluster?: string | undefined;
  /** The namespace that all keys belong to. @default {""} */
  namespace?: string | undefined;
  /**
   * What to run, in the form that the drones' runtime accepts, e.g.
   * `{ image: "ghcr.io/me/rooms" }`. A request's `executable` is merged into it.
   */
  executable: PlaneExecutable | Record<string, unknown>;
  /**
   * Headers for the reverse proxy that guards the controller's `/ctrl`, e.g.
   * `authorization`. Sent when connecting and terminating, not with public status
   * reads, and stored where neither JSON nor inspection shows them.
   */
  headers?: Record<string, string> | undefined;
  /**
   * The origins of this Plane's proxies, e.g. `https://*.example.com`. The edge
   * route connects only to these.
   * @default the origins that follow from `cluster`
   */
  backendOrigins?: readonly string[] | undefined;
  /** The former name of `backendOrigins`. */
  origins?: readonly string[] | undefined;
}

/**
 * How long to wait for the key of an ending backend to become free, in milliseconds:
 * Plane gives a backend 30 s to end by itself, then kills it.
 */
const ENDING_LIMIT = 40_000;
/** The delay between two attempts on such a key, in milliseconds. */
const ENDING_PAUSE = 400;
/** How long an accepted termination may take to show in the status, in milliseconds. */
const TERMINATE_LIMIT = 5_000;
/** The delay between two reads of that status, in milliseconds. */
const TERMINATE_PAUSE = 50;

/** The `retryAfter` while no drone has capacity, in milliseconds. */
const BUSY_PAUSE = 5_000;

/** Turns Plane's code 500 for a lack of drones into 503 with `retryAfter`. */
function toBusy(error: unknown): unknown {
  if (!isHTTPError(error) || error.error?.kind !== "NoDroneAvailable") {
    return error;
  }
  return new HTTPError(503, error.message, {
    error: error.error,
    retryAfter: error.retryAfter ?? BUSY_PAUSE,
    cause: error,
  });
}

/**
 * Session backends on your own Plane. It has the methods and results of
 * {@linkcode Jamsocket}, and sends the requests of Plane's controller, see
 * {@link https://plane.dev}. A request that the controller would refuse without a
 * reason is rejected before it is sent, with an error that names the field.
 *
 * ```ts
 * import { Plane } from "@feedline/feedline/server";
 *
 * const plane = new Plane({
 *   controllerUrl: "http://localhost:8080",
 *   cluster: "localhost:9090",
 *   executable: { image: "ghcr.io/me/rooms" },
 *   backendOrigins: ["http://localhost:9090"],
 * });
 * ```
 */
export class Plane extends HTTPEngine {
  /** The origins of this Plane's backends, if known; see {@linkcode SessionEngine}. */
  readonly backendOrigins?: readonly string[];
  readonly #cluster: string | undefined;

  /**
   * Checks the options; makes no request.
   * @throws {TypeError} if `controllerUrl` or `executable` is missing
   * @throws {RangeError} if `timeout` is not a duration
   */
  constructor(options: PlaneInitOptions) {
    const { controllerUrl, executable, headers, cluster, namespace } = Object(
      options,
    ) as PlaneInitOptions;
    if (!isObject(executable)) {
      throw new TypeError(
        'Plane needs the option executable, an object such as { image: "ghcr.io/me/rooms" }',
      );
    }
    super(
      planeDialect({ cluster, namespace, executable }),
      { base: controllerUrl, baseName: "controllerUrl", headers },
      options,
    );
    const backendOrigins = options.backendOrigins ?? options.origins ??
      (cluster && clusterOrigins(cluster));
    if (backendOrigins) this.backendOrigins = backendOrigins;
    this.#cluster = cluster;
  }

  /** The former name of {@linkcode Plane.backendOrigins}. */
  get origins(): readonly string[] | undefined {
    return this.backendOrigins;
  }

  /**
   * Finds the backend that holds `request.key`, or spawns one, like
   * {@linkcode Jamsocket.connect}. An ending backend accepts no connections, so if
   * one holds the key, `connect` waits up to 40 s for the key to become free; with
   * `spawn: false` it fails at once with code 409.
   *
   * @throws {HTTPError} with Plane's error kind in `error.kind`, e.g. `KeyHeld`;
   * `NoDroneAvailable`, which Plane sends with code 500, has 503 and `retryAfter`
   * @throws {TypeError} or {RangeError} naming a field that Plane would refuse
   * @throws {DOMException} a `TimeoutError` after the engine's `timeout`
   */
  override async connect(
    request: ConnectRequest = {},
    options: ConnectOptions = {},
  ): Promise<ConnectResponse> {
    for (let waited = 0;; waited += ENDING_PAUSE) {
      const response = await super.connect(request, options).catch((error) => {
        throw toBusy(error);
      });
      if (!isEnding(response.status)) return response;
      if (request.spawn === false || waited >= ENDING_LIMIT) {
        const message =
          `Connecting to a backend on Plane failed: the backend that holds the key is ${response.status}`;
        throw new HTTPError(409, message, {
          error: { message, backend_id: response.backend_id },
        });
      }
      options.onWait?.();
      await wait(ENDING_PAUSE, options);
    }
  }

  /**
   * Ends the backend, softly or `hard`. Resolves once its status is `terminating` or
   * later, so that a subsequent `connect` does not find it; after 5 s it resolves
   * anyway, because the controller has accepted the request.
   *
   * @throws {HTTPError} if the controller refuses
   * @throws {DOMException} a `TimeoutError` after the engine's `timeout`
   */
  override async terminate(
    backendId: string,
    options: TerminateOptions = {},
  ): Promise<void> {
    await super.terminate(backendId, options);
    for (
      let waited = 0;
      waited < TERMINATE_LIMIT && !await this.#isEnding(backendId, options);
      waited += TERMINATE_PAUSE
    ) {
      await wait(TERMINATE_PAUSE, options);
    }
  }

  /** Whether the backend has started to end. */
  async #isEnding(
    backendId: string,
    { signal }: CallOptions,
  ): Promise<boolean> {
    try {
      return isEnding((await this.status(backendId, { signal })).status);
    } catch (error) {
      signal?.throwIfAborted();
      // The backend is gone, or its status is unreadable; the order was accepted.
      return isHTTPError(error);
    }
  }

  /**
   * Asks the controller whether it and its database work, and for its version.
   * @throws {HTTPError} with code 500 if the database does not respond
   * @throws {DOMException} a `TimeoutError` after the engine's `timeout`
   */
  async controllerStatus(
    options: CallOptions = {},
  ): Promise<PlaneControllerStatus> {
    const action = "Reading the status of Plane's controller";
    const value = await this.ask(
      action,
      { order: { path: "/ctrl/status" } },
      options,
    );
    return value as PlaneControllerStatus;
  }

  /**
   * Resolves if the controller and its database work. Reads the public
   * `/pub/health`, which health checks of load balancers can use as well.
   * @throws {HTTPError} with code 500 if the database does not respond
   * @throws {DOMException} a `TimeoutError` after the engine's `timeout`
   */
  async health(options: CallOptions = {}): Promise<void> {
    const action = "Reading the health of Plane's controller";
    await this.ask(action, { path: "/pub/health" }, options);
  }

  /**
   * Lists a cluster's drones, with their numbers of backends, and its proxies.
   *
   * @param cluster Its name. @default the engine's `cluster`
   * @throws {TypeError} if neither names a cluster
   * @throws {HTTPError} if the controller refuses
   * @throws {DOMException} a `TimeoutError` after the engine's `timeout`
   */
  async clusterState(
    cluster: string | undefined = this.#cluster,
    options: CallOptions = {},
  ): Promise<PlaneClusterState> {
    const path = `${clusterPath(cluster)}/state`;
    const action = `Reading the state of cluster ${quote(cluster!)}`;
    const value = await this.ask(action, { order: { path } }, options);
    return readClusterState(value, action);
  }

  /**
   * Drains a drone: it gets no new backends, and goes on with those it has. Returns
   * whether it was not draining before. To end its backends, terminate them. It stays
   * drained until it is started anew.
   *
   * @param cluster The drone's cluster. @default the engine's `cluster`
   * @throws {TypeError} if neither names a cluster
   * @throws {HTTPError} with code 404 if the cluster has no such drone
   * @throws {DOMException} a `TimeoutError` after the engine's `timeout`
   */
  async drain(
    drone: string,
    cluster: string | undefined = this.#cluster,
    options: CallOptions = {},
  ): Promise<boolean> {
    const path = `${clusterPath(cluster)}/d/${encodeURIComponent(drone)}/drain`;
    const action = `Draining drone ${quote(drone)}`;
    const value = await this.ask(
      action,
      { order: { path, body: {} } },
      options,
    );
    return isObject(value) && value.updated === true;
  }

  /**
   * Deletes the tokens of a user for one backend. This is not the `revoke` of
   * {@linkcode SessionEngine}: Plane's proxies remember the tokens that they have
   * already let in, so it stops only URLs that were not used yet. To shut a user out,
   * use the edge route's `revoke`, or terminate the backend.
   *
   * @throws {HTTPError} if the controller refuses
   * @throws {DOMException} a `TimeoutError` after the engine's `timeout`
   */
  async deleteTokens(
    backendId: string,
    user: string,
    options: CallOptions = {},
  ): Promise<void> {
    const action = `Deleting tokens for backend ${quote(backendId)}`;
    const body = { backend_id: backendId, user };
    await this.ask(
      action,
      { order: { path: "/ctrl/b/revoke", body } },
      options,
    );
  }
}

/** The path of a cluster in the controller's API. */
function clusterPath(cluster: unknown): string {
  if (typeof cluster !== "string" || /^\.{0,2}$/.test(cluster)) {
    throw new TypeError(
      "Plane needs the name of a cluster, as an argument or as the option cluster",
    );
  }
  return `/ctrl/c/${encodeURIComponent(cluster)}`;
}
