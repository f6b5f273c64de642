/**
 * The client side: watches one session backend, from a page or anywhere else.
 *
 * ```ts ignore
 * import { SessionBackend } from "@feedline/feedline/client";
 *
 * const response = await fetch("/sessions/room-1/connect", { method: "POST" });
 * await using backend = new SessionBackend(await response.json());
 * const socket = backend.socket(); // dials when it is ready, and again after a loss
 * ```
 *
 * @module
 */
import {
  type BackendState,
  type CallOptions,
  type ConnectResponse,
  isConnectResponse,
  type UnsubscribeFn,
} from "./types.ts";
import { asyncDispose } from "./net/dispose.ts";
import { domException } from "./net/dom_exception.ts";
import { Listeners } from "./net/listeners.ts";
import { Milestone } from "./net/milestone.ts";
import { notify } from "./net/report.ts";
import { deadline } from "./net/wait.ts";
import type {
  ReadyOptions,
  SessionBackendOptions,
} from "./session/engine/backend_options.ts";
import type { StatusDialect } from "./session/engine/dialect.ts";
import { dialectOf } from "./session/engine/dialects.ts";
import { followStatus } from "./session/engine/follow.ts";
import {
  describeAnswer,
  reach,
  readState,
  uncached,
} from "./session/engine/http.ts";
import {
  type BackendSnapshot,
  endedError,
  firstSnapshot,
  nextSnapshot,
} from "./session/engine/snapshot.ts";
import { StatusLog } from "./session/engine/status_log.ts";
import {
  socketConstructor,
  type SocketConstructorOptions,
} from "./session/socket/constructor.ts";
import type { BackendSocketOptions } from "./session/socket/options.ts";
import type { BackendSocket } from "./session/socket/events.ts";
import { KeptSocket, type SocketSource } from "./session/socket/socket.ts";

export type { WebSocketConstructor } from "./net/dial.ts";
export { asyncDispose } from "./net/dispose.ts";
export type { Store } from "./net/listeners.ts";
export type { SocketConstructorOptions } from "./session/socket/constructor.ts";
export type {
  BackendSocket,
  ListenOptions,
  LostEvent,
  ReconnectingEvent,
  SocketEventMap,
} from "./session/socket/events.ts";
export type {
  BackendSocketOptions,
  ConnectionEnd,
} from "./session/socket/options.ts";
export type { SocketMessage } from "./session/socket/outbox.ts";
export type { ReadyOptions, SessionBackendOptions };
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
  isHTTPError,
  type PlaneExecutable,
  type PlaneSpawnOptions,
  type SpawnOptions,
  type TerminationKind,
  type TerminationReason,
  type UnsubscribeFn,
} from "./types.ts";
export {
  BackendEndedError,
  type BackendSnapshot,
} from "./session/engine/snapshot.ts";

/** How long {@linkcode SessionBackend.status} waits for a response, in milliseconds. */
const STATUS_TIMEOUT = 30_000;

/**
 * Watches one session backend, starting from its connect response.
 *
 * It follows the status stream, reconnecting for as long as it takes, until the
 * backend has terminated or you call {@linkcode SessionBackend.destroy}. A backend
 * that the platform no longer knows (HTTP 404 or 410) counts as terminated.
 *
 * An exception in a callback does not stop the watch; it is reported like any
 * uncaught exception.
 *
 * ```ts ignore
 * import { SessionBackend } from "@feedline/feedline/client";
 *
 * const answer = await fetch("/rooms/room-1/connect", { method: "POST" });
 * const backend = new SessionBackend(await answer.json());
 * const unsubscribe = backend.onStatus(({ status }) => console.log(status));
 * await backend.ready({ timeout: 30_000 });
 * unsubscribe();
 * await backend.close(); // stops watching; the backend itself keeps running
 * ```
 */
export class SessionBackend {
  readonly #url: string;
  readonly #statusUrl: string;
  readonly #dialect: StatusDialect;
  /** The backend's id, quoted for messages. */
  readonly #id: string;
  readonly #fetch: typeof fetch | undefined;
  readonly #controller = new AbortController();
  readonly #log = new StatusLog();
  readonly #ready = new Milestone();
  readonly #terminated = new Milestone();
  readonly #listeners = new Listeners<[state: BackendState]>();
  readonly #changes = new Listeners();
  /** Begins to watch. */
  readonly #follow: () => Promise<void>;
  #following: Promise<void> | undefined;
  #snapshot: BackendSnapshot;
  readonly #first: BackendSnapshot;
  /** Where its sockets lead. */
  readonly #source: SocketSource;
  readonly #sockets = new Set<BackendSocket>();

