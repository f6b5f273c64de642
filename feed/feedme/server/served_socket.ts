/**
 * One client's socket on the server: sends messages, limits how much may wait to be
 * sent, and closes.
 */
import { fitReason, sendableCode } from "../../../net/close_code.ts";
import { setTimer } from "../../../net/timer.ts";
import { utf8Length } from "../../../net/utf8.ts";
import { ALIVE, writeServerMessage } from "../wire/protocol.ts";
import {
  Conversation,
  type ConversationLimits,
  type Subscription,
} from "./conversation.ts";
import type { ServedClient } from "./define.ts";
import type { Beating } from "./heartbeat.ts";

/**
 * A handler of a socket. Declared as a method, so that its parameter is bivariant and
 * the handler types of every platform are compatible.
 */
export type FeedmeSocketHandler<Event> =
  | { handle(event: Event): unknown }["handle"]
  | null;

/**
 * An accepted WebSocket or a compatible object; it may still be opening. The server
 * sets its handlers. They are optional because the types that wrangler generates for a
 * Worker's `WebSocket` omit them, although Workers call them.
 */
export interface FeedmeSocket {
  /** Sends one text message. */
  send(text: string): void;
  /** Closes it. */
  close(code?: number, reason?: string): void;
  /** Called with each message; `data` is its text. */
  onmessage?: FeedmeSocketHandler<{ data: unknown }>;
  /** Called once when it has closed. */
  onclose?: FeedmeSocketHandler<unknown>;
  /** Called when it fails, if the platform has such an event. */
  onerror?: FeedmeSocketHandler<unknown>;
  /** Bytes that wait to be sent, if the platform reports them. */
  readonly bufferedAmount?: number;
  /** The subprotocol that was chosen, if the platform reports it. */
  readonly protocol?: string | null;
  /** 0 while it is opening, if the platform reports it. */
  readonly readyState?: number;
  /** Registers a listener, if the platform has events. */
  addEventListener?(
    type: "open",
    listener: () => void,
    options?: { once?: boolean },
  ): void;
  /** Ends it without waiting for the other side, if the platform can. */
  terminate?(): void;
}

/**
 * The dialect of Feedme that a client speaks. The handshake does not reveal it.
 *
 * - `"spec"`: Spec 0.1, spoken by this library's client and by feedme-client since
 *   0.0.36.
 * - `"npm"`: spoken by npm's feedme-client 0.0.35, with `ActionRevelation` and a
 *   `ClientId`. This library's client accepts it too.
 */
export type FeedmeDialect = "spec" | "npm";

/** Information about a client whose socket you accept. */
export interface AcceptOptions {
  /** The verified user, e.g. from the proxy's `x-verified-username`. */
  user?: string | undefined;
  /** More verified data, e.g. the parsed `x-verified-user-data`. @default {{}} */
  auth?: Record<string, unknown> | undefined;
  /** The dialect that it speaks. @default {the server's `dialect`} */
  dialect?: FeedmeDialect | undefined;
  /**
   * The subprotocols that it offered: the request's `Sec-WebSocket-Protocol` header. If
   * `feedme+alive` is among them, whichever was chosen, the server finds dead
   * connections of this client, and resumes feeds that have a `log`.
   * @default {the socket's `protocol`}
   */
  subprotocols?: string | null | undefined;
}

/** The events that a socket reports to the server. */
export interface ServedSocketEvents {
  /** The socket has ended. Called once, and never during a call of `send`. */
  ended(socket: ServedSocket): void;
  /** The application terminates all feeds of the client. */
  terminate(socket: ServedSocket, errorCode: string, data: object): void;
}

/** The limits of one socket. */
export interface ServedSocketLimits extends ConversationLimits {
  /** The most bytes that may wait, not counting the data of open feeds. */
  maxBuffered: number;
  /** How long the client may take to complete the handshake, in milliseconds. */
  handshakeTimeout: number;
}

/** How long a client may take to confirm a close before it is terminated, in milliseconds. */
const CLOSE_PATIENCE = 2_000;

