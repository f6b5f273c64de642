/** What a server lets its clients do, and what it tells its application. */
import type { FeedmeDialect } from "./served_socket.ts";
import type { ServedClient } from "./define.ts";

/** Limits and the like of a Feedme server. */
export interface FeedmeServerOptions {
  /** Which clients are meant where `accept` does not say. @default {"spec"} */
  dialect?: FeedmeDialect;
  /** Milliseconds until a client must have shaken hands. @default {10_000} */
  handshakeTimeoutMs?: number;
  /**
   * Milliseconds in which a FeedClose may cross a FeedTermination; later it is
   * a violation. 0 for the whole connection. @default {30_000}
   */
  terminationMs?: number;
  /** Characters of one message; a longer one cuts the client off. @default {65_536} */
  maxMessageLength?: number;
  /** Feeds that one client may have open. @default {100} */
  maxOpenFeeds?: number;
  /** Actions of one client that may wait for an answer. @default {100} */
  maxPendingActions?: number;
  /**
   * Bytes that a client may leave unread before it is cut off, beside the data
   * of the feeds it has open. It counts where sockets tell `bufferedAmount`.
   * @default {1 MiB}
   */
  maxBufferedBytes?: number;
  /** Whether a violation of the protocol ends the connection. @default {false} */
  disconnectOnViolation?: boolean;
  /** A client has shaken hands. */
  onConnect?: (client: ServedClient) => void;
  /** Such a client is gone, after it has left its feeds. */
  onDisconnect?: (client: ServedClient) => void;
  /**
   * What the application threw, and where; clients get `INTERNAL_ERROR`.
   * @default {console.error}
   */
  onError?: (error: unknown, where: string) => void;
}

/** Those of the options that are numbers. */
export interface Limits {
  handshakeTimeoutMs: number;
  terminationMs: number;
  maxMessageLength: number;
  maxOpenFeeds: number;
  maxPendingActions: number;
  maxBufferedBytes: number;
}

const DEFAULTS: Limits = {
  handshakeTimeoutMs: 10_000,
  terminationMs: 30_000,
  maxMessageLength: 65_536,
  maxOpenFeeds: 100,
  maxPendingActions: 100,
  maxBufferedBytes: 1024 ** 2,
};

/** @throws {TypeError} if a limit is not a whole number of at least 0 */
export function limitsOf(options: FeedmeServerOptions): Limits {
  const limits = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as (keyof Limits)[]) {
    const value = options[name] ?? DEFAULTS[name];
    if (!Number.isInteger(value) || value < 0) {
      throw new TypeError(`${name} must be a whole number of at least 0`);
    }
    limits[name] = value;
  }
  return limits;
}
