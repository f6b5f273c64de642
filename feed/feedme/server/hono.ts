/** Adapts the callbacks of Hono's `upgradeWebSocket`, on any runtime. */
import type { FeedmeSocket } from "./served_socket.ts";

/** The part of Hono's `WSContext` that is used. */
export interface HonoSocket {
  /** Sends a text. */
  send(text: string): void;
  /** Closes it. */
  close(code?: number, reason?: string): void;
  /** The runtime's own socket. */
  readonly raw?: unknown;
  /** The subprotocol that was chosen. */
  readonly protocol?: string | null;
}

/** The callbacks that Hono's `upgradeWebSocket` needs. */
export interface HonoSocketEvents {
  /** The socket is open. Hono does not call this on Workers. */
  onOpen(event: unknown, socket: HonoSocket): void;
  /** A message has arrived. */
  onMessage(event: { data: unknown }, socket: HonoSocket): void;
  /** The socket has closed. */
  onClose(event: unknown, socket: HonoSocket): void;
}

/** The useful part of the runtimes' own sockets. */
interface RawSocket {
  readonly bufferedAmount?: number;
  getBufferedAmount?(): number;
  terminate?(): void;
}

class EventSocket implements FeedmeSocket {
  readonly #socket: HonoSocket;
  readonly #raw: RawSocket;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;

  constructor(socket: HonoSocket) {
    this.#socket = socket;
    this.#raw = (socket.raw ?? {}) as RawSocket;
  }

  get bufferedAmount(): number {
    return this.#raw.bufferedAmount ?? this.#raw.getBufferedAmount?.() ?? 0;
  }

  get protocol(): string {
    return this.#socket.protocol ?? "";
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#raw.terminate?.();
  }
}

/** Creates the callbacks for one socket. Calls `accept` once the socket is available. */
export function socketEvents(
  accept: (socket: FeedmeSocket) => void,
): HonoSocketEvents {
  let socket: EventSocket | undefined;
  const opened = (context: HonoSocket) => {
    if (!socket) accept(socket = new EventSocket(context));
    return socket;
  };
  return {
    onOpen: (_event, context) => void opened(context),
    onMessage: (event, context) => opened(context).onmessage?.(event),
    onClose: (event) => socket?.onclose?.(event),
  };
}
