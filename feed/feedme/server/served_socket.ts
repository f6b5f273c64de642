/**
 * One client's socket on the server: what is sent through it, how much may wait
 * in it, and how it ends.
 */
import { sendableCode } from "../../../net/close_code.ts";
import type { ServedClient } from "./define.ts";
import { Link, type LinkLimits, type Subscription } from "./conversation.ts";

/**
 * A WebSocket that was accepted, or anything like it. One that is still opening
 * will do. The server takes over its handlers.
 */
export interface FeedmeSocket {
  /** Sends one text message. */
  send(text: string): void;
  /** Closes it. */
  close(code?: number, reason?: string): void;
  /** Called with each message; `data` is its text. */
  // deno-lint-ignore no-explicit-any
  onmessage: ((event: any) => any) | null;
  /** Called once when it has closed. */
  // deno-lint-ignore no-explicit-any
  onclose: ((event: any) => any) | null;
  /** Called when something is wrong with it, where the platform does that. */
  // deno-lint-ignore no-explicit-any
  onerror?: ((event: any) => any) | null;
  /** Bytes that wait to be sent, where the platform knows. */
  readonly bufferedAmount?: number;
  /** Ends it without waiting for the other side, where the platform can. */
  terminate?(): void;
}

/**
 * Which Feedme the client speaks. The handshake does not tell.
 *
 * - `"spec"`: Spec 0.1, as this library's client and feedme-client from 0.0.36 on.
 * - `"npm"`: what npm's feedme-client 0.0.35 wants, `ActionRevelation` and a
 *   `ClientId`. This library's client takes it too.
 */
export type FeedmeDialect = "spec" | "npm";

/** What whoever accepts a socket knows of the client. */
export interface AcceptOptions {
  /** Who it is, verified: e.g. the proxy's `x-verified-username`. */
  user?: string | undefined;
  /** What else is known: e.g. the parsed `x-verified-user-data`. @default {{}} */
  auth?: Record<string, unknown> | undefined;
  /** What it speaks. @default {the server's} */
  dialect?: FeedmeDialect | undefined;
}

/** What a connection tells the server. */
export interface ConnectionEvents {
  /** It is of no use any more; called once, never within a call of `send`. */
  ended(connection: Connection): void;
  terminate(connection: Connection, errorCode: string, data: object): void;
}

/** Milliseconds that a client has to answer a close, where it can be hurried. */
const PATIENCE = 2_000;

/** See above. */
export class Connection implements ServedClient {
  readonly id: string = crypto.randomUUID();
  readonly user: string | undefined;
  readonly auth: Readonly<Record<string, unknown>>;
  readonly dialect: FeedmeDialect;
  readonly link: Link;
  /** How to leave the feeds that are open. */
  readonly leaving: Map<Subscription, () => void | PromiseLike<void>> =
    new Map();
  readonly #socket: FeedmeSocket;
  readonly #events: ConnectionEvents;
  readonly #abort = new AbortController();
  /** Bytes that may wait. */
  #allowed: number;
  #ended = false;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(
    socket: FeedmeSocket,
    { user, auth = {}, dialect = "spec" }: AcceptOptions,
    limits: LinkLimits & { maxBufferedBytes: number },
    events: ConnectionEvents,
  ) {
    this.#socket = socket;
    this.user = user;
    this.auth = auth;
    this.dialect = dialect;
    this.link = new Link(limits);
    this.#allowed = limits.maxBufferedBytes;
    this.#events = events;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Whether nothing will be sent or received any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Sends, unless more waits already than the client may leave unread: then it
   * is cut off.
   */
  send(text: string): void {
    if (this.#ended) return;
    const socket = this.#socket;
    if (socket.bufferedAmount! > this.#allowed) {
      return this.cut(1013, "reads too slowly");
    }
    try {
      socket.send(text);
    } catch {
      // It closed, and has not said so yet.
      this.cut(1011, "cannot be reached");
    }
  }

  /** Lets so many bytes more wait, as long as a large feed is open. */
  allow(bytes: number): void {
    this.#allowed += bytes;
  }

  /** Closes the socket; the client is gone from now on. */
  cut(code: number, reason: string): void {
    if (this.#ended) return;
    this.#finish();
    closeWith(this.#socket, code, reason);
    // The close waits behind what the client has not read yet.
    if (this.#socket.terminate) {
      this.#patience = setTimeout(() => this.#socket.terminate!(), PATIENCE);
    }
  }

  /** The socket has closed. */
  lost(): void {
    clearTimeout(this.#patience);
    if (this.#ended) return;
    this.#finish();
    // Workers before compatibility date 2026-04-07 leave the answer to us, and
    // the client would wait for it.
    closeWith(this.#socket, 1000, "");
  }

  /** Resolves when the socket has closed. */
  closed(): Promise<void> {
    return new Promise((resolve) => {
      const { onclose } = this.#socket;
      this.#socket.onclose = (event: unknown) => {
        onclose?.(event);
        resolve();
      };
    });
  }

  abort(): void {
    this.#abort.abort();
  }

  terminate(errorCode: string, errorData: object = {}): void {
    this.#events.terminate(this, errorCode, errorData);
  }

  close(code = 1000, reason = ""): void {
    if (code !== 1000 && !(code >= 3000 && code <= 4999)) {
      throw new RangeError("A close code must be 1000 or from 3000 to 4999");
    }
    this.cut(code, reason);
  }

  #finish(): void {
    this.#ended = true;
    this.#events.ended(this);
  }
}

function closeWith(socket: FeedmeSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason);
  } catch {
    // Platforms that keep to the browsers' API send few codes.
    try {
      socket.close(sendableCode(code), reason);
    } catch {
      // It was closed before it had opened, or by somebody else.
    }
  }
}
