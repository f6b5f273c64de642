/**
 * SocketCluster's packets and rules as plain values: no socket, timer, clock
 * or random number. See
 * {@link https://github.com/SocketCluster/socketcluster/blob/master/socketcluster-protocol.md}.
 */
import { backoff } from "../../net/backoff.ts";
import { InvalidArgumentsError } from "./errors.ts";

/** A message, or, with a `cid`, a call. */
export interface Request {
  event: string;
  data?: unknown;
  cid?: number;
}

/** A packet from this client. */
export type OutboundPacket =
  | Request
  | { rid: number; data?: unknown; error?: unknown };

/** The server's response to the handshake. */
export interface HandshakeStatus {
  id: string;
  pingTimeout: number;
  isAuthenticated: boolean;
  authError?: unknown;
}

/**
 * A packet from the server. This list is closed: `inbound.ts` does not compile
 * until it handles each kind.
 */
export type InboundPacket =
  /** Data published to a channel. */
  | { kind: "publication"; channel: string; data: unknown }
  /** The server ended a subscription. */
  | { kind: "kickOut"; channel: string; message: unknown }
  /** The server issued a token. With a `cid`, it waits for a response. */
  | { kind: "setAuthToken"; token: unknown; cid: number | undefined }
  /** The server revoked the token. With a `cid`, it waits for a response. */
  | { kind: "removeAuthToken"; cid: number | undefined }
  /** A message for a receiver. */
  | { kind: "message"; event: string; data: unknown }
  /** A call of a procedure. */
  | { kind: "call"; event: string; data: unknown; cid: number }
  /** The response to a call of this client. */
  | { kind: "answer"; rid: number; data: unknown; error: unknown }
  /** A publication or a kick-out without a channel. */
  | { kind: "malformed" }
  /** Anything else: the application gets the whole frame. */
  | { kind: "raw" };

const MALFORMED: InboundPacket = { kind: "malformed" };
const RAW: InboundPacket = { kind: "raw" };

/** Classifies a decoded packet. */
export function readPacket(packet: unknown): InboundPacket {
  if (typeof packet !== "object" || packet === null) return RAW;
  const { event, data } = packet as { event?: unknown; data?: unknown };
  if (typeof event === "string") {
    const { cid } = packet as { cid?: unknown };
    return typeof cid === "number"
      ? readCall(event, data, cid)
      : readMessage(event, data);
  }
  const { rid, error } = packet as { rid?: unknown; error?: unknown };
  return typeof rid === "number" ? { kind: "answer", rid, data, error } : RAW;
}

function readMessage(event: string, data: unknown): InboundPacket {
  switch (event) {
    case "#publish": {
      const { channel, data: published } = members(data);
      if (typeof channel !== "string") return MALFORMED;
      return { kind: "publication", channel, data: published };
    }
    case "#kickOut": {
      const { channel, message } = members(data);
      if (typeof channel !== "string") return MALFORMED;
      return { kind: "kickOut", channel, message };
    }
    default:
      return readTokenPacket(event, data, undefined) ??
        { kind: "message", event, data };
  }
}

/** Of the reserved names, only those about tokens can be calls. */
function readCall(event: string, data: unknown, cid: number): InboundPacket {
  return readTokenPacket(event, data, cid) ??
    { kind: "call", event, data, cid };
}

function readTokenPacket(
  event: string,
  data: unknown,
  cid: number | undefined,
): InboundPacket | undefined {
  switch (event) {
    case "#setAuthToken":
      return { kind: "setAuthToken", token: members(data).token, cid };
    case "#removeAuthToken":
      return { kind: "removeAuthToken", cid };
    default:
      return undefined;
  }
}

/** The properties of a value; none if it is not an object. */
function members(value: unknown): Record<string, unknown> {
  return (value ?? {}) as Record<string, unknown>;
}

/**
 * The name of a channel on the wire. Without a prefix, it is left unchanged, so that the
 * server can refuse a name that is not a string and the application gets the error.
 */
