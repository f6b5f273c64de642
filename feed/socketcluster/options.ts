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
   * The server's port. `""`, `null`, `0` or an explicit `undefined` means the scheme's
   * default port; the default of `authTokenName` then contains no port.
   * @default {80} the page's port, if there is one; else 443 if `secure`
   */
  port?: number | string | null | undefined;
  /** Whether to connect with TLS. @default {false} true on a page loaded over HTTPS */
  secure?: boolean | undefined;
  /** Replaces `ws` or `wss`. */
  protocolScheme?: string | null | undefined;
  /** The path of a local socket, for WebSocket constructors that support `ws+unix:`. */
  socketPath?: string | null | undefined;
  /** The path of the URL. @default {"/socketcluster/"} */
  path?: string | undefined;
  /** The query of the URL. Each item of an array becomes a parameter. */
  query?: string | Record<string, unknown> | null | undefined;
  /** Whether to add the time (ms since 1970) to each URL. @default {false} */
  timestampRequests?: boolean | undefined;
  /** The name of the parameter with that time. @default {"t"} */
  timestampParam?: string | undefined;
  /** Whether to connect immediately. @default {true} */
  autoConnect?: boolean | undefined;
  /** Whether to reconnect after the connection is lost. @default {true} */
  autoReconnect?: boolean | undefined;
  /** The delays before reconnecting. */
  autoReconnectOptions?: Partial<ReconnectOptions> | undefined;
  /**
   * How to reconnect. `"compatible"` behaves like socketcluster-client: it first waits
   * 10 to 20 s, and reconnects even after your own `disconnect(code)` if the code is
   * not 1000 and is below 4500. `"eager"` first waits 0 to 500 ms, then up to twice as
   * long each time, at most `maxDelay`; it starts over only after a connection has held
   * for 5 s, and never reconnects after your own `disconnect`.
   * @default {"compatible"}
   */
  reconnect?: "compatible" | "eager" | undefined;
  /** Whether to send pending subscriptions after connecting. @default {true} */
  autoSubscribeOnConnect?: boolean | undefined;
  /** How long a WebSocket may take to open. @default {20_000} */
  connectTimeout?: number | undefined;
  /** How long a call, or the handshake, may wait for its response. @default {10_000} */
  ackTimeout?: number | undefined;
  /** Whether to stay connected no matter how long the server is silent. @default {false} */
  pingTimeoutDisabled?: boolean | undefined;
  /**
   * How long the server may be silent, to detect half-open connections early. Takes
   * effect if it is shorter than the `pingTimeout` that the server announces, or if
   * `pingTimeoutDisabled` is set. 0 means no limit. Set it above the server's
   * `pingInterval` (8 s by default).
   */
  silenceTimeout?: number | undefined;
  /** Stores tokens. @default {new MemoryAuth()} */
  authEngine?: AuthEngine | null | undefined;
  /** The name of the token in the auth engine. @default {"socketcluster.authToken.<host>:<port>"} */
  authTokenName?: string | undefined;
  /** Turns packets into frames and back. @default {jsonCodec} */
  codecEngine?: CodecEngine | null | undefined;
  /** Prepended to the names of channels on the wire. */
  channelPrefix?: string | null | undefined;
  /** The type of binary frames. @default {"arraybuffer"} */
  binaryType?: "arraybuffer" | "blob" | undefined;
  /** Whether to send in batches for a while after each handshake. @default {false} */
  batchOnHandshake?: boolean | undefined;
  /** How long to send in batches after a handshake. @default {100} */
  batchOnHandshakeDuration?: number | undefined;
  /** How often batches are sent. @default {50} */
  batchInterval?: number | undefined;
  /** 1 for servers whose pings are `#1`. @default {2} */
  protocolVersion?: 1 | 2 | undefined;
  /** Whether to copy data when it is passed to a method. @default {false} */
  cloneData?: boolean | undefined;
  /**
   * Options for the WebSocket constructor, such as `headers`, if it accepts an object
   * as its second argument (Deno, Bun, Node). Not used in browsers.
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
