/**
 * SocketCluster's packets and rules as plain values: no socket, timer, clock
 * or random number. See
 * {@link https://github.com/SocketCluster/socketcluster/blob/master/socketcluster-protocol.md}.
 */
import { backoff } from "../../net/backoff.ts";
import { InvalidArgumentsError } from "./errors.ts";

/** A message, or with a `cid` a call. */
export interface Request {
  event: string;
  data?: unknown;
  cid?: number;
}

/** What this client sends. */
export type OutboundPacket =
  | Request
  | { rid: number; data?: unknown; error?: unknown };

/** The server's answer to the handshake. */
export interface HandshakeStatus {
  id: string;
  pingTimeout: number;
  isAuthenticated: boolean;
  authError?: unknown;
}

/** What a packet from the server can be. */
export interface PacketSink {
  /** Data that was published to a channel. */
  publish(channel: string, data: unknown): void;
  /** A message without an answer. */
  transmit(event: string, data: unknown): void;
  /** A call that wants an answer. */
  request(event: string, data: unknown, cid: number): void;
  /** The answer to a call of ours. */
  response(rid: number, data: unknown, error: unknown): void;
  /** No packet: the whole frame it came in. */
  raw(frame: unknown): void;
}

/** Tells `sink` what `packet`, which came in `frame`, is. */
export function dispatch(
  packet: unknown,
  frame: unknown,
  sink: PacketSink,
): void {
  if (typeof packet === "object" && packet !== null) {
    const { event, data } = packet as { event?: unknown; data?: unknown };
    if (typeof event === "string") {
      const { cid } = packet as { cid?: unknown };
      if (typeof cid === "number") return sink.request(event, data, cid);
      if (event !== "#publish") return sink.transmit(event, data);
      const { channel, data: published } = (data ?? {}) as {
        channel?: unknown;
        data?: unknown;
      };
      if (typeof channel === "string") sink.publish(channel, published);
      return;
    }
    const { rid, error } = packet as { rid?: unknown; error?: unknown };
    if (typeof rid === "number") return sink.response(rid, data, error);
  }
  sink.raw(frame);
}

/** What the server answers to a call. */
export interface Answer {
  data?: unknown;
  error?: unknown;
}

/** Whether a packet is the answer to call number `cid`. */
export function isAnswer(packet: unknown, cid: number): packet is Answer {
  const { event, rid } = (packet ?? {}) as { event?: unknown; rid?: unknown };
  return typeof event !== "string" && rid === cid;
}

/** Whether the server's answer to the handshake is usable. */
export function isHandshakeStatus(data: unknown): data is HandshakeStatus {
  const { pingTimeout } = (data ?? {}) as Partial<HandshakeStatus>;
  return typeof pingTimeout === "number" && pingTimeout > 0;
}

/** Timers take no longer delay than this, in milliseconds (about 25 days). */
export const MAX_DELAY: number = 2 ** 31 - 1;

/** Delays of the compatible way to reconnect, in milliseconds. */
export interface ReconnectOptions {
  /** The shortest first delay. @default {10_000} */
  initialDelay: number;
  /** How much longer the first delay may be. @default {10_000} */
  randomness: number;
  /** By how much each delay is longer than the one before. @default {1.5} */
  multiplier: number;
  /** The longest delay. @default {60_000} */
  maxDelay: number;
}

/** A closed connection, as far as it matters for the next one. */
export interface Ended {
  /** The close code. */
  code: number;
  /** Whether the application closed it. */
  own: boolean;
  /** How many attempts were made since a connection held. */
  attempts: number;
}

/** Close codes after which the first attempt is made at once. */
const UNPLANNED: readonly number[] = [1005, 4000, 4001];

/**
 * The delay before the next attempt to connect, in milliseconds, or
 * `undefined` if there should be none.
 */
export function reconnectDelay(
  { code, own, attempts }: Ended,
  strategy: "compatible" | "eager" | undefined,
  delays: ReconnectOptions,
  random: () => number,
): number | undefined {
  if (code === 1000 || code >= 4500) return undefined;
  if (own && strategy === "eager") return undefined;
  if (UNPLANNED.includes(code) && attempts === 0) return 0;
  const { initialDelay, randomness, multiplier, maxDelay } = delays;
  if (strategy === "eager") return backoff(attempts, { cap: maxDelay }, random);
  const first = Math.round(initialDelay + randomness * random());
  // The power becomes Infinity in the end, and 0 times that is not a number.
  const growth = Math.min(multiplier ** attempts, Number.MAX_VALUE);
  return Math.min(maxDelay, Math.round(first * growth));
}

/** Whether a WebSocket can be closed with this code. */
export function isCloseCode(code: unknown): code is number {
  return code === 1000 ||
    (Number.isInteger(code) && code as number >= 3000 &&
      code as number <= 4999);
}

/**
 * Checks what `WebSocket.close` would refuse, before anything is changed.
 * @throws {InvalidArgumentsError}
 */
export function checkClose(code: unknown, reason: unknown): void {
  if (!isCloseCode(code)) {
    throw new InvalidArgumentsError(
      `close code must be 1000 or from 3000 to 4999, not ${String(code)}`,
    );
  }
  if (reason === undefined) return;
  if (
    typeof reason !== "string" || new TextEncoder().encode(reason).length > 123
  ) {
    throw new InvalidArgumentsError(
      "close reason must be text of at most 123 bytes",
    );
  }
}
