/** The options of `SessionBackend.socket`. */
import type { WebSocketConstructor } from "../../net/dial.ts";
import type { ConnectResponse } from "../../types.ts";
import type { SocketMessage } from "./outbox.ts";

/** Why a connection ended. */
export interface ConnectionEnd {
  /** The close code; 1006 if the connection was lost or never opened. */
  readonly code: number;
  /** The close reason; may be empty. */
  readonly reason: string;
  /** Why it did not open, or why it counts as lost. */
  readonly error?: unknown;
}

/** Options of `SessionBackend.socket`. Durations are in milliseconds. */
export interface BackendSocketOptions {
  /**
   * What follows the backend's URL: a path relative to it, and perhaps a query, such as
   * `"chat?since=4"`. A function is called before each connection, so that it can say
   * what has arrived meanwhile.
   * @default {""}
   */
  path?: string | (() => string) | undefined;
  /** Subprotocols to offer, best first. @default {[]} */
  protocols?: string | string[] | undefined;
  /**
   * Asks for the backend again when it has ended: usually the same request that gave you
   * the first connect response. The socket then continues with the backend of the new
   * response. Without it, the socket closes when the backend ends.
   */
  connect?:
    | ((options: { signal: AbortSignal }) => PromiseLike<ConnectResponse>)
    | undefined;
  /**
   * Whether to connect again after `end`. `false` never does, like a plain `WebSocket`.
   *
   * By default it does, except after these close codes, which mean that the connection
   * has served its purpose or that the next one would end in the same way: 1000, 1002,
   * 1003, 1007 to 1010, and 4400 to 4499 (the edge route closes with 4403 when access
   * was revoked).
   */
  reconnect?: boolean | ((end: ConnectionEnd) => boolean) | undefined;
  /** The window of the first delay; each further one doubles it. @default {500} */
  minDelay?: number | undefined;
  /** The upper bound of a delay. @default {20_000} */
  maxDelay?: number | undefined;
  /** Time allowed for a connection to open. @default {10_000} */
  connectTimeout?: number | undefined;
  /**
   * A connection over which nothing arrived for this long counts as lost; 0 or
   * `Infinity` means never. Requires a server that sends something at least that often,
   * or `ping`.
   * @default {15_000 with `ping`, `Infinity` without}
   */
  silenceTimeout?: number | undefined;
  /**
   * Returns a message that your server answers. It is sent when nothing has arrived for
   * half of `silenceTimeout`, and when the page wakes up; the
   * answer then has 5 seconds.
   */
  ping?: (() => SocketMessage) | undefined;
  /**
   * How many bytes may be held while there is no connection. A message beyond that is
   * reported in a `lost` event.
   * @default {1_048_576}
   */
  maxBuffered?: number | undefined;
  /** Closes the socket when it aborts. */
  signal?: AbortSignal | undefined;
  /** Headers of the upgrade request. Deno, Bun and Node can send them; browsers cannot. */
  headers?: Record<string, string> | undefined;
  /** The constructor to use. @default {globalThis.WebSocket} */
  WebSocket?: WebSocketConstructor | undefined;
}
