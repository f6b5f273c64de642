/** The options of a socket. Their defaults and checks are in `settings.ts`. */
import type { WebSocketConstructor } from "../../net/dial.ts";
import type { AuthEngine } from "./auth.ts";
import type { CodecEngine } from "./codec.ts";
import type { ReconnectOptions } from "./protocol.ts";

export type { ReconnectOptions, WebSocketConstructor };

/** Options of `create`. An option that is `undefined` has its default. Times are in milliseconds. */
export interface ClientOptions {
  /** The server's name. @default {"localhost"} the page's host, if there is one */
  hostname?: string | undefined;
  /** `"name:port"`, instead of `hostname` and `port`. */
  host?: string | null | undefined;
  /**
   * The server's port. `""`, `null`, `0` or `undefined` stands for the scheme's
   * usual port, and then the default of `authTokenName` has no port in it.
   * @default {80} the page's port, if there is one; else 443 if `secure`
   */
  port?: number | string | null | undefined;
  /** Whether to connect with TLS. @default {false} true on a page loaded over HTTPS */
  secure?: boolean | undefined;
  /** Replaces `ws` or `wss`. */
  protocolScheme?: string | null | undefined;
  /** The path of a local socket, for WebSocket constructors that know `ws+unix:`. */
  socketPath?: string | null | undefined;
  /** The path of the address. @default {"/socketcluster/"} */
  path?: string | undefined;
  /** The query of the address. Each item of an array becomes a parameter. */
  query?: string | Record<string, unknown> | null | undefined;
  /** Whether to add the time (ms since 1970) to each address. @default {false} */
  timestampRequests?: boolean | undefined;
  /** The name of the parameter that holds that time. @default {"t"} */
  timestampParam?: string | undefined;
  /** Whether to connect at once. @default {true} */
  autoConnect?: boolean | undefined;
  /** Whether to reconnect after a connection was lost. @default {true} */
  autoReconnect?: boolean | undefined;
  /** The delays before reconnecting. */
  autoReconnectOptions?: Partial<ReconnectOptions> | undefined;
  /**
   * How to reconnect. `"compatible"` does what socketcluster-client does: it waits
   * 10 to 20 s at first, and reconnects even after your own `disconnect(code)` if
   * the code is not 1000 and below 4500. `"eager"` waits 0 to 500 ms at first and
   * up to twice as long each time, at most `maxDelay`; it starts over only after a
   * connection has held for 5 s, and never reconnects after your own `disconnect`.
   * @default {"compatible"}
   */
  reconnect?: "compatible" | "eager" | undefined;
  /** Whether to send pending subscriptions on connecting. @default {true} */
  autoSubscribeOnConnect?: boolean | undefined;
  /** How long a WebSocket may take to open. @default {20_000} */
  connectTimeout?: number | undefined;
  /** How long a call, or the handshake, may wait for its answer. @default {10_000} */
  ackTimeout?: number | undefined;
  /** Whether to stay connected however long the server is silent. @default {false} */
  pingTimeoutDisabled?: boolean | undefined;
  /**
   * Finds half-open connections early: how long the server may be silent, where
   * that is shorter than the `pingTimeout` it announces, or where
   * `pingTimeoutDisabled` is set. 0 means no limit. Set it above the server's
   * `pingInterval` (8 s by default).
   */
  silenceTimeout?: number | undefined;
  /** Keeps tokens. @default {new MemoryAuth()} */
  authEngine?: AuthEngine | null | undefined;
  /** The name of the token in the auth engine. @default {"socketcluster.authToken.<host>:<port>"} */
  authTokenName?: string | undefined;
  /** Turns packets into frames and back. @default {jsonCodec} */
  codecEngine?: CodecEngine | null | undefined;
  /** Prepended to the names of channels on the wire. */
  channelPrefix?: string | null | undefined;
  /** What binary frames become. @default {"arraybuffer"} */
  binaryType?: "arraybuffer" | "blob" | undefined;
  /** Whether to send in batches for a while after each connection. @default {false} */
  batchOnHandshake?: boolean | undefined;
  /** For how long. @default {100} */
  batchOnHandshakeDuration?: number | undefined;
  /** How often batches are sent. @default {50} */
  batchInterval?: number | undefined;
  /** 1 for servers whose pings are `#1`. @default {2} */
  protocolVersion?: 1 | 2 | undefined;
  /** Whether to copy data when it is passed to a method. @default {false} */
  cloneData?: boolean | undefined;
  /**
   * Options for the WebSocket constructor, such as `headers`, where it takes an
   * object as its second argument (Deno, Bun, Node). Browsers ignore them.
   */
  wsOptions?: Record<string, unknown> | undefined;
  /** The WebSocket constructor. @default {globalThis.WebSocket} */
  WebSocket?: WebSocketConstructor | undefined;
  /** How many messages and calls may wait for a connection. @default {100_000} */
  queueLimit?: number | undefined;
  /** Identifies this client across connections. @default a random UUID */
  clientId?: string | undefined;
  /** Accepted for compatibility: the value of `socket.version`. */
  version?: string | undefined;
  /** Accepted for compatibility, without effect. */
  subscriptionRetryOptions?: object | null | undefined;
  /** Accepted for compatibility, without effect: the server announces it. */
  pingTimeout?: number | undefined;
  /** Accepted for compatibility, without effect: closing a page disconnects it. */
  disconnectOnUnload?: boolean | undefined;
  /** Accepted for compatibility, without effect. */
  callIdGenerator?: (() => number) | undefined;
}
