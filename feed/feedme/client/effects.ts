/**
 * The input and output of a {@linkcode Conversation}, as values.
 *
 * Both unions are closed: the conversation, which handles the events, and the shell,
 * which performs the effects, each have one `switch` that the compiler checks for
 * completeness.
 */
import type { FeedmeError } from "./errors.ts";
import type { FeedArgs, JsonObject, LogPosition } from "../wire/protocol.ts";
import type { Digest } from "../wire/digest.ts";

/**
 * An event. `Owner` stands for a feed object of the application and `Call` for a
 * pending action; the conversation only passes them back.
 */
export type ConversationEvent<Owner, Call> =
  /** The transport has connected. */
  | { type: "connected" }
  /** The transport has disconnected, for whatever reason. */
  | { type: "disconnected" }
  /** A message has arrived. */
  | { type: "message"; text: string }
  /** The server has answered nothing for a while, so it is asked for a sign of life. */
  | { type: "probe" }
  /** The server has answered nothing for `ms`, although it was asked. */
  | { type: "silent"; ms: number }
  /** A timer that the conversation started has expired. */
  | { type: "expired"; timer: Timer }
  /**
   * The application invokes an action. `live` is whether a message can be sent now:
   * the transport may have disconnected without having emitted the event yet.
   */
  | {
    type: "act";
    call: Call;
    name: string;
    args: JsonObject;
    live: boolean;
    /** How long to wait for the response; 0 for no limit. @default {actionTimeoutMs} */
    timeoutMs?: number | undefined;
  }
  /** The application no longer waits for an action, for this reason. */
  | { type: "abandon"; call: Call; cause: unknown }
  /** The application wants a feed object open; `live` as above. */
  | { type: "desireOpen"; member: Member<Owner>; live: boolean }
  /** The application wants a feed object closed; `live` as above. */
  | { type: "desireClosed"; member: Member<Owner>; live: boolean }
  /** The application destroys a feed object, which is desired closed. */
  | { type: "leave"; member: Member<Owner> };

/** Something to do. Effects must be performed in order. */
export type Effect<Owner, Call> =
  /** Send a text, if the transport is still connected. */
  | { do: "send"; text: string }
  /** End the connection with `reason`, if it still exists. `dead`: it already has. */
  | { do: "hangUp"; reason: FeedmeError; dead?: true }
  /** The server has answered, so the connection works in both directions. */
  | { do: "heard" }
  /** Deliver the event `expired` with this timer after `ms` milliseconds. */
  | { do: "startTimer"; timer: Timer; ms: number }
  /** Cancel this timer. */
  | { do: "stopTimer"; timer: Timer }
  /** Notify the listeners of the client. */
  | { do: "tellClient"; notice: ClientNotice }
  /** Notify the listeners of a feed object. */
  | { do: "tellFeed"; owner: Owner; notice: FeedNotice }
  /** Report how an action ended. */
  | { do: "settle"; call: Call; result: ActionResult };

/** A notification for listeners of the client. */
export type ClientNotice =
  | { event: "connect" }
  | { event: "badServerMessage"; error: FeedmeError }
  | { event: "badClientMessage"; diagnostics: JsonObject };

/** A notification for listeners of a feed object. */
export type FeedNotice =
  | { event: "opening" }
  /** `gap`: actions since the feed object was last open may be missing. */
  | { event: "open"; data: JsonObject; gap: boolean }
  | { event: "close"; error: FeedmeError | undefined }
  | {
    event: "action";
    name: string;
    data: JsonObject;
    newData: JsonObject;
    oldData: JsonObject;
    /** The `Call` that caused it, if the server said so and it is still pending. */
    own: unknown;
  };

/** How an action ended. */
export type ActionResult =
  | { error: FeedmeError; data?: undefined }
  | { error?: undefined; data: JsonObject };

/** A timer of the conversation, identified by reference. */
export type Timer =
  /** Bounds the wait for the response to the action with this `CallbackId`. */
  | { kind: "action"; id: string }
  /** Bounds the time that the feed with this key may take to open. */
  | { kind: "opening"; key: string }
  /** Ends the period during which an automatic reopening of that feed counts. */
  | { kind: "reopening"; key: string };

/** A feed as the server sees it on the current connection. */
export type FeedState =
  /** `waiting`: will be reopened as soon as the limit on reopenings allows. */
  | { kind: "closed"; waiting: boolean }
  /**
   * `timer` is missing if it has expired or there is no limit. `base` is the data that
   * the server was asked to resume from.
   */
  | { kind: "opening"; timer: Timer | undefined; base: Logged | undefined }
  | {
    kind: "open";
    data: JsonObject;
    digest: Digest | undefined;
    log: LogPosition | undefined;
  }
  /** `bad`: the client closed it because of a bad feed action. */
  | { kind: "closing" | "terminated"; bad: boolean };

/** Data, and the position in the server's log that it stands for. */
export interface Logged {
  readonly data: JsonObject;
  readonly log: LogPosition;
}

/** Data of a feed that is no longer open, and its position in the log, if known. */
export interface Kept {
  readonly data: JsonObject;
  readonly log: LogPosition | undefined;
}

/** A feed of the server, shared by all feed objects with its name and arguments. */
export interface ServerFeed<Owner> {
  /** Identifies it; see `feedKey`. */
  readonly key: string;
  /** Its name. */
  readonly name: string;
  /** Its arguments, as given by the member that opened it last. */
  args: FeedArgs;
  /** The feed objects that share it, in the order of their creation. */
  readonly members: Set<Member<Owner>>;
  /** Its state. */
  state: FeedState;
  /**
   * The data before the connection was lost or a bad action arrived, until the feed is
   * open again: what is equal then stays the same object.
   */
  kept: Kept | undefined;
  /** Data of another feed that it will resemble; used as `kept` is. */
  like: JsonObject | undefined;
  /** The automatic reopenings that currently count towards the limit. */
  readonly reopenings: Set<Timer>;
}

/** A feed object of the application, as the conversation knows it. */
export interface Member<Owner> {
  /** The feed object that it stands for. */
  readonly owner: Owner;
  /** The feed of the server that it shares. */
  readonly feed: ServerFeed<Owner>;
  /** Its arguments, in the order given by the application. */
  readonly args: FeedArgs;
  /** Whether the application wants it open. */
  desired: boolean;
  /** The state that its listeners were last notified of. */
  told: ToldState;
  /**
   * Whether it has been open: never, and since then without being closed by the
   * application (`following`), or not (`left`).
   */
  past: "none" | "following" | "left";
}

/** The state that listeners of a feed object were last notified of. */
export type ToldState =
  | { state: "closed"; error: FeedmeError | undefined }
  | { state: "opening" }
  | { state: "open" };
