/**
 * The client's side of a Feedme conversation, without socket, timer or clock:
 * what happens goes in as method calls, what is to be done comes out as
 * {@linkcode Effect}s, in order.
 *
 * One conversation outlives its connections. It knows the actions that wait
 * for a response, the feeds as the server sees them, and the feed objects of
 * the application (the *members* of a server feed), several of which may share
 * one server feed.
 */
import { Calls } from "./calls.ts";
import type {
  ConversationOptions,
  Effect,
  FeedState,
  Member,
  ServerFeed,
  Timer,
} from "./effects.ts";
import { applyDeltas } from "./delta.ts";
import { Digest } from "./digest.ts";
import { FeedmeError, type FeedmeErrorCode } from "./errors.ts";
import {
  type FeedArgs,
  feedKey,
  type JsonObject,
  readServerMessage,
  type ServerMessage,
  VERSION,
  writeClientMessage,
} from "./protocol.ts";

const CLOSED: FeedState = { kind: "closed", waiting: false };

/** The conversation with one server; see the head of this file. */
export class Conversation<Owner, Call> {
  readonly #options: ConversationOptions;
  #link: "down" | "handshaking" | "up" = "down";
  readonly #calls: Calls<Owner, Call>;
  readonly #feeds = new Map<string, ServerFeed<Owner>>();
  /** Feeds that are not closed, in the order in which they left that state. */
  readonly #active = new Set<ServerFeed<Owner>>();
  /** All feed objects, in the order in which they were made. */
  readonly members: Set<Member<Owner>> = new Set();
  #effects: Effect<Owner, Call>[] = [];

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#calls = new Calls(
      (effect) => this.#effects.push(effect),
      options.actionTimeoutMs,
    );
  }

  /** Whether the handshake has succeeded on the present connection. */
  get up(): boolean {
    return this.#link === "up";
  }

  /** The transport has connected. */
  connected(): Effect<Owner, Call>[] {
    this.#link = "handshaking";
    this.#send(
      writeClientMessage({ MessageType: "Handshake", Versions: [VERSION] }),
    );
    return this.#take();
  }

  /** The transport has disconnected, whatever the reason. */
  disconnected(): Effect<Owner, Call>[] {
    this.#link = "down";
    this.#calls.lost();
    for (const feed of this.#active) {
      this.#closeAll(
        feed,
        () => new FeedmeError("NOT_CONNECTED", "The transport disconnected."),
      );
    }
    for (const member of this.members) {
      if (!member.desired) continue;
      this.#close(
        member,
        () => new FeedmeError("NOT_CONNECTED", "The client disconnected."),
      );
    }
    for (const feed of this.#feeds.values()) {
      if (feed.state.kind === "opening") this.#stop(feed.state.timer);
      feed.reopenings.forEach((timer) => this.#stop(timer));
      feed.reopenings.clear();
      this.#enter(feed, CLOSED);
    }
    return this.#take();
  }

  /** The application invokes an action; `live` as in {@linkcode desireOpen}. */
  act(
    call: Call,
    name: string,
    args: JsonObject,
    live: boolean,
  ): Effect<Owner, Call>[] {
    this.#calls.act(call, name, args, live);
    return this.#take();
  }

  /** The application creates a feed object. */
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
        reopenings: new Set(),
      };
      this.#feeds.set(key, feed);
    }
    const member: Member<Owner> = {
      owner,
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
  leave(member: Member<Owner>): void {
    member.feed.members.delete(member);
    this.members.delete(member);
    this.#forget(member.feed);
  }

  /**
   * The application wants a feed object open. `live` tells whether a message
   * can be sent: the transport may have disconnected without having said so.
   */
  desireOpen(member: Member<Owner>, live: boolean): Effect<Owner, Call>[] {
    member.desired = true;
    const { feed } = member;
    const { state } = feed;
    if (!live) {
      this.#tell(member, "closed", [
        new FeedmeError("NOT_CONNECTED", "The client is not connected."),
      ]);
    } else if (state.kind === "closed") {
      this.#open(feed, member);
    } else {
      this.#tell(member, "opening");
      if (state.kind === "open") this.#tell(member, "open", [state.data]);
      else if (state.kind === "opening") state.timer ??= this.#openTimer(feed);
      // The application asks now, so this is no reopening of the client's own.
      else state.bad = false;
    }
    return this.#take();
  }

  /** The application wants a feed object closed; `live` as above. */
  desireClosed(member: Member<Owner>, live: boolean): Effect<Owner, Call>[] {
    member.desired = false;
    const { feed } = member;
    this.#tell(member, "closed");
    if (!this.#isWanted(feed)) {
      if (feed.state.kind === "open" && live) {
        this.#leaveOpen(feed, member.args);
      } else if (feed.state.kind === "closed") feed.state = CLOSED;
    }
    return this.#take();
  }

  /** The data of a feed object that is open. */
  data({ feed: { state } }: Member<Owner>): JsonObject | undefined {
    return state.kind === "open" ? state.data : undefined;
  }

  /** A timer has run out. */
  expire(timer: Timer): Effect<Owner, Call>[] {
    if (timer.kind === "action") {
      this.#calls.expire(timer);
      return this.#take();
    }
    const feed = this.#feeds.get(timer.key);
    if (feed && timer.kind === "open" && feed.state.kind === "opening") {
      feed.state.timer = undefined;
      this.#closeAll(
        feed,
        () =>
          new FeedmeError(
            "TIMEOUT",
            "The server did not respond to feed open request within the allocated time.",
          ),
      );
    } else if (feed && timer.kind === "reopened") {
      feed.reopenings.delete(timer);
      if (feed.state.kind === "closed" && feed.state.waiting) {
        this.#reopen(feed);
      }
    }
    return this.#take();
  }

  /** A message has arrived. */
  receive(text: string): Effect<Owner, Call>[] {
    const received = readServerMessage(text);
    if (received.message) {
      this.#receive(received.message);
    } else if ("parseError" in received) {
      const { raw: serverMessage, parseError } = received;
      this.#complain("INVALID_MESSAGE", "Invalid JSON.", {
        serverMessage,
        parseError,
      });
    } else {
      const { raw: serverMessage, schemaViolation } = received;
      this.#complain("INVALID_MESSAGE", "Schema violation.", {
        serverMessage,
        schemaViolation,
      });
    }
    return this.#take();
  }

  #receive(message: ServerMessage): void {
    switch (message.MessageType) {
      case "ViolationResponse":
        return this.#emit("badClientMessage", message.Diagnostics);
      case "HandshakeResponse":
        return this.#receiveHandshake(message);
      case "ActionResponse":
        if (!this.#calls.receive(message)) this.#unexpected(message);
        return;
    }
    const feed = this.#feeds.get(feedKey(message.FeedName, message.FeedArgs));
    switch (message.MessageType) {
      case "FeedOpenResponse":
        if (feed?.state.kind !== "opening") break;
        this.#stop(feed.state.timer);
        if (message.Success) return this.#opened(feed, message.FeedData);
        this.#enter(feed, CLOSED);
        return this.#closeAll(
          feed,
          () =>
            new FeedmeError(
              "REJECTED",
              "Server rejected the feed open request.",
              refusal(message),
            ),
        );
      case "FeedCloseResponse":
        if (
          feed?.state.kind !== "closing" && feed?.state.kind !== "terminated"
        ) break;
        return this.#closed(feed, feed.state.bad);
      case "FeedAction":
      case "ActionRevelation":
        // Not even the deltas of an action on its way are looked at.
        if (feed?.state.kind === "closing") return;
        if (feed?.state.kind !== "open") break;
        return this.#receiveFeedAction(feed, feed.state, message);
      case "FeedTermination":
        if (feed?.state.kind === "closing") {
          feed.state = { ...feed.state, kind: "terminated" };
          return;
        }
        if (feed?.state.kind !== "open") break;
        this.#enter(feed, CLOSED);
        return this.#closeAll(
          feed,
          () =>
            new FeedmeError(
              "TERMINATED",
              "The server terminated the feed.",
              refusal(message),
            ),
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
      this.#effects.push({ do: "reject" });
    } else if (message.Version !== VERSION) {
      this.#complain(
        "UNEXPECTED_MESSAGE",
        "HandshakeResponse specified invalid version.",
        { serverMessage: message },
      );
    } else {
      this.#link = "up";
      this.#emit("connect");
      for (const feed of this.#feeds.values()) this.#openIfWanted(feed);
    }
  }

  #receiveFeedAction(
    feed: ServerFeed<Owner>,
    state: FeedState & { kind: "open" },
    message: ServerMessage & {
      MessageType: "FeedAction" | "ActionRevelation";
    },
  ): void {
    const old = state.data;
    const result = applyDeltas(old, message.FeedDeltas);
    if (!result.data) {
      this.#leaveBad(feed, "The server passed an invalid feed delta.");
      return this.#complain(
        "INVALID_DELTA",
        "Received FeedAction with contextually invalid feed delta.",
        { serverMessage: message, deltaViolation: result.reason },
      );
    }
    const { data } = result;
    if (message.FeedMd5 !== undefined) {
      state.digest ??= new Digest();
      if (state.digest.of(data) !== message.FeedMd5) {
        this.#leaveBad(feed, "Hash verification failed.");
        return this.#complain(
          "INVALID_HASH",
          "Feed data MD5 verification failed.",
          { serverMessage: message },
        );
      }
    }
    state.data = data;
    for (const { desired, owner } of feed.members) {
      if (!desired) continue;
      const args = [message.ActionName, message.ActionData, data, old];
      this.#effects.push({ do: "emit", to: owner, event: "action", args });
    }
  }

  // How a server feed goes from state to state.

  /** The one place that writes whether a feed is closed. */
  #enter(feed: ServerFeed<Owner>, state: FeedState): void {
    if (state.kind === "closed") {
      this.#active.delete(feed);
    } else if (feed.state.kind === "closed") {
      this.#active.add(feed);
    }
    feed.state = state;
    this.#forget(feed);
  }

  /** Closed, by the wish of `member`, the client or a new connection. */
  #open(feed: ServerFeed<Owner>, { args }: Member<Owner>): void {
    feed.args = args;
    this.#send(writeClientMessage({
      MessageType: "FeedOpen",
      FeedName: feed.name,
      FeedArgs: args,
    }));
    this.#enter(feed, { kind: "opening", timer: this.#openTimer(feed) });
    for (const member of feed.members) {
      if (member.desired && member.told === "closed") {
        this.#tell(member, "opening");
      }
    }
  }

  #openIfWanted(feed: ServerFeed<Owner>): void {
    for (const member of feed.members) {
      if (member.desired) return this.#open(feed, member);
    }
  }

  #openTimer(feed: ServerFeed<Owner>): Timer | undefined {
    const { feedTimeoutMs: ms } = this.#options;
    const timer: Timer | undefined = ms > 0
      ? { kind: "open", key: feed.key }
      : undefined;
    this.#start(timer, ms);
    return timer;
  }

  /** Opening, and the server has agreed. */
  #opened(feed: ServerFeed<Owner>, data: JsonObject): void {
    feed.state = { kind: "open", data, digest: undefined };
    if (!this.#isWanted(feed)) return this.#leaveOpen(feed);
    for (const member of feed.members) {
      if (!member.desired) continue;
      // After a timeout it was told that the feed is closed.
      if (member.told === "closed") this.#tell(member, "opening");
      this.#tell(member, "open", [data]);
    }
  }

  /** Open, and not wanted or not trusted any more. */
  #leaveOpen(
    feed: ServerFeed<Owner>,
    args: FeedArgs = feed.args,
    bad = false,
  ): void {
    this.#send(writeClientMessage({
      MessageType: "FeedClose",
      FeedName: feed.name,
      FeedArgs: args,
    }));
    feed.state = { kind: "closing", bad };
  }

  #leaveBad(feed: ServerFeed<Owner>, text: string): void {
    this.#leaveOpen(feed, feed.args, true);
    this.#closeAll(feed, () => new FeedmeError("BAD_FEED_ACTION", text));
  }

  /** Closing or terminated, and the server has let go. */
  #closed(feed: ServerFeed<Owner>, bad: boolean): void {
    this.#enter(feed, CLOSED);
    if (bad) this.#reopen(feed);
    else this.#openIfWanted(feed);
  }

  /**
   * Closed by the client itself. It reopens the feed unless it has done so too
   * often lately, and then as soon as that is no longer so.
   */
  #reopen(feed: ServerFeed<Owner>): void {
    if (!this.#isWanted(feed)) return;
    const { reopenMaxAttempts: max, reopenTrailingMs: ms } = this.#options;
    if (max >= 0) {
      if (feed.reopenings.size >= max) {
        feed.state = { kind: "closed", waiting: max > 0 };
        return;
      }
      const timer: Timer = { kind: "reopened", key: feed.key };
      feed.reopenings.add(timer);
      if (ms > 0) this.#start(timer, ms);
    }
    this.#openIfWanted(feed);
  }

  #isWanted(feed: ServerFeed<Owner>): boolean {
    for (const member of feed.members) if (member.desired) return true;
    return false;
  }

  /** Drops a feed that neither side knows any more. */
  #forget(feed: ServerFeed<Owner>): void {
    if (feed.members.size > 0 || feed.state.kind !== "closed") return;
    feed.reopenings.forEach((timer) => this.#stop(timer));
    feed.reopenings.clear();
    this.#feeds.delete(feed.key);
  }

  // What the application is told.

  #closeAll(feed: ServerFeed<Owner>, error: () => FeedmeError): void {
    for (const member of feed.members) {
      if (member.desired) this.#close(member, error);
    }
  }

  /** Tells a member that it is closed unless it knows, for the same reason. */
  #close(member: Member<Owner>, error: () => FeedmeError): void {
    const reason = error();
    if (member.told !== "closed" || member.error?.code !== reason.code) {
      this.#tell(member, "closed", [reason]);
    }
  }

  /** The one place that writes what a member was told. */
  #tell(
    member: Member<Owner>,
    told: Member<Owner>["told"],
    args: [] | [FeedmeError] | [JsonObject] = [],
  ): void {
    member.told = told;
    member.error = args[0] instanceof FeedmeError ? args[0] : undefined;
    const event = told === "closed" ? "close" : told;
    this.#effects.push({ do: "emit", to: member.owner, event, args });
  }

  #emit(event: string, ...args: unknown[]): void {
    this.#effects.push({ do: "emit", to: undefined, event, args });
  }

  #complain(
    code: FeedmeErrorCode,
    text: string,
    details: ConstructorParameters<typeof FeedmeError>[2],
  ): void {
    this.#emit("badServerMessage", new FeedmeError(code, text, details));
  }

  #unexpected(message: ServerMessage): void {
    this.#complain(
      "UNEXPECTED_MESSAGE",
      `Unexpected ${message.MessageType}.`,
      { serverMessage: message },
    );
  }

  #send(text: string): void {
    this.#effects.push({ do: "send", text });
  }

  #start(timer: Timer | undefined, ms: number): void {
    if (timer) this.#effects.push({ do: "start", timer, ms });
  }

  #stop(timer: Timer | undefined): void {
    if (timer) this.#effects.push({ do: "stop", timer });
  }

  #take(): Effect<Owner, Call>[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}

function refusal(
  { ErrorCode, ErrorData }: { ErrorCode: string; ErrorData: JsonObject },
): { serverErrorCode: string; serverErrorData: JsonObject } {
  return { serverErrorCode: ErrorCode, serverErrorData: ErrorData };
}
