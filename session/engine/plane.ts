/**
 * Plane: the engine, and the words of its controller's HTTP API.
 *
 * @see {@link https://plane.dev}
 */
import {
  type BackendState,
  type CallOptions,
  type ConnectRequest,
  type ConnectResponse,
  HTTPError,
  isHTTPError,
  type TerminateOptions,
  toBackendState,
} from "../../types.ts";
import { isObject } from "../../net/shape.ts";
import { wait } from "../../net/wait.ts";
import { type EngineDialect, type EngineOptions, HTTPEngine } from "./api.ts";
import type { StatusDialect } from "./dialect.ts";
import {
  checkPlaneRequest,
  type PlaneDefaults,
  planeRequest,
} from "./plane_request.ts";
import { isEnding } from "./status.ts";

/** How Plane tells the status of its backends. */
export const planeStatus: StatusDialect = {
  streamUrl: (statusUrl) => `${statusUrl}-stream`,
  toState: planeState,
  // Its notifications drop events of transactions that overlap.
  losesStates: true,
};

/** Whether a status address is one of Plane's. */
export function isPlaneStatusUrl(statusUrl: string): boolean {
  return /\/pub\/(c\/[^/]+\/)?b\/[^/]+\/status$/.test(statusUrl);
}

/**
 * A state as Plane sends it: `time` counts milliseconds since 1970, and reason,
 * kind and exit code have names of their own. They stay beside the common ones.
 */
function planeState(value: unknown): BackendState | undefined {
  if (!isObject(value)) return undefined;
  const { time, reason, termination, exit_code } = value;
  const state: Record<string, unknown> = { ...value };
  // There is no date beyond this many milliseconds.
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

/** The words of one controller. */
function planeDialect(defaults: PlaneDefaults): EngineDialect {
  return {
    ...planeStatus,
    connecting: "Connecting to a backend of Plane",
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
    // Plane has no page that waits for a backend.
    toConnectResponse: (answer) =>
      isObject(answer) ? { ready_url: "", ...answer } : answer,
  };
}

/** The origins of a cluster's backends, which are named after it. */
function clusterOrigins(cluster: string): string[] {
  const [host, port] = cluster.split(":");
  return port === undefined || port === "443"
    ? [`https://${host}`, `https://*.${host}`]
    : [`http://${cluster}`, `http://*.${cluster}`];
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
   * The origins of this Plane's proxies, e.g. `https://*.example.com`. The edge
   * route connects to no other.
   * @default the origins that follow from `cluster`
   */
  backendOrigins?: readonly string[] | undefined;
  /** The old name of `backendOrigins`. */
  origins?: readonly string[] | undefined;
}

/**
 * Milliseconds in which a key whose backend is ending becomes free: Plane gives a
 * backend 30 s to end by itself, then kills it.
 */
const ENDING_LIMIT = 40_000;
/** Milliseconds between two attempts on such a key. */
const ENDING_PAUSE = 400;
/** Milliseconds in which an accepted order to terminate shows in the status. */
const TERMINATE_LIMIT = 5_000;
/** Milliseconds between two looks at that status. */
const TERMINATE_PAUSE = 50;

/** Milliseconds after which a drone may have room again. */
const BUSY_PAUSE = 5_000;

/** Says of an error that passes by itself that it does. */
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
 * Session backends on your own Plane. Its methods and answers are those of
 * {@linkcode Jamsocket}; its requests are those of Plane's controller, see
 * {@link https://plane.dev}. Requests that the controller would refuse without a
 * reason are refused before they are sent, with the field named.
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

  /**
   * Checks the options; calls nothing.
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
  }

  /** The old name of {@linkcode Plane.backendOrigins}. */
  get origins(): readonly string[] | undefined {
    return this.backendOrigins;
  }

  /**
   * Finds the backend that holds `request.key`, or spawns one; as
   * {@linkcode Jamsocket.connect}. If the key's backend is ending, it waits up to
   * 40 s for the key to become free, because an ending backend takes no
   * connections; with `spawn: false` it fails at once with code 409.
   *
   * @throws {HTTPError} with Plane's error kind in `error.kind`, e.g. `KeyHeld`;
   * `NoDroneAvailable`, which Plane sends with code 500, has 503 and `retryAfter`
   * @throws {TypeError} or {RangeError} naming a field that Plane would refuse
   * @throws {DOMException} a `TimeoutError` after the engine's `timeout`
   */
  override async connect(
    request: ConnectRequest = {},
    options: CallOptions = {},
  ): Promise<ConnectResponse> {
    for (let waited = 0;; waited += ENDING_PAUSE) {
      const response = await super.connect(request, options).catch((error) => {
        throw toBusy(error);
      });
      if (!isEnding(response.status)) return response;
      if (request.spawn === false || waited >= ENDING_LIMIT) {
        throw new HTTPError(
          409,
          `Connecting to a backend of Plane failed: the backend that holds the key is ${response.status}`,
        );
      }
      await wait(ENDING_PAUSE, options);
    }
  }

  /**
   * Ends the backend, softly or `hard`. Resolves when its state is at least
   * `terminating`, so that a `connect` that follows does not find it; after 5 s it
   * resolves anyway, since the controller has accepted the order.
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

  /** Whether a backend that was told to end has begun to. */
  async #isEnding(
    backendId: string,
    { signal }: CallOptions,
  ): Promise<boolean> {
    try {
      return isEnding((await this.status(backendId, { signal })).status);
    } catch (error) {
      signal?.throwIfAborted();
      // It is gone, or its status cannot be read: the order was accepted.
      return isHTTPError(error);
    }
  }
}
