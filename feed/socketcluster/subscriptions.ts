/**
 * The application's subscriptions to channels: one record for each, `pending` until the
 * server has confirmed it. A lost connection makes all of them pending again.
 */
import { isFeedlineError } from "../../net/errors.ts";
import type { StreamFamily } from "../streams.ts";
import type {
  AuthState,
  ChannelState,
  ConnectionState,
  SubscribeOptions,
  SubscriptionOptions,
} from "./types.ts";
import { Call } from "./call.ts";
import type { Calls } from "./calls.ts";
import { isBadConnection } from "./errors.ts";
import { prefixed } from "./protocol.ts";
import { channelEventKey } from "./streams/families.ts";

/** What {@linkcode Subscriptions} needs from the socket. */
export interface SubscriptionHost {
  readonly state: ConnectionState;
  readonly authState: AuthState;
  /** Whether subscriptions wait for `processPendingSubscriptions()`. */
  readonly preparingPendingSubscriptions: boolean;
  /** Prepended to names of channels on the wire. */
  readonly channelPrefix: string | null;
  emit(eventName: string, data: unknown): void;
}

interface Subscription {
  readonly name: string;
  state: "pending" | "subscribed";
  options: { waitForAuth: boolean; priority?: number; data?: unknown };
  /** The request, until the server has responded to it. */
  request: Call | undefined;
  /** Whether the server has confirmed it on any connection. */
  confirmed: boolean;
}

/** The subscriptions of a socket. */
export class Subscriptions {
  readonly #socket: SubscriptionHost;
  readonly #calls: Calls;
  readonly #listeners: StreamFamily;
  /** Keys are strings, as on the wire, even if a program passes a number. */
  readonly #byName = new Map<string, Subscription>();

  /** `listeners` has the streams of the channels' events. */
  constructor(
    socket: SubscriptionHost,
    calls: Calls,
    listeners: StreamFamily,
  ) {
    this.#socket = socket;
    this.#calls = calls;
    this.#listeners = listeners;
  }

