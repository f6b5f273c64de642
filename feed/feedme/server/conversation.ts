/**
 * One client as the server sees it, without socket, timer or clock: a message
 * goes in, what it asks for comes out.
 *
 * Every row of the server's state table is here. What the application decides
 * later comes back by {@linkcode Conversation.opened} and its kin, each of which says
 * whether it still matters.
 */
import {
  type FeedArgs,
  feedKey,
  type JsonObject,
  readClientMessage,
  VERSION,
} from "../wire/protocol.ts";

/** One feed as one client has it, from FeedOpen until it is closed. */
export interface Subscription {
  readonly key: string;
  readonly name: string;
  readonly args: FeedArgs;
  /** Only the {@linkcode Conversation} writes it. */
  state: SubscriptionState;
}

/** What a server may send, and a client too, depends on this. */
export type SubscriptionState =
  | { kind: "opening" }
  | { kind: "open" }
  | { kind: "closing" }
  /** As long as a FeedClose may be on its way; then it counts as closed. */
  | { kind: "terminated"; until: number }
  | { kind: "closed" };

/** What a message asks for. */
export type ClientRequest =
  /** It should not have come. */
  | { kind: "violation"; problem: string }
  | { kind: "handshake"; accepted: boolean }
  | { kind: "action"; name: string; args: JsonObject; callbackId: string }
  /** An action beyond the limit. */
  | { kind: "busy"; callbackId: string }
  | { kind: "open"; subscription: Subscription }
  /** A feed beyond the limit. */
  | { kind: "crowded"; name: string; args: FeedArgs }
  | { kind: "close"; subscription: Subscription };

/** How much one client may ask for at a time, and how long it may be late. */
export interface ConversationLimits {
  maxOpenFeeds: number;
  maxPendingActions: number;
  /** Milliseconds; `Infinity` for the whole connection. */
  terminationMs: number;
  /** Levels of arrays and objects in the arguments of an action. */
  maxDepth: number;
}

/** What one client and the server have said to each other so far. */
export class Conversation {
  readonly #limits: ConversationLimits;
  #up = false;
  /** The actions that have not been answered. */
  readonly #calls = new Set<string>();
  /** All but the closed ones. */
  readonly #feeds = new Map<string, Subscription>();
  /** How many of them are terminated. */
  #terminated = 0;

  constructor(limits: ConversationLimits) {
    this.#limits = limits;
  }

  /** Whether the handshake has succeeded. */
  get up(): boolean {
    return this.#up;
  }

  /** A message has come; `now` is in milliseconds. */
  receive(text: string, now: number): ClientRequest {
    const received = readClientMessage(text, this.#limits.maxDepth);
    if (!received.message) {
      return { kind: "violation", problem: received.problem };
    }
    const { message } = received;
    if (message.MessageType === "Handshake") {
      if (this.#up) return unexpected("Handshake");
      this.#up = message.Versions.includes(VERSION);
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
      case "FeedOpen":
        return this.#open(message.FeedName, message.FeedArgs, now);
      case "FeedClose":
        return this.#close(feedKey(message.FeedName, message.FeedArgs), now);
    }
  }

  #open(name: string, args: FeedArgs, now: number): ClientRequest {
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
    return { kind: "open", subscription };
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

  /** A response is about to go out. */
  answered(callbackId: string): void {
    this.#calls.delete(callbackId);
  }

  /** The feed may be opened; false if that has been settled otherwise. */
  opened(subscription: Subscription): boolean {
    if (subscription.state.kind !== "opening") return false;
    subscription.state = { kind: "open" };
    return true;
  }

  /** The feed may not be opened; false if that has been settled otherwise. */
  refused(subscription: Subscription): boolean {
    if (subscription.state.kind !== "opening") return false;
    this.#settle(subscription);
    return true;
  }

  /** FeedCloseResponse is about to go out; false if it must not. */
  closed(subscription: Subscription): boolean {
    if (subscription.state.kind !== "closing") return false;
    this.#settle(subscription);
    return true;
  }

  /**
   * The server wants to end a feed: tells what it was if there is something to
   * say to the client: a refusal where it was opening, else FeedTermination.
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

  /** The feeds that are not closed, in the order of their opening. */
  subscriptions(): Subscription[] {
    return [...this.#feeds.values()];
  }

  /** The connection is lost. */
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
   * Too many feeds were terminated and not reopened: those whose time is over
   * go, and if need be the oldest.
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
