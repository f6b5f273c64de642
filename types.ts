/**
 * The values that an application, its platform and its users exchange, as types,
 * guards, schemas and errors.
 *
 * ```ts
 * import { isBackendState } from "@feedline/feedline/types";
 *
 * const state: unknown = JSON.parse('{"status":"ready","time":"2026-01-01T00:00:00Z"}');
 * if (isBackendState(state)) console.log(state.status);
 * ```
 *
 * The wire format is the Jamsocket HTTP API v2, see
 * {@link https://docs.jamsocket.com/platform/reference}.
 *
 * @module
 */
import * as z from "zod/mini";
import { FeedlineError, isFeedlineError } from "./net/errors.ts";
import { isObject } from "./net/shape.ts";
import type { PlaneSpawnOptions, SpawnOptions } from "./spawn.ts";

export {
  FeedlineError,
  type FeedlineErrorCode,
  isFeedlineError,
} from "./net/errors.ts";

export type {
  PlaneExecutable,
  PlaneSpawnOptions,
  SpawnOptions,
} from "./spawn.ts";

/**
 * Every status, in the order of a backend's life. This is the only list: adding a
 * status here causes a compile error in every place that has to handle it.
 */
export const BACKEND_STATUSES = [
  "scheduled",
  "loading",
  "starting",
  "waiting",
  "ready",
  "terminating",
  "hard-terminating",
  "terminated",
] as const;

/**
 * One of {@linkcode BACKEND_STATUSES}. A backend may skip statuses but never
 * repeats one, and its last is `terminated`.
 *
 * A newer platform may send a status that is not in the list, and Feedline passes
 * it through unchanged. Give every `switch` over statuses a `default` case.
 */
export type BackendStatus = typeof BACKEND_STATUSES[number];

/** Whether a backend was asked to end (`soft`) or killed (`hard`). */
export type TerminationKind = "soft" | "hard";

/**
 * Why a backend ends. Some platforms send these values with underscores
 * (`key_expired`); Feedline always uses the spelling without.
 */
export type TerminationReason =
  | "swept"
  | "external"
  | "keyexpired"
  | "lost"
  | "startuptimeout"
  | "internalerror";

/**
 * One step of a backend's life. `time` is an ISO 8601 date. Fields that a
 * newer platform adds are kept.
 */
export type BackendState =
  | { status: "scheduled"; time: string }
  | { status: "loading"; time: string }
  | { status: "starting"; time: string }
  | { status: "waiting"; time: string }
  | { status: "ready"; time: string }
  | {
    status: "terminating";
    time: string;
    termination_reason: TerminationReason;
  }
  | {
    status: "hard-terminating";
    time: string;
    termination_reason: TerminationReason;
  }
  | {
    status: "terminated";
    time: string;
    termination_reason?: TerminationReason | null;
    termination_kind?: TerminationKind | null;
    /** Whether the process itself exited with an error. */
    exit_error?: boolean | null;
    /** The process's exit code, if the platform reports it. */
    exit_code?: number | null;
    /** Whether the process was killed because it used too much memory, if reported. */
    oom_killed?: boolean | null;
  };

/** Which backend to connect to, and as which user. */
export interface ConnectRequest {
  /**
   * Connects to the running backend that holds this key. Without a key, the
   * platform always spawns a backend. `undefined` is not allowed, so that a
   * missing key cannot go unnoticed.
   */
  key?: string;
  /**
   * How to spawn a backend if none holds the key. `true` and `{}` use the
   * service's defaults; with `false`, connecting fails instead.
   * @default {true}
   */
  spawn?: boolean | SpawnOptions | PlaneSpawnOptions | undefined;
  /**
   * The tag that the running backend must have, if `spawn` does not give one: Plane
   * finds a backend that was spawned with a tag only by that tag.
   * @default the tag in `spawn`
   */
  tag?: string | undefined;
  /** The user's name. The backend receives it as the header `x-verified-username`. */
  user?: string | undefined;
  /** More data about the user. The backend receives it as JSON in `x-verified-user-data`. */
  // deno-lint-ignore no-explicit-any -- an interface does not fit Record<string, unknown>
  auth?: Record<string, any> | undefined;
}

