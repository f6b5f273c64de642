/**
 * The side that watches one session backend, in a page or anywhere else.
 *
 * ```ts ignore
 * import { SessionBackend } from "@feedline/feedline/client";
 *
 * const response = await fetch("/sessions/room-1/connect", { method: "POST" });
 * await using backend = new SessionBackend(await response.json());
 * await backend.ready({ timeout: 30_000 });
 * const socket = new WebSocket(backend.url);
 * ```
 *
 * @module
 */
import {
  type BackendState,
  type CallOptions,
  type ConnectResponse,
  FeedlineError,
  isConnectResponse,
  type UnsubscribeFn,
} from "./types.ts";
import {
  abortable,
  reach,
  readState,
  uncached,
} from "./session/engine/http.ts";
import type { StatusDialect } from "./session/engine/dialect.ts";
import { dialectOf } from "./session/engine/dialects.ts";
import { followStatus } from "./session/engine/follow.ts";
import { StatusLog } from "./session/engine/status_log.ts";
import { notify } from "./net/report.ts";

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
  type SpawnOptions,
  type TerminationKind,
  type TerminationReason,
  type UnsubscribeFn,
} from "./types.ts";

/** Options of {@linkcode SessionBackend}. */
export interface SessionBackendOptions {
  /** The `fetch` to use. @default {globalThis.fetch} */
  fetch?: typeof fetch | undefined;
  /**
   * Told of each failure of the status stream after which it tries again, and
   * of the one that ends it.
   */
  onError?: ((error: unknown) => void) | undefined;
}

/** Options of {@linkcode SessionBackend.ready}. */
export interface ReadyOptions extends CallOptions {
  /** Milliseconds to wait at most. @default no limit */
  timeout?: number | undefined;
}

/** The backend ended, or is no longer watched, before it was ready. */
export class BackendEndedError extends FeedlineError<"BACKEND_ENDED"> {
  /** The name of the class. */
  override readonly name = "BackendEndedError";
  /** The last state of the backend, where one came. */
  readonly state: BackendState | undefined;

  /**
   * ```ts
   * import { BackendEndedError } from "@feedline/feedline/client";
   *
   * const error = new BackendEndedError("Backend \"b1\" ended before it was ready");
   * console.log(error.state === undefined);
   * ```
   */
  constructor(
    message: string,
    options?: ErrorOptions & { state?: BackendState | undefined },
  ) {
    super("BACKEND_ENDED", message, options);
    this.state = options?.state;
  }
}

/** Where a backend is, as far as a {@linkcode SessionBackend} knows. */
type Phase =
  | { kind: "pending" }
  | { kind: "ready" }
  | { kind: "ending" }
  | { kind: "ended"; state?: BackendState; error?: unknown }
  | { kind: "destroyed" };

