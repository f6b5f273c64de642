/**
 * The values that an application, its platform and its users exchange: types,
 * guards, schemas and errors.
 *
 * ```ts
 * import { isBackendState } from "@feedline/feedline/types";
 *
 * const state: unknown = JSON.parse('{"status":"ready","time":"2026-01-01T00:00:00Z"}');
 * if (isBackendState(state)) console.log(state.status);
 * ```
 *
 * The wire format is that of the Jamsocket HTTP API v2, see
 * {@link https://docs.jamsocket.com/platform/reference}.
 *
 * @module
 */
import * as z from "zod/mini";
import { FeedlineError, isFeedlineError } from "./net/errors.ts";
import { isObject } from "./net/shape.ts";

export {
  FeedlineError,
  type FeedlineErrorCode,
  isFeedlineError,
} from "./net/errors.ts";

/**
 * Every status, in the order of a backend's life. This is the one list: a status
 * that is added here is a compile error wherever it has to be known.
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
 * One of {@linkcode BACKEND_STATUSES}. A backend may skip any of them, never
 * repeats one, and ends with `terminated`.
 *
 * A newer platform may send a status that is not in the list. Feedline passes it
 * through unchanged, so give a `switch` over statuses a `default`.
 */
export type BackendStatus = typeof BACKEND_STATUSES[number];

/** Whether a backend was asked to end (`soft`) or killed (`hard`). */
export type TerminationKind = "soft" | "hard";

/**
 * Why a backend ends. Some platforms send these with underscores
 * (`key_expired`); Feedline always shows this spelling.
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
    /** Whether the process ended with an error of its own. */
    exit_error?: boolean | null;
  };

/** How to run a backend when a connect request has to spawn one. */
export interface SpawnOptions {
  /** Which of the service's images to run. Connecting to a key that is held with another tag is an error. */
  tag?: string | undefined;
  /** The cluster to run in. */
  cluster?: string | undefined;
  /** Seconds from the spawn until the platform ends the backend. */
  lifetime_limit_seconds?: number | undefined;
  /** Seconds without a connection until the platform ends the backend. */
  max_idle_seconds?: number | undefined;
  /** The environment and limits of the process. */
  executable?: {
    /** A persistent folder: a path, or whether to mount the default one. */
    mount?: string | boolean | undefined;
    /** Environment variables. Names that the platform sets itself are refused. */
    env?: Record<string, string> | undefined;
    /** Bounds on what the process may use. */
    resource_limits?: {
      /** The CPU period, in microseconds. @default {100_000} */
      cpu_period?: number | undefined;
      /** The share of the period that may be used, in percent (100 is one CPU). */
      cpu_period_percent?: number | undefined;
      /** CPU time in all, in seconds. */
      cpu_time_limit?: number | undefined;
      /** Memory, in bytes. */
      memory_limit_bytes?: number | undefined;
      /** Disk space, in bytes. */
      disk_limit_bytes?: number | undefined;
    } | undefined;
  } | undefined;
}

/** Which backend to connect to, and as which user. */
export interface ConnectRequest {
  /**
   * Connects to the running backend that holds this key. Without a key, the
   * platform always spawns a backend. `undefined` is not allowed, so that a
   * missing key cannot go unnoticed.
   */
  key?: string;
  /**
   * How to spawn a backend if none holds the key; `true` and `{}` mean the
   * service's defaults. With `false`, connecting fails instead.
   * @default {true}
   */
  spawn?: boolean | SpawnOptions | undefined;
  /**
   * The tag that the running backend must have, when `spawn` does not give one:
   * Plane does not find a backend that was spawned with a tag without it.
   * @default the tag in `spawn`
   */
  tag?: string | undefined;
  /** The user's name. The backend receives it as the header `x-verified-username`. */
  user?: string | undefined;
  /** More data that you vouch for. The backend receives it as JSON in `x-verified-user-data`. */
  // deno-lint-ignore no-explicit-any
  auth?: Record<string, any> | undefined;
}

/**
 * The answer to a {@linkcode ConnectRequest}. `url`, `token` and `secret_token`
 * are **capabilities**: anyone who knows them can reach the backend.
 */
export interface ConnectResponse {
  /** The backend's id. Not a secret. */
  backend_id: string;
  /** Whether this request started it. */
  spawned: boolean;
  /** The backend's status when the platform answered. */
  status: BackendStatus;
  /** The connection token, already part of `url`. */
  token: string;
  /** The backend's address, with the token in its path; ends in `/`. */
  url: string;
  /** The backend receives it as `x-verified-secret`. */
  secret_token?: string | null;
  /** The address of the backend's status; Jamsocket's stream is at `${status_url}/stream`. */
  status_url: string;
  /** A page that waits for the backend and redirects to it; empty if the platform has none. */
  ready_url: string;
}

