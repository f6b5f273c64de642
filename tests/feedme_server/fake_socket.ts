/** A socket in memory: what the server sends is kept, nothing is sent by itself. */
import type { FeedmeSocket } from "../../feed/feedme/server/served_socket.ts";
import { HANDSHAKE } from "../kit/feedme_messages.ts";
import { settled } from "../kit/wait.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

export class FakeSocket implements FeedmeSocket {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;
  bufferedAmount = 0;
  readonly sent: Any[] = [];
  readonly texts: string[] = [];
  closed: [code?: number, reason?: string] | undefined;

  send(text: string): void {
    this.texts.push(text);
    this.sent.push(JSON.parse(text));
  }

  close(code?: number, reason?: string): void {
    this.closed ??= [code, reason].filter((each) => each !== undefined) as [];
    this.onclose?.({});
  }

  /** The client sends it. */
  receive(message: unknown): void {
    this.onmessage!({
      data: typeof message === "string" || message instanceof Uint8Array
        ? message
        : JSON.stringify(message),
    });
  }

  /** Sends `message` and tells what the server sent since. */
  async ask(message: unknown): Promise<Any[]> {
    this.receive(message);
    await settled();
    return this.sent.splice(0);
  }

  async shake(): Promise<this> {
    await this.ask(HANDSHAKE);
    return this;
  }
}