/**
 * The response to a {@linkcode ConnectRequest}. `url`, `token` and `secret_token`
 * are **capabilities**: anyone who knows them can reach the backend.
 */
export interface ConnectResponse {
  /** The backend's id. Not a secret. */
  backend_id: string;
  /** Whether this request spawned it. */
  spawned: boolean;
  /** The backend's status when the platform responded. */
  status: BackendStatus;
  /** The connection token, which `url` already contains. */
  token: string;
  /** The backend's URL, with the token in its path; ends with `/`. */
  url: string;
  /** The backend receives it as `x-verified-secret`. */
  secret_token?: string | null;
  /** The URL of the backend's status; Jamsocket's stream is at `${status_url}/stream`. */
  status_url: string;
  /** A page that waits for the backend and redirects to it; empty if the platform has none. */
  ready_url: string;
  /** The backend's host name below the cluster's, if it was spawned with one (Plane). */
  subdomain?: string | null;
  /** The drone that runs the backend, if this request spawned it (Plane). */
  drone?: string | null;
}

/** The body of an error response, if the platform sent one that can be parsed. */
export interface ApiError {
  /** A description of what went wrong. */
  message: string;
  /** The name of the status, e.g. `Not Found` (Jamsocket). */
  status?: string;
  /** The code of the error (Jamsocket), e.g. `NotFound`. */
  code?: string;
  /** The kind of error (Plane), e.g. `KeyHeld`. */
  kind?: string;
  /** Identifies this error in the platform's log. */
  id?: string;
  /** The backend that holds the key and is ending, so that `connect` failed (Plane). */
  backend_id?: string;
}

/** Ends a subscription. Calling it again does nothing. */
export type UnsubscribeFn = () => void;

