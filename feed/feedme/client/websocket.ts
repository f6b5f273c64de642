/** A transport on the platform's `WebSocket`. */
import type { WebSocketConstructor } from "../../../net/dial.ts";
import { Emitter } from "./emitter.ts";
import { setTimer } from "../../../net/timer.ts";
import type { FeedmeTransport, TransportState } from "./transport.ts";

/** Options of {@linkcode webSocketTransport}. */
export interface WebSocketTransportOptions {
  /**
   * The server's address: `ws:`, `wss:`, `http:` or `https:`. A function is asked before
   * each connection, so that it can fetch a fresh token.
   */
  url: string | URL | (() => string | URL | PromiseLike<string | URL>);
  /**
   * Subprotocols to offer.
   * @default {"feedme"}
   */
  protocols?: string | string[];
  /** Headers of the upgrade request, where the platform can send them; browsers cannot. */
  headers?: Record<string, string>;
  /** The constructor to use. @default {globalThis.WebSocket} */
  WebSocket?: WebSocketConstructor;
  /**
   * Milliseconds without a message from the server until the connection counts
   * as lost; 0 for no such watch. Feedme has no heartbeat of its own, so this is
   * for servers that are known to send something at least that often.
   * @default {0}
   */
  silenceTimeoutMs?: number;
}

type Events = {
  connecting: [];
  connect: [];
  message: [text: string];
  disconnect: [] | [Error];
};

/** How long the other side may take to agree to a close, in milliseconds. */
const CLOSE_GRACE = 2_000;

/**
 * Makes a transport that connects by WebSocket.
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
 * @throws {TypeError} if an option makes no sense
 */
export function webSocketTransport(
  options: WebSocketTransportOptions,
): FeedmeTransport {
  const { silenceTimeoutMs = 0 } = options;
  if (!(silenceTimeoutMs >= 0)) {
    throw new TypeError("silenceTimeoutMs must be 0 or a positive number");
  }
  return new WebSocketTransport(options);
}

/** From a call of `connect()` to the end of what it led to. */
interface Connection {
  state: "connecting" | "connected";
  socket?: WebSocket;
}

const UNOPENED = "The WebSocket could not be opened.";

class WebSocketTransport extends Emitter<Events> implements FeedmeTransport {
  readonly #options: WebSocketTransportOptions;
  /** The present one. What is heard of any other is told nobody. */
  #connection: Connection | undefined;
  /** Resolves when every socket that was open has closed. */
  #closed: Promise<void> = Promise.resolve();
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(options: WebSocketTransportOptions) {
    super();
    this.#options = options;
  }

  state(): TransportState {
    return this.#connection?.state ?? "disconnected";
  }

  connect(): void {
    const connection: Connection = { state: "connecting" };
    this.#connection = connection;
    const dialled = this.#dial(connection);
    // Only now: the first mention of `WebSocket` makes Deno load it, and
    // microtasks that are waiting run meanwhile.
    this.#later("connecting");
    dialled.catch((error) => this.#fail(connection, UNOPENED, error));
  }

  send(message: string): void {
    const connection = this.#connection!;
    const socket = connection.socket!;
    // A socket that is closing would drop it without a word.
    if (socket.readyState === 1) socket.send(message);
    else this.#fail(connection, "The WebSocket is closing.");
  }

  disconnect(): void {
    this.#leave();
    this.#later("disconnect");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_GRACE);
      this.#closed.then(() => resolve(clearTimeout(timer)));
    });
  }

  async #dial(connection: Connection): Promise<void> {
    const { url, protocols = "feedme", headers } = this.#options;
    const address = `${typeof url === "function" ? await url() : url}`;
    if (this.#connection !== connection) return;
    // The platform's own error would quote an address that may be secret.
    const base = globalThis.location?.href;
    if (!URL.canParse(address, base)) {
      throw new Error("The address is not a URL");
    }
    const names = [protocols].flat();
    const Socket = this.#options.WebSocket ?? WebSocket;
    const socket = connection.socket = new Socket(
      new URL(address, base).href.replace(/^http/, "ws"),
      // A browser takes a list of names and nothing else.
      headers && Object.keys(headers).length > 0
        ? { protocols: names, headers } as unknown as string[]
        : names,
    );
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    socket.onopen = () => {
      if (this.#connection !== connection) return socket.close();
      connection.state = "connected";
      this.#closed = this.#closed.then(() => closed);
      this.#listen(connection);
      this.emit("connect");
    };
    socket.onmessage = ({ data }) => {
      if (this.#connection !== connection) return;
      if (typeof data !== "string") {
        return this.#fail(connection, "The server sent a binary message.");
      }
      this.#listen(connection);
      this.emit("message", data);
    };
    // On Node 22 a socket that cannot be opened has an error and no close:
    // https://github.com/nodejs/undici/issues/3546
    socket.onerror = (event) => {
      event.preventDefault?.();
      if (connection.state === "connecting") this.#fail(connection, UNOPENED);
    };
    socket.onclose = ({ code }) => {
      resolve();
      this.#fail(
        connection,
        connection.state === "connecting"
          ? UNOPENED
          : `The WebSocket closed (code ${code}).`,
      );
    };
  }

  /** Something was heard: the watch begins anew. */
  #listen(connection: Connection): void {
    const { silenceTimeoutMs: ms = 0 } = this.#options;
    if (ms === 0) return;
    clearTimeout(this.#silence);
    this.#silence = setTimer(
      () => this.#fail(connection, `The server was silent for ${ms} ms.`),
      ms,
    );
  }

  #fail(connection: Connection, text: string, cause?: unknown): void {
    if (this.#connection !== connection) return;
    this.#leave();
    this.#later(
      "disconnect",
      new Error(`FAILURE: ${text}`, isOurs(cause) ? { cause } : undefined),
    );
  }

  /** Enters the state `disconnected` and lets go of the socket. */
  #leave(): void {
    // Not without need: its first mention, too, makes Deno run microtasks.
    if (this.#silence !== undefined) clearTimeout(this.#silence);
    const socket = this.#connection!.socket;
    this.#connection = undefined;
    try {
      socket?.close(1000);
    } catch {
      // Before it has opened, some platforms take no close.
    }
  }

  /** No event comes before the method that causes it has returned. */
  #later<E extends keyof Events>(event: E, ...args: Events[E]): void {
    queueMicrotask(() => this.emit(event, ...args));
  }
}

/** Whether an error can be shown: the platform's own may quote the address. */
function isOurs(error: unknown): boolean {
  return error instanceof Error && error.constructor === Error;
}
