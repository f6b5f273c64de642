/** A `WebSocket` constructor for libraries that take one. */
import { domException } from "../../net/dom_exception.ts";
import { pathBelow } from "./address.ts";
import type { BackendSocketOptions } from "./options.ts";
import { KeptSocket, type SocketSource } from "./socket.ts";

/** Options of `SessionBackend.socketConstructor`. */
export type SocketConstructorOptions = Omit<
  BackendSocketOptions,
  "path" | "protocols"
>;

/**
 * Returns a constructor whose sockets dial whichever backend is current: what follows
 * `backend.url` in the URL is kept.
 */
export function socketConstructor(
  source: SocketSource,
  options: SocketConstructorOptions,
): typeof WebSocket {
  const Socket = class extends KeptSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      const path = pathBelow(source.backend.url, url);
      if (path === undefined) {
        throw domException(
          "The URL of a socket must begin with the backend's URL (backend.url)",
          "SyntaxError",
        );
      }
      // The library connects again itself, because it has to begin its protocol anew.
      super(source, {
        reconnect: false,
        ...options,
        path,
        protocols,
      });
    }
  };
  // Deno's own constructor takes more options.
  return Socket as unknown as typeof WebSocket;
}
