/**
 * A WebSocket that outlives its connections, and its backend: it waits until the backend
 * is ready, connects again after a loss, and continues with the next backend.
 *
 * `net/link.ts` keeps the connection, and `outbox.ts` holds what is sent meanwhile.
 */
import { backoff } from "../../net/backoff.ts";
import { fitReason } from "../../net/close_code.ts";
import { deferred } from "../../net/deferred.ts";
import {
  isUnsupported,
  type OpenedSocket,
  openWebSocket,
} from "../../net/dial.ts";
import { asyncDispose } from "../../net/dispose.ts";
import { domException } from "../../net/dom_exception.ts";
import { type Attempt, Link } from "../../net/link.ts";
import { checkNumber } from "../../net/number.ts";
import { LIVENESS, SilenceWatch } from "../../net/silence.ts";
import { checkDuration, setTimer } from "../../net/timer.ts";
import type { ConnectResponse, UnsubscribeFn } from "../../types.ts";
import { addressOf } from "./address.ts";
import { SocketEventTarget } from "./event_target.ts";
import { type BackendSocket, type LostEvent, socketEvent } from "./events.ts";
import type { BackendSocketOptions, ConnectionEnd } from "./options.ts";
import { Outbox, snapshot, type SocketMessage } from "./outbox.ts";

/** A backend that is being watched, such as a `SessionBackend`. */
export interface WatchedBackend {
  readonly url: string;
  ready(options: { signal: AbortSignal }): Promise<void>;
  isTerminated(): boolean;
  onTerminated(callback: () => void): UnsubscribeFn;
  destroy(): void;
}

/** Where a socket leads. */
export interface SocketSource {
  /** The backend to reach first. The socket never destroys it. */
  readonly backend: WatchedBackend;
  /** Watches the next backend, which `connect` returned. */
  watch(response: ConnectResponse): WatchedBackend;
  /** Closes the socket when it aborts. */
  readonly signal: AbortSignal;
}

/** What a socket is doing. */
type State =
  /** Waits for the backend, dials, or waits before the next attempt. */
  | { readonly kind: "connecting" }
  | { readonly kind: "open"; readonly opened: OpenedSocket }
  /** `close()` was called, and `close` has not occurred yet. */
  | { readonly kind: "closing" }
  | { readonly kind: "closed" };

const READY_STATE: Record<State["kind"], 0 | 1 | 2 | 3> = {
  connecting: 0,
  open: 1,
  closing: 2,
  closed: 3,
};

/** After these close codes, the next connection would end in the same way. */
const FINAL_CODES: ReadonlySet<number> = /* @__PURE__ */ new Set([
  1000,
  1002,
  1003,
  1007,
  1008,
  1009,
  1010,
]);

const reconnectsByDefault = ({ code }: ConnectionEnd): boolean =>
  !FINAL_CODES.has(code) && !(code >= 4400 && code < 4500);

/** A connection that stayed open this long (ms) has held: delays start anew. */
const HELD = 5_000;
/** How long (ms) the peer may take to confirm a close. */
const CLOSE_GRACE = 2_000;

const BACKEND_ENDED: ConnectionEnd = {
  code: 1001,
  reason: "the backend has ended",
};

const NEVER_OPENED: ConnectionEnd = { code: 1006, reason: "" };

/** The implementation of `BackendSocket`. */
export class KeptSocket extends SocketEventTarget implements BackendSocket {
  // Some libraries check these before they accept a constructor.
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;

  readonly #source: SocketSource;
  readonly #options: BackendSocketOptions;
  readonly #signals: readonly AbortSignal[];
  readonly #outbox: Outbox;
  readonly #link: Link<ConnectionEnd>;
  readonly #silence: SilenceWatch;
  readonly #closed = deferred<void>();
  readonly #abort = (): void => this.close();
  #backend: WatchedBackend;
  /** The link's current attempt. */
  #attempt: Attempt<ConnectionEnd> | undefined;
  /** Stops listening to the backend, and watching it if this socket began that. */
  #leaveBackend: () => void;
  #binaryType: BinaryType = "blob";
  #url = "";
  #protocol = "";
  #extensions = "";
  #state: State = { kind: "connecting" };

