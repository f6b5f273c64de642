/** WebSockets of workerd, for the workers of tests. */
import type { BridgeSocket } from "../../session/pass/bridge.ts";

declare const WebSocketPair: {
  new (): {
    0: unknown;
    1: WebSocket & BridgeSocket & { accept(): void };
  };
};

/** An accepted socket, and the response that hands its other end to the client. */
export function webSocketPair(): { socket: WebSocket; response: Response } {
  const { 0: webSocket, 1: socket } = new WebSocketPair();
  socket.binaryType = "arraybuffer";
  socket.accept();
  // Dates before April 2026 leave the answer to a close frame to the worker.
  socket.addEventListener("close", () => socket.close());
  return {
    socket,
    response: new Response(
      null,
      { status: 101, webSocket } as unknown as ResponseInit,
    ),
  };
}
