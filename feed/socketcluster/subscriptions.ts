/**
 * Which channels the application wants, and how far that has come: a record
 * for each, `pending` until the server has confirmed it. A lost connection
 * makes all of them pending again.
 */
import type {
  ChannelState,
  SubscribeOptions,
  SubscriptionOptions,
} from "./api.ts";
import { Call } from "./calls.ts";
import { BadConnectionError, TimeoutError } from "./errors.ts";

/** What {@linkcode Subscriptions} needs of the socket. */
export interface SubscriptionHost {
  /** Whether subscriptions can be sent now. */
  isReady(): boolean;
  /** Whether packets can be sent now. */
  isOpen(): boolean;
  isAuthenticated(): boolean;
  /** Sends a call that wants an answer. */
  send(call: Call): void;
  /** Gives a call up that was sent. */
  forget(call: Call): void;
  /** Prepended to names of channels on the wire. */
  prefix(): string;
  emit(eventName: string, data: unknown): void;
  emitOnChannel(channelName: string, eventName: string, data: unknown): void;
}

interface Subscription {
  readonly name: string;
  state: "pending" | "subscribed";
  options: { waitForAuth: boolean; priority?: number; data?: unknown };
  /** The request that the server has not answered yet. */
  request: Call | undefined;
  /** Whether the server has confirmed it on any connection. */
  confirmed: boolean;
}

/** The subscriptions of a socket. */
export class Subscriptions {
  readonly #host: SubscriptionHost;
  readonly #byName = new Map<string, Subscription>();

  constructor(host: SubscriptionHost) {
    this.#host = host;
  }

  /** Adds a channel, or changes the given options of one. */
  subscribe(name: string, options?: SubscribeOptions | null): void {
    let subscription = this.#byName.get(name);
    if (!subscription) {
      subscription = {
        name,
        state: "pending",
        options: { waitForAuth: false },
        request: undefined,
        confirmed: false,
      };
      this.#byName.set(name, subscription);
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

  /** Requests what is pending, the highest priority first. */
  requestPending(): void {
    const pending = [...this.#byName.values()];
    pending.sort((a, b) =>
      (b.options.priority ?? 0) - (a.options.priority ?? 0)
    );
    pending.forEach((subscription) => this.#request(subscription));
  }

  #mayHave({ options }: Subscription): boolean {
    return !options.waitForAuth || this.#host.isAuthenticated();
  }

  #request(subscription: Subscription): void {
    if (
      subscription.state !== "pending" || subscription.request ||
      !this.#host.isReady() || !this.#mayHave(subscription)
    ) return;
    const { name, options } = subscription;
    const subscriptionOptions: SubscriptionOptions = {};
    if (options.waitForAuth) subscriptionOptions.waitForAuth = true;
    if (options.data !== undefined) subscriptionOptions.data = options.data;
    const data = {
      channel: this.#host.prefix() + name,
      ...subscriptionOptions,
    };
    const call = new Call("#subscribe", data, {
      resolve: () => {
        subscription.request = undefined;
        this.#confirm(subscription, subscriptionOptions);
      },
      reject: (error) => {
        subscription.request = undefined;
        this.#refuse(subscription, subscriptionOptions, error);
      },
    });
    subscription.request = call;
    this.#host.send(call);
    this.#host.emit("subscribeRequest", { channel: name, subscriptionOptions });
  }

  #confirm(
    subscription: Subscription,
    subscriptionOptions: SubscriptionOptions,
  ): void {
    const { name } = subscription;
    const change = {
      oldChannelState: subscription.state,
      newChannelState: "subscribed",
      subscriptionOptions,
    };
    subscription.state = "subscribed";
    subscription.confirmed = true;
    this.#host.emitOnChannel(name, "subscribeStateChange", change);
    this.#host.emitOnChannel(name, "subscribe", { subscriptionOptions });
    this.#host.emit("subscribeStateChange", { channel: name, ...change });
    this.#host.emit("subscribe", { channel: name, subscriptionOptions });
  }

  #refuse(
    subscription: Subscription,
    subscriptionOptions: SubscriptionOptions,
    error: unknown,
  ): void {
    const { name } = subscription;
    // The next connection, or the next token, tries again.
    if (error instanceof BadConnectionError || !this.#mayHave(subscription)) {
      return;
    }
    // So it does where the server was only late, or had agreed before.
    const final = !(error instanceof TimeoutError) && !subscription.confirmed;
    if (final) this.#byName.delete(name);
    this.#host.emitOnChannel(name, "subscribeFail", {
      error,
      subscriptionOptions,
    });
    this.#host.emit("subscribeFail", {
      error,
      channel: name,
      subscriptionOptions,
    });
  }

  /** Drops a channel. */
  unsubscribe(name: string): void {
    const subscription = this.#byName.get(name);
    if (!subscription) return;
    const known = subscription.state === "subscribed" || !!subscription.request;
    // The server knows nothing of a subscription that was never requested.
    if (!known) this.#emitStateChange(name, "pending", "unsubscribed");
    this.#drop(subscription);
    if (known && this.#host.isOpen()) {
      const channel = this.#host.prefix() + name;
      this.#host.send(new Call("#unsubscribe", channel, { reject() {} }));
    }
  }

  /** The server dropped a channel. */
  kickOut(name: string, message: unknown): void {
    const subscription = this.#byName.get(name);
    if (!subscription) return;
    this.#host.emit("kickOut", { channel: name, message });
    this.#host.emitOnChannel(name, "kickOut", { message });
    this.#drop(subscription);
  }

  #drop(subscription: Subscription): void {
    this.#end(subscription, "unsubscribed");
    this.#byName.delete(subscription.name);
  }

  /** The connection is gone: all channels are pending. */
  suspend(): void {
    for (const subscription of this.#byName.values()) {
      this.#end(subscription, "pending");
    }
  }

  #end(subscription: Subscription, state: "pending" | "unsubscribed"): void {
    const { name, request } = subscription;
    if (request) this.#host.forget(request);
    subscription.request = undefined;
    if (subscription.state !== "subscribed") return;
    subscription.state = "pending";
    this.#emitStateChange(name, "subscribed", state);
  }

  #emitStateChange(
    name: string,
    oldChannelState: ChannelState,
    newChannelState: ChannelState,
  ): void {
    const change = { oldChannelState, newChannelState };
    const ended = oldChannelState === "subscribed";
    this.#host.emitOnChannel(name, "subscribeStateChange", change);
    if (ended) this.#host.emitOnChannel(name, "unsubscribe", {});
    this.#host.emit("subscribeStateChange", { channel: name, ...change });
    if (ended) this.#host.emit("unsubscribe", { channel: name });
  }

  /** The state of a channel. */
  state(name: string): ChannelState {
    return this.#byName.get(name)?.state ?? "unsubscribed";
  }

  /** A copy of the options of a channel; `{}` if it is not wanted. */
  options(name: string): SubscribeOptions {
    return { ...this.#byName.get(name)?.options };
  }

  /** Whether a channel is wanted. */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** The names of the channels, in the order in which they were added. */
  names(includePending: boolean): string[] {
    return [...this.#byName.values()]
      .filter(({ state }) => includePending || state === "subscribed")
      .map(({ name }) => name);
  }
}