  /** @throws {RangeError} if a duration or `maxBuffered` is out of range */
  constructor(source: SocketSource, options: BackendSocketOptions = {}) {
    super();
    const {
      maxBuffered = 1_048_576,
      minDelay = 500,
      maxDelay = 20_000,
      ping,
      signal = source.signal,
    } = options;
    for (
      const [name, value] of Object.entries({
        minDelay,
        maxDelay,
        connectTimeout: options.connectTimeout ?? 0,
        silenceTimeout: options.silenceTimeout ?? 0,
      })
    ) checkDuration(name, value);
    checkNumber("maxBuffered", maxBuffered, { unit: "bytes" });
    this.#source = source;
    this.#options = options;
    this.#signals = [signal, source.signal];
    this.#outbox = new Outbox(maxBuffered);
    this.#silence = new SilenceWatch({
      onSilence: () => this.#silent(),
      ask: ping && (() => this.#opened?.socket.send(ping() as string)),
      probe: ping && LIVENESS.probe,
    });
    this.#link = new Link<ConnectionEnd>({
      begin: (attempt) => this.#begin(attempt),
      policy: {
        delay: (retries, end) =>
          this.#reconnects(end)
            ? backoff(retries, { base: minDelay, cap: maxDelay })
            : undefined,
        heldAfter: HELD,
      },
      onState: (state) => {
        switch (state.kind) {
          case "waiting":
            return this.#reconnecting(state.end, state.delay);
          case "idle":
            if (state.end) this.#finish(state.end);
            return;
          case "connecting":
          case "open":
            return;
          default:
            state satisfies never;
        }
      },
    });
    this.#backend = source.backend;
    this.#leaveBackend = this.#listenTo(source.backend);
    for (const signal of this.#signals) {
      signal.addEventListener("abort", this.#abort);
    }
    if (this.#signals.some(({ aborted }) => aborted)) this.close();
    else this.#link.connect();
  }

  // What `WebSocket` shows.

  get url(): string {
    return this.#url;
  }

  get readyState(): 0 | 1 | 2 | 3 {
    return READY_STATE[this.#state.kind];
  }

  get bufferedAmount(): number {
    const { socket } = this.#opened ?? {};
    return this.#outbox.heldBytes + (socket?.bufferedAmount ?? 0);
  }

  get protocol(): string {
    return this.#protocol;
  }

  get extensions(): string {
    return this.#extensions;
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }
  set binaryType(type: BinaryType) {
    this.#binaryType = type;
    if (this.#opened) this.#opened.socket.binaryType = type;
  }

  get #opened(): OpenedSocket | undefined {
    return this.#state.kind === "open" ? this.#state.opened : undefined;
  }

  // The connection.

  /** Begins an attempt; returns a function that frees it. */
  #begin(attempt: Attempt<ConnectionEnd>): () => void {
    this.#attempt = attempt;
    const controller = new AbortController();
    const { signal } = controller;
    let opened: OpenedSocket | undefined;
    this.#address(signal).then((url) => {
      signal.throwIfAborted();
      if (url === undefined) return attempt.end(BACKEND_ENDED);
      this.#url = url;
      opened = this.#dial(url, attempt);
    }).catch((error) => attempt.end({ ...NEVER_OPENED, error }));
    return () => {
      controller.abort();
      this.#silence.stop();
      opened?.close();
    };
  }

  /**
   * The URL to dial, once the backend is ready. Asks for the next backend first if this
   * one has ended; `undefined` if there is no way to do so.
   */
  async #address(signal: AbortSignal): Promise<string | undefined> {
    const { connect, path = "" } = this.#options;
    if (this.#backend.isTerminated()) {
      if (!connect) return undefined;
      const response = await connect({ signal });
      signal.throwIfAborted();
      this.#follow(this.#source.watch(response));
    }
    await this.#backend.ready({ signal });
    return addressOf(
      this.#backend.url,
      typeof path === "function" ? path() : path,
    );
  }

  #dial(url: string, attempt: Attempt<ConnectionEnd>): OpenedSocket {
    const { protocols = [], headers, connectTimeout = 10_000 } = this.#options;
    const opened = openWebSocket(url, {
      protocols: typeof protocols === "string" ? [protocols] : protocols,
      init: headers && { headers },
      WebSocket: this.#options.WebSocket,
      binaryType: this.#binaryType,
      timeout: connectTimeout,
    }, {
      opened: () => this.#open(attempt, opened),
      message: (data) => {
        this.#silence.heard();
        this.dispatchEvent(new MessageEvent("message", { data }));
      },
      // workerd gives a reason of its own for a connection that was lost.
      closed: (code, reason) =>
        attempt.end({ code, reason: code === 1006 ? "" : reason }),
      failed: (error) => attempt.end({ ...NEVER_OPENED, error }),
    });
    return opened;
  }

  #follow(backend: WatchedBackend): void {
    this.#leaveBackend();
    this.#backend = backend;
    const unsubscribe = this.#listenTo(backend);
    this.#leaveBackend = () => {
      unsubscribe();
      backend.destroy();
    };
  }

  #listenTo(backend: WatchedBackend): () => void {
    // Asked first, because a backend that has ended would call back at once.
    if (backend.isTerminated()) return () => {};
    return backend.onTerminated(() => {
      const { kind } = this.#link.state;
      if (kind !== "waiting") return this.#attempt?.end(BACKEND_ENDED);
      if (this.#reconnects(BACKEND_ENDED)) return this.#link.connect();
      this.#link.stop();
      this.#finish(BACKEND_ENDED);
    });
  }

  #reconnects(end: ConnectionEnd): boolean {
    const { connect, reconnect = reconnectsByDefault } = this.#options;
    if (isUnsupported(end.error)) return false;
    // Without `connect`, a backend that has ended leads nowhere.
    if (this.#backend.isTerminated() && !connect) return false;
    return typeof reconnect === "function" ? reconnect(end) : reconnect;
  }

  #open(attempt: Attempt<ConnectionEnd>, opened: OpenedSocket): void {
    const { protocol, extensions } = opened.socket;
    this.#protocol = protocol;
    this.#extensions = extensions;
    this.#state = { kind: "open", opened };
    attempt.opened();
    const { ping, silenceTimeout = ping ? LIVENESS.limit : Infinity } =
      this.#options;
    this.#silence.start(silenceTimeout);
    this.dispatchEvent(socketEvent("open", {}));
    // The listener may have closed the socket.
    if (this.#opened !== opened) return;
    for (const message of this.#outbox.take()) this.send(message);
  }

  /** The connection has ended, or did not open, and another attempt follows. */
  #reconnecting(end: ConnectionEnd, delay: number): void {
    this.#loseConnection();
    this.#state = { kind: "connecting" };
    this.dispatchEvent(socketEvent("reconnecting", { ...end, delay }));
  }

  /** Reports the messages that the platform had not transmitted. */
  #loseConnection(): void {
    const { socket } = this.#opened ?? {};
    if (!socket) return;
    const messages = this.#outbox.lost(socket.bufferedAmount);
    if (messages.length > 0) this.#lost(messages, "connection");
  }

  #lost(messages: SocketMessage[], reason: LostEvent["reason"]): void {
    this.dispatchEvent(socketEvent("lost", { messages, reason }));
  }

  #silent(): void {
    const error = new Error("No sign of life from the server");
    this.#attempt?.end({ code: 1006, reason: "", error });
  }

  // What `WebSocket` does.

  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    const { socket } = this.#opened ?? {};
    // A platform's socket that is closing drops messages silently.
    if (socket?.readyState === 1) {
      socket.send(data as string);
      return this.#outbox.sent(data as SocketMessage, socket.bufferedAmount);
    }
    const message = snapshot(data);
    const over = READY_STATE[this.#state.kind] > 1;
    if (over) this.#lost([message], "closed");
    else if (!this.#outbox.hold(message)) this.#lost([message], "overflow");
  }

  close(code?: number, reason = ""): void {
    if (
      code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)
    ) {
      throw domException(
        `close code must be 1000, or 3000 to 4999; got ${code}`,
        "InvalidAccessError",
      );
    }
    if (READY_STATE[this.#state.kind] > 1) return;
    const opened = this.#opened;
    this.#state = { kind: "closing" };
    const end = { code: code ?? 1005, reason: fitReason(reason) };
    opened?.close(code, end.reason);
    this.#link.stop();
    // `close` occurs later, as it does on a `WebSocket`.
    const timer = setTimer(() => finish(), CLOSE_GRACE);
    const finish = () => {
      clearTimeout(timer);
      this.#finish(end);
    };
    (opened?.ended ?? Promise.resolve()).then(finish);
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  [asyncDispose](): Promise<void> {
    this.close();
    return this.closed;
  }

  #finish(end: ConnectionEnd): void {
    if (this.#state.kind === "closed") return;
    this.#loseConnection();
    this.#state = { kind: "closed" };
    this.#leaveBackend();
    for (const signal of this.#signals) {
      signal.removeEventListener("abort", this.#abort);
    }
    const held = this.#outbox.take();
    if (held.length > 0) this.#lost(held, "closed");
    const { code, reason, error } = end;
    if (error !== undefined || code === 1006) {
      this.dispatchEvent(socketEvent("error", { error }));
    }
    const wasClean = code !== 1006;
    this.dispatchEvent(socketEvent("close", { code, reason, wasClean }));
    this.#closed.resolve();
  }
}
