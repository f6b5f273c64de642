/** A transport on the platform's `WebSocket`. */
import { dial, type WebSocketConstructor } from "../../net/dial.ts";
import { Emitter } from "./emitter.ts";
import { LONGEST_TIMEOUT, setTimer } from "./timer.ts";
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

class WebSocketTransport extends Emitter<Events> implements FeedmeTransport {
  readonly #options: WebSocketTransportOptions;
  #state:
    | { kind: "disconnected" }
    | { kind: "connecting"; abort: AbortController }
    | { kind: "connected"; socket: WebSocket; closed: Promise<void> } = {
      kind: "disconnected",
    };
  /** The ends of sockets that are closing. */
  readonly #closing = new Set<Promise<void>>();
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(options: WebSocketTransportOptions) {
    super();
    this.#options = options;
  }

  state(): TransportState {
    return this.#state.kind;
  }

  connect(): void {
    const abort = new AbortController();
    this.#state = { kind: "connecting", abort };
    const dialled = this.#dial(abort);
    // Only now: the first mention of `WebSocket` makes Deno load it, and
    // microtasks that are waiting run meanwhile.
    this.#later("connecting");
    dialled.catch((error) => {
      if (!abort.signal.aborted) {
        this.#fail("The WebSocket could not be opened.", error);
      }
    });
  }

  send(message: string): void {
    if (this.#state.kind !== "connected") {
      throw new Error("The transport is not connected");
    }
    const { socket } = this.#state;
    // A socket that is closing would drop it without a word.
    if (socket.readyState === 1) socket.send(message);
    else this.#fail("The WebSocket is closing.");
  }

  disconnect(): void {
    if (this.#state.kind === "disconnected") {
      throw new Error("The transport is disconnected");
    }
    this.#leave();
    this.#later("disconnect");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_GRACE);
      Promise.all(this.#closing).then(() => resolve(clearTimeout(timer)));
    });
  }

  async #dial(abort: AbortController): Promise<void> {
    const { url, protocols = "feedme", headers, WebSocket } = this.#options;
    const { signal } = abort;
    let address: string;
    try {
      address = `${typeof url === "function" ? await url() : url}`;
      address = new URL(address, globalThis.location?.href).href;
    } catch (error) {
      // The platform's own message would quote an address that may be secret.
      throw error instanceof TypeError
        ? new Error("The address is not a URL")
        : error;
    }
    signal.throwIfAborted();
    await dial(address.replace(/^http/, "ws"), {
      protocols: [protocols].flat(),
      // An empty object is no reason to ask a browser for what it cannot do.
      init: headers && Object.keys(headers).length > 0 ? { headers } : {},
      WebSocket,
      signal,
      // The client has a timeout of its own.
      timeout: LONGEST_TIMEOUT,
      onOpen: (socket) => this.#opened(socket),
    });
  }

  #opened(socket: WebSocket): void {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const state = this.#state = { kind: "connected", socket, closed };
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") {
        return this.#fail("The server sent a binary message.");
      }
      this.#listen();
      this.emit("message", data);
    };
    socket.onclose = ({ code }) => {
      resolve();
      if (this.#state === state) {
        this.#fail(`The WebSocket closed (code ${code}).`);
      }
    };
    this.#listen();
    this.emit("connect");
  }

  /** Something was heard: the watch begins anew. */
  #listen(): void {
    const { silenceTimeoutMs: ms = 0 } = this.#options;
    if (ms === 0) return;
    clearTimeout(this.#silence);
    this.#silence = setTimer(
      () => this.#fail(`The server was silent for ${ms} ms.`),
      ms,
    );
  }

  #fail(text: string, cause?: unknown): void {
    if (this.#state.kind === "disconnected") return;
    this.#leave();
    this.#later(
      "disconnect",
      new Error(`FAILURE: ${text}`, isOurs(cause) ? { cause } : undefined),
    );
  }

  /** Enters the state `disconnected` and lets go of the socket. */
  #leave(): void {
    clearTimeout(this.#silence);
    const state = this.#state;
    this.#state = { kind: "disconnected" };
    if (state.kind === "connecting") state.abort.abort();
    if (state.kind === "connected") {
      const { socket, closed } = state;
      socket.onmessage = null;
      this.#closing.add(closed);
      closed.then(() => this.#closing.delete(closed));
      socket.close(1000);
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
