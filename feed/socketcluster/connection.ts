/**
 * The logical connection, which outlives its WebSockets: a link (`net/link.ts`) whose
 * attempts are transports and whose policy is SocketCluster's formula.
 */
import { isUnsupported } from "../../net/dial.ts";
import { type Attempt, Link, type LinkPolicy } from "../../net/link.ts";
import { Listeners, type Store } from "../../net/listeners.ts";
import type { LoadedToken } from "./auth.ts";
import type { ConnectionState } from "./types.ts";
import type { Settings } from "./settings.ts";
import {
  checkClose,
  type Ended as EndedConnection,
  type HandshakeStatus,
  reconnectDelay,
} from "./protocol.ts";
import { Transport } from "./transport.ts";

/** With `reconnect: "eager"`, a connection that held this long (ms) resets the backoff. */
const HELD = 5000;

/** What the policy needs to know about the end of a connection. */
interface Ended extends Omit<EndedConnection, "attempts"> {
  /** Why the WebSocket could not be opened. */
  cause?: unknown;
}

/** Why a connection ended. */
export interface Closing {
  /** Whether it had been open. */
  type: "disconnect" | "connectAbort";
  code: number;
  reason?: string | undefined;
  /** Why the WebSocket could not be opened. */
  cause?: unknown;
}

/** The events of a {@linkcode Connection}. */
export interface ConnectionHandler {
  /** An event of the socket. */
  emit(eventName: string, data: unknown): void;
  /** An attempt begins. */
  connecting(): void;
  /** The handshake succeeded; `token` is the token that was sent with it. */
  opened(status: HandshakeStatus, token: LoadedToken): void;
  /** The connection ended. */
  closed(closing: Closing): void;
  /** A packet of the open connection, and the frame it came in. */
  packet(packet: unknown, frame: unknown): void;
  /** Any frame. */
  frame(frame: unknown): void;
}

/** One logical connection. */
export class Connection {
  /** The current or last transport. */
  transport: Transport | undefined;
  /** One promise for each WebSocket that has not fully closed yet. */
  readonly #ending = new Set<Promise<void>>();
  readonly #settings: Settings;
  readonly #handler: ConnectionHandler;
  readonly #link: Link<Ended>;
  /** The current or last attempt. */
  #attempt: Attempt<Ended> | undefined;
  #lastCallId = 0;
  readonly #changes = new Listeners();
  /** The state, for page frameworks. */
  readonly store: Store<ConnectionState> = {
    subscribe: this.#changes.add,
    getSnapshot: () => this.state,
  };

  constructor(settings: Settings, handler: ConnectionHandler) {
    this.#settings = settings;
    this.#handler = handler;
    this.#link = new Link({
      policy: reconnectPolicy(settings),
      begin: (attempt) => this.#begin(attempt),
    });
  }

  /** `"closed"`, `"connecting"` or `"open"`. */
  get state(): ConnectionState {
    return this.transport?.state ?? "closed";
  }

  /** Resolves when all WebSockets so far have fully closed. */
  get ended(): Promise<unknown> {
    return Promise.all(this.#ending);
  }

  /** How many attempts were scheduled since a connection held. */
  get attempts(): number {
    return this.#link.retries;
  }

  /** The delay before the scheduled attempt, in milliseconds, or `null`. */
  get pendingDelay(): number | null {
    const { state } = this.#link;
    return state.kind === "waiting" ? state.delay : null;
  }

  /** Connects, unless already connected or connecting. */
  connect(): void {
    if (this.state === "closed") this.#link.connect();
  }

  #begin(attempt: Attempt<Ended>): () => void {
    const transport = new Transport(this.#settings, {
      ...this.#handler,
      nextCallId: () => this.nextCallId(),
      opened: (status, token) => {
        attempt.opened();
        this.#handler.opened(status, token);
        this.#changes.notify();
      },
      closed: (code, reason, cause) => this.#closed(false, code, reason, cause),
    });
    this.#attempt = attempt;
    this.transport = transport;
    const { ended } = transport;
    this.#ending.add(ended);
    ended.then(() => this.#ending.delete(ended));
    this.#handler.connecting();
    this.#changes.notify();
    // If the transport ended by itself, it ignores this call.
    return () => transport.close(1000);
  }

  /**
   * Drops a connection that died unnoticed, and connects. If an attempt is scheduled,
   * outgoing messages wait for it instead.
   */
  ensure(): void {
    if (this.state === "open" && this.transport!.isStale()) {
      this.disconnect(
        1000,
        "Stale socket was disconnected by the client to initiate a new connection",
      );
    }
    if (this.pendingDelay === null) this.connect();
  }

  /** Passes a frame to the network; returns false if the connection was lost. */
  send(frame: unknown): boolean {
    return this.transport?.send(frame) ?? false;
  }

  /** The number of the next call, unique across connections. */
  nextCallId(): number {
    return ++this.#lastCallId;
  }

  /**
   * Disconnects, and cancels a scheduled attempt.
   * @throws {InvalidArgumentsError} if the code or reason is invalid; nothing changes
   * then
   */
  disconnect(code: number, reason: string | undefined): void {
    checkClose(code, reason);
    if (this.state === "closed") return this.#link.stop();
    this.transport!.close(code, reason);
    this.#closed(true, code, reason);
  }

  #closed(own: boolean, code: number, reason?: string, cause?: unknown): void {
    const attempt = this.#attempt!;
    const wasOpen = this.#link.state.kind === "open";
    const type = wasOpen ? "disconnect" : "connectAbort";
    this.#handler.closed({ type, code, reason, cause });
    this.#changes.notify();
    attempt.end({ code, own, cause });
  }
}

/** The formulas of `reconnectDelay`, with the options at the time of the delay. */
function reconnectPolicy(settings: Settings): LinkPolicy<Ended> {
  return {
    get heldAfter() {
      return settings.reconnect === "eager" ? HELD : 0;
    },
    delay: (attempts, end) =>
      settings.autoReconnect && !isUnsupported(end.cause)
        ? reconnectDelay(
          { ...end, attempts },
          settings.reconnect,
          settings.autoReconnectOptions,
          Math.random,
        )
        : undefined,
  };
}