export function prefixed(prefix: string | null, channel: string): string {
  return prefix ? prefix + channel : channel;
}

/** The name of a channel as the application knows it. */
export function unprefixed(prefix: string | null, channel: string): string {
  return prefix && channel.startsWith(prefix)
    ? channel.slice(prefix.length)
    : channel;
}

/** The server's response to a call. */
export interface Answer {
  data?: unknown;
  error?: unknown;
}

/** Whether a packet is the response to call number `cid`. */
export function isAnswer(packet: unknown, cid: number): packet is Answer {
  const { event, rid } = (packet ?? {}) as { event?: unknown; rid?: unknown };
  return typeof event !== "string" && rid === cid;
}

/** Whether the server's response to the handshake is valid. */
export function isHandshakeStatus(data: unknown): data is HandshakeStatus {
  const { pingTimeout } = (data ?? {}) as Partial<HandshakeStatus>;
  return typeof pingTimeout === "number" && pingTimeout > 0;
}

/** Delays of `reconnect: "compatible"`, in milliseconds. */
export interface ReconnectOptions {
  /** The shortest first delay. @default {10_000} */
  initialDelay: number;
  /** The most that is randomly added to the first delay. @default {10_000} */
  randomness: number;
  /** The factor by which each delay exceeds the previous one. @default {1.5} */
  multiplier: number;
  /** The longest delay. @default {60_000} */
  maxDelay: number;
}

/** What the delay depends on: how the last connection ended. */
export interface Ended {
  /** The close code. */
  code: number;
  /** Whether the application closed it. */
  own: boolean;
  /** How many attempts were made since a connection held. */
  attempts: number;
}

/**
 * What a close code means for the next attempt. This list is closed:
 * `reconnectDelay` does not compile until it handles each rule.
 */
type CloseRule =
  /** The end was intended: there is no next attempt. */
  | "final"
  /** An unplanned end: the first attempt is immediate. */
  | "unplanned"
  /** Any other end: each attempt waits. */
  | "delayed";

function closeRule(code: number): CloseRule {
  switch (code) {
    case 1000:
      return "final";
    case 1005:
    case 4000:
    case 4001:
      return "unplanned";
    default:
      return code >= 4500 ? "final" : "delayed";
  }
}

/** How to reconnect: like upstream, or as soon as it is reasonable. */
type Strategy = "compatible" | "eager" | undefined;

/**
 * The delay before the next attempt to connect, in milliseconds, or
 * `undefined` if there should be none.
 */
export function reconnectDelay(
  { code, own, attempts }: Ended,
  strategy: Strategy,
  delays: ReconnectOptions,
  random: () => number,
): number | undefined {
  if (own && strategy === "eager") return undefined;
  const rule = closeRule(code);
  switch (rule) {
    case "final":
      return undefined;
    case "unplanned":
      if (attempts === 0) return 0;
      return growingDelay(attempts, strategy, delays, random);
    case "delayed":
      return growingDelay(attempts, strategy, delays, random);
    default:
      return rule satisfies never;
  }
}

function growingDelay(
  attempts: number,
  strategy: Strategy,
  delays: ReconnectOptions,
  random: () => number,
): number {
  const { initialDelay, randomness, multiplier, maxDelay } = delays;
  if (strategy === "eager") return backoff(attempts, { cap: maxDelay }, random);
  const first = Math.round(initialDelay + randomness * random());
  // The power eventually becomes Infinity, and 0 * Infinity is NaN.
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
 * Checks a close code and a reason before anything changes. A reason may be longer than
 * a close frame allows: the transport truncates it.
 * @throws {InvalidArgumentsError}
 */
export function checkClose(code: unknown, reason: unknown): void {
  if (!isCloseCode(code)) {
    throw new InvalidArgumentsError(
      `close code must be 1000 or from 3000 to 4999; got ${String(code)}`,
    );
  }
  if (reason !== undefined && typeof reason !== "string") {
    throw new InvalidArgumentsError(
      `close reason must be a string; got ${typeof reason}`,
    );
  }
}