  /**
   * Starts watching.
   *
   * @param connectResponse The response to `connect`, from the platform or from the
   * edge route
   * @throws {TypeError} if it is not a connect response; if it is an error response,
   * the message quotes it
   */
  constructor(
    connectResponse: ConnectResponse,
    options: SessionBackendOptions = {},
  ) {
    if (!isConnectResponse(connectResponse)) {
      throw new TypeError(
        `SessionBackend needs a connect response; got ${
          describeAnswer(connectResponse)
        }`,
      );
    }
    const { backend_id, status, status_url, url } = connectResponse;
    const { fetch, onError, lazy } = options;
    this.#url = url;
    this.#statusUrl = status_url;
    this.#dialect = dialectOf(status_url);
    this.#id = JSON.stringify(backend_id);
    this.#fetch = fetch;
    this.#source = {
      backend: this,
      watch: (response) => new SessionBackend(response, options),
      signal: this.#controller.signal,
    };
    this.#first = this.#snapshot = firstSnapshot(status);
    if (this.isReady()) this.#ready.reach();
    this.#follow = () =>
      followStatus({
        statusUrl: status_url,
        backendId: backend_id,
        dialect: this.#dialect,
        signal: this.#controller.signal,
        fetch,
        keepTrying: true,
        onState: (state) => this.#onState(state),
        onRetry: (error) => onError?.(error, { final: false }),
      }).catch((error) => {
        if (this.#snapshot.phase === "destroyed") return;
        this.#move({ ...this.#snapshot, phase: "ended", error });
        if (onError) notify(onError, error, { final: true });
      });
    if (!lazy) this.#start();
  }

  /** Begins to watch, unless that has begun or is over. */
  #start(): void {
    if (this.#snapshot.phase === "destroyed") return;
    this.#following ??= this.#follow();
  }

  /** The backend's URL. A capability: anyone who knows it can reach the backend. */
  get url(): string {
    return this.#url;
  }

  /** The URL of the backend's status. */
  get statusUrl(): string {
    return this.#statusUrl;
  }

