/**
 * The feeds of a conversation: each feed as the server sees it on the current
 * connection. `members.ts` tells the feed objects of the application.
 */
import { share } from "./share.ts";
import type {
  Effect,
  FeedState,
  Member,
  ServerFeed,
  Timer,
} from "./effects.ts";
import { FeedmeError, reasonOf, refusalText } from "./errors.ts";
import { type FeedActionMessage, follow } from "./follow.ts";
import { Teller, wanting } from "./members.ts";
import { feedKey } from "../wire/feed_key.ts";
import {
  type ClientMessage,
  type FeedArgs,
  type JsonObject,
  type LogPosition,
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
  /** Whether the application sees the data of feeds that are closed against its will. */
  keepData: boolean;
}

/** A message about one feed. */
export type FeedMessage = Extract<ServerMessage, { FeedName: string }>;

const CLOSED: FeedState = { kind: "closed", waiting: false };

/** The feeds of a conversation. Effects go to `emit`. */
export class Feeds<Owner> {
  readonly #emit: (effect: Effect<Owner, never>) => void;
  readonly #tell: Teller<Owner>;
  readonly #limits: FeedLimits;
  /** The pending action with this `CallbackId`. */
  readonly #call: (id: string) => unknown;
  readonly #feeds = new Map<string, ServerFeed<Owner>>();
  /** Feeds that are not closed, in the order in which they left that state. */
  readonly #active = new Set<ServerFeed<Owner>>();
  /** All feed objects, in the order of their creation. */
  readonly members: Set<Member<Owner>> = new Set();
  /** Whether the server may be asked to resume a feed. */
  #resumable = false;

  constructor(
    emit: (effect: Effect<Owner, never>) => void,
    limits: FeedLimits,
    call: (id: string) => unknown,
  ) {
    this.#emit = emit;
    this.#tell = new Teller(emit);
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
        like: undefined,
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
      past: "none",
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

  /** The last data of a feed object that is desired open but is not, if it is kept. */
  kept({ desired, feed }: Member<Owner>): JsonObject | undefined {
    return desired && this.#limits.keepData ? feed.kept?.data : undefined;
  }

  /**
   * The handshake has succeeded: opens the feeds that are desired open. `resumable`:
   * the server may have kept the actions that they missed.
   */
  connected(resumable: boolean): void {
    this.#resumable = resumable;
    for (const feed of this.#feeds.values()) this.#openIfWanted(feed);
  }

  /** The connection was lost: closes all feeds. */
  disconnected(): void {
    for (const feed of this.#active) {
      this.#tell.allClosed(
        feed.members,
        "NOT_CONNECTED",
        "The transport disconnected.",
      );
    }
    this.#tell.allClosed(
      this.members,
      "NOT_CONNECTED",
      "The client disconnected.",
    );
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
      return this.#tell.closed(
        member,
        new FeedmeError("NOT_CONNECTED", "The client is not connected."),
      );
    }
    if (state.kind === "closed") return this.#open(feed, member);
    this.#tell.opening(member);
    switch (state.kind) {
      case "opening":
        // After a timeout, a new wait begins.
        state.timer ??= this.#limitOpening(feed);
        return;
      case "open":
        return this.#tell.open(member, state.data);
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
    if (member.past === "following") member.past = "left";
    const { feed } = member;
    this.#tell.closed(member, undefined);
    if (wanting(feed)) return;
    feed.kept = feed.like = undefined;
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
        return this.#tell.allClosed(
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
          this.#opened(feed, message.FeedData, message.LogId);
        } else {
          feed.kept = undefined;
          this.#enter(feed, CLOSED);
          this.#tell.allClosed(
            feed.members,
            "REJECTED",
            refusalText(
              "Server rejected the feed open request",
              message.FeedName,
              message,
            ),
            reasonOf(message),
          );
        }
        return true;
      case "FeedResumeResponse":
        if (state.kind !== "opening" || !state.base) return false;
        this.#stop(state.timer);
        this.#enterOpen(feed, state.base.data, state.base.log, true);
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
        feed.kept = undefined;
        this.#enter(feed, CLOSED);
        this.#tell.allClosed(
          feed.members,
          "TERMINATED",
          refusalText(
            "The server terminated the feed",
            message.FeedName,
            message,
          ),
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
    const { data, fault } = follow(state, message);
    if (!data) return this.#leaveBad(feed, fault.reason, fault.complaint);
    state.data = data;
    const { log } = state;
    if (log) state.log = { ...log, LogCount: log.LogCount + 1 };
    this.#tell.action(feed.members, {
      event: "action",
      name: message.ActionName,
      data: message.ActionData,
      newData: data,
      oldData,
      own: message.CallbackId === undefined
        ? undefined
        : this.#call(message.CallbackId),
    });
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
    const { kept } = feed;
    const base = this.#resumable && kept?.log
      ? { data: kept.data, log: kept.log }
      : undefined;
    const timer = this.#limitOpening(feed);
    this.#enter(feed, { kind: "opening", timer, base });
    for (const member of feed.members) {
      if (member.desired && member.told.state === "closed") {
        this.#tell.opening(member);
      }
    }
    this.#send({
      MessageType: "FeedOpen",
      FeedName: feed.name,
      FeedArgs: args,
      ...base?.log,
    });
  }

  #openIfWanted(feed: ServerFeed<Owner>): void {
    const member = wanting(feed);
    if (member) this.#open(feed, member);
  }

  /** The server has accepted an opening feed. */
  #opened(
    feed: ServerFeed<Owner>,
    received: JsonObject,
    LogId: string | undefined,
  ): void {
    const data = share(feed.kept?.data ?? feed.like, received);
    const log = LogId === undefined ? undefined : { LogId, LogCount: 0 };
    this.#enterOpen(feed, data, log, false);
  }

  #enterOpen(
    feed: ServerFeed<Owner>,
    data: JsonObject,
    log: LogPosition | undefined,
    resumed: boolean,
  ): void {
    feed.kept = feed.like = undefined;
    feed.state = { kind: "open", data, digest: undefined, log };
    if (!wanting(feed)) return this.#leaveOpen(feed);
    for (const member of feed.members) {
      if (!member.desired) continue;
      // After a timeout, the member was notified that the feed is closed.
      if (member.told.state === "closed") this.#tell.opening(member);
      this.#tell.open(member, data, resumed);
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
    this.#tell.allClosed(feed.members, "BAD_FEED_ACTION", reason);
    this.#keep(feed);
    // Resuming would bring the same action again.
    if (feed.kept) feed.kept = { data: feed.kept.data, log: undefined };
    this.#complain(complaint);
    this.#leaveOpen(feed, feed.args, true);
  }

  /** Remembers the data of an open feed that will probably be opened again. */
  #keep(feed: ServerFeed<Owner>): void {
    const { state } = feed;
    if (state.kind !== "open" || !wanting(feed)) return;
    feed.kept = { data: state.data, log: state.log };
  }

  /**
   * Reopens a feed that was closed because of a bad action. If that has happened too
   * often recently, waits until the limit allows it.
   */
  #reopen(feed: ServerFeed<Owner>): void {
    if (!wanting(feed)) return;
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

  /** Drops a feed that neither side uses any more. */
  #forget(feed: ServerFeed<Owner>): void {
    if (feed.members.size > 0 || feed.state.kind !== "closed") return;
    this.#stopReopening(feed);
    this.#feeds.delete(feed.key);
  }

  // Effects.

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
