/**
 * The feeds of a conversation: each feed as the server sees it on the current
 * connection, and the state that its members, the feed objects of the application,
 * were last notified of.
 */
import { share } from "./share.ts";
import { applyDeltas } from "../wire/delta.ts";
import { Digest } from "../wire/digest.ts";
import type {
  Effect,
  FeedNotice,
  FeedState,
  Member,
  ServerFeed,
  Timer,
} from "./effects.ts";
import {
  FeedmeError,
  type FeedmeErrorCode,
  type FeedmeErrorDetails,
  reasonOf,
} from "./errors.ts";
import {
  type ClientMessage,
  type FeedArgs,
  feedKey,
  type JsonObject,
  type ServerMessage,
  writeClientMessage,
} from "../wire/protocol.ts";

/** Limits with the names of the client's options, in milliseconds or attempts. */
export interface FeedLimits {
  /** How long to wait for the response to opening a feed; 0 for no limit. */
  feedTimeoutMs: number;
  /** The most automatic reopenings within `reopenTrailingMs`; less than 0 for no limit. */
  reopenMaxAttempts: number;
  /** The period that `reopenMaxAttempts` applies to; 0 for the whole connection. */
  reopenTrailingMs: number;
}

/** A message about one feed. */
export type FeedMessage = Extract<ServerMessage, { FeedName: string }>;

type FeedActionMessage = ServerMessage & {
  MessageType: "FeedAction" | "ActionRevelation";
};

const CLOSED: FeedState = { kind: "closed", waiting: false };

/** The feeds of a conversation. Effects go to `emit`. */
export class Feeds<Owner> {
  readonly #emit: (effect: Effect<Owner, never>) => void;
  readonly #limits: FeedLimits;
  /** The pending action with this `CallbackId`. */
  readonly #call: (id: string) => unknown;
  readonly #feeds = new Map<string, ServerFeed<Owner>>();
  /** Feeds that are not closed, in the order in which they left that state. */
  readonly #active = new Set<ServerFeed<Owner>>();
  /** All feed objects, in the order of their creation. */
  readonly members: Set<Member<Owner>> = new Set();

  constructor(
    emit: (effect: Effect<Owner, never>) => void,
    limits: FeedLimits,
    call: (id: string) => unknown,
  ) {
    this.#emit = emit;
    this.#limits = limits;
    this.#call = call;
  }

  /** Registers a new feed object of the application. */
  join(owner: Owner, name: string, args: FeedArgs): Member<Owner> {
    const key = feedKey(name, args);
    let feed = this.#feeds.get(key);
    if (!feed) {
      feed = {
        key,
        name,
        args,
        members: new Set(),
        state: CLOSED,
        kept: undefined,
        reopenings: new Set(),
      };
      this.#feeds.set(key, feed);
    }
    const member: Member<Owner> = {
      owner,
      feed,
      args,
      desired: false,
      told: { state: "closed", error: undefined },
    };
    feed.members.add(member);
    this.members.add(member);
    return member;
  }

  /** The data of a feed object, if it is open. */
  data(member: Member<Owner>): JsonObject | undefined {
    const { state } = member.feed;
    return state.kind === "open" ? state.data : undefined;
  }

  /** The handshake has succeeded: opens the feeds that are desired open. */
  connected(): void {
    for (const feed of this.#feeds.values()) this.#openIfWanted(feed);
  }

  /** The connection was lost: closes all feeds. */
  disconnected(): void {
    for (const feed of this.#active) {
      this.#closeAll(
        feed.members,
        "NOT_CONNECTED",
        "The transport disconnected.",
      );
    }
    this.#closeAll(this.members, "NOT_CONNECTED", "The client disconnected.");
    for (const feed of this.#feeds.values()) {
      if (feed.state.kind === "opening") this.#stop(feed.state.timer);
      this.#keep(feed);
      this.#stopReopening(feed);
      this.#enter(feed, CLOSED);
    }
  }

  /** Handles the event `leave`. */
  leave(member: Member<Owner>): void {
    member.feed.members.delete(member);
    this.members.delete(member);
    this.#forget(member.feed);
  }

