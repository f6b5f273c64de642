/**
 * One WebSocket, from the dial to the close: it either opens or fails with one clear
 * error. This file and `close_code.ts` handle the differences between platforms.
 */
import { receivedCode } from "./close_code.ts";
import { deferred } from "./deferred.ts";
import { domException } from "./dom_exception.ts";
import { isError } from "./shape.ts";
import { checkDuration, setLimit } from "./timer.ts";
import { parseUrl } from "./url.ts";

/** The platform's `WebSocket` constructor, or one that behaves like it. */
export type WebSocketConstructor = new (
  url: string,
  protocols?: string | string[],
) => WebSocket;

/** Options for constructing a WebSocket. */
export interface WebSocketOptions {
  /** Subprotocols to offer, best first. */
  protocols?: string[];
  /**
   * More options for the constructor: on Deno, Bun and Node, the `headers` of the upgrade
   * request. Browsers accept none.
   */
  init?: Record<string, unknown> | undefined;
  /** The constructor to use. @default {globalThis.WebSocket} */
  WebSocket?: WebSocketConstructor | undefined;
  /** Constructs the socket, for a constructor with different arguments. */
  create?: ((url: string, protocols: string[]) => WebSocket) | undefined;
}

/**
 * The constructor to use: `own`, or the runtime's.
 *
 * @throws a `NotSupportedError` if there is neither, as on Node 20
 */
export function constructorOf(
  own: WebSocketConstructor | undefined,
): WebSocketConstructor {
  const Ctor = own ?? (globalThis as Partial<typeof globalThis>).WebSocket;
  if (Ctor) return Ctor;
  throw domException(
    "this runtime has no WebSocket; pass the option WebSocket, such as the class of the npm package ws",
    "NotSupportedError",
  );
}

/** Whether a dial failed because the runtime has no WebSocket: every other would, too. */
export function isUnsupported(error: unknown): boolean {
  return isError(error) && error.name === "NotSupportedError";
}

/**
 * Constructs a WebSocket.
 *
 * @throws what the constructor throws, e.g. a `SyntaxError` for an invalid URL
 */
function createWebSocket(
  url: string,
  { protocols = [], init, WebSocket: own, create }: WebSocketOptions,
): WebSocket {
  if (create) return create(url, protocols);
  const Ctor = constructorOf(own);
  if (Object.keys(init ?? {}).length === 0) return new Ctor(url, protocols);
  try {
    return new Ctor(url, { protocols, ...init } as unknown as string[]);
  } catch (error) {
    // A browser accepts only names: it converts the object to the name
    // "[object Object]" and rejects that.
    if ((error as Error | undefined)?.name !== "SyntaxError") throw error;
    return new Ctor(url, protocols);
  }
}

/** Handlers of an {@linkcode OpenedSocket}: either `failed` is called, or the others. */
export interface SocketHandlers {
  /** It has opened. */
  opened(): void;
  /** A message has arrived. */
  message(data: unknown): void;
  /** It was open, and the peer or the network has closed it. */
  closed(code: number, reason: string): void;
  /**
   * It did not open. A `TimeoutError` means that it took longer than `timeout`.
   * `status` is that of the HTTP response, where the platform shows it.
   */
  failed(error: Error, status?: number): void;
}

/** Options of {@linkcode openWebSocket}. */
export interface OpenOptions extends WebSocketOptions {
  /** The type of binary messages. @default {"arraybuffer"} */
  binaryType?: BinaryType | undefined;
  /** Milliseconds until an unanswered dial fails. @default {Infinity} */
  timeout?: number | undefined;
}

/** A WebSocket that is dialled or open. */
export interface OpenedSocket {
  /** The platform's object. Its handlers are in use until `release()`. */
  readonly socket: WebSocket;
  /** Resolves when it has fully closed. */
  readonly ended: Promise<void>;
  /** Closes it. No handler is called from now on. */
  close(code?: number, reason?: string): void;
  /** Removes the handlers from an open socket, so that the caller can set others. */
  release(): void;
}

/**
 * Dials `url`. No handler is called before this returns.
 *
 * @throws what the constructor throws, e.g. a `SyntaxError` for an invalid URL
 */
