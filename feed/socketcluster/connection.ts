/**
 * The connection that outlives its WebSockets: connects, notices that it was
 * disconnected, and connects again after a while.
 */
import { onWake } from "../../net/lifecycle.ts";
import type { ConnectionState } from "./types.ts";
import type { Settings } from "./options.ts";
import {
  checkClose,
  type HandshakeStatus,
  reconnectDelay,
} from "./protocol.ts";
import { Transport } from "./transport.ts";

/** With `reconnect: "eager"` a connection that held this many ms was a good one. */
const HELD = 5000;

/** Why a connection ended. */
export interface Closing {
  /** Whether it had been open. */
  type: "disconnect" | "connectAbort";
  code: number;
  reason?: string | undefined;
  /** Why the WebSocket could not be opened. */
  cause?: unknown;
}

/** What a {@linkcode Connection} tells. */
export interface ConnectionHandler {
  /** An event of the socket. */
  emit(eventName: string, data: unknown): void;
  /** An attempt begins. */
  connecting(): void;
  /** The handshake succeeded; `token` is what was sent with it. */
  opened(status: HandshakeStatus, token: string | null): void;
  /** The connection ended. */
  closed(closing: Closing): void;
  /** A packet of the open connection, and the frame it came in. */
  packet(packet: unknown, frame: unknown): void;
  /** Any frame. */
  frame(frame: unknown): void;
}

/** One logical connection. */
export class Connection {
  /** How many attempts were scheduled since a connection held. */
  attempts = 0;
  /** The present or last connection. */
  transport: Transport | undefined;
  /** Resolves when all WebSockets so far are closed for good. */
  ended: Promise<unknown> = Promise.resolve();
  readonly #settings: Settings;
  readonly #handler: ConnectionHandler;
  #lastCallId = 0;
  /** The scheduled attempt. */
  #retry: { delay: number; stop: () => void } | undefined;

  constructor(settings: Settings, handler: ConnectionHandler) {
    this.#settings = settings;
    this.#handler = handler;
  }

  /** `"closed"`, `"connecting"` or `"open"`. */
  get state(): ConnectionState {
    return this.transport?.state ?? "closed";
  }

  /** The delay before the scheduled attempt, in milliseconds, or `null`. */
  get pendingDelay(): number | null {
    return this.#retry?.delay ?? null;
  }

  #cancelRetry(): void {
    this.#retry?.stop();
    this.#retry = undefined;
  }

  /** Connects, unless connected or about to. */
  connect(): void {
    if (this.state !== "closed") return;
    this.#cancelRetry();
    const transport = this.transport = new Transport(this.#settings, {
      ...this.#handler,
      nextCallId: () => this.nextCallId(),
      opened: (status, token) => {
        if (this.#settings.reconnect !== "eager") this.attempts = 0;
        this.#handler.opened(status, token);
      },
      closed: (code, reason, cause) => this.#closed(false, code, reason, cause),
    });
    this.ended = Promise.all([this.ended, transport.ended]);
    this.#handler.connecting();
  }

  /**
   * Gets rid of a connection that died unnoticed, and connects, unless an
   * attempt is scheduled: then what is to be sent waits for that.
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

  /** Hands a frame to the network; false if it is gone. */
  send(frame: unknown): boolean {
    return this.transport?.send(frame) ?? false;
  }

  /** The number of the next call. Never the same again, whatever the connection. */
  nextCallId(): number {
    return ++this.#lastCallId;
  }

  /**
   * Disconnects, and cancels a scheduled attempt.
   * @throws {InvalidArgumentsError} if a WebSocket cannot be closed like that;
   * then nothing has changed
   */
  disconnect(code: number, reason: string | undefined): void {
    checkClose(code, reason);
    this.#cancelRetry();
    if (this.state === "closed") return;
    this.transport!.close(code, reason);
    this.#closed(true, code, reason);
  }

  #closed(own: boolean, code: number, reason?: string, cause?: unknown): void {
    const { openSince } = this.transport!;
    const type = openSince === undefined ? "connectAbort" : "disconnect";
    if (openSince !== undefined && performance.now() - openSince >= HELD) {
      this.attempts = 0;
    }
    this.#handler.closed({ type, code, reason, cause });
    if (this.#settings.autoReconnect) this.#schedule(code, own);
  }

  #schedule(code: number, own: boolean): void {
    const { reconnect, autoReconnectOptions } = this.#settings;
    const delay = reconnectDelay(
      { code, own, attempts: this.attempts },
      reconnect,
      autoReconnectOptions,
      Math.random,
    );
    if (delay === undefined) return;
    this.attempts++;
    const retry = () => this.connect();
    const timer = setTimeout(retry, delay);
    // The network is back, or somebody looks again: no reason to wait longer.
    const sleep = onWake(retry);
    const stop = () => {
      clearTimeout(timer);
      sleep();
    };
    this.#retry = { delay, stop };
  }
}
