/** One dial of a WebSocket: open, or one clear failure, never both. */

/** What a `WebSocket` constructor takes beside the address on Deno, Bun and Node. */
export interface WebSocketInit {
  /** Subprotocols to offer, best first. */
  protocols?: string[];
  /** Headers of the upgrade request. Browsers cannot set them. */
  headers?: Record<string, string>;
}

/** The platform's `WebSocket` constructor, or one that behaves like it. */
export type WebSocketConstructor = new (
  url: string,
  protocols?: string | string[],
) => WebSocket;

/**
 * Options of {@linkcode dial}. Those that it does not know are for the
 * constructor, as `headers` is.
 */
export interface DialOptions extends WebSocketInit {
  [option: string]: unknown;
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
  /** The constructor to use. @default {globalThis.WebSocket} */
  WebSocket?: WebSocketConstructor | undefined;
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
  {
    protocols = [],
    signal,
    timeout = 10_000,
    onOpen,
    WebSocket: Ctor = globalThis.WebSocket,
    ...init
  }: DialOptions = {},
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    // Only where more is asked for: browsers take a list of names alone.
    const second = Object.keys(init).length > 0
      ? { protocols, ...init } as unknown as string[]
      : protocols;
    const socket = new Ctor(url, second);
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
    socket.onclose = (event) =>
      fail(
        new Error(`WebSocket closed before it opened (code ${event.code})`),
      );
    // `close` follows `error` and tells more.
    socket.onerror = (event) => {
      event.preventDefault?.();
    };
  });
}
