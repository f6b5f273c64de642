/** A `BackendSocket` as its users see it, and its events. */
import type { asyncDispose } from "../../net/dispose.ts";
import type { ConnectionEnd } from "./options.ts";
import type { SocketMessage } from "./outbox.ts";

/** A connection has ended or did not open, and the socket tries again. */
export interface ReconnectingEvent extends Event, ConnectionEnd {
  /** Milliseconds until the next attempt; it begins earlier if the page wakes up. */
  readonly delay: number;
}

/** Messages that were not delivered. */
export interface LostEvent extends Event {
  /** The messages, oldest first. */
  readonly messages: readonly SocketMessage[];
  /**
   * - `"connection"`: the platform had not transmitted them when the connection ended.
   *   Messages that it had transmitted may be lost too; only answers from your server
   *   can tell.
   * - `"overflow"`: more than `maxBuffered` bytes would have waited for a connection.
   * - `"closed"`: the socket closed while they waited for a connection.
   */
  readonly reason: "connection" | "overflow" | "closed";
}

/** How a listener is added, as on any `EventTarget`; Workers' types do not name it. */
export interface ListenOptions {
  /** Listens in the capturing phase, which a socket does not have. */
  capture?: boolean;
  /** Removes the listener after its first event. */
  once?: boolean;
  /** Promises not to call `preventDefault()`. */
  passive?: boolean;
  /** Removes the listener when it aborts. */
  signal?: AbortSignal;
}

/** The events of a `BackendSocket`, by type. */
export interface SocketEventMap {
  /** A connection has opened; more than once if the socket reconnects. */
  open: Event;
  /** A message has arrived. */
  message: MessageEvent;
  /** The socket closes because of a failure; `close` follows. */
  error: Event & {
    /** What failed, if the platform said it. */
    readonly error?: unknown;
  };
  /** The socket has closed for good. */
  close: CloseEvent;
  /** A connection has ended or did not open, and the socket tries again. */
  reconnecting: ReconnectingEvent;
  /** Messages were not delivered. */
  lost: LostEvent;
}

/**
 * A WebSocket to a session backend that outlives its connections;
 * `SessionBackend.socket` opens one. It has the interface of the platform's `WebSocket`,
 * with these differences:
 *
 * - `open` occurs each time a connection opens. What you send in its listener goes ahead
 *   of the messages that were held.
 * - `reconnecting` occurs when a connection has ended or did not open and the socket
 *   tries again. `readyState` is then `CONNECTING` (0).
 * - `send()` holds messages while there is no connection, instead of throwing. `lost`
 *   lists messages that were not delivered.
 * - `close` occurs once, when the socket has closed for good.
 */
export interface BackendSocket extends WebSocket {
  /** The URL of the current connection, or of the last one. Contains its token. */
  readonly url: string;
  /** The bytes that were sent but not yet transmitted, including those that are held. */
  readonly bufferedAmount: number;
  /** Resolves when the socket has closed for good. Never rejects. */
  readonly closed: Promise<void>;
  /**
   * Sends a message, or holds it until there is a connection. A message that exceeds
   * `maxBuffered`, or comes after `close()`, is reported in a `lost` event.
   */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void;
  /**
   * Closes the socket for good. Messages that are held are reported in a `lost` event.
   * Reasons are truncated to 123 bytes.
   *
   * @throws {DOMException} an `InvalidAccessError` if `code` is neither 1000 nor 3000 to
   * 4999
   */
  close(code?: number, reason?: string): void;
  /** Closes the socket, and resolves when it has closed. */
  [asyncDispose](): Promise<void>;
  /** Adds a listener for one of the events of {@linkcode SocketEventMap}. */
  addEventListener<K extends keyof SocketEventMap>(
    type: K,
    listener: (this: WebSocket, event: SocketEventMap[K]) => unknown,
    options?: boolean | ListenOptions,
  ): void;
  /** Adds a listener for any event. */
  addEventListener(
    type: string,
    listener: ((event: Event) => unknown) | {
      handleEvent(event: Event): unknown;
    } | null,
    options?: boolean | ListenOptions,
  ): void;
  /** Removes a listener for one of the events of {@linkcode SocketEventMap}. */
  removeEventListener<K extends keyof SocketEventMap>(
    type: K,
    listener: (this: WebSocket, event: SocketEventMap[K]) => unknown,
    options?: boolean | { capture?: boolean },
  ): void;
  /** Removes a listener. */
  removeEventListener(
    type: string,
    listener: ((event: Event) => unknown) | {
      handleEvent(event: Event): unknown;
    } | null,
    options?: boolean | { capture?: boolean },
  ): void;
}

/**
 * Makes an event. It is not made by `CloseEvent` or `ErrorEvent`, which not every runtime
 * has; `MessageEvent` exists everywhere.
 */
export function socketEvent<K extends keyof SocketEventMap>(
  type: K,
  fields: Omit<SocketEventMap[K], keyof Event>,
): SocketEventMap[K] {
  return Object.assign(new Event(type), fields) as unknown as SocketEventMap[K];
}
