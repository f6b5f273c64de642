/** A transport that uses the platform's `WebSocket`. */
import {
  constructorOf,
  isUnsupported,
  type OpenedSocket,
  openWebSocket,
  type WebSocketConstructor,
} from "../../../net/dial.ts";
import { isError } from "../../../net/shape.ts";
import { asyncDispose } from "../../../net/dispose.ts";
import { Emitter } from "./emitter.ts";
import { LIVENESS } from "../../../net/silence.ts";
import { checkDuration } from "../../../net/timer.ts";
import { parseUrl } from "../../../net/url.ts";
import { ALIVE, SUBPROTOCOL } from "../wire/protocol.ts";
import type {
  FeedmeTransport,
  TransportLiveness,
  TransportState,
} from "./transport.ts";

/** Options of {@linkcode webSocketTransport}. */
export interface WebSocketTransportOptions {
  /**
   * The server's URL: `ws:`, `wss:`, `http:` or `https:`. A function is called before
   * each connection, so that it can fetch a fresh token.
   */
  url: string | URL | (() => string | URL | PromiseLike<string | URL>);
  /**
   * Subprotocols to offer. With `feedme+alive`, this library's server answers signs of
   * life, and resumes feeds that have a log. A server that does not know it chooses
   * `feedme`. With another constructor than the platform's (`WebSocket`), the default is
   * `feedme` alone: npm's `ws` separates the list in a way that Deno's servers do not
   * read.
   * @default {["feedme", "feedme+alive"]}
   */
  protocols?: string | string[];
  /** Headers of the upgrade request. Deno, Bun and Node can send them; browsers cannot. */
  headers?: Record<string, string>;
  /** The constructor to use. @default {globalThis.WebSocket} */
  WebSocket?: WebSocketConstructor;
  /**
   * How long the server may answer nothing before the connection counts as lost, in
   * milliseconds; 0 or `Infinity` means for ever. The client asks in the middle of that
   * time, so a healthy connection is never cut, and a dead one is noticed after one and
   * a half times as long, at most. When a page wakes up, it asks at once, and the server
   * has 5 s.
   * @default {15_000}
   */
  silenceTimeout?: number;
  /**
   * Whether to ask servers that do not speak `feedme+alive` too. Feedme has no heartbeat,
   * so the client sends an action named `feedme+alive`, which such a server rejects. The
   * client stops asking a server that answers none of these actions.
   * @default {true}
   */
  probe?: boolean;
}

type Events = {
  connecting: [];
  connect: [];
  message: [text: string];
  disconnect: [] | [Error];
};

/** How long the other side may take to confirm a close, in milliseconds. */
const CLOSE_GRACE = 2_000;

/**
 * Creates a transport that connects by WebSocket.
 *
 * ```ts
 * import { feedmeClient, webSocketTransport } from "@feedline/feedline/feed/feedme";
 *
 * const client = feedmeClient({
 *   transport: webSocketTransport({ url: "wss://example.com/live" }),
 * });
 * console.log(client.state()); // disconnected
 * client.destroy();
 * ```
 *
 * @throws {TypeError} if `url` is missing or has another scheme
 * @throws {RangeError} if `silenceTimeout` is NaN or negative
 */
export function webSocketTransport(
  options: WebSocketTransportOptions,
): FeedmeTransport {
  return new WebSocketTransport(options);
}

/** One connection, from the call of `connect()` to its end. */
interface Connection {
  state: "connecting" | "connected";
  opened?: OpenedSocket;
}

/** `feedme` first, because some servers choose the first whatever it is. */
const OFFER = [SUBPROTOCOL, ALIVE];

const UNOPENED = "The WebSocket could not be opened.";

class WebSocketTransport extends Emitter<Events> implements FeedmeTransport {
  readonly #options: WebSocketTransportOptions;
  /** The current connection. Events of any other are dropped. */
  #connection: Connection | undefined;
  /** Resolves when all sockets have been freed. */
  #closed: Promise<void> = Promise.resolve();
  readonly liveness: TransportLiveness;