/** Options of a call that waits for the network. */
export interface CallOptions {
  /** Ends the call, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Options of {@linkcode SessionEngine.connect}. */
export interface ConnectOptions extends CallOptions {
  /**
   * Called each time the platform has responded that the key is not free yet and the
   * engine goes on waiting, so that a caller can extend a time limit of its own.
   */
  onWait?: (() => void) | undefined;
}

/** Options of {@linkcode SessionEngine.statusStream}. */
export interface StatusStreamOptions extends CallOptions {
  /**
   * Called with each failure once the stream has opened. Most failures are followed
   * by a reconnect; `final` marks the one that ends the stream because the platform
   * no longer knows the backend (HTTP 404 or 410).
   * @default logs final failures with `console.error`
   */
  onError?: ((error: unknown, info: { final: boolean }) => void) | undefined;
}

/** Options of {@linkcode SessionEngine.terminate}. */
export interface TerminateOptions extends CallOptions {
  /** Whether to kill the process at once instead of asking it to end. @default {false} */
  hard?: boolean | undefined;
}

/** A backend that runs, as {@linkcode SessionEngine.list} returns it. */
export interface RunningBackend {
  /** Its id. */
  backend_id: string;
  /** The key that it holds, if any. */
  key?: string | undefined;
  /** Its status when the platform responded, if the platform lists it. */
  status?: BackendStatus | undefined;
  /** When it was spawned, as an ISO 8601 date, if the platform lists it. */
  created_at?: string | undefined;
}

/** Whose access {@linkcode SessionEngine.revoke} ends; set one or both. */
export interface Revocable {
  /** The `user` of connect requests. */
  user?: string | undefined;
  /** The id of one backend. */
  backendId?: string | undefined;
}

/**
 * A platform that runs session backends, such as `Jamsocket` or `Plane`. The edge
 * route accepts any object with this interface, so you can write your own.
 *
 * `connect`, `status`, `statusStream` or `statuses`, and `terminate` are enough. Each
 * optional member says what happens without it.
 */
export interface SessionEngine {
  /**
   * The origins of this platform's backends, if known: `https://*.example.com` or
   * `http://localhost:*`. A `*` stands for one or more labels of a host name, or
   * for any port.
   */
  readonly backendOrigins?: readonly string[] | undefined;
  /** The former name of `backendOrigins`, still accepted. */
  readonly origins?: readonly string[] | undefined;
  /**
   * Finds the backend that holds the key, or spawns one.
   * @throws {HTTPError} if the platform refuses
   */
  connect(
    request?: ConnectRequest,
    options?: ConnectOptions,
  ): Promise<ConnectResponse>;
  /**
   * Reads the backend's current state.
   * @throws {HTTPError} e.g. with code 404 if the backend does not exist
   */
  status(backendId: string, options?: CallOptions): Promise<BackendState>;
  /**
   * Calls back once for each state of the backend, past ones first, in order,
   * until it has terminated or you call the returned function.
   * @throws {HTTPError} e.g. with code 404 if the backend does not exist
   */
  statusStream(
    backendId: string,
    onStatus: (state: BackendState) => void,
    options?: StatusStreamOptions,
  ): Promise<UnsubscribeFn>;
  /**
   * Returns the same states as an async iterable, which ends after `terminated`.
   * @throws {HTTPError} e.g. with code 404 if the backend does not exist
   */
  statuses(
    backendId: string,
    options?: CallOptions,
  ): AsyncIterableIterator<BackendState>;
  /**
   * Ends the backend. Resolves when the platform has accepted the request.
   * @throws {HTTPError} if the platform refuses
   */
  terminate(backendId: string, options?: TerminateOptions): Promise<void>;
  /**
   * Whether a response from a backend's URL was sent by the platform rather than by
   * the backend. The edge route passes on every response of a backend; on a 410 or
   * 502 from the platform it asks for a new backend instead. Without this method,
   * every response counts as the backend's.
   */
  isPlatformAnswer?(
    answer: { readonly status: number; readonly headers: Headers },
  ): boolean;
  /**
   * Sends a request to a backend that has no public address, such as a Durable Object
   * behind a binding. `request.url` is `answer.url` followed by the path within the
   * backend; `answer` is what `connect` returned. An upgrade to a WebSocket comes as a
   * request too where the runtime forwards it natively (Workers); elsewhere the edge
   * dials `answer.url`. Without this method, the edge fetches `request.url`.
   */
  fetch?(request: Request, answer: ConnectResponse): Promise<Response>;
  /**
   * Lists the backends that run, in no particular order. Without this method, the
   * platform's backends cannot be listed.
   * @throws {HTTPError} if the platform refuses
   */
  list?(options?: CallOptions): Promise<RunningBackend[]>;
  /**
   * Makes every connection URL issued so far to a user, for a backend, or to a user for
   * a backend, useless, and ends what is open through it. Resolves when the platform
   * has done so. Without this method, URLs stay valid until they expire or their
   * backend ends, and the edge route ends only what is open through itself.
   * @throws {HTTPError} if the platform refuses
   */
  revoke?(access: Revocable, options?: CallOptions): Promise<void>;
}

/** The platform refused a call: it responded with an HTTP error status. */
export class HTTPError extends FeedlineError<number> {
  /** The name of the class. */
  override readonly name = "HTTPError";
  /** The parsed body, if the platform sent one that can be parsed. */
  readonly error: ApiError | undefined;
  /** Milliseconds to wait before the next call, if the platform sent `Retry-After`. */
  readonly retryAfter: number | undefined;

