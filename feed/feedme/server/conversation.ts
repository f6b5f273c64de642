/**
 * One client as the server sees it, without socket, timer or clock: a message goes in,
 * and the client's request comes out.
 *
 * Implements every row of the server's state table. The application's later decisions
 * come in through {@linkcode Conversation.opened} and similar methods, each of which
 * returns whether the decision still matters.
 */
import { feedKey } from "../wire/feed_key.ts";
import {
  type FeedArgs,
  type JsonObject,
  type LogPosition,
  readClientMessage,
  VERSION,
} from "../wire/protocol.ts";

/** One client's subscription to a feed, from FeedOpen until it is closed. */
export interface Subscription {
  readonly key: string;
  readonly name: string;
  readonly args: FeedArgs;
  /** Changed only by the {@linkcode Conversation}. */
  state: SubscriptionState;
}

/** Determines the messages that server and client may send. */
export type SubscriptionState =
  | { kind: "opening" }
  | { kind: "open" }
  | { kind: "closing" }
  /** While a FeedClose may still be on its way; afterwards it counts as closed. */
  | { kind: "terminated"; until: number }
  | { kind: "closed" };

/** A client's request, read from a message. */
export type ClientRequest =
  /** The message violates the protocol. */
  | { kind: "violation"; problem: string }
  | { kind: "handshake"; accepted: boolean }
  | { kind: "action"; name: string; args: JsonObject; callbackId: string }
  /** An action that exceeds the limit. */
  | { kind: "busy"; callbackId: string }
  /** `from`: the actions that the client has, if it would like to resume the feed. */
  | { kind: "open"; subscription: Subscription; from: LogPosition | undefined }
  /** A feed that exceeds the limit. */
  | { kind: "crowded"; name: string; args: FeedArgs }
  | { kind: "close"; subscription: Subscription }
  /** The client asks for a sign of life. */
  | { kind: "alive" }
  /** The client gives one. */
  | { kind: "answered" };

/** Limits on the requests of one client, and on late messages. */
export interface ConversationLimits {
  maxOpenFeeds: number;
  maxPendingActions: number;
  /**
   * How long a FeedClose may arrive after a FeedTermination, in milliseconds;
   * `Infinity` for the whole connection.
   */
  terminationMs: number;
  /** The most levels of arrays and objects in the arguments of an action. */
  maxDepth: number;
}

/** The state of the conversation between one client and the server. */
export class Conversation {
  readonly #limits: ConversationLimits;
  /** Whether the client understands the extension; looked up at the handshake. */
  readonly #extended: () => boolean;
  #up = false;
  #alive = false;
  /** The actions without a response so far. */
  readonly #calls = new Set<string>();
  /** All subscriptions that are not closed. */
  readonly #feeds = new Map<string, Subscription>();
  /** How many of them are terminated. */
  #terminated = 0;

  constructor(
    limits: ConversationLimits,
    extended: () => boolean = () => false,
  ) {
    this.#limits = limits;
    this.#extended = extended;
  }

  /** Whether the handshake has succeeded. */
  get up(): boolean {
    return this.#up;
  }