  /** Emits events on a channel, then on the socket. */
  #tell(name: string, events: Record<string, object>): void {
    for (const [eventName, data] of Object.entries(events)) {
      this.#listeners.write(channelEventKey(name, eventName), data);
    }
    for (const [eventName, data] of Object.entries(events)) {
      this.#socket.emit(eventName, { channel: name, ...data });
    }
  }

  /** Adds a channel, or changes the given options of one. */
  subscribe(name: string, options?: SubscribeOptions | null): void {
    let subscription = this.#byName.get(String(name));
    if (!subscription) {
      subscription = {
        name,
        state: "pending",
        options: { waitForAuth: false },
        request: undefined,
        confirmed: false,
      };
      this.#byName.set(String(name), subscription);
    }
    const { waitForAuth, priority, data } = options ?? {};
    if (waitForAuth !== undefined) {
      subscription.options.waitForAuth = !!waitForAuth;
    }
    if (priority !== undefined && priority !== null) {
      subscription.options.priority = priority;
    }
    if (data !== undefined) subscription.options.data = data;
    this.#request(subscription);
  }

  /** Requests the pending subscriptions, highest priority first. */
  requestPending(): void {
    const pending = [...this.#byName.values()];
    pending.sort((a, b) =>
      (b.options.priority ?? 0) - (a.options.priority ?? 0)
    );
    pending.forEach((subscription) => this.#request(subscription));
  }

  #mayHave({ options }: Subscription): boolean {
    return !options.waitForAuth || this.#socket.authState === "authenticated";
  }

  #request(subscription: Subscription): void {
    if (
      subscription.state !== "pending" || subscription.request ||
      this.#socket.state !== "open" ||
      this.#socket.preparingPendingSubscriptions || !this.#mayHave(subscription)
    ) return;
    const { name, options } = subscription;
    const subscriptionOptions: SubscriptionOptions = {};
    if (options.waitForAuth) subscriptionOptions.waitForAuth = true;
    if (options.data !== undefined) subscriptionOptions.data = options.data;
    const data = {
      channel: prefixed(this.#socket.channelPrefix, name),
      ...subscriptionOptions,
    };
    const call = new Call("#subscribe", data, {
      resolve: () => {
        subscription.request = undefined;
        subscription.state = "subscribed";
        subscription.confirmed = true;
        this.#tell(name, {
          subscribeStateChange: {
            oldChannelState: "pending",
            newChannelState: "subscribed",
            subscriptionOptions,
          },
          subscribe: { subscriptionOptions },
        });
      },
      reject: (error) => {
        subscription.request = undefined;
        this.#refuse(subscription, subscriptionOptions, error);
      },
    });
    subscription.request = call;
    this.#calls.add(call);
    this.#socket.emit("subscribeRequest", {
      channel: name,
      subscriptionOptions,
    });
  }

  #refuse(
    subscription: Subscription,
    subscriptionOptions: SubscriptionOptions,
    error: unknown,
  ): void {
    const { name } = subscription;
    // It is retried with the next connection or the next token.
    if (isBadConnection(error) || !this.#mayHave(subscription)) {
      return;
    }
    // Likewise if the server was only late, or had confirmed it before.
    const late = isFeedlineError(error, "TIMEOUT");
    const final = !late && !subscription.confirmed;
    if (final) this.#byName.delete(String(name));
    this.#tell(name, { subscribeFail: { error, subscriptionOptions } });
  }

  /** Drops a channel. */
  unsubscribe(name: string): void {
    const subscription = this.#byName.get(String(name));
    if (!subscription) return;
    const known = subscription.state === "subscribed" || !!subscription.request;
    // The server does not know a subscription that was never requested.
    if (!known) {
      this.#tell(name, {
        subscribeStateChange: {
          oldChannelState: "pending",
          newChannelState: "unsubscribed",
        },
      });
    }
    this.#drop(subscription);
    if (known && this.#socket.state === "open") {
      const channel = prefixed(this.#socket.channelPrefix, name);
      this.#calls.add(new Call("#unsubscribe", channel, { reject() {} }));
    }
  }

  /** The server dropped a channel. */
  kickOut(name: string, message: unknown): void {
    const subscription = this.#byName.get(String(name));
    if (!subscription) return;
    this.#socket.emit("kickOut", { channel: name, message });
    this.#listeners.write(channelEventKey(name, "kickOut"), { message });
    this.#drop(subscription);
  }

  #drop(subscription: Subscription): void {
    this.#end(subscription, "unsubscribed");
    this.#byName.delete(String(subscription.name));
  }

  /** The connection was lost: makes all channels pending. */
  suspend(): void {
    for (const subscription of this.#byName.values()) {
      this.#end(subscription, "pending");
    }
  }

  #end(subscription: Subscription, state: "pending" | "unsubscribed"): void {
    const { name, request } = subscription;
    if (request) this.#calls.end(request);
    subscription.request = undefined;
    if (subscription.state !== "subscribed") return;
    subscription.state = "pending";
    this.#tell(name, {
      subscribeStateChange: {
        oldChannelState: "subscribed",
        newChannelState: state,
      },
      unsubscribe: {},
    });
  }

  /** The state of a channel. */
  state(name: string): ChannelState {
    return this.#byName.get(String(name))?.state ?? "unsubscribed";
  }

  /** A copy of the options of a subscription; `{}` if there is none. */
  options(name: string): SubscribeOptions {
    return { ...this.#byName.get(String(name))?.options };
  }

  /** Whether there is a subscription to the channel, even a pending one. */
  has(name: string): boolean {
    return this.#byName.has(String(name));
  }

  /** The names of the channels, in the order in which they were added. */
  names(includePending: boolean): string[] {
    return [...this.#byName.values()]
      .filter(({ state }) => includePending || state === "subscribed")
      .map(({ name }) => name);
  }
}