/**
 * How many times a socket with too many unread bytes is checked before the client is
 * disconnected, and the milliseconds between checks. Several short waits rather than a
 * long one: even if the event loop was blocked in the meantime, the socket gets that
 * many turns in which it can send.
 */
const LOOKS = 10;
const LOOK_INTERVAL = 100;

/**
 * A client that read nothing between two checks is disconnected immediately if this many
 * times the limit waits: it floods the server and ignores the responses.
 */
const FLOOD = 8;

/** Observes a client that has too much to read, and gives it time. All in bytes. */
interface Watch {
  /** How much waited when the watch began. */
  readonly start: number;
  /** How much was sent since, which is not counted against the client. */
  sent: number;
  /** How much the client had read by the last check. */
  taken: number;
  looks: number;
  timer: ReturnType<typeof setTimeout>;
}

/** The state of a WebSocket that is opening. */
const CONNECTING = 0;

/** A client, for the server and, as `ServedClient`, for the application. */
export class ServedSocket implements ServedClient, Beating {
  readonly id: string = crypto.randomUUID();
  readonly user: string | undefined;
  readonly auth: Readonly<Record<string, unknown>>;
  readonly dialect: FeedmeDialect;
  readonly conversation: Conversation;
  heard = true;
  /** Functions that leave the open feeds. */
  readonly leaving: Map<Subscription, () => void | PromiseLike<void>> =
    new Map();
  readonly #socket: FeedmeSocket;
  readonly #events: ServedSocketEvents;
  readonly #abort = new AbortController();
  /** How many bytes may wait. */
  #allowed: number;
  #watch: Watch | undefined;
  #ended = false;
  readonly #handshakeTimer: ReturnType<typeof setTimeout> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    socket: FeedmeSocket,
    { user, auth = {}, dialect = "spec", subprotocols }: AcceptOptions,
    limits: ServedSocketLimits,
    events: ServedSocketEvents,
  ) {
    this.#socket = socket;
    this.user = user;
    this.auth = auth;
    this.dialect = dialect;
    this.conversation = new Conversation(limits, () => {
      const offered = subprotocols ?? socket.protocol ?? "";
      return dialect === "spec" && offered.split(/[\s,]+/).includes(ALIVE);
    });
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

  /** Whether the socket no longer sends or receives. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The client has completed the handshake. */
  shaken(): void {
    clearTimeout(this.#handshakeTimer);
  }

  /** Sends a text. A client that leaves too much unread is watched, then disconnected. */
  send(text: string): void {
    if (this.#ended) return;
    const waiting = this.#socket.bufferedAmount!;
    if (!this.#watch && waiting > this.#allowed) this.#watchIf(waiting);
    if (this.#watch) this.#watch.sent += utf8Length(text);
    try {
      this.#socket.send(text);
    } catch {
      // It has closed, but the event has not arrived yet.
      this.cut(1011, "cannot be reached");
    }
  }

  /** Starts watching the client if too much waits. */
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
   * Judges the client by how much waited when the watch began. The amount at the moment
   * of sending means little: Deno counts a message as waiting until a later turn,
   * however fast the client reads.
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

  ask(): void {
    this.send(writeServerMessage({ MessageType: "Alive" }));
  }

  /** Raises the limit on unread bytes while a feed with large data is open. */
  allow(bytes: number): void {
    this.#allowed += bytes;
  }

  /** Closes the socket; from now on the client counts as disconnected. */
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
    // The close frame waits behind the data that the client has not read.
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

  /** It has given no sign of life for too long. */
  lost(): void {
    this.cut(1008, "no sign of life");
  }

  /** The socket has closed. */
  closedByPeer(): void {
    clearTimeout(this.#closeTimer);
    if (this.#ended) return;
    this.#finish();
    // Workers before compatibility date 2026-04-07 do not confirm the close themselves,
    // and the client would wait for it.
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
    // Platforms that follow the browsers' API can send only a few codes.
    try {
      socket.close(sendableCode(code), reason);
    } catch {
      // It closed before it opened, or something else closed it.
    }
  }
}
