/**
 * The client's side of a Feedme conversation, without I/O: an event goes in, effects
 * come out, and there is no socket, timer or clock. `effects.ts` lists both;
 * `shell.ts` performs the effects.
 *
 * A conversation outlives its connections. It tracks the actions that wait for a
 * response (`calls.ts`), and the feeds as the server and the application see them
 * (`feeds.ts`).
 */
import { Calls } from "./calls.ts";
import { isTooDeep } from "./depth.ts";
import type {
  ClientNotice,
  ConversationEvent,
  Effect,
  Member,
} from "./effects.ts";
import { FeedmeError } from "./errors.ts";
import { type FeedLimits, Feeds } from "./feeds.ts";
import { Probes } from "./probes.ts";
import {
  type ClientMessage,
  type FeedArgs,
  type JsonObject,
  readServerMessage,
  type ServerMessage,
  VERSION,
  writeClientMessage,
} from "../wire/protocol.ts";

/** Limits with the names of the client's options, in milliseconds or attempts. */
export interface ConversationOptions extends FeedLimits {
  /** Whether to probe servers that do not speak the extension. */
  probes: boolean;
  /** How long to wait for the response to an action; 0 for no limit. */
  actionTimeoutMs: number;
  /** The most levels of arrays and objects in any data. */
  maxDepth: number;
}

/** The conversation with one server; described at the top of this file. */
export class Conversation<Owner, Call> {
  #link: "down" | "handshaking" | "up" = "down";
  /** Whether the server speaks the extension; see `protocol.ts`. */
  #alive = false;
  /** The effects of the current event. */
  #effects: Effect<Owner, Call>[] = [];
  readonly #maxDepth: number;
  readonly #calls: Calls<Call>;
  readonly #probes: Probes;
  readonly #feeds: Feeds<Owner>;

  /** Creates a conversation that waits for its first event. */
  constructor(options: ConversationOptions) {
    const emit = (effect: Effect<Owner, Call>) => {
      this.#effects.push(effect);
    };
    this.#maxDepth = options.maxDepth;
    this.#probes = new Probes(options.probes);
    this.#calls = new Calls(emit, options.actionTimeoutMs);
    this.#feeds = new Feeds(emit, options, (id) => this.#calls.pending(id));
  }

  /** Whether the handshake has succeeded on the current connection. */
  get up(): boolean {
    return this.#link === "up";
  }

  /** All feed objects, in the order of their creation. */
  get members(): Iterable<Member<Owner>> {
    return this.#feeds.members;
  }

  /** Registers a new feed object of the application. */
  join(owner: Owner, name: string, args: FeedArgs): Member<Owner> {
    return this.#feeds.join(owner, name, args);
  }

  /**
   * The feed of `member` is about to be opened and will resemble `data`: parts that are
   * equal will be the same objects.
   */
  resemble(member: Member<Owner>, data: JsonObject | undefined): void {
    const { feed } = member;
    if (feed.state.kind !== "open") feed.like ??= data;
  }

  /** The data of a feed object, if it is open. */
  data(member: Member<Owner>): JsonObject | undefined {
    return this.#feeds.data(member);
  }

  /** The last data of a feed object that is desired open but is not, if it is kept. */
  kept(member: Member<Owner>): JsonObject | undefined {
    return this.#feeds.kept(member);
  }

