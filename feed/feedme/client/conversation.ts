/**
 * The client's side of a Feedme conversation, without socket, timer or clock:
 * what happens goes in as method calls, what is to be done is asked of the
 * {@linkcode Shell}, in order.
 *
 * One conversation outlives its connections. It knows the actions that wait
 * for a response, the feeds as the server sees them, and the feed objects of
 * the application (the *members* of a server feed), several of which may share
 * one server feed.
 */
import { Calls } from "./calls.ts";
import { applyDeltas } from "../wire/delta.ts";
import { Digest } from "../wire/digest.ts";
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
  readServerMessage,
  type ServerMessage,
  VERSION,
  writeClientMessage,
} from "../wire/protocol.ts";
import type { Shell } from "./shell.ts";

/** Bounds in milliseconds and attempts, as the client's options name them. */
export interface ConversationOptions {
  actionTimeoutMs: number;
  feedTimeoutMs: number;
  reopenMaxAttempts: number;
  reopenTrailingMs: number;
}

/** A feed as the server sees it, on this connection. */
type FeedState =
  /** `waiting`: the client itself reopens it as soon as the limit allows. */
  | { kind: "closed"; waiting: boolean }
  /** `stop` ends the time that it may take, unless that is over. */
  | { kind: "opening"; stop: (() => void) | undefined }
  | { kind: "open"; data: JsonObject; digest: Digest | undefined }
  /** `bad`: closed by the client itself, because of a bad feed action. */
  | { kind: "closing" | "terminated"; bad: boolean };

interface ServerFeed {
  readonly key: string;
  readonly name: string;
  /** As the member that opened it last gave them. */
  args: FeedArgs;
  readonly members: Set<Member>;
  state: FeedState;
  /** The client's own reopenings that count now: each how to stop its timer. */
  readonly reopenings: Set<() => void>;
}

/** What stands for a feed object of the application. */
export interface FeedSink {
  /** Tells the listeners. */
  deliver(event: string, args: unknown[]): void;
  /** The client has been destroyed. */
  destroy(): void;
}

/** A feed object of the application. */
export interface Member {
  readonly sink: FeedSink;
  readonly feed: ServerFeed;
  readonly args: FeedArgs;
  /** Whether the application wants it open. */
  desired: boolean;
  /** What its listeners were told last, and why it is closed. */
  told: "closed" | "opening" | "open";
  error: FeedmeError | undefined;
}

const CLOSED: FeedState = { kind: "closed", waiting: false };

/** The conversation with one server; see the head of this file. */
export class Conversation {
  readonly #shell: Shell;
  readonly #options: ConversationOptions;
  #link: "down" | "handshaking" | "up" = "down";
  /** The actions that wait for a response. */
  readonly calls: Calls;
  readonly #feeds = new Map<string, ServerFeed>();
  /** Feeds that are not closed, in the order in which they left that state. */
  readonly #active = new Set<ServerFeed>();
  /** All feed objects, in the order in which they were made. */
  readonly members: Set<Member> = new Set();

  constructor(shell: Shell, options: ConversationOptions) {
    this.#shell = shell;
    this.#options = options;
    this.calls = new Calls(shell, options.actionTimeoutMs);
  }

  /** Whether the handshake has succeeded on the present connection. */
  get up(): boolean {
    return this.#link === "up";
  }

  /** The transport has connected. */
  connected(): void {
    this.#link = "handshaking";
    this.#send({ MessageType: "Handshake", Versions: [VERSION] });
  }