  /** Whether both sides speak the extension of the protocol. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Handles a message; `now` is in milliseconds. */
  receive(text: string, now: number): ClientRequest {
    const received = readClientMessage(text, this.#limits.maxDepth);
    if (!received.message) {
      return { kind: "violation", problem: received.problem };
    }
    const { message } = received;
    if (message.MessageType === "Handshake") {
      if (this.#up) return unexpected("Handshake");
      this.#up = message.Versions.includes(VERSION);
      this.#alive = this.#up && this.#extended();
      return { kind: "handshake", accepted: this.#up };
    }
    if (!this.#up) return { kind: "violation", problem: "Handshake required." };
    switch (message.MessageType) {
      case "Action": {
        const { ActionName: name, ActionArgs: args, CallbackId } = message;
        if (this.#calls.has(CallbackId)) {
          return {
            kind: "violation",
            problem: "Action message reused an outstanding CallbackId.",
          };
        }
        if (this.#calls.size >= this.#limits.maxPendingActions) {
          return { kind: "busy", callbackId: CallbackId };
        }
        this.#calls.add(CallbackId);
        return { kind: "action", name, args, callbackId: CallbackId };
      }
      case "FeedOpen": {
        const { FeedName, FeedArgs, LogId, LogCount } = message;
        const logged = LogId !== undefined && LogCount !== undefined;
        // Half a position is none.
        if (
          logged ? !this.#alive : LogId !== undefined || LogCount !== undefined
        ) {
          return { kind: "violation", problem: "Schema violation." };
        }
        const from = logged ? { LogId, LogCount } : undefined;
        return this.#open(FeedName, FeedArgs, from, now);
      }
      case "FeedClose":
        return this.#close(feedKey(message.FeedName, message.FeedArgs), now);
      case "Alive":
        return this.#alive ? { kind: "alive" } : unexpected("Alive");
      case "AliveResponse":
        return this.#alive ? { kind: "answered" } : unexpected("AliveResponse");
    }
  }

  #open(
    name: string,
    args: FeedArgs,
    from: LogPosition | undefined,
    now: number,
  ): ClientRequest {
    const key = feedKey(name, args);
    const present = this.#feeds.get(key);
    if (present) {
      if (present.state.kind !== "terminated") return unexpected("FeedOpen");
      this.#settle(present);
    }
    if (this.#feeds.size - this.#terminated >= this.#limits.maxOpenFeeds) {
      return { kind: "crowded", name, args };
    }
    if (this.#terminated > this.#limits.maxOpenFeeds) this.#forget(now);
    const state = { kind: "opening" } as const;
    const subscription: Subscription = { key, name, args, state };
    this.#feeds.set(key, subscription);
    return { kind: "open", subscription, from };
  }

  #close(key: string, now: number): ClientRequest {
    const subscription = this.#feeds.get(key);
    switch (subscription?.state.kind) {
      case "open":
        subscription.state = { kind: "closing" };
        return { kind: "close", subscription };
      case "terminated": {
        const { until } = subscription.state;
        this.#settle(subscription);
        if (now >= until) return unexpected("FeedClose");
        subscription.state = { kind: "closing" };
        this.#feeds.set(key, subscription);
        return { kind: "close", subscription };
      }
      default:
        return unexpected("FeedClose");
    }
  }

  /** The response to an action is about to be sent. */
  answered(callbackId: string): void {
    this.#calls.delete(callbackId);
  }

  /** The application accepted the feed; returns false if it is no longer opening. */
  opened(subscription: Subscription): boolean {
    if (subscription.state.kind !== "opening") return false;
    subscription.state = { kind: "open" };
    return true;
  }

  /** The application refused the feed; returns false if it is no longer opening. */
  refused(subscription: Subscription): boolean {
    if (subscription.state.kind !== "opening") return false;
    this.#settle(subscription);
    return true;
  }

  /** FeedCloseResponse is about to be sent; returns false if it must not be. */
  closed(subscription: Subscription): boolean {
    if (subscription.state.kind !== "closing") return false;
    this.#settle(subscription);
    return true;
  }

  /**
   * The server terminates a feed. Returns the feed's previous state if the client must
   * be notified: with a refusal if it was opening, otherwise with FeedTermination.
   */
  terminate(key: string, now: number):
    | { was: "opening" | "open"; subscription: Subscription }
    | undefined {
    const subscription = this.#feeds.get(key);
    const was = subscription?.state.kind;
    if (!subscription || (was !== "opening" && was !== "open")) return;
    if (was === "opening") {
      this.#settle(subscription);
    } else {
      const until = now + this.#limits.terminationMs;
      subscription.state = { kind: "terminated", until };
      this.#terminated++;
    }
    return { was, subscription };
  }

  /** The feeds that are not closed, in the order in which they were opened. */
  subscriptions(): Subscription[] {
    return [...this.#feeds.values()];
  }

  /** The connection was lost. */
  end(): void {
    this.#calls.clear();
    for (const subscription of this.subscriptions()) this.#settle(subscription);
  }

  #settle(subscription: Subscription): void {
    if (subscription.state.kind === "terminated") this.#terminated--;
    subscription.state = { kind: "closed" };
    this.#feeds.delete(subscription.key);
  }

  /**
   * Bounds the number of terminated feeds that were not reopened: drops those whose
   * time is over and, if necessary, the oldest.
   */
  #forget(now: number): void {
    for (const subscription of this.subscriptions()) {
      const { state } = subscription;
      if (state.kind !== "terminated") continue;
      if (
        now >= state.until || this.#terminated > this.#limits.maxOpenFeeds
      ) this.#settle(subscription);
    }
  }
}

function unexpected(type: string): ClientRequest {
  return { kind: "violation", problem: `Unexpected ${type} message.` };
}
