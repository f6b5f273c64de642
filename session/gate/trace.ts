/** What a platform may learn about each request at its gate. No code. */
import type { Access } from "./token.ts";

/** A request that has reached the gate, without its token. */
export interface GateRequest {
  /** What its token grants; `undefined` if the token was refused. */
  access: Access | undefined;
  /** Its method. */
  method: string;
  /** The path within the backend, with the query; empty if the token was refused. */
  path: string;
  /** Whether it asks for a WebSocket. */
  upgrade: boolean;
}

/** Who sent a message through the gate. */
export type Sender = "client" | "backend";

/** Follows one request through the gate. None of these may throw. */
export interface GateTrace {
  /** The response begins; 101 if a WebSocket was accepted. */
  onAnswer(status: number, headers: Headers): void;
  /** A message of its WebSocket, or a chunk of its event stream. */
  onData(from: Sender, data: string | ArrayBuffer | Uint8Array): void;
  /** Everything has ended: the response, the stream or the WebSocket. */
  onEnd(): void;
}