  /** The transport has disconnected, whatever the reason. */
  disconnected(): void {
    this.#link = "down";
    this.calls.lost();
    for (const feed of this.#active) {
      this.#closeAll(
        feed.members,
        "NOT_CONNECTED",
        "The transport disconnected.",
      );
    }
    this.#closeAll(this.members, "NOT_CONNECTED", "The client disconnected.");
    for (const feed of this.#feeds.values()) {
      if (feed.state.kind === "opening") feed.state.stop?.();
      this.#stopReopening(feed);
      this.#enter(feed, CLOSED);
    }
  }

  /** Whether a message can be sent now. May throw `TRANSPORT_ERROR`. */
  live(): boolean {
    return this.#shell.live();
  }

  /** The application creates a feed object. */
  join(sink: FeedSink, name: string, args: FeedArgs): Member {
    const key = feedKey(name, args);
    let feed = this.#feeds.get(key);
    if (!feed) {
      feed = {
        key,
        name,
        args,
        members: new Set(),
        state: CLOSED,
        reopenings: new Set(),
      };
      this.#feeds.set(key, feed);
    }
    const member: Member = {
      sink,
      feed,
      args,
      desired: false,
      told: "closed",
      error: undefined,
    };
    feed.members.add(member);
    this.members.add(member);
    return member;
  }

  /** The application destroys a feed object, which is desired closed. */
  leave(member: Member): void {
    member.feed.members.delete(member);
    this.members.delete(member);
    this.#forget(member.feed);
  }

  /** The application wants a feed object open. */
  desireOpen(member: Member): void {
    // The transport may have disconnected without having said so.
    const live = this.live();
    member.desired = true;
    const { feed } = member;
    const { state } = feed;
    if (!live) {
      this.#tell(
        member,
        "closed",
        new FeedmeError("NOT_CONNECTED", "The client is not connected."),
      );
    } else if (state.kind === "closed") {
      this.#open(feed, member);
    } else {
      this.#tell(member, "opening");
      if (state.kind === "open") this.#tell(member, "open", state.data);
      else if (state.kind === "opening") state.stop ??= this.#limit(feed);
      // The application asks now, so this is no reopening of the client's own.
      else state.bad = false;
    }
  }

  /** The application wants a feed object closed. */
  desireClosed(member: Member): void {
    const live = this.live();
    member.desired = false;
    const { feed } = member;
    this.#tell(member, "closed");
    if (this.#wanting(feed)) return;
    if (feed.state.kind === "closed") feed.state = CLOSED;
    else if (feed.state.kind === "open" && live) {
      this.#leaveOpen(feed, member.args);
    }
  }

  /** The data of a feed object that is open. */
  data({ feed: { state } }: Member): JsonObject | undefined {
    return state.kind === "open" ? state.data : undefined;
  }

  /** A message has arrived. */
  receive(text: string): void {
    const received = readServerMessage(text);
    if (received.message) return this.#receive(received.message);
    const what = "parseError" in received
      ? "Invalid JSON."
      : "Schema violation.";
    this.#complain(new FeedmeError("INVALID_MESSAGE", what, received));
  }

  #receive(message: ServerMessage): void {
    switch (message.MessageType) {
      case "ViolationResponse":
        return this.#shell.tell("badClientMessage", message.Diagnostics);
      case "HandshakeResponse":
        return this.#receiveHandshake(message);
      case "ActionResponse":
        if (!this.calls.receive(message)) this.#unexpected(message);
        return;
    }
    const feed = this.#feeds.get(feedKey(message.FeedName, message.FeedArgs));
    if (!feed) return this.#unexpected(message);
    const { state } = feed;
    switch (message.MessageType) {
      case "FeedOpenResponse":
        if (state.kind !== "opening") break;
        state.stop?.();
        if (message.Success) return this.#opened(feed, message.FeedData);
        this.#enter(feed, CLOSED);
        return this.#closeAll(
          feed.members,
          "REJECTED",
          "Server rejected the feed open request.",
          reasonOf(message),
        );
      case "FeedCloseResponse":
        if (state.kind !== "closing" && state.kind !== "terminated") break;
        this.#enter(feed, CLOSED);
        return state.bad ? this.#reopen(feed) : this.#openIfWanted(feed);
      case "FeedAction":
      case "ActionRevelation":
        // Not even the deltas of an action on its way are looked at.
        if (state.kind === "closing") return;
        if (state.kind !== "open") break;
        return this.#receiveFeedAction(feed, state, message);
      case "FeedTermination":
        if (state.kind === "closing") {
          state.kind = "terminated";
          return;
        }
        if (state.kind !== "open") break;
        this.#enter(feed, CLOSED);
        return this.#closeAll(
          feed.members,
          "TERMINATED",
          "The server terminated the feed.",
          reasonOf(message),
        );
    }
    this.#unexpected(message);
  }

  #receiveHandshake(
    message: ServerMessage & { MessageType: "HandshakeResponse" },
  ): void {
    if (this.#link !== "handshaking") return this.#unexpected(message);
    if (!message.Success) {
      this.#link = "down";
      this.#shell.hangUp(
        new FeedmeError(
          "HANDSHAKE_REJECTED",
          "The server rejected the handshake.",
        ),
      );
    } else if (message.Version !== VERSION) {
      this.#unexpected(message, "HandshakeResponse specified invalid version.");
    } else {
      this.#link = "up";
      this.#shell.tell("connect");
      for (const feed of this.#feeds.values()) this.#openIfWanted(feed);
    }
  }

  #receiveFeedAction(
    feed: ServerFeed,
    state: FeedState & { kind: "open" },
    message: ServerMessage & {
      MessageType: "FeedAction" | "ActionRevelation";
    },
  ): void {
    const old = state.data;
    const { data, reason } = applyDeltas(old, message.FeedDeltas);
    if (!data) {
      return this.#leaveBad(
        feed,
        "The server passed an invalid feed delta.",
        new FeedmeError(
          "INVALID_DELTA",
          "Received FeedAction with contextually invalid feed delta.",
          { serverMessage: message, deltaViolation: reason },
        ),
      );
    }
    if (message.FeedMd5 !== undefined) {
      state.digest ??= new Digest();
      if (state.digest.of(data) !== message.FeedMd5) {
        return this.#leaveBad(
          feed,
          "Hash verification failed.",
          new FeedmeError(
            "INVALID_HASH",
            "Feed data MD5 verification failed.",
            {
              serverMessage: message,
            },
          ),
        );
      }
    }
    state.data = data;
    for (const { desired, sink } of feed.members) {
      if (!desired) continue;
      const args = [message.ActionName, message.ActionData, data, old];
      this.#shell.later(() => sink.deliver("action", args));
    }
  }

  // How a server feed goes from state to state.

  /** The one place that writes whether a feed is closed. */
  #enter(feed: ServerFeed, state: FeedState): void {
    if (state.kind === "closed") {
      this.#active.delete(feed);
    } else if (feed.state.kind === "closed") {
      this.#active.add(feed);
    }
    feed.state = state;
    this.#forget(feed);
  }

  /** Closed, by the wish of `member`, the client or a new connection. */
  #open(feed: ServerFeed, { args }: Member): void {
    feed.args = args;
    this.#enter(feed, { kind: "opening", stop: this.#limit(feed) });
    for (const member of feed.members) {
      if (member.desired && member.told === "closed") {
        this.#tell(member, "opening");
      }
    }
    this.#send({
      MessageType: "FeedOpen",
      FeedName: feed.name,
      FeedArgs: args,
    });
  }

  #openIfWanted(feed: ServerFeed): void {
    const member = this.#wanting(feed);
    if (member) this.#open(feed, member);
  }

  /** Limits the time that a feed may be opening. */
  #limit(feed: ServerFeed): () => void {
    return this.#shell.start(this.#options.feedTimeoutMs, () => {
      (feed.state as FeedState & { kind: "opening" }).stop = undefined;
      this.#closeAll(
        feed.members,
        "TIMEOUT",
        "The server did not respond to feed open request within the allocated time.",
      );
    });
  }

  /** Opening, and the server has agreed. */
  #opened(feed: ServerFeed, data: JsonObject): void {
    feed.state = { kind: "open", data, digest: undefined };
    if (!this.#wanting(feed)) return this.#leaveOpen(feed);
    for (const member of feed.members) {
      if (!member.desired) continue;
      // After a timeout it was told that the feed is closed.
      if (member.told === "closed") this.#tell(member, "opening");
      this.#tell(member, "open", data);
    }
  }

  /** Open, and not wanted or not trusted any more. */
  #leaveOpen(feed: ServerFeed, args = feed.args, bad = false): void {
    feed.state = { kind: "closing", bad };
    this.#send({
      MessageType: "FeedClose",
      FeedName: feed.name,
      FeedArgs: args,
    });
  }

  /** Open, and the server has sent an action that does not fit. */
  #leaveBad(feed: ServerFeed, reason: string, complaint: FeedmeError): void {
    this.#closeAll(feed.members, "BAD_FEED_ACTION", reason);
    this.#complain(complaint);
    this.#leaveOpen(feed, feed.args, true);
  }

  /**
   * Closed by the client itself. It reopens the feed unless it has done so too
   * often lately, and then as soon as that is no longer so.
   */
  #reopen(feed: ServerFeed): void {
    if (!this.#wanting(feed)) return;
    const { reopenMaxAttempts: max, reopenTrailingMs: ms } = this.#options;
    if (max >= 0) {
      if (feed.reopenings.size >= max) {
        feed.state = { kind: "closed", waiting: max > 0 };
        return;
      }
      const stop = this.#shell.start(ms, () => {
        feed.reopenings.delete(stop);
        if (feed.state.kind === "closed" && feed.state.waiting) {
          this.#reopen(feed);
        }
      });
      feed.reopenings.add(stop);
    }
    this.#openIfWanted(feed);
  }

  #stopReopening({ reopenings }: ServerFeed): void {
    reopenings.forEach((stop) => stop());
    reopenings.clear();
  }

  /** The first of its members that wants a feed open. */
  #wanting(feed: ServerFeed): Member | undefined {
    for (const member of feed.members) if (member.desired) return member;
    return undefined;
  }

  /** Drops a feed that neither side knows any more. */
  #forget(feed: ServerFeed): void {
    if (feed.members.size > 0 || feed.state.kind !== "closed") return;
    this.#stopReopening(feed);
    this.#feeds.delete(feed.key);
  }

  // What the application is told.

  /** Tells members that they are closed unless they know, for the same reason. */
  #closeAll(
    members: Iterable<Member>,
    code: FeedmeErrorCode,
    text: string,
    details?: FeedmeErrorDetails,
  ): void {
    for (const member of members) {
      if (
        member.desired &&
        (member.told !== "closed" || member.error?.code !== code)
      ) this.#tell(member, "closed", new FeedmeError(code, text, details));
    }
  }

  /** The one place that writes what a member was told. */
  #tell(
    member: Member,
    told: Member["told"],
    ...args: [] | [FeedmeError] | [JsonObject]
  ): void {
    member.told = told;
    member.error = args[0] instanceof FeedmeError ? args[0] : undefined;
    const event = told === "closed" ? "close" : told;
    this.#shell.later(() => member.sink.deliver(event, args));
  }

  #complain(error: FeedmeError): void {
    this.#shell.tell("badServerMessage", error);
  }

  #unexpected(
    serverMessage: ServerMessage,
    text = `Unexpected ${serverMessage.MessageType}.`,
  ): void {
    this.#complain(
      new FeedmeError("UNEXPECTED_MESSAGE", text, { serverMessage }),
    );
  }

  #send(message: ClientMessage): void {
    this.#shell.send(writeClientMessage(message));
  }
}
