/**
 * What goes into a {@linkcode Conversation} and what comes out of it, as values.
 *
 * Both unions are closed: the client that performs the effects, and the
 * conversation that takes the events, each hold one `switch` that the compiler
 * checks for completeness.
 */
import type { FeedmeError } from "./errors.ts";
import type { FeedArgs, JsonObject } from "../wire/protocol.ts";
import type { Digest } from "../wire/digest.ts";

/**
 * Something that happened. `Owner` stands for a feed object of the application
 * and `Call` for a pending action; the conversation only hands them back.
 */
export type ConversationEvent<Owner, Call> =
  /** The transport has connected. */
  | { type: "connected" }
  /** The transport has disconnected, for whatever reason. */
  | { type: "disconnected" }
  /** A message has arrived. */
  | { type: "message"; text: string }
  /** A timer that the conversation started has run out. */
  | { type: "expired"; timer: Timer }
  /**
   * The application invokes an action. `live` says whether a message can be
   * sent now: the transport may have disconnected without having said so yet.
   */
  | {
    type: "act";
    call: Call;
    name: string;
    args: JsonObject;
    live: boolean;
  }
  /** The application wants a feed object open; `live` as above. */
  | { type: "desireOpen"; member: Member<Owner>; live: boolean }
  /** The application wants a feed object closed; `live` as above. */
  | { type: "desireClosed"; member: Member<Owner>; live: boolean }
  /** The application destroys a feed object, which is desired closed. */
  | { type: "leave"; member: Member<Owner> };

/** Something to be done. Effects are performed in the order in which they come. */
export type Effect<Owner, Call> =
  /** Send a text, if the transport is still connected. */
  | { do: "send"; text: string }
  /** End the connection because of `reason`, if there is still one. */
  | { do: "hangUp"; reason: FeedmeError }
  /** Report `expired` with this timer in `ms` milliseconds. */
  | { do: "startTimer"; timer: Timer; ms: number }
  /** Forget this timer. */
  | { do: "stopTimer"; timer: Timer }
  /** Tell the listeners of the client. */
  | { do: "tellClient"; notice: ClientNotice }
  /** Tell the listeners of a feed object. */
  | { do: "tellFeed"; owner: Owner; notice: FeedNotice }
  /** Tell how an action ended. */
  | { do: "settle"; call: Call; result: ActionResult };

/** What the conversation has to say to listeners of the client. */
export type ClientNotice =
  | { event: "connect" }
  | { event: "badServerMessage"; error: FeedmeError }
  | { event: "badClientMessage"; diagnostics: JsonObject };

/** What the conversation has to say to listeners of a feed object. */
export type FeedNotice =
  | { event: "opening" }
  | { event: "open"; data: JsonObject }
  | { event: "close"; error: FeedmeError | undefined }
  | {
    event: "action";
    name: string;
    data: JsonObject;
    newData: JsonObject;
    oldData: JsonObject;
  };

/** How an action ended. */
export type ActionResult =
  | { error: FeedmeError; data?: undefined }
  | { error?: undefined; data: JsonObject };

/** A timer of the conversation, told apart by identity. */
export type Timer =
  /** Bounds the wait for the response to the action with this `CallbackId`. */
  | { kind: "action"; id: string }
  /** Bounds the time that the feed with this key may be opening. */
  | { kind: "opening"; key: string }
  /** Ends the time for which an automatic reopening of that feed counts. */
  | { kind: "reopening"; key: string };

/** A feed as the server sees it on the present connection. */
export type FeedState =
  /** `waiting`: to be reopened as soon as the limit on reopenings allows. */
  | { kind: "closed"; waiting: boolean }
  /** `timer` is missing when it has run out, or there is no limit. */
  | { kind: "opening"; timer: Timer | undefined }
  | { kind: "open"; data: JsonObject; digest: Digest | undefined }
  /** `bad`: the client closed it because of a bad feed action. */
  | { kind: "closing" | "terminated"; bad: boolean };

/** A feed of the server, shared by all feed objects with its name and arguments. */
export interface ServerFeed<Owner> {
  /** Tells it apart; see `feedKey`. */
  readonly key: string;
  /** Its name. */
  readonly name: string;
  /** Its arguments, as the member that opened it last gave them. */
  args: FeedArgs;
  /** The feed objects that share it, in the order in which they were made. */
  readonly members: Set<Member<Owner>>;
  /** Where it stands. */
  state: FeedState;
  /** The automatic reopenings that count at present. */
  readonly reopenings: Set<Timer>;
}

/** A feed object of the application, as the conversation knows it. */
export interface Member<Owner> {
  /** What stands for it outside. */
  readonly owner: Owner;
  /** The feed of the server that it shares. */
  readonly feed: ServerFeed<Owner>;
  /** Its arguments, in the order that the application gave. */
  readonly args: FeedArgs;
  /** Whether the application wants it open. */
  desired: boolean;
  /** The last state that its listeners were told. */
  told: ToldState;
}

/** The last state that listeners of a feed object were told. */
export type ToldState =
  | { state: "closed"; error: FeedmeError | undefined }
  | { state: "opening" }
  | { state: "open" };
