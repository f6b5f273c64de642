/** The events of a `BackendSocket`. */
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
 * Makes an event. It is not made by `CloseEvent` or `ErrorEvent`, which not every runtime
 * has; `MessageEvent` exists everywhere.
 */
export function socketEvent<K extends keyof SocketEventMap>(
  type: K,
  fields: Omit<SocketEventMap[K], keyof Event>,
): SocketEventMap[K] {
  return Object.assign(new Event(type), fields) as unknown as SocketEventMap[K];
}
