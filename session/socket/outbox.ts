/**
 * What a reconnecting socket still has to send, and what it may have lost: a core
 * without I/O.
 *
 * While there is a connection, messages go straight to it, and the outbox remembers
 * those that the platform has not transmitted yet. Without one, it holds messages up to
 * a bound.
 */
import { tagOf } from "../../net/shape.ts";
import { utf8Length } from "../../net/utf8.ts";

/** What a WebSocket can send. */
export type SocketMessage = string | ArrayBuffer | ArrayBufferView | Blob;

/** A message and where it ends in the stream of all bytes that were sent. */
interface Sent {
  readonly message: SocketMessage;
  readonly end: number;
}

/** The messages of one socket. */
export class Outbox {
  readonly #max: number;
  #held: SocketMessage[] = [];
  #heldBytes = 0;
  /** Handed to the current connection, and perhaps not transmitted yet; oldest first. */
  #sent: Sent[] = [];
  #sentBytes = 0;

  /** @param max how many bytes it holds while there is no connection */
  constructor(max: number) {
    this.#max = max;
  }

  /** The bytes that wait for a connection. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Holds a message for the next connection; `false` if that would exceed the bound. */
  hold(message: SocketMessage): boolean {
    const bytes = byteLength(message);
    if (this.#heldBytes + bytes > this.#max) return false;
    this.#heldBytes += bytes;
    this.#held.push(message);
    return true;
  }

  /** Removes and returns what it holds, in order. */
  take(): SocketMessage[] {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }

  /**
   * A message was handed to the connection, which now has `buffered` bytes that it has
   * not transmitted.
   */
  sent(message: SocketMessage, buffered: number): void {
    this.#sentBytes += byteLength(message);
    this.#sent.push({ message, end: this.#sentBytes });
    this.#forget(buffered);
  }

  /**
   * The connection is gone, with `buffered` bytes untransmitted. Returns the messages
   * that certainly did not arrive as a whole.
   */
  lost(buffered: number): SocketMessage[] {
    this.#forget(buffered);
    const lost = this.#sent.map(({ message }) => message);
    this.#sent = [];
    this.#sentBytes = 0;
    return lost;
  }

  #forget(buffered: number): void {
    const transmitted = this.#sentBytes - buffered;
    const first = this.#sent.findIndex(({ end }) => end > transmitted);
    this.#sent.splice(0, first < 0 ? this.#sent.length : first);
  }
}

/** The size of a message in bytes, as `WebSocket.bufferedAmount` counts it. */
function byteLength(message: SocketMessage): number {
  if (typeof message === "string") return utf8Length(message);
  return "size" in message ? message.size : message.byteLength;
}

/**
 * A message as it is now: the caller may go on to change the buffer that it passed.
 * Anything that is not binary becomes a string, as `WebSocket.send` does it.
 */
export function snapshot(data: unknown): SocketMessage {
  if (ArrayBuffer.isView(data)) {
    const { buffer, byteOffset, byteLength } = data;
    return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
  }
  switch (tagOf(data)) {
    case "ArrayBuffer":
    case "SharedArrayBuffer":
      return (data as ArrayBuffer).slice(0);
    case "Blob":
    case "File":
      return data as Blob;
    default:
      return String(data);
  }
}
