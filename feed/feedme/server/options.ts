/** The limits that a server sets its clients, and the callbacks it makes. */
import { checkNumber } from "../../../net/number.ts";
import { checkDuration } from "../../../net/timer.ts";
import { DEFAULT_MAX_DEPTH, GREATEST_MAX_DEPTH } from "../wire/json.ts";
import type { FeedmeDialect } from "./served_socket.ts";
import type { ServedClient } from "./define.ts";
import type { Delta, FeedArgs, JsonObject } from "../wire/protocol.ts";

/** The operation of the server in which the application threw. */
export type FeedmeServerActivity =
  | "action"
  | "open"
  | "close"
  | "connect"
  | "disconnect"
  | "change"
  | "violation";

/** Where an error of the application occurred. */
export interface FeedmeErrorContext {
  /** The operation of the server. */
  readonly during: FeedmeServerActivity;
  /** The action or feed, if there is one. */
  readonly name?: string;
  /** The client for which the server did it; absent for a change of a shared feed. */
  readonly client?: ServedClient;
}

/** A change of a feed, as `onChange` gets it. */
export interface ServedChange {
  /** The name of the feed. */
  readonly feed: string;
  /** Its arguments. */
  readonly args: FeedArgs;
  /** The name of the action. */
  readonly action: string;
  /** What clients learn about the action. */
  readonly actionData: JsonObject;
  /** What clients apply to their data. */
  readonly deltas: readonly Delta[];
  /** The data after the change. */
  readonly data: JsonObject;
  /** The client whose data it is, if the feed is private. */
  readonly client?: ServedClient;
}

/** A violation of the protocol, as `onViolation` gets it. */
export interface FeedmeViolation {
  /** The client that violated it. */
  readonly client: ServedClient;
  /** What is wrong with the message. */
  readonly problem: string;
  /** The message, at most its first 1,000 characters. */
  readonly message: string;
}

/** Limits and callbacks of a Feedme server. */
export interface FeedmeServerOptions {
  /** The dialect of clients for which `accept` does not set one. @default {"spec"} */
  dialect?: FeedmeDialect;
  /**
   * Milliseconds until a client must have completed the handshake; 0 or
   * `Infinity` for no limit. @default {10_000}
   */
  handshakeTimeout?: number;
  /**
   * Milliseconds that your code may take: `authorize`, `initial`, `onOpen`, `onClose` and
   * the handler of an action. After that, the client gets `TIMEOUT`, `onError` is called,
   * and the next client that opens the feed causes a new call of `initial`. 0 or
   * `Infinity` for no limit. @default {30_000}
   */
  callbackTimeout?: number;
  /**
   * Milliseconds after a FeedTermination in which a FeedClose may still arrive; a
   * later one is a violation. 0 or `Infinity` means the whole connection. @default {30_000}
   */
  terminationMs?: number;
  /**
   * Longest message that the server accepts, in bytes of UTF-8. A longer one
   * closes the connection with 1009. @default {65_536}
   */
  maxMessage?: number;
  /**
   * How many levels of arrays and objects action arguments and data may have,
   * from 1 to 1,000. Deeper arguments are a violation; deeper data of your own
   * throws a `DataError`. @default {200}
   */
  maxDepth?: number;
  /** How many feeds one client may have open. @default {100} */
  maxOpenFeeds?: number;
  /** How many actions of one client may wait for a response. @default {100} */
  maxPendingActions?: number;
  /**
   * Bytes that a client may leave unread, in addition to the data of the feeds it
   * has open. The server closes a client that still has more to read a second
   * later with 1013. The limit needs sockets that report `bufferedAmount`. @default {1 MiB}
   */
  maxBuffered?: number;
  /**
   * How long a client that offered the subprotocol `feedme+alive` may be silent, in
   * milliseconds; 0 or `Infinity` for no limit. The server asks it for a sign of life in
   * the middle of that time, so a healthy connection is never cut, and a dead one ends at
   * most a quarter later than this. @default {20_000}
   */
  silenceTimeout?: number;
  /** Whether a protocol violation closes the connection. @default {false} */
  disconnectOnViolation?: boolean;
  /**
   * Whether to freeze feed data, so that code that modifies it in place, and would
   * leave clients with other data, throws at that line. `true` freezes everything.
   * `false` freezes nothing, for code that must keep changing objects that it has
   * passed to the server. By default the server freezes arrays and objects with up
   * to 50 entries, which costs little and finds the mistake while lists are short.
   * @default {small arrays and objects}
   */
  freeze?: boolean;
  /** Called when a client has completed the handshake. */
  onConnect?: (client: ServedClient) => void;
  /** Called when such a client has disconnected and left its feeds. */
  onDisconnect?: (client: ServedClient) => void;
  /** Called after each change of a feed, once clients have been notified. */
  onChange?: (change: ServedChange) => void;
  /** Called when a client has violated the protocol. */
  onViolation?: (violation: FeedmeViolation) => void;
  /**
   * Called with what your code threw, and where; the client gets
   * `INTERNAL_ERROR`, or `TIMEOUT` if your code took too long. @default {console.error}
   */
  onError?: (error: unknown, context: FeedmeErrorContext) => void;
}

/** The numeric options, with defaults and checked. */
export interface Limits {
  readonly handshakeTimeout: number;
  readonly callbackTimeout: number;
  readonly terminationMs: number;
  readonly maxMessage: number;
  readonly maxDepth: number;
  readonly maxOpenFeeds: number;
  readonly maxPendingActions: number;
  readonly maxBuffered: number;
  readonly silenceTimeout: number;
}

/**
 * Checks the numeric options and fills in the defaults.
 *
 * @throws {RangeError} if an option is out of range; the message names it
 */
export function limitsOf(options: FeedmeServerOptions): Limits {
  const {
    handshakeTimeout = 10_000,
    callbackTimeout = 30_000,
    terminationMs = 30_000,
    maxMessage = 65_536,
    maxDepth = DEFAULT_MAX_DEPTH,
    maxOpenFeeds = 100,
    maxPendingActions = 100,
    maxBuffered = 1024 ** 2,
    silenceTimeout = 20_000,
  } = options;
  return {
    handshakeTimeout: duration("handshakeTimeout", handshakeTimeout),
    callbackTimeout: duration("callbackTimeout", callbackTimeout),
    terminationMs: duration("terminationMs", terminationMs),
    maxMessage: count("maxMessage", maxMessage),
    maxDepth: depth("maxDepth", maxDepth),
    maxOpenFeeds: count("maxOpenFeeds", maxOpenFeeds),
    maxPendingActions: count("maxPendingActions", maxPendingActions),
    maxBuffered: count("maxBuffered", maxBuffered),
    silenceTimeout: duration("silenceTimeout", silenceTimeout),
  };
}

/** Checks a duration in milliseconds; 0 means no limit and becomes `Infinity`. */
function duration(name: string, value: number): number {
  return checkDuration(name, value) || Infinity;
}

function count(name: string, value: number): number {
  return checkNumber(name, value, { whole: true });
}

function depth(name: string, value: number): number {
  return checkNumber(name, value, {
    least: 1,
    most: GREATEST_MAX_DEPTH,
    whole: true,
  });
}

/** The most entries of arrays and objects that are frozen by default. */
const SMALL = 50;

/** The most entries that an array or object may have to be frozen. */
export function frozenUpTo({ freeze }: FeedmeServerOptions): number {
  if (freeze === undefined) return SMALL;
  return freeze ? Infinity : 0;
}
