/**
 * What travels between an application, the platform that runs its session
 * backends, and their users: types, guards, schemas and errors.
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
 * The life of a backend, in this order; any step may be skipped, none comes
 * twice, and `terminated` is final.
 *
 * A newer platform may send a status that is not in this list. It is passed
 * through as it came, so a `switch` over a status wants a `default`.
 */
export type BackendStatus =
  | "scheduled"
  | "loading"
  | "starting"
  | "waiting"
  | "ready"
  | "terminating"
  | "hard-terminating"
  | "terminated";

/** Whether a backend was asked to end (`soft`) or killed (`hard`). */
export type TerminationKind = "soft" | "hard";

/**
 * Why a backend ends. Platforms also spell these with underscores
 * (`key_expired`); this is the one spelling that Feedline shows.
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
  /** Which of the service's images to run; a held key with another tag is an error. */
  tag?: string | undefined;
  /** The cluster to run in. */
  cluster?: string | undefined;
  /** Seconds from the spawn until the backend is ended. */
  lifetime_limit_seconds?: number | undefined;
  /** Seconds without a connection until the backend is ended. */
  max_idle_seconds?: number | undefined;
  /** What the process gets. */
  executable?: {
    /** A persistent folder: a path, or whether to mount the default one. */
    mount?: string | boolean | undefined;
    /** Environment variables. The names that the platform sets are refused. */
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

/** What to connect to, and who does. */
export interface ConnectRequest {
  /**
   * The running backend that holds this key is used; without a key one is always
   * spawned. Not `undefined`, so that a key that is missing is seen.
   */
  key?: string;
  /**
   * How to spawn a backend if none holds the key. With `false` that is an
   * error; `true` and `{}` mean the service's defaults.
   * @default {true}
   */
  spawn?: boolean | SpawnOptions | undefined;
  /**
   * The tag that the running backend must have, for where `spawn` is not there
   * to tell it: a backend that was spawned with a tag is not found without it
   * on Plane. @default the tag in `spawn`
   */
  tag?: string | undefined;
  /** Who connects; reaches the backend as the header `x-verified-username`. */
  user?: string | undefined;
  /** What else the backend may believe; reaches it as JSON in `x-verified-user-data`. */
  // deno-lint-ignore no-explicit-any
  auth?: Record<string, any> | undefined;
}

/**
 * The answer to a {@linkcode ConnectRequest}. `url`, `token` and `secret_token`
 * are **capabilities**: whoever knows them reaches the backend.
 */
export interface ConnectResponse {
  /** The name of the backend. Not a secret. */
  backend_id: string;
  /** Whether this request started it. */
  spawned: boolean;
  /** Its status when the platform answered. */
  status: BackendStatus;
  /** The connection token, already part of `url`. */
  token: string;
  /** Where the backend is reached, with the token in its path; ends in `/`. */
  url: string;
  /** What the backend gets as `x-verified-secret`. */
  secret_token?: string | null;
  /** Where the status is read; the stream is at `${status_url}/stream`. */
  status_url: string;
  /** A page that waits for the backend and redirects to it; empty where there is none. */
  ready_url: string;
}

/** The body of an error answer, where the platform sent one that can be read. */
export interface ApiError {
  /** What went wrong, in words. */
  message: string;
  /** The name of the status, e.g. `Not Found` (Jamsocket). */
  status?: string;
  /** The code of the error (Jamsocket), e.g. `NotFound`. */
  code?: string;
  /** The kind of error (Plane), e.g. `KeyHeld`. */
  kind?: string;
  /** Finds this error in the platform's log. */
  id?: string;
}

/** Ends a subscription. Calling it again does nothing. */
export type UnsubscribeFn = () => void;

/** Options of a call that waits for the network. */
export interface CallOptions {
  /** Ends the call: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Options of {@linkcode SessionEngine.statusStream}. */
export interface StatusStreamOptions extends CallOptions {
  /**
   * Told of what goes wrong after the stream began: of each failure after
   * which it tries again, and of the one (`final`) that ended it because the
   * platform no longer knows the backend (HTTP 404 or 410). Without it a final
   * failure goes to `console.error`.
   */
  onError?: ((error: unknown, info: { final: boolean }) => void) | undefined;
}

/** Options of {@linkcode SessionEngine.terminate}. */
export interface TerminateOptions extends CallOptions {
  /** Kill at once, without the time to end by itself. @default {false} */
  hard?: boolean | undefined;
}

/**
 * A platform that runs session backends. `Jamsocket` and `Plane` are two; the
 * edge route asks for nothing else.
 */
export interface SessionEngine {
  /**
   * The origins at which this platform's backends are reached, where they are
   * known, e.g. `https://*.example.com` or `http://localhost:*`; a `*` stands
   * for one or more labels of a host name, or for any port.
   */
  readonly origins?: readonly string[];
  /**
   * Finds the backend that holds the key, or spawns one.
   * @throws {HTTPError} if the platform answers with anything but success
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
   * Ends the backend; resolves when the platform has taken the order.
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

/** The platform answered with an HTTP status other than success. */
export class HTTPError extends FeedlineError<number> {
  /** The name of the class. */
  override readonly name = "HTTPError";
  /** The parsed body, where the platform sent one that can be read. */
  readonly error: ApiError | undefined;
  /** Milliseconds to wait before the next call, where the platform said so. */
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
 * Whether `value` is a state of a backend. A status or reason that nobody has
 * heard of is one; `null` and other junk are not, and never throw.
 */
export function isBackendState(value: unknown): value is BackendState {
  return isObject(value) && isText(value.status) && isText(value.time) &&
    isOptional(value.termination_reason, "string") &&
    isOptional(value.termination_kind, "string") &&
    isOptional(value.exit_error, "boolean");
}

/**
 * Whether `value` is the answer to a connect request. `null` and other junk are
 * not, and never throw.
 */
export function isConnectResponse(value: unknown): value is ConnectResponse {
  return isObject(value) && isText(value.backend_id) &&
    typeof value.spawned === "boolean" && isText(value.status) &&
    typeof value.token === "string" && isText(value.url) &&
    isOptional(value.secret_token, "string") && isText(value.status_url) &&
    typeof value.ready_url === "string";
}

/**
 * `value` as a {@linkcode BackendState}, or `undefined` if it is none. Takes
 * what Jamsocket and Plane send: a `time` in milliseconds since 1970 becomes
 * ISO 8601, reasons get their one spelling, and Plane's own names (`reason`,
 * `termination`, `exit_code`) are also given under the common ones. Other
 * fields stay as they are.
 */
export function toBackendState(value: unknown): BackendState | undefined {
  if (!isObject(value)) return undefined;
  if (
    typeof value.time === "string" && value.termination_reason === undefined &&
    value.reason === undefined
  ) {
    // Most states have nothing to translate, and need no copy.
    return isBackendState(value) ? value : undefined;
  }
  const state: Record<string, unknown> = { ...value };
  // Beyond this many milliseconds there is no date.
  if (typeof state.time === "number" && Math.abs(state.time) <= 8.64e15) {
    state.time = new Date(state.time).toISOString();
  }
  const reason = state.termination_reason ?? state.reason;
  if (typeof reason === "string") {
    state.termination_reason = reason.replaceAll("_", "");
  }
  if (isText(state.termination)) state.termination_kind ??= state.termination;
  if (typeof state.exit_code === "number") {
    state.exit_error ??= state.exit_code !== 0;
  }
  return isBackendState(state) ? state : undefined;
}

/*
 * Schemas check what comes from outside and has to be told what is wrong with
 * it. Each is built inside a call marked pure: whoever imports none of them (a
 * page, which only needs the guards above) does not load zod.
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