  /** The only place that changes the snapshot; notifies everything that waits for it. */
  #move(next: BackendSnapshot): void {
    const before = this.#snapshot.phase;
    this.#snapshot = next;
    if (next.phase !== before) this.#enter(next.phase);
    this.#changes.notify();
  }

  #enter(phase: BackendSnapshot["phase"]): void {
    switch (phase) {
      case "pending":
      case "ending":
        break;
      case "ready":
        this.#ready.reach();
        break;
      case "ended":
        this.#ready.miss(endedError(this.#id, this.#snapshot));
        this.#log.end(this.#snapshot.error);
        this.#terminated.reach();
        break;
      case "destroyed": {
        const reason = endedError(this.#id, this.#snapshot);
        this.#ready.stop(reason);
        this.#terminated.stop(reason);
        this.#listeners.clear();
        this.#log.end(reason);
        break;
      }
      default:
        phase satisfies never;
    }
  }

  #onState(state: BackendState): void {
    this.#log.add(state);
    this.#move(nextSnapshot(this.#snapshot, state));
    this.#listeners.notify(state);
    if (this.isTerminated()) this.#listeners.clear();
  }

  /**
   * What is known of the backend now: the same object until something changes. Needs
   * no `this`.
   */
  readonly getSnapshot = (): BackendSnapshot => this.#snapshot;

  /** What was known before watching began, for rendering on a server. Needs no `this`. */
  readonly getServerSnapshot = (): BackendSnapshot => this.#first;

  /**
   * Calls `listener`, without arguments, after each change of the snapshot, until you
   * call the returned function. Needs no `this`, so page frameworks can take it as it
   * is.
   *
   * ```tsx ignore
   * const { phase } = useSyncExternalStore(
   *   backend.subscribe,
   *   backend.getSnapshot,
   *   backend.getServerSnapshot,
   * );
   * ```
   */
  readonly subscribe = (listener: () => void): UnsubscribeFn => {
    this.#start();
    return this.#changes.add(listener);
  };

  /** Whether the backend is ready to receive connections. */
  isReady(): boolean {
    return this.#snapshot.phase === "ready";
  }

  /**
   * Resolves when the backend is ready. Rejects with a
   * {@linkcode BackendEndedError} if the backend ends first; that never counts as
   * an unhandled rejection. After `destroy()` the promise no longer settles.
   */
  get onReadyPromise(): Promise<void> {
    this.#start();
    return this.#ready.settled;
  }

  /**
   * Calls back once when the backend is ready, immediately if it already is.
   * @returns a function that removes the callback
   */
  onReady(callback: () => void): UnsubscribeFn {
    this.#start();
    if (!this.isReady()) return this.#ready.add(callback);
    notify(callback);
    return () => {};
  }

  /**
   * Resolves when the backend is ready.
   *
   * @throws {BackendEndedError} if the backend ends or `destroy()` is called first
   * @throws {DOMException} a `TimeoutError` after `timeout` ms
   * @throws {RangeError} if `timeout` is NaN or negative
   */
  async ready(options: ReadyOptions = {}): Promise<void> {
    await this.#wait(this.#ready, "was not ready", options);
  }

  /** Whether the backend has stopped running. */
  isTerminated(): boolean {
    return this.#snapshot.phase === "ended";
  }

  /** Resolves when the backend has stopped running; never settles after `destroy()`. */
  get onTerminatedPromise(): Promise<void> {
    this.#start();
    return this.#terminated.settled;
  }

  /**
   * Calls back once when the backend has stopped running, immediately if it already
   * has.
   * @returns a function that removes the callback
   */
  onTerminated(callback: () => void): UnsubscribeFn {
    this.#start();
    if (!this.isTerminated()) return this.#terminated.add(callback);
    notify(callback);
    return () => {};
  }

  /**
   * Resolves when the backend has stopped running.
   *
   * @throws {BackendEndedError} if `destroy()` is called first
   * @throws {DOMException} a `TimeoutError` after `timeout` ms
   * @throws {RangeError} if `timeout` is NaN or negative
   */
  async terminated(options: ReadyOptions = {}): Promise<void> {
    await this.#wait(this.#terminated, "had not terminated", options);
  }

  #wait(
    milestone: Milestone,
    failure: string,
    options: ReadyOptions,
  ): Promise<void> {
    this.#start();
    const { signal, timeout = Infinity } = options;
    const message = `Backend ${this.#id} ${failure} within ${timeout} ms`;
    return deadline(
      { timeout, message, signals: [signal] },
      (signal) => milestone.wait(signal),
    );
  }

  /**
   * Reads the backend's current state.
   *
   * @param options `timeout` is 30,000 ms by default
   * @throws {HTTPError} e.g. with code 404 if the platform does not know the backend
   * @throws {DOMException} a `TimeoutError` after `timeout` ms, or an `AbortError`
   * once `destroy()` has been called
   */
  async status(options: ReadyOptions = {}): Promise<BackendState> {
    const { timeout = STATUS_TIMEOUT } = options;
    const action = `Reading the status of backend ${this.#id}`;
    const signals = [options.signal, this.#controller.signal];
    const message = `${action} failed: no response within ${timeout} ms`;
    return await deadline({ timeout, message, signals }, async (signal) => {
      const url = uncached(this.#statusUrl);
      const response = await reach(action, url, { signal }, this.#fetch, {
        idempotent: true,
      });
      return await readState(response, action, this.#dialect);
    });
  }

  /**
   * Calls back whenever the backend's status changes.
   * @returns a function that removes the callback
   */
  onStatus(callback: (state: BackendState) => void): UnsubscribeFn {
    this.#start();
    return this.#listeners.add(callback);
  }

  /**
   * Iterates over all states of the backend, past ones first, each once and in
   * order; ends after `terminated`.
   *
   * @throws {HTTPError} if the platform no longer knows the backend
   * @throws {BackendEndedError} if `destroy()` is called
   */
  statuses(options: CallOptions = {}): AsyncIterableIterator<BackendState> {
    this.#start();
    return this.#log.read(options.signal);
  }

  /**
   * Opens a WebSocket to the backend that outlives its connections: it waits until the
   * backend is ready, connects again after a loss, and with `connect` continues with the
   * next backend when this one has ended. It has the interface of `WebSocket`.
   *
   * `destroy()` closes it.
   *
   * ```ts ignore
   * const connect = async () =>
   *   await (await fetch("/rooms/room-1/connect", { method: "POST" })).json();
   * const backend = new SessionBackend(await connect());
   * const socket = backend.socket({ path: "chat", connect });
   * socket.onopen = () => socket.send("hello");
   * socket.onmessage = ({ data }) => console.log(data);
   * ```
   *
   * @throws {RangeError} if a duration or `maxBuffered` is out of range
   */
  socket(options: BackendSocketOptions = {}): BackendSocket {
    const socket = new KeptSocket(this.#source, options);
    this.#sockets.add(socket);
    socket.closed.then(() => this.#sockets.delete(socket));
    return socket;
  }

  /**
   * A `WebSocket` constructor for libraries that take one, such as `graphql-ws`,
   * `y-websocket` and `socket.io-client`. The URL that the library passes must begin
   * with the {@linkcode SessionBackend.url}.
   *
   * Each socket waits until the backend is ready; with `connect`, sockets that are opened
   * after the backend has ended lead to the next one. Unlike
   * {@linkcode SessionBackend.socket}, they do not connect again by themselves, because
   * the library has to start its own protocol over.
   *
   * ```ts ignore
   * import { createClient } from "graphql-ws";
   *
   * const client = createClient({
   *   url: backend.url,
   *   webSocketImpl: backend.socketConstructor({ connect }),
   * });
   * ```
   */
  socketConstructor(
    options: SocketConstructorOptions = {},
  ): typeof WebSocket {
    return socketConstructor(this.#source, options);
  }

  /**
   * Stops watching and leaves no request, timer or listener behind. The backend
   * itself keeps running. Calling it again does nothing.
   */
  destroy(): void {
    // An ended backend stays ended, and its milestones are settled.
    const { phase, state } = this.#snapshot;
    if (phase === "destroyed") return;
    if (phase !== "ended") {
      this.#move({ phase: "destroyed", ...(state && { state }) });
    }
    this.#controller.abort(
      domException(
        "No longer watching the backend: destroy() was called",
        "AbortError",
      ),
    );
  }

  /** Like {@linkcode SessionBackend.destroy}, but resolves once the connection is closed. */
  async close(): Promise<void> {
    this.destroy();
    await Promise.all([...this.#sockets].map(({ closed }) => closed));
    await this.#following;
  }

  /** {@linkcode SessionBackend.close}, for `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close();
  }
}