  /**
   * ```ts
   * import { HTTPError } from "@feedline/feedline/types";
   *
   * const error = new HTTPError(404, "could not read the status of a backend");
   * console.log(error.code, error.message);
   * ```
   */
  constructor(
    code: number,
    message: string,
    options?: ErrorOptions & {
      error?: ApiError | undefined;
      retryAfter?: number | undefined;
    },
  ) {
    super(code, message, options);
    this.error = options?.error;
    this.retryAfter = options?.retryAfter;
  }
}

/** Whether `value` is an {@linkcode HTTPError}, from any copy of the package or realm. */
export function isHTTPError(value: unknown): value is HTTPError {
  return isFeedlineError(value) && value.name === "HTTPError";
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isOptional(value: unknown, type: "string" | "boolean"): boolean {
  return value === undefined || value === null || typeof value === type;
}

/**
 * Whether `value` is a backend state. Accepts unknown statuses and reasons;
 * returns false for anything else, and never throws.
 */
export function isBackendState(value: unknown): value is BackendState {
  return isObject(value) && isText(value.status) && isText(value.time) &&
    isOptional(value.termination_reason, "string") &&
    isOptional(value.termination_kind, "string") &&
    isOptional(value.exit_error, "boolean");
}

/**
 * Whether `value` is the response to a connect request. Returns false for anything
 * else, and never throws.
 */
export function isConnectResponse(value: unknown): value is ConnectResponse {
  return isObject(value) && isText(value.backend_id) &&
    typeof value.spawned === "boolean" && isText(value.status) &&
    typeof value.token === "string" && isText(value.url) &&
    isOptional(value.secret_token, "string") && isText(value.status_url) &&
    typeof value.ready_url === "string";
}

/**
 * Converts `value` to a {@linkcode BackendState}; returns `undefined` if it is not
 * one. Underscores are removed from the termination reason; other fields stay as
 * they are.
 *
 * ```ts
 * import { toBackendState } from "@feedline/feedline/types";
 *
 * const state = toBackendState({
 *   status: "terminating",
 *   time: "2026-01-01T00:00:00Z",
 *   termination_reason: "key_expired",
 * });
 * console.log(state); // …, termination_reason: "keyexpired"
 * ```
 */
export function toBackendState(value: unknown): BackendState | undefined {
  if (!isBackendState(value)) return undefined;
  // Most states have no reason to convert, so they need no copy.
  if (!("termination_reason" in value) || !value.termination_reason) {
    return value;
  }
  return {
    ...value,
    termination_reason: value.termination_reason.replaceAll("_", ""),
  } as BackendState;
}

/*
 * Use a schema for input whose sender needs to know why it was rejected. Each
 * schema is built inside a call marked pure, so that a bundle that uses none (a
 * page needs only the guards above) does not contain zod.
 */

/** The part of a zod schema that users of this module need. */
export interface Schema<T> {
  /** Checks a value without throwing. */
  safeParse(value: unknown):
    | { success: true; data: T }
    | {
      success: false;
      error: { issues: { path: PropertyKey[]; message: string }[] };
    };
}

/**
 * Checks a {@linkcode ConnectRequest} that arrived over the network. Allows unknown
 * fields.
 *
 * ```ts
 * import { connectRequestSchema } from "@feedline/feedline/types";
 *
 * const checked = connectRequestSchema.safeParse({ key: 7 });
 * if (!checked.success) console.log(checked.error.issues[0]?.path); // [ "key" ]
 * ```
 */
export const connectRequestSchema: Schema<ConnectRequest> =
  /* @__PURE__ */ (() => {
    const positive = z.number().check(z.positive());
    const count = z.int().check(z.positive());
    return z.looseObject({
      key: z.optional(z.string().check(z.minLength(1), z.maxLength(255))),
      spawn: z.optional(z.union([
        z.boolean(),
        z.looseObject({
          tag: z.optional(z.string()),
          cluster: z.optional(z.string()),
          lifetime_limit_seconds: z.optional(positive),
          max_idle_seconds: z.optional(positive),
          executable: z.optional(z.looseObject({
            mount: z.optional(z.union([z.string(), z.boolean()])),
            env: z.optional(z.record(z.string(), z.string())),
            resource_limits: z.optional(z.looseObject({
              cpu_period: z.optional(count),
              cpu_period_percent: z.optional(count),
              cpu_time_limit: z.optional(count),
              memory_limit_bytes: z.optional(count),
              disk_limit_bytes: z.optional(count),
            })),
          })),
        }),
      ])),
      user: z.optional(z.string()),
      auth: z.optional(z.record(z.string(), z.unknown())),
    }) as unknown as Schema<ConnectRequest>;
  })();
