/**
 * One client's socket on the server: what is sent through it, how much may wait
 * in it, and how it ends.
 */
import { fitReason, sendableCode } from "../../../net/close_code.ts";
import { setTimer } from "../../../net/timer.ts";
import { utf8Length } from "../wire/json.ts";
import {
  Conversation,
  type ConversationLimits,
  type Subscription,
} from "./conversation.ts";
import type { ServedClient } from "./define.ts";

/**
 * A handler of a socket. Written as a method, so that the handlers of every
 * platform fit, whatever they call their events.
 */
export type FeedmeSocketHandler<Event> =
  | { handle(event: Event): unknown }["handle"]
  | null;

/**
 * A WebSocket that was accepted, or anything like it. It may still be opening.
 * The server takes over its handlers.
 */
export interface FeedmeSocket {
  /** Sends one text message. */
  send(text: string): void;
  /** Closes it. */
  close(code?: number, reason?: string): void;
  /** Called with each message; `data` is its text. */
  onmessage: FeedmeSocketHandler<{ data: unknown }>;
  /** Called once when it has closed. */
  onclose: FeedmeSocketHandler<unknown>;
  /** Called when it fails, where the platform has such an event. */
  onerror?: FeedmeSocketHandler<unknown>;
  /** Bytes that wait to be sent, where the platform knows. */
  readonly bufferedAmount?: number;
  /** 0 while it is opening, where the platform knows. */
  readonly readyState?: number;
  /** Registers a listener, where the platform has events. */
  addEventListener?(
    type: "open",
    listener: () => void,
    options?: { once?: boolean },
  ): void;
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

/** What you know of a client when you accept its socket. */
export interface AcceptOptions {
  /** Who it is, verified: e.g. the proxy's `x-verified-username`. */
  user?: string | undefined;
  /** What else is known: e.g. the parsed `x-verified-user-data`. @default {{}} */
  auth?: Record<string, unknown> | undefined;
  /** What it speaks. @default {the server's} */
  dialect?: FeedmeDialect | undefined;
}

/** What a socket tells the server. */
export interface ServedSocketEvents {
  /** It is of no more use. Called once, never within a call of `send`. */
  ended(socket: ServedSocket): void;
  /** The application wants all its feeds ended. */
  terminate(socket: ServedSocket, errorCode: string, data: object): void;
}

/** The limits of one socket. */
export interface ServedSocketLimits extends ConversationLimits {
  /** Bytes that may wait, beside the data of open feeds. */
  maxBuffered: number;
  /** Milliseconds until the client must have shaken hands. */
  handshakeTimeout: number;
}

/** Milliseconds that a client has to answer a close, where it can be hurried. */
const CLOSE_PATIENCE = 2_000;

/**
 * How often a socket in which too much waits is looked at before the client is
 * cut off, and how many milliseconds pass between two looks. Several short waits
 * rather than a long one: if the event loop was blocked meanwhile, the socket
 * still gets that many turns in which it can send.
 */
const LOOKS = 10;
const LOOK_INTERVAL = 100;

/**
 * A client that reads nothing at all between two looks is cut off at once where
 * so many times as much waits as may: it floods the server and ignores the answers.
 */
const FLOOD = 8;

/** Too much waits in the socket; the client has time to read it. All in bytes. */
interface Watch {
  /** What waited when the watch began. */
  readonly start: number;
  /** What was sent since; it is not judged. */
  sent: number;
  /** What the client has taken since, as of the last look. */
  taken: number;
  looks: number;
  timer: ReturnType<typeof setTimeout>;
}

/** The state of a WebSocket that is opening. */
const CONNECTING = 0;

/** A client as the server has it, and as the application sees it. */
export class ServedSocket implements ServedClient {
  readonly id: string = crypto.randomUUID();
  readonly user: string | undefined;
  readonly auth: Readonly<Record<string, unknown>>;
  readonly dialect: FeedmeDialect;
  readonly conversation: Conversation;
  /** How to leave the feeds that are open. */
  readonly leaving: Map<Subscription, () => void | PromiseLike<void>> =
    new Map();
  readonly #socket: FeedmeSocket;
  readonly #events: ServedSocketEvents;
  readonly #abort = new AbortController();
  /** Bytes that may wait. */
  #allowed: number;
  #watch: Watch | undefined;
  #ended = false;
  readonly #handshakeTimer: ReturnType<typeof setTimeout> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    socket: FeedmeSocket,
    { user, auth = {}, dialect = "spec" }: AcceptOptions,
    limits: ServedSocketLimits,
    events: ServedSocketEvents,
  ) {
    this.#socket = socket;
    this.user = user;
    this.auth = auth;
    this.dialect = dialect;
    this.conversation = new Conversation(limits);
    this.#allowed = limits.maxBuffered;
    this.#events = events;
    this.#handshakeTimer = setTimer(
      () => this.cut(1008, "no handshake"),
      limits.handshakeTimeout,
    );
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Whether nothing will be sent or received any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The client has shaken hands. */
  shaken(): void {
    clearTimeout(this.#handshakeTimer);
  }

  /** Sends. A client that leaves too much unread is watched, then cut off. */
  send(text: string): void {
    if (this.#ended) return;
    const waiting = this.#socket.bufferedAmount!;
    if (!this.#watch && waiting > this.#allowed) this.#watchIf(waiting);
    if (this.#watch) this.#watch.sent += utf8Length(text);
    try {
      this.#socket.send(text);
    } catch {
      // It closed, and has not said so yet.
      this.cut(1011, "cannot be reached");
    }
  }

  /** Begins to watch the client if more waits than may. */
  #watchIf(waiting: number): void {
    this.#watch = waiting > this.#allowed
      ? {
        start: waiting,
        sent: 0,
        taken: 0,
        looks: 0,
        timer: this.#lookLater(),
      }
      : undefined;
  }

  #lookLater(): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#look(), LOOK_INTERVAL);
  }

  /**
   * Judges the client by what waited when the watch began. What waits at the
   * moment of sending says little: Deno counts a message as waiting until a
   * later turn, however fast the client reads.
   */
  #look(): void {
    const watch = this.#watch;
    if (!watch) return;
    const waiting = this.#socket.bufferedAmount!;
    const taken = watch.start + watch.sent - waiting;
    if (watch.start - taken <= this.#allowed) return this.#watchIf(waiting);
    const floods = taken <= watch.taken && waiting > FLOOD * this.#allowed;
    if (floods || ++watch.looks === LOOKS) {
      return this.cut(1013, "reads too slowly");
    }
    watch.taken = taken;
    watch.timer = this.#lookLater();
  }

  /** Raises the limit on unread bytes, while a feed with much data is open. */
  allow(bytes: number): void {
    this.#allowed += bytes;
  }

  /** Closes the socket; the client is gone from now on. */
  cut(code: number, reason: string): void {
    if (this.#ended) return;
    this.#finish();
    const socket = this.#socket;
    if (socket.readyState === CONNECTING && socket.addEventListener) {
      // Deno ignores a close before the upgrade is complete.
      const close = () => closeWith(socket, code, reason);
      socket.addEventListener("open", close, { once: true });
    } else {
      closeWith(socket, code, reason);
    }
    // The close waits behind what the client has not read yet.
    if (socket.terminate) {
      this.#closeTimer = setTimeout(() => {
        try {
          socket.terminate!();
        } catch {
          // It has ended already.
        }
      }, CLOSE_PATIENCE);
    }
  }

  /** The socket has closed. */
  lost(): void {
    clearTimeout(this.#closeTimer);
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
      this.#socket.onclose = (event) => {
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
      throw new RangeError(
        `A close code must be 1000 or from 3000 to 4999; got ${code}`,
      );
    }
    this.cut(code, reason);
  }

  #finish(): void {
    this.#ended = true;
    clearTimeout(this.#handshakeTimer);
    clearTimeout(this.#watch?.timer);
    this.#watch = undefined;
    this.#events.ended(this);
  }
}

function closeWith(socket: FeedmeSocket, code: number, text: string): void {
  const reason = fitReason(text);
  try {
    socket.close(code, reason);
  } catch {
    // Platforms that keep to the browsers' API send few codes.
    try {
      socket.close(sendableCode(code), reason);
    } catch {
      // It closed before it had opened, or something else closed it.
    }
  }
}
