/**
 * The client's side of a Feedme conversation as a function of values: an event
 * goes in, effects come out, and there is no socket, timer or clock. Both are
 * listed in `effects.ts`; `client.ts` performs the effects.
 *
 * One conversation outlives its connections. It knows the actions that wait for
 * a response (`calls.ts`), and the feeds as the server and the application see
 * them (`feeds.ts`).
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
import {
  type FeedArgs,
  type JsonObject,
  readServerMessage,
  type ServerMessage,
  VERSION,
  writeClientMessage,
} from "../wire/protocol.ts";

/** Limits in milliseconds and attempts, named as the client's options are. */
export interface ConversationOptions extends FeedLimits {
  /** For the response to an action; 0 for no limit. */
  actionTimeoutMs: number;
  /** Levels of arrays and objects in any data. */
  maxDepth: number;
}

/** The conversation with one server; see the head of this file. */
export class Conversation<Owner, Call> {
  #link: "down" | "handshaking" | "up" = "down";
  /** The effects of the present event. */
  #effects: Effect<Owner, Call>[] = [];
  readonly #maxDepth: number;
  readonly #calls: Calls<Call>;
  readonly #feeds: Feeds<Owner>;

  /** Nothing happens until the first event. */
  constructor(options: ConversationOptions) {
    const emit = (effect: Effect<Owner, Call>) => {
      this.#effects.push(effect);
    };
    this.#maxDepth = options.maxDepth;
    this.#calls = new Calls(emit, options.actionTimeoutMs);
    this.#feeds = new Feeds(emit, options);
  }

  /** Whether the handshake has succeeded on the present connection. */
  get up(): boolean {
    return this.#link === "up";
  }

  /** All feed objects, in the order in which they were made. */
  get members(): Iterable<Member<Owner>> {
    return this.#feeds.members;
  }

  /** The application makes a feed object. */
  join(owner: Owner, name: string, args: FeedArgs): Member<Owner> {
    return this.#feeds.join(owner, name, args);
  }

  /** The data of a feed object that is open. */
  data(member: Member<Owner>): JsonObject | undefined {
    return this.#feeds.data(member);
  }

  /**
   * Takes in what happened. Returns what to do about it, in order; a program
   * that drops an effect leaves the application and the server out of step.
   *
   * @throws if the arguments of an action cannot be written; nothing has changed
   */
  handle(event: ConversationEvent<Owner, Call>): Effect<Owner, Call>[] {
    const effects: Effect<Owner, Call>[] = this.#effects = [];
    switch (event.type) {
      case "connected":
        this.#link = "handshaking";
        this.#effects.push({
          do: "send",
          text: writeClientMessage({
            MessageType: "Handshake",
            Versions: [VERSION],
          }),
        });
        break;
      case "disconnected":
        this.#link = "down";
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
      case "expired":
        if (event.timer.kind === "action") this.#calls.expire(event.timer.id);
        else this.#feeds.expired(event.timer);
        break;
      case "act":
        this.#calls.act(event.call, event.name, event.args, event.live);
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
    return effects;
  }

  #read(text: string): void {
    const received = readServerMessage(text);
    if (received.message) {
      const { message } = received;
      // A level takes two characters, an element of a path no fewer.
      return text.length > 2 * this.#maxDepth &&
          isTooDeep(message, this.#maxDepth)
        ? this.#receiveDeep(message)
        : this.#receive(message);
    }
    // Anything but a syntax error is this program's own, e.g. a full stack.
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

  #receive(message: ServerMessage): void {
    switch (message.MessageType) {
      case "ViolationResponse":
        return this.#tell({
          event: "badClientMessage",
          diagnostics: message.Diagnostics,
        });
      case "HandshakeResponse":
        return this.#receiveHandshake(message);
      case "ActionResponse":
        if (!this.#calls.receive(message)) this.#unexpected(message);
        return;
      case "FeedOpenResponse":
      case "FeedCloseResponse":
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
   * A message whose data nests too deep: its action or feed fails. A refusal is
   * still a refusal, without its data.
   */
  #receiveDeep(message: ServerMessage): void {
    const fault = `The data of a ${message.MessageType} has more than ` +
      `${this.#maxDepth} levels. The option maxDepth sets the limit.`;
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
        // These have no data.
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
      this.#tell({ event: "connect" });
      this.#feeds.connected();
    }
  }

  /**
   * An exception in this client lost a message: which feeds and actions are still
   * in step with the server is unknown. A new connection starts afresh.
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

  #tell(notice: ClientNotice): void {
    this.#effects.push({ do: "tellClient", notice });
  }
}