  /**
   * Handles an event. Returns the effects to perform, in order; dropping one would
   * leave the application and the server out of sync.
   *
   * @throws if the arguments of an action cannot be serialized; nothing changes then
   */
  handle(event: ConversationEvent<Owner, Call>): Effect<Owner, Call>[] {
    const effects: Effect<Owner, Call>[] = this.#effects = [];
    switch (event.type) {
      case "connected":
        this.#link = "handshaking";
        this.#send({ MessageType: "Handshake", Versions: [VERSION] });
        break;
      case "disconnected":
        this.#link = "down";
        this.#alive = false;
        this.#calls.lost();
        this.#feeds.disconnected();
        break;
      case "message":
        try {
          this.#read(event.text);
        } catch (cause) {
          this.#fail(cause);
        }
        break;
      case "probe":
        this.#probe();
        break;
      case "silent":
        this.#silent(event.ms);
        break;
      case "expired":
        if (event.timer.kind === "action") this.#calls.expire(event.timer.id);
        else this.#feeds.expired(event.timer);
        break;
      case "act":
        this.#calls.act(
          event.call,
          event.name,
          event.args,
          event.live,
          event.timeoutMs,
        );
        break;
      case "abandon":
        this.#calls.abandon(event.call, event.cause);
        break;
      case "desireOpen":
        this.#feeds.desireOpen(event.member, event.live);
        break;
      case "desireClosed":
        this.#feeds.desireClosed(event.member, event.live);
        break;
      case "leave":
        this.#feeds.leave(event.member);
        break;
      default:
        event satisfies never;
    }
    // Not kept until the next event: the effect of an action holds the old data.
    this.#effects = [];
    return effects;
  }

  #read(text: string): void {
    const received = readServerMessage(text);
    if (received.message) {
      const { message } = received;
      this.#probes.heard();
      // A level takes at least two characters, and so does an element of a path.
      return text.length > 2 * this.#maxDepth &&
          isTooDeep(message, this.#maxDepth)
        ? this.#receiveDeep(message)
        : this.#receive(message);
    }
    // Any other error is this program's own, e.g. a stack overflow.
    if (
      "parseError" in received && received.parseError.name !== "SyntaxError"
    ) {
      throw received.parseError;
    }
    const what = "parseError" in received
      ? "Invalid JSON."
      : "Schema violation.";
    this.#complain(new FeedmeError("INVALID_MESSAGE", what, received));
  }

  /** Asks the server for a sign of life, in the way that it understands. */
  #probe(): void {
    if (this.#link !== "up") return;
    if (this.#alive) {
      this.#send({ MessageType: "Alive" });
    } else if (this.#probes.sent()) {
      this.#calls.probe();
    }
  }

  /** The server's sign of life did not come in time. */
  #silent(ms: number): void {
    if (this.#link !== "up" || !(this.#alive || this.#probes.missed())) return;
    this.#effects.push({
      do: "hangUp",
      dead: true,
      reason: new FeedmeError(
        "TRANSPORT_FAILURE",
        "The transport connection failed.",
        {
          transportError: new Error(
            `FAILURE: The server was silent for ${ms} ms.`,
          ),
        },
      ),
    });
  }

  #send(message: ClientMessage): void {
    this.#effects.push({ do: "send", text: writeClientMessage(message) });
  }

  #receive(message: ServerMessage): void {
    switch (message.MessageType) {
      case "ViolationResponse":
        this.#heard();
        return this.#tell({
          event: "badClientMessage",
          diagnostics: message.Diagnostics,
        });
      case "HandshakeResponse":
        this.#heard();
        return this.#receiveHandshake(message);
      case "ActionResponse":
        this.#heard();
        if (this.#calls.isProbe(message)) this.#probes.answered();
        if (!this.#calls.receive(message)) this.#unexpected(message);
        return;
      case "Alive":
      case "AliveResponse":
        if (!this.#alive) return this.#unexpected(message);
        if (message.MessageType === "AliveResponse") return this.#heard();
        return this.#send({ MessageType: "AliveResponse" });
      case "FeedOpenResponse":
      case "FeedResumeResponse":
      case "FeedCloseResponse":
        this.#heard();
        if (!this.#feeds.receive(message)) this.#unexpected(message);
        return;
      case "FeedAction":
      case "ActionRevelation":
      case "FeedTermination":
        if (!this.#feeds.receive(message)) this.#unexpected(message);
        return;
      default:
        message satisfies never;
    }
  }

  /**
   * Handles a message whose data is nested too deeply: its action or feed fails. A
   * rejection stays a rejection, but without its data.
   */
  #receiveDeep(message: ServerMessage): void {
    const fault = `The data of a ${message.MessageType} is nested more than ` +
      `${this.#maxDepth} levels deep; raise the option maxDepth to accept it.`;
    const complain = () =>
      this.#complain(new FeedmeError("INVALID_DATA", fault));
    switch (message.MessageType) {
      case "ViolationResponse":
        return complain();
      case "ActionResponse":
        if (!message.Success) break;
        if (this.#calls.receive(message, fault)) complain();
        else this.#unexpected(message);
        return;
      case "FeedOpenResponse":
        if (!message.Success) break;
        if (!this.#feeds.receive(message, fault)) this.#unexpected(message);
        return;
      case "FeedAction":
      case "ActionRevelation":
        if (!this.#feeds.receive(message, fault)) this.#unexpected(message);
        return;
      case "FeedTermination":
        break;
      case "HandshakeResponse":
      case "FeedCloseResponse":
      case "FeedResumeResponse":
      case "Alive":
      case "AliveResponse":
        // These carry no data.
        return this.#receive(message);
      default:
        return message satisfies never;
    }
    complain();
    this.#receive({ ...message, ErrorData: {} });
  }

  #receiveHandshake(
    message: ServerMessage & { MessageType: "HandshakeResponse" },
  ): void {
    if (this.#link !== "handshaking") return this.#unexpected(message);
    if (!message.Success) {
      this.#link = "down";
      this.#effects.push({
        do: "hangUp",
        reason: new FeedmeError(
          "HANDSHAKE_REJECTED",
          "The server rejected the handshake.",
        ),
      });
    } else if (message.Version !== VERSION) {
      this.#unexpected(message, "HandshakeResponse specified invalid version.");
    } else {
      this.#link = "up";
      this.#alive = message.Alive === true;
      this.#tell({ event: "connect" });
      this.#feeds.connected(this.#alive);
    }
  }

  /**
   * An exception in this client lost a message, so feeds and actions may be out of
   * sync with the server. Hangs up, because a new connection starts from scratch.
   */
  #fail(cause: unknown): void {
    this.#effects.push({
      do: "hangUp",
      reason: new FeedmeError(
        "TRANSPORT_FAILURE",
        "An exception was thrown while a message was processed.",
        { cause },
      ),
    });
  }

  #unexpected(
    serverMessage: ServerMessage,
    text = `Unexpected ${serverMessage.MessageType}.`,
  ): void {
    this.#complain(
      new FeedmeError("UNEXPECTED_MESSAGE", text, { serverMessage }),
    );
  }

  #complain(error: FeedmeError): void {
    this.#tell({ event: "badServerMessage", error });
  }

  /** The server has answered something that this client sent. */
  #heard(): void {
    this.#effects.push({ do: "heard" });
  }

  #tell(notice: ClientNotice): void {
    this.#effects.push({ do: "tellClient", notice });
  }
}