export function openWebSocket(
  url: string,
  { timeout = Infinity, binaryType = "arraybuffer", ...options }: OpenOptions,
  handlers: SocketHandlers,
): OpenedSocket {
  checkDuration("timeout", timeout);
  const socket = createWebSocket(url, options);
  socket.binaryType = binaryType;
  const { promise: ended, resolve } = deferred<void>();
  const unlimit = setLimit(() => {
    fail(
      domException(
        `WebSocket did not open within ${timeout} ms`,
        "TimeoutError",
      ),
    );
  }, timeout);
  let state: "dialling" | "open" | "over" = "dialling";
  const move = (next: "open" | "over") => {
    unlimit();
    // Some platforms ignore a close before a socket has opened, so it is repeated then.
    if (state === "dialling") socket.onopen = () => socket.close();
    if (next === "over") socket.onmessage = null;
    state = next;
  };
  const fail = (error: Error, status?: number) => {
    if (state !== "dialling") return;
    move("over");
    handlers.failed(error, status);
  };
  let wasOpen = false;
  socket.onopen = () => {
    wasOpen = true;
    move("open");
    handlers.opened();
  };
  socket.onmessage = (event) => handlers.message(event.data);
  socket.onerror = (event) => {
    preventDefault(event);
    // On Node 22, a failed dial emits `error` but no `close`:
    // https://github.com/nodejs/undici/issues/3546
    if (wasOpen) return;
    resolve();
    const { message } = event as { message?: unknown };
    fail(unopened(url, message), refusedWith({ message }));
  };
  socket.onclose = ({ code, reason }) => {
    resolve();
    // The close code of a socket that never opened is meaningless.
    if (!wasOpen) return fail(unopened(url));
    if (state === "over") return;
    move("over");
    handlers.closed(receivedCode(code), reason);
  };
  return {
    socket,
    ended,
    close(code, reason) {
      move("over");
      try {
        socket.close(code, reason);
      } catch {
        // Not before it has opened: until then its code means nothing.
      }
    },
    release() {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.onerror = preventDefault;
    },
  };
}

/** The longest text of a runtime that an error quotes, in UTF-16 code units. */
const QUOTED = 200;

/**
 * The error of a dial that failed. It quotes the message of the runtime's error event,
 * without addresses, which may contain tokens. Browsers and Node send no message.
 */
function unopened(url: string, message?: unknown): Error {
  const text = "WebSocket closed before it opened";
  if (typeof message !== "string") return new Error(text);
  const said = withoutAddresses(message, url).slice(0, QUOTED).trim();
  return new Error(said ? `${text}: ${said}` : text);
}

/** `message` without URLs, and without the path and query of `url`. */
function withoutAddresses(message: string, url: string): string {
  // What follows the authority, such as `/rooms?token=…`.
  const { pathname = "", search = "" } = parseUrl(url) ?? {};
  const path = pathname + search;
  const rest = path.length > 1 ? message.replaceAll(path, "…") : message;
  return rest.replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s'"<>]*/gi, "…");
}

/**
 * The status of the HTTP response that refused a WebSocket. Deno and Bun tell it at the
 * end of their error event's message only; browsers do not tell it.
 */
export function refusedWith(event: { message?: unknown }): number | undefined {
  const status = /\bstatus code: (\d{3})$/.exec(String(event.message))?.[1];
  return status === undefined ? undefined : Number(status);
}

/**
 * Deno reports error events whose default is not prevented as uncaught, and one
 * without a listener would end a Node process.
 */
function preventDefault(event: Event): void {
  event.preventDefault?.();
}

/** Options of {@linkcode dial}. */
export interface DialOptions extends WebSocketOptions {
  /** Cancels the dial: the socket closes and the promise rejects with the reason. */
  signal?: AbortSignal | undefined;
  /** Milliseconds until an unanswered dial fails. @default {10_000} */
  timeout?: number | undefined;
  /**
   * Called in the socket's `open` event, where its handlers can be set. Code that awaits
   * the dial may run after the first message: Deno delivers a message that arrived with
   * the handshake before the promise resolves.
   */
  onOpen?: ((socket: WebSocket) => void) | undefined;
  /** Called before the promise rejects, with the status of the response that refused. */
  onRefused?: ((status: number) => void) | undefined;
}

/**
 * Opens a WebSocket to `url`. The socket's `binaryType` is `arraybuffer`.
 *
 * The promise rejects if the peer refuses, when `timeout` passes (with a `TimeoutError`)
 * or when `signal` aborts; the socket is then closed. Set message handlers in `onOpen`,
 * or the first message may be missed.
 */
export function dial(
  url: string,
  { signal, timeout = 10_000, onOpen, onRefused, ...options }: DialOptions = {},
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const fail = (reason: unknown) => {
      signal?.removeEventListener("abort", abort);
      opened.close();
      reject(reason);
    };
    const abort = () => fail(signal!.reason);
    const opened = openWebSocket(url, { ...options, timeout }, {
      opened() {
        signal?.removeEventListener("abort", abort);
        opened.release();
        onOpen?.(opened.socket);
        resolve(opened.socket);
      },
      failed(error, status) {
        if (status !== undefined) onRefused?.(status);
        fail(error);
      },
      // Never called: the handlers are released on `opened`.
      message() {},
      closed() {},
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}
