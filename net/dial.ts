/** One dial of a WebSocket: open, or one clear failure, never both. */

/** The platform's `WebSocket` constructor, or one that behaves like it. */
export type WebSocketConstructor = new (
  url: string,
  protocols?: string | string[],
) => WebSocket;

/** What a WebSocket is constructed with, beside its address. */
export interface WebSocketOptions {
  /** Subprotocols to offer, best first. */
  protocols?: string[];
  /**
   * What else the constructor takes: on Deno, Bun and Node the `headers` of the
   * upgrade request. Browsers take nothing.
   */
  init?: Record<string, unknown> | undefined;
  /** The constructor to use. @default {globalThis.WebSocket} */
  WebSocket?: WebSocketConstructor | undefined;
}

/** Constructs a WebSocket. */
export function createWebSocket(
  url: string,
  { protocols = [], init, WebSocket: Ctor = globalThis.WebSocket }:
    WebSocketOptions,
): WebSocket {
  // Only where more is asked for: browsers take a list of names alone.
  const second = Object.keys(init ?? {}).length > 0
    ? { protocols, ...init } as unknown as string[]
    : protocols;
  return new Ctor(url, second);
}

/** Options of {@linkcode dial}. */
export interface DialOptions extends WebSocketOptions {
  /** Ends the dial: the socket is closed and the promise rejects with the reason. */
  signal?: AbortSignal | undefined;
  /** Milliseconds until an unanswered dial fails. @default {10_000} */
  timeout?: number | undefined;
  /**
   * Called in the socket's `open` event, with its handlers free to be set. Code
   * that awaits the dial may run after the first message: Deno delivers one
   * that came with the handshake before it.
   */
  onOpen?: ((socket: WebSocket) => void) | undefined;
}

/**
 * Opens a WebSocket to `url`. The socket's `binaryType` is `arraybuffer`.
 *
 * The promise rejects when the peer refuses, when `timeout` passes (with a
 * `TimeoutError`) or when `signal` aborts; then the socket is closed. Handlers
 * of messages are set in `onOpen`, or the first message may be missed.
 */
export function dial(
  url: string,
  { signal, timeout = 10_000, onOpen, ...options }: DialOptions = {},
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const socket = createWebSocket(url, options);
    socket.binaryType = "arraybuffer";
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      // A refused or abandoned dial may still report an error; it is known.
      socket.onopen = socket.onclose = null;
      socket.onerror = () => {};
    };
    const fail = (reason: unknown) => {
      end();
      try {
        socket.close();
      } catch {
        // A socket that cannot be closed before it opened is gone already.
      }
      reject(reason);
    };
    const abort = () => fail(signal!.reason);
    const timer = setTimeout(
      () =>
        fail(
          new DOMException(
            `WebSocket did not open within ${timeout} ms`,
            "TimeoutError",
          ),
        ),
      timeout,
    );
    signal?.addEventListener("abort", abort, { once: true });
    socket.onopen = () => {
      end();
      onOpen?.(socket);
      resolve(socket);
    };
    // Before a socket is open its close code tells nothing. On Node 22 there is
    // an error and no close: https://github.com/nodejs/undici/issues/3546
    socket.onclose = socket.onerror = (event: Event) => {
      event.preventDefault?.();
      fail(new Error("WebSocket closed before it opened"));
    };
  });
}