/** Listeners to something that happens once, and the promise of it. */
class Once {
  readonly promise: Promise<void>;
  resolve!: () => void;
  reject!: (error: unknown) => void;
  readonly #listeners = new Set<{ call: () => void }>();

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Nobody has to listen: a rejection is never an unhandled one here.
    this.promise.catch(() => {});
  }

  fire(): void {
    this.resolve();
    for (const listener of [...this.#listeners]) {
      // A listener may have taken back one that comes after it.
      if (this.#listeners.delete(listener)) notify(listener.call);
    }
  }

  add(call: () => void): UnsubscribeFn {
    const listener = { call };
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/**
 * Watches one session backend from its connect response on.
 *
 * It follows the status stream until the backend is terminated or
 * {@linkcode SessionBackend.destroy} is called; lost connections are taken up
 * again without end. A backend that the platform no longer knows (HTTP 404 or
 * 410) counts as terminated.
 *
 * ```ts ignore
 * import { SessionBackend } from "@feedline/feedline/client";
 *
 * const answer = await fetch("/rooms/room-1/connect", { method: "POST" });
 * const backend = new SessionBackend(await answer.json());
 * const unsubscribe = backend.onStatus(({ status }) => console.log(status));
 * await backend.ready({ timeout: 30_000 });
 * unsubscribe();
 * backend.destroy(); // the backend itself runs on
 * ```
 */
export class SessionBackend {
  readonly #url: string;
  readonly #statusUrl: string;
  readonly #dialect: StatusDialect;
  /** The backend's id as it stands in a message. */
  readonly #id: string;
  readonly #fetch: typeof fetch | undefined;
  readonly #controller = new AbortController();
  readonly #log = new StatusLog();
  readonly #ready = new Once();
  readonly #terminated = new Once();
  readonly #listeners = new Set<{ call: (state: BackendState) => void }>();
  readonly #following: Promise<void>;
  #phase: Phase = { kind: "pending" };

  /**
   * Begins to watch.
   *
   * @param connectResponse What `connect` answered, from the platform or from
   * the edge route
   * @throws {TypeError} if it is no connect response
   */
  constructor(
    connectResponse: ConnectResponse,
    { fetch, onError }: SessionBackendOptions = {},
  ) {
    if (!isConnectResponse(connectResponse)) {
      // The names in it alone: what they hold may be secret.
      throw new TypeError(
        `SessionBackend needs a connect response, got ${
          Object.prototype.toString.call(connectResponse)
        } ${
          typeof connectResponse === "string"
            ? ""
            : Object.keys(Object(connectResponse))
        }`,
      );
    }
    this.#url = connectResponse.url;
    this.#statusUrl = connectResponse.status_url;
    this.#dialect = dialectOf(this.#statusUrl);
    this.#id = JSON.stringify(connectResponse.backend_id);
    this.#fetch = fetch;
    if (connectResponse.status === "ready") this.#move({ kind: "ready" });
    this.#following = followStatus({
      statusUrl: this.#statusUrl,
      backendId: connectResponse.backend_id,
      dialect: this.#dialect,
      signal: this.#controller.signal,
      fetch,
      keepTrying: true,
      onState: (state) => this.#onState(state),
      onRetry: onError,
    }).catch((error) => {
      if (this.#phase.kind === "destroyed") return;
      this.#move({ kind: "ended", error });
      if (onError) notify(onError, error);
    });
  }

  /** Where the backend is reached. A capability: whoever knows it gets in. */
  get url(): string {
    return this.#url;
  }

  /** Where its status is read. */
  get statusUrl(): string {
    return this.#statusUrl;
  }

  /** The one place where the phase changes, and those who wait are told. */
  #move(phase: Phase): void {
    this.#phase = phase;
    switch (phase.kind) {
      case "ready":
        this.#ready.fire();
        break;
      case "ended":
        // Does nothing if the backend was ready before.
        this.#ready.reject(this.#endedError());
        this.#ready.clear();
        this.#log.end(phase.error);
        this.#terminated.fire();
        break;
      case "destroyed":
        this.#ready.clear();
        this.#terminated.clear();
        this.#listeners.clear();
        this.#log.end(this.#endedError());
        break;
    }
  }

  #onState(state: BackendState): void {
    this.#log.add(state);
    if (state.status === "ready") {
      if (this.#phase.kind === "pending") this.#move({ kind: "ready" });
    } else if (state.status === "terminated") {
      this.#move({ kind: "ended", state });
    } else if (
      state.status === "terminating" || state.status === "hard-terminating"
    ) {
      this.#move({ kind: "ending" });
    }
    for (const listener of [...this.#listeners]) {
      if (this.#listeners.has(listener)) notify(listener.call, state);
    }
    if (this.#phase.kind === "ended") this.#listeners.clear();
  }

  #endedError(): BackendEndedError {
    const phase = this.#phase;
    if (phase.kind === "destroyed") {
      return new BackendEndedError(`Backend ${this.#id} is no longer watched`);
    }
    const { state, error } = phase as Phase & { kind: "ended" };
    const reason = state?.status === "terminated" &&
      (state.termination_reason ?? (state.exit_error && "exit_error"));
    return new BackendEndedError(
      `Backend ${this.#id} ended before it was ready${
        reason ? ` (${reason})` : ""
      }`,
      { state, ...(error === undefined ? {} : { cause: error }) },
    );
  }

  /** Whether the backend is ready to receive connections. */
  isReady(): boolean {
    return this.#phase.kind === "ready";
  }

  /**
   * Resolves when the backend is ready. Rejects with a
   * {@linkcode BackendEndedError} if it ends before; that is never reported as
   * an unhandled rejection. Stays as it is after `destroy()`.
   */
  get onReadyPromise(): Promise<void> {
    return this.#ready.promise;
  }

  /**
   * Calls back once when the backend is ready, at once if it is already.
   * @returns takes the callback back
   */
  onReady(callback: () => void): UnsubscribeFn {
    if (this.isReady()) {
      notify(callback);
      return () => {};
    }
    return this.#ready.add(callback);
  }

  /**
   * Resolves when the backend is ready.
   *
   * @throws {BackendEndedError} if the backend ends or `destroy()` is called first
   * @throws {DOMException} a `TimeoutError` after `timeout` ms
   */
  async ready({ signal, timeout }: ReadyOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (this.isReady()) return;
    const controller = new AbortController();
    const abort = () => controller.abort(signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const timer = timeout === undefined ? undefined : setTimeout(() => {
      controller.abort(
        new DOMException(
          `Backend ${this.#id} was not ready within ${timeout} ms`,
          "TimeoutError",
        ),
      );
    }, timeout);
    try {
      for await (const { status } of this.statuses(controller)) {
        if (status === "ready") return;
      }
      throw this.#endedError();
    } catch (error) {
      throw this.#phase.kind === "ended" && !controller.signal.aborted
        ? this.#endedError()
        : error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Whether the backend is no longer running. */
  isTerminated(): boolean {
    return this.#phase.kind === "ended";
  }

  /** Resolves when the backend has stopped running. */
  get onTerminatedPromise(): Promise<void> {
    return this.#terminated.promise;
  }

  /**
   * Calls back once when the backend has stopped running, at once if it has.
   * @returns takes the callback back
   */
  onTerminated(callback: () => void): UnsubscribeFn {
    if (this.isTerminated()) {
      notify(callback);
      return () => {};
    }
    return this.#terminated.add(callback);
  }

  /**
   * Asks for the backend's present state.
   * @throws {HTTPError} e.g. with code 404 if the platform knows no such backend
   */
  async status({ signal }: CallOptions = {}): Promise<BackendState> {
    const action = `Reading the status of backend ${this.#id}`;
    const own = this.#controller.signal;
    const either = signal ? AbortSignal.any([signal, own]) : own;
    return await abortable(
      reach(action, uncached(this.#statusUrl), { signal: either }, this.#fetch)
        .then((response) => readState(response, action, this.#dialect)),
      either,
    );
  }

  /**
   * Calls back whenever the backend's status changes.
   * @returns takes the callback back
   */
  onStatus(callback: (state: BackendState) => void): UnsubscribeFn {
    const listener = { call: callback };
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * All states of the backend, past ones first, each once and in order; ends
   * after `terminated`.
   *
   * @throws {HTTPError} if the platform no longer knows the backend
   * @throws {BackendEndedError} if `destroy()` is called
   */
  statuses({ signal }: CallOptions = {}): AsyncIterableIterator<BackendState> {
    return this.#log.read(signal);
  }

  /**
   * Stops watching, at any moment: no request, timer or listener is left. The
   * backend itself runs on. Calling it again does nothing.
   */
  destroy(): void {
    if (this.#phase.kind === "destroyed") return;
    // What has ended stays ended; there is nothing left to stop.
    if (this.#phase.kind !== "ended") this.#move({ kind: "destroyed" });
    this.#controller.abort(
      new DOMException("The backend is no longer watched", "AbortError"),
    );
  }

  /** {@linkcode SessionBackend.destroy}, for `await using`; resolves when all has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
    await this.#following;
  }
}