  /** Handles the event `desireOpen`. */
  desireOpen(member: Member<Owner>, live: boolean): void {
    member.desired = true;
    const { feed } = member;
    const { state } = feed;
    if (!live) {
      return this.#tellClosed(
        member,
        new FeedmeError("NOT_CONNECTED", "The client is not connected."),
      );
    }
    if (state.kind === "closed") return this.#open(feed, member);
    this.#tellOpening(member);
    switch (state.kind) {
      case "opening":
        // After a timeout, a new wait begins.
        state.timer ??= this.#limitOpening(feed);
        return;
      case "open":
        return this.#tellOpen(member, state.data);
      case "closing":
      case "terminated":
        // The application asked for it, so it does not count as an automatic reopening.
        state.bad = false;
        return;
      default:
        state satisfies never;
    }
  }

  /** Handles the event `desireClosed`. */
  desireClosed(member: Member<Owner>, live: boolean): void {
    member.desired = false;
    const { feed } = member;
    this.#tellClosed(member, undefined);
    if (this.#wanting(feed)) return;
    feed.kept = undefined;
    if (feed.state.kind === "closed") feed.state = CLOSED;
    else if (feed.state.kind === "open" && live) {
      this.#leaveOpen(feed, member.args);
    }
  }

  /** A timer of a feed has expired. */
  expired(timer: Extract<Timer, { key: string }>): void {
    const feed = this.#feeds.get(timer.key);
    if (!feed) return;
    const { state } = feed;
    switch (timer.kind) {
      case "opening":
        if (state.kind !== "opening" || state.timer !== timer) return;
        state.timer = undefined;
        return this.#closeAll(
          feed.members,
          "TIMEOUT",
          "The server did not respond to feed open request within the allocated time.",
        );
      case "reopening":
        if (!feed.reopenings.delete(timer)) return;
        if (state.kind === "closed" && state.waiting) this.#reopen(feed);
        return;
      default:
        timer satisfies never;
    }
  }

  /**
   * Handles a message about a feed; `fault` says why its data is unusable, if it is.
   * Returns whether the message was expected.
   */
  receive(message: FeedMessage, fault?: string): boolean {
    const feed = this.#feeds.get(feedKey(message.FeedName, message.FeedArgs));
    if (!feed) return false;
    const { state } = feed;
    switch (message.MessageType) {
      case "FeedOpenResponse":
        if (state.kind !== "opening") return false;
        this.#stop(state.timer);
        if (fault) {
          this.#leaveBad(feed, fault, new FeedmeError("INVALID_DATA", fault));
        } else if (message.Success) {
          this.#opened(feed, message.FeedData);
        } else {
          feed.kept = undefined;
          this.#enter(feed, CLOSED);
          this.#closeAll(
            feed.members,
            "REJECTED",
            "Server rejected the feed open request.",
            reasonOf(message),
          );
        }
        return true;
      case "FeedCloseResponse":
        if (state.kind !== "closing" && state.kind !== "terminated") {
          return false;
        }
        this.#enter(feed, CLOSED);
        if (state.bad) this.#reopen(feed);
        else this.#openIfWanted(feed);
        return true;
      case "FeedAction":
      case "ActionRevelation":
        if (state.kind === "open") {
          if (fault) {
            this.#leaveBad(feed, fault, new FeedmeError("INVALID_DATA", fault));
          } else {
            this.#receiveFeedAction(feed, state, message);
          }
          return true;
        }
        // Sent before the server received the FeedClose, so it is ignored unchecked.
        return state.kind === "closing";
      case "FeedTermination":
        if (state.kind === "closing") {
          feed.state = { kind: "terminated", bad: state.bad };
          return true;
        }
        if (state.kind !== "open") return false;
        this.#enter(feed, CLOSED);
        this.#closeAll(
          feed.members,
          "TERMINATED",
          "The server terminated the feed.",
          reasonOf(message),
        );
        return true;
      default:
        return message satisfies never;
    }
  }

  #receiveFeedAction(
    feed: ServerFeed<Owner>,
    state: FeedState & { kind: "open" },
    message: FeedActionMessage,
  ): void {
    const oldData = state.data;
    let data: JsonObject | undefined;
    try {
      data = this.#applied(feed, state, message);
    } catch (cause) {
      // An exception in this program: the data may be out of sync with the server's.
      return this.#leaveBad(
        feed,
        "The feed action could not be applied.",
        new FeedmeError(
          "INVALID_DELTA",
          "An exception was thrown while a FeedAction was applied.",
          { serverMessage: message, cause },
        ),
      );
    }
    if (!data) return;
    state.data = data;
    const notice: FeedNotice = {
      event: "action",
      name: message.ActionName,
      data: message.ActionData,
      newData: data,
      oldData,
      own: message.CallbackId === undefined
        ? undefined
        : this.#call(message.CallbackId),
    };
    for (const member of feed.members) {
      if (member.desired) this.#tellFeed(member, notice);
    }
  }

  /** The data after an action; `undefined` if the action was bad and closed the feed. */
  #applied(
    feed: ServerFeed<Owner>,
    state: FeedState & { kind: "open" },
    message: FeedActionMessage,
  ): JsonObject | undefined {
    const { data, reason } = applyDeltas(state.data, message.FeedDeltas);
    if (!data) {
      this.#leaveBad(
        feed,
        "The server passed an invalid feed delta.",
        new FeedmeError(
          "INVALID_DELTA",
          "Received FeedAction with contextually invalid feed delta.",
          { serverMessage: message, deltaViolation: reason },
        ),
      );
      return undefined;
    }
    if (message.FeedMd5 === undefined) return data;
    state.digest ??= new Digest();
    if (state.digest.of(data) === message.FeedMd5) return data;
    this.#leaveBad(
      feed,
      "Hash verification failed.",
      new FeedmeError(
        "INVALID_HASH",
        "Feed data MD5 verification failed.",
        { serverMessage: message },
      ),
    );
    return undefined;
  }

  // State transitions of a server feed.

  /** The only place that changes whether a feed is closed. */
  #enter(feed: ServerFeed<Owner>, state: FeedState): void {
    if (state.kind === "closed") {
      this.#active.delete(feed);
    } else if (feed.state.kind === "closed") {
      this.#active.add(feed);
    }
    feed.state = state;
    this.#forget(feed);
  }

  /** Opens a closed feed for `member`, at its request or automatically. */
  #open(feed: ServerFeed<Owner>, { args }: Member<Owner>): void {
    feed.args = args;
    this.#enter(feed, { kind: "opening", timer: this.#limitOpening(feed) });
    for (const member of feed.members) {
      if (member.desired && member.told.state === "closed") {
        this.#tellOpening(member);
      }
    }
    this.#send({
      MessageType: "FeedOpen",
      FeedName: feed.name,
      FeedArgs: args,
    });
  }

  #openIfWanted(feed: ServerFeed<Owner>): void {
    const member = this.#wanting(feed);
    if (member) this.#open(feed, member);
  }

  /** The server has accepted an opening feed. */
  #opened(feed: ServerFeed<Owner>, received: JsonObject): void {
    const data = share(feed.kept, received);
    feed.kept = undefined;
    feed.state = { kind: "open", data, digest: undefined };
    if (!this.#wanting(feed)) return this.#leaveOpen(feed);
    for (const member of feed.members) {
      if (!member.desired) continue;
      // After a timeout, the member was notified that the feed is closed.
      if (member.told.state === "closed") this.#tellOpening(member);
      this.#tellOpen(member, data);
    }
  }

  /** Closes an open feed that is no longer desired or no longer trusted. */
  #leaveOpen(feed: ServerFeed<Owner>, args = feed.args, bad = false): void {
    feed.state = { kind: "closing", bad };
    this.#send({
      MessageType: "FeedClose",
      FeedName: feed.name,
      FeedArgs: args,
    });
  }

  /** Closes an open feed because the server sent a bad action. */
  #leaveBad(
    feed: ServerFeed<Owner>,
    reason: string,
    complaint: FeedmeError,
  ): void {
    this.#closeAll(feed.members, "BAD_FEED_ACTION", reason);
    this.#keep(feed);
    this.#complain(complaint);
    this.#leaveOpen(feed, feed.args, true);
  }

  /** Remembers the data of an open feed that will probably be opened again. */
  #keep(feed: ServerFeed<Owner>): void {
    const { state } = feed;
    if (state.kind === "open" && this.#wanting(feed)) feed.kept = state.data;
  }

  /**
   * Reopens a feed that was closed because of a bad action. If that has happened too
   * often recently, waits until the limit allows it.
   */
  #reopen(feed: ServerFeed<Owner>): void {
    if (!this.#wanting(feed)) return;
    const { reopenMaxAttempts: max, reopenTrailingMs: ms } = this.#limits;
    if (max >= 0) {
      if (feed.reopenings.size >= max) {
        feed.state = { kind: "closed", waiting: max > 0 };
        return;
      }
      const timer: Timer = { kind: "reopening", key: feed.key };
      feed.reopenings.add(timer);
      this.#start(timer, ms);
    }
    this.#openIfWanted(feed);
  }

  #stopReopening(feed: ServerFeed<Owner>): void {
    for (const timer of feed.reopenings) this.#stop(timer);
    feed.reopenings.clear();
  }

  /** The first member of a feed that is desired open. */
  #wanting(feed: ServerFeed<Owner>): Member<Owner> | undefined {
    for (const member of feed.members) if (member.desired) return member;
    return undefined;
  }

  /** Drops a feed that neither side uses any more. */
  #forget(feed: ServerFeed<Owner>): void {
    if (feed.members.size > 0 || feed.state.kind !== "closed") return;
    this.#stopReopening(feed);
    this.#feeds.delete(feed.key);
  }

  // Effects.

  /** Notifies members that they are closed, unless they already know this reason. */
  #closeAll(
    members: Iterable<Member<Owner>>,
    code: FeedmeErrorCode,
    text: string,
    details?: FeedmeErrorDetails,
  ): void {
    for (const member of members) {
      const { desired, told } = member;
      if (!desired) continue;
      if (told.state === "closed" && told.error?.code === code) continue;
      this.#tellClosed(member, new FeedmeError(code, text, details));
    }
  }

  #tellClosed(member: Member<Owner>, error: FeedmeError | undefined): void {
    member.told = { state: "closed", error };
    this.#tellFeed(member, { event: "close", error });
  }

  #tellOpening(member: Member<Owner>): void {
    member.told = { state: "opening" };
    this.#tellFeed(member, { event: "opening" });
  }

  #tellOpen(member: Member<Owner>, data: JsonObject): void {
    member.told = { state: "open" };
    this.#tellFeed(member, { event: "open", data });
  }

  #tellFeed({ owner }: Member<Owner>, notice: FeedNotice): void {
    this.#emit({ do: "tellFeed", owner, notice });
  }

  #complain(error: FeedmeError): void {
    this.#emit({
      do: "tellClient",
      notice: { event: "badServerMessage", error },
    });
  }

  #send(message: ClientMessage): void {
    this.#emit({ do: "send", text: writeClientMessage(message) });
  }

  /** Starts the timer that limits how long a feed may take to open, if there is a limit. */
  #limitOpening(feed: ServerFeed<Owner>): Timer | undefined {
    const { feedTimeoutMs: ms } = this.#limits;
    if (ms === 0) return undefined;
    const timer: Timer = { kind: "opening", key: feed.key };
    this.#start(timer, ms);
    return timer;
  }

  /** Starts a timer; 0 means never. */
  #start(timer: Timer, ms: number): void {
    if (ms > 0) this.#emit({ do: "startTimer", timer, ms });
  }

  #stop(timer: Timer | undefined): void {
    if (timer) this.#emit({ do: "stopTimer", timer });
  }
}
