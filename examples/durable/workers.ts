/**
 * Types for the part of the Workers runtime that this example uses. In an
 * application, use the types from `npx wrangler types`.
 */
import type { FeedmeSocket } from "@feedline/feedline/feed/feedme/server";

/** What the runtime passes to an object. */
export interface ObjectState {
  storage: {
    get(key: string): Promise<unknown>;
    put(key: string, value: unknown): Promise<void>;
  };
}

declare const WebSocketPair: {
  new (): { 0: unknown; 1: FeedmeSocket & { accept(): void } };
};

/** An accepted socket, and the response that hands its other end to the client. */
export function webSocketPair(
  protocol?: string,
): { socket: FeedmeSocket; response: Response } {
  const { 0: webSocket, 1: socket } = new WebSocketPair();
  socket.accept();
  const init = {
    status: 101,
    webSocket,
    ...(protocol && { headers: { "sec-websocket-protocol": protocol } }),
  };
  return { socket, response: new Response(null, init) };
}