  constructor(options: WebSocketTransportOptions) {
    super();
    this.#options = options;
    const { silenceTimeout = LIVENESS.limit, probe = true, url } = options ??
      {};
    this.liveness = {
      ...LIVENESS,
      limit: checkDuration("silenceTimeout", silenceTimeout),
      probes: probe,
    };
    if (url === undefined) {
      throw new TypeError(
        "webSocketTransport needs url, such as wss://example.com/live",
      );
    }
    // A path can be resolved only on the page, which may not be loaded yet.
    const fault = typeof url === "function"
      ? undefined
      : schemeFault(parseUrl(String(url)));
    if (fault) throw new TypeError(fault);
  }

  state(): TransportState {
    return this.#connection?.state ?? "disconnected";
  }

  connect(): void {
    const connection: Connection = { state: "connecting" };
    this.#connection = connection;
    const dialled = this.#dial(connection);
    // Only now, because the first use of `WebSocket` makes Deno load it, and pending
    // microtasks run in the meantime.
    this.#later("connecting");
    dialled.catch((error) => this.#fail(connection, UNOPENED, error));
  }

  send(message: string): void {
    const connection = this.#connection!;
    const { socket } = connection.opened!;
    // A closing socket would drop it silently.
    if (socket.readyState === 1) socket.send(message);
    else this.#fail(connection, "The WebSocket is closing.");
  }

  disconnect(): void {
    this.#leave();
    this.#later("disconnect");
  }

  async [asyncDispose](): Promise<void> {
    if (this.#connection) this.disconnect();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_GRACE);
      this.#closed.then(() => resolve(clearTimeout(timer)));
    });
  }

  async #dial(connection: Connection): Promise<void> {
    const { url, headers, WebSocket: own } = this.#options;
    const { protocols = own ? SUBPROTOCOL : OFFER } = this.#options;
    // Not a template: the Babel preset of React Native fails on one that awaits.
    const address = String(typeof url === "function" ? await url() : url);
    if (this.#connection !== connection) return;
    // The platform's own error would quote the URL, which may be secret.
    const base = globalThis.location?.href;
    const parsed = parseUrl(address, base);
    if (!parsed) {
      throw new Error(
        "The option url is not a valid URL, such as wss://example.com/live",
      );
    }
    const fault = schemeFault(parsed);
    if (fault) throw new Error(fault);
    const Socket = constructorOf(own);
    const opened = connection.opened = openWebSocket(
      parsed.href.replace(/^http/, "ws"),
      {
        protocols: [protocols].flat(),
        // A browser accepts only a list of names, so the connection fails there: it
        // must not open without the headers that were requested.
        create: (url, protocols) =>
          headers && Object.keys(headers).length > 0
            ? new Socket(url, { protocols, headers } as unknown as string[])
            : new Socket(url, protocols),
      },
      {
        opened: () => {
          connection.state = "connected";
          this.emit("connect");
        },
        message: (data) => {
          if (typeof data !== "string") {
            return this.#fail(connection, "The server sent a binary message.");
          }
          this.emit("message", data);
        },
        closed: (code) =>
          this.#fail(connection, `The WebSocket closed (code ${code}).`),
        failed: (error) => this.#fail(connection, UNOPENED, error),
      },
    );
    this.#closed = this.#closed.then(() => opened.ended);
  }

  #fail(
    connection: Connection | undefined,
    text: string,
    cause?: unknown,
  ): void {
    if (!connection || this.#connection !== connection) return;
    this.#leave();
    this.#later(
      "disconnect",
      new Error(`FAILURE: ${text}`, isOurs(cause) ? { cause } : undefined),
    );
  }

  /** Enters the state `disconnected` and releases the socket. */
  #leave(): void {
    const { opened } = this.#connection!;
    this.#connection = undefined;
    opened?.close(1000);
  }

  /** Emits an event after the method that causes it has returned. */
  #later<E extends keyof Events>(event: E, ...args: Events[E]): void {
    queueMicrotask(() => this.emit(event, ...args));
  }
}

/** What to say about a URL with another scheme; quotes only the scheme. */
function schemeFault(url: URL | undefined): string | undefined {
  if (!url || /^(ws|http)s?:$/.test(url.protocol)) return undefined;
  return `The option url must begin with ws: or wss: (http: and https: mean the same); got ${url.protocol}`;
}

/** Whether an error may be shown: the platform's own may quote the URL. */
function isOurs(error: unknown): boolean {
  return isError(error) && (error.name === "Error" || isUnsupported(error));
}
