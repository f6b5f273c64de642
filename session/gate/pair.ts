/**
 * WebSockets on Workers, where a request to a backend is a `fetch` with an `Upgrade`, and
 * a client's socket is one end of a pair. The runtime's classes are looked up by name.
 */
import type { BridgeSocket } from "../pass/bridge.ts";
import type { Upgraded } from "../pass/upgrade.ts";

/** A WebSocket of workerd, which delivers nothing until it is accepted. */
export interface PairSocket extends BridgeSocket {
  /** Begins to deliver messages. */
  accept(): void;
  /** Calls `listener` when the peer has closed it. */
  addEventListener(
    type: "close",
    listener: (event: { code: number; reason: string }) => void,
  ): void;
}

/**
 * Begins to deliver messages. With a compatibility date before 2026-04-07, workerd does
 * not respond to a close frame by itself, and the peer would wait for ever.
 */
export function accept(socket: PairSocket): void {
  socket.accept();
  socket.addEventListener("close", ({ code, reason }) => {
    try {
      if (code === 1005) socket.close();
      else socket.close(code, reason);
    } catch {
      // Closed already, or lost.
    }
  });
}

/** Whether this runtime accepts WebSockets with a pair. */
export function hasPairs(): boolean {
  return typeof Reflect.get(globalThis, "WebSocketPair") === "function";
}

/** Accepts the WebSocket that a request asks for. */
export function acceptPair(protocol: string): Upgraded {
  const Pair = Reflect.get(globalThis, "WebSocketPair") as new () => {
    0: BridgeSocket;
    1: PairSocket;
  };
  const { 0: client, 1: socket } = new Pair();
  accept(socket);
  return {
    socket,
    response: new Response(
      null,
      {
        status: 101,
        webSocket: client,
        headers: protocol ? { "sec-websocket-protocol": protocol } : {},
      } as ResponseInit,
    ),
  };
}

/** The WebSocket of a response to an upgrade, if the backend accepted it. */
export function socketOf(answer: Response): PairSocket | undefined {
  return (answer as Response & { webSocket?: PairSocket | null }).webSocket ??
    undefined;
}