/** The body of an error answer, if the platform sent a readable one. */
export interface ApiError {
  /** What went wrong, in words. */
  message: string;
  /** The name of the status, e.g. `Not Found` (Jamsocket). */
  status?: string;
  /** The code of the error (Jamsocket), e.g. `NotFound`. */
  code?: string;
  /** The kind of error (Plane), e.g. `KeyHeld`. */
  kind?: string;
  /** Identifies this error in the platform's log. */
  id?: string;
}

/** Ends a subscription. Calling it again does nothing. */
export type UnsubscribeFn = () => void;

/** Options of a call that waits for the network. */
export interface CallOptions {
  /** Ends the call, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Options of {@linkcode SessionEngine.statusStream}. */
export interface StatusStreamOptions extends CallOptions {
  /**
   * Called with each failure after the stream began. After most of them the
   * stream reconnects; `final` marks the one that ended it because the platform
   * no longer knows the backend (HTTP 404 or 410).
   * @default final failures go to `console.error`
   */
  onError?: ((error: unknown, info: { final: boolean }) => void) | undefined;
}

/** Options of {@linkcode SessionEngine.terminate}. */
export interface TerminateOptions extends CallOptions {
  /** Kill the process at once instead of asking it to end. @default {false} */
  hard?: boolean | undefined;
}

/**
 * A platform that runs session backends, such as `Jamsocket` or `Plane`. The edge
 * route needs nothing else, so you can write your own.
 */
export interface SessionEngine {
  /**
   * The origins of this platform's backends, if known: `https://*.example.com` or
   * `http://localhost:*`. A `*` stands for one or more labels of a host name, or
   * for any port.
   */
  readonly backendOrigins?: readonly string[] | undefined;
  /** The old name of `backendOrigins`, for engines that still have it. */
  readonly origins?: readonly string[] | undefined;
  /**
   * Finds the backend that holds the key, or spawns one.
   * @throws {HTTPError} if the platform refuses
   */
  connect(
    request?: ConnectRequest,
    options?: CallOptions,
  ): Promise<ConnectResponse>;
  /**
   * The backend's present state.
   * @throws {HTTPError} e.g. with code 404 if there is no such backend
   */
  status(backendId: string, options?: CallOptions): Promise<BackendState>;
  /**
   * Calls back once for each state of the backend, past ones first, in order,
   * until it is terminated or the returned function is called.
   * @throws {HTTPError} e.g. with code 404 if there is no such backend
   */
  statusStream(
    backendId: string,
    onStatus: (state: BackendState) => void,
    options?: StatusStreamOptions,
  ): Promise<UnsubscribeFn>;
  /**
   * The same states as an async iterable; it ends after `terminated`.
   * @throws {HTTPError} e.g. with code 404 if there is no such backend
   */
  statuses(
    backendId: string,
    options?: CallOptions,
  ): AsyncIterableIterator<BackendState>;
  /**
   * Ends the backend. Resolves when the platform has accepted the order.
   * @throws {HTTPError} if the platform refuses
   */
  terminate(backendId: string, options?: TerminateOptions): Promise<void>;
  /**
   * Whether an answer from a backend's address was given by the platform, and not
   * by the backend. The edge route passes on whatever a backend answered; a 410 or
   * 502 of the platform makes it ask for a new backend instead. Without this
   * method every answer is taken for the backend's.
   */
  isPlatformAnswer?(
    answer: { readonly status: number; readonly headers: Headers },
  ): boolean;
}

/** The platform refused: it answered with an HTTP status other than success. */
export class HTTPError extends FeedlineError<number> {
  /** The name of the class. */
  override readonly name = "HTTPError";
  /** The parsed body, if the platform sent a readable one. */
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

/** Whether `value` is an {@linkcode HTTPError}, from whichever copy or realm. */
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
 * Whether `value` is a state of a backend. Accepts unknown statuses and reasons;
 * returns false for anything else, and never throws.
 */
export function isBackendState(value: unknown): value is BackendState {
  return isObject(value) && isText(value.status) && isText(value.time) &&
    isOptional(value.termination_reason, "string") &&
    isOptional(value.termination_kind, "string") &&
    isOptional(value.exit_error, "boolean");
}

/**
 * Whether `value` is the answer to a connect request. Returns false for anything
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
 * `value` as a {@linkcode BackendState}, or `undefined` if it is not one. A reason
 * spelled with underscores gets its common spelling; other fields stay as they
 * are.
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
  // Most states have nothing to translate, and need no copy.
  if (!("termination_reason" in value) || !value.termination_reason) {
    return value;
  }
  return {
    ...value,
    termination_reason: value.termination_reason.replaceAll("_", ""),
  } as BackendState;
}

/*
 * Schemas are for input whose sender needs to learn what is wrong with it. Each
 * is built inside a call marked pure, so that a bundle without a schema (a page
 * needs only the guards above) does not contain zod.
 */

/** The options of zod's mini schemas, as far as this module's users need them. */
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
 * Checks a {@linkcode ConnectRequest} that came over the network. Unknown
 * fields pass.
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
