/** Connections in memory to a Feedme server: for our client, and frame by frame. */
import type {
  FeedmeTransport,
  TransportEvent,
  TransportListener,
} from "../../../../feed/feedme/mod.ts";
import type {
  AcceptOptions,
  FeedmeServer,
  FeedmeSocket,
  ServedClient,
} from "../../../../feed/feedme/server/server.ts";
import { delay, until } from "../../../kit/wait.ts";
import { HANDSHAKE } from "../../../kit/feedme_messages.ts";

/** One end of a connection; a message is a microtask on its way. */
class End implements FeedmeSocket {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  other!: End;
  #closed = false;

  send(data: unknown): void {
    if (this.#closed) throw new Error("it is closed");
    queueMicrotask(() => this.other.onmessage?.({ data }));
  }

  close(code = 1000, reason = ""): void {
    if (this.#closed) return;
    for (const end of [this, this.other]) {
      end.#closed = true;
      queueMicrotask(() => end.onclose?.({ code, reason }));
    }
  }
}

/** A connection that the server has accepted; the client's end. */
function join(
  server: FeedmeServer,
  options: AcceptOptions,
): { end: End; client: ServedClient; socket: FeedmeSocket } {
  const [end, socket] = [new End(), new End()];
  [end.other, socket.other] = [socket, end];
  return { end, client: server.accept(socket, options), socket };
}

/** A transport by which our client connects. */
export function memoryTransport(
  server: FeedmeServer,
  options: AcceptOptions = {},
): FeedmeTransport {
  const listeners = new Map<TransportEvent, TransportListener>();
  let end: End | undefined;
  const tell = (event: TransportEvent, ...args: unknown[]) =>
    queueMicrotask(() => listeners.get(event)?.(...args));
  return {
    on: (event, listener) => listeners.set(event, listener),
    off: (event) => listeners.delete(event),
    state: () => end ? "connected" : "disconnected",
    connect() {
      tell("connecting");
      let mine: End;
      try {
        mine = end = join(server, options).end;
      } catch (error) {
        return tell("disconnect", error);
      }
      tell("connect");
      mine.onmessage = ({ data }) => end === mine && tell("message", data);
      mine.onclose = ({ code }) => {
        if (end !== mine) return;
        end = undefined;
        tell("disconnect", new Error(`FAILURE: closed with ${code}`));
      };
    },
    send: (text) => end!.send(text),
    disconnect() {
      const mine = end!;
      end = undefined;
      mine.close();
      tell("disconnect");
    },
  };
}

// deno-lint-ignore no-explicit-any
type Any = any;

/** A client that sends what it likes. */
export class Raw {
  readonly client: ServedClient;
  /** How its socket was closed. */
  closed: [code: number, reason: string] | undefined;
  /** What the platform says of the server's end. */
  readonly socket: { bufferedAmount?: number };
  readonly #end: End;
  readonly #received: Any[] = [];

  constructor(server: FeedmeServer, options: AcceptOptions = {}) {
    const { end, client, socket } = join(server, options);
    this.client = client;
    this.socket = socket;
    this.#end = end;
    end.onmessage = ({ data }) => this.#received.push(JSON.parse(`${data}`));
    end.onclose = ({ code, reason }) => this.closed = [code, reason];
  }

  /** Sends a message, or a text or bytes as they are. */
  send(message: unknown): void {
    const asIs = typeof message === "string" || message instanceof Uint8Array;
    this.#end.send(asIs ? message : JSON.stringify(message));
  }

  /** Sends a message, and waits for one. */
  async ask(message: unknown): Promise<Any> {
    this.send(message);
    return await this.next();
  }

  /** The next message. */
  async next(): Promise<Any> {
    await until(() => this.#received.length > 0, "a message has come");
    return this.#received.shift();
  }

  /** What has come and was not looked at, after a moment. */
  async rest(): Promise<Any[]> {
    await delay(5);
    return this.#received.splice(0);
  }

  /** After the handshake. */
  async shake(): Promise<this> {
    await this.ask(HANDSHAKE);
    return this;
  }

  /** Breaks off. */
  leave(): void {
    this.#end.close(1006);
  }
}
