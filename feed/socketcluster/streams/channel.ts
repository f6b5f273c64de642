/** A channel, as a handle on its stream, its events and its subscription. */
import { ConsumableStream, type ConsumerStats } from "../../streams.ts";
import type {
  ChannelEvents,
  ChannelState,
  InvokeOptions,
  SubscribeOptions,
} from "../types.ts";
import {
  channelConsumers,
  channelEventKey,
  type Families,
  inChannel,
  type SocketStreams,
} from "./families.ts";
import { addConstants, CHANNEL_STATES } from "../constants.ts";
import { addMethods, ALL, CONSUMER, HAS, named, STREAMS } from "./methods.ts";

/** What a channel needs of its socket: its streams, and these methods. */
// deno-lint-ignore no-explicit-any
export interface ChannelClient extends SocketStreams<any> {
  /** Subscribes to a channel. */
  subscribe(channelName: string, options?: SubscribeOptions): unknown;
  /** Ends a subscription. */
  unsubscribe(channelName: string): void;
  /** Whether a channel is subscribed. */
  isSubscribed(channelName: string, includePending?: boolean): boolean;
  /** The state of a channel. */
  getChannelState(channelName: string): ChannelState;
  /** A copy of the options of a subscription. */
  getChannelOptions(channelName: string): SubscribeOptions;
  /** Publishes without asking for a confirmation. */
  transmitPublish(channelName: string, data?: unknown): Promise<void>;
  /** Publishes and asks for a confirmation. */
  invokePublish(
    channelName: string,
    data?: unknown,
    options?: InvokeOptions,
  ): Promise<void>;
}

/** The methods of a channel for its streams. */
// deno-lint-ignore no-explicit-any
export interface AGChannel<T = any> {
  /** Ends the loops over this channel and its events after their backlogs. */
  close(): void;
  /** Ends the loops over this channel and its events at once. */
  kill(): void;
  /** The longest backlog of this channel and its events. */
  getBackpressure(): number;
  /** Ends the loops over this channel after their backlogs. */
  closeOutput(): void;
  /** Ends the loops over an event after their backlogs. */
  closeListener(eventName: string): void;
  /** Ends the loops over all events after their backlogs. */
  closeAllListeners(): void;
  /** Ends the loops over this channel at once. */
  killOutput(): void;
  /** Ends the loops over an event at once. */
  killListener(eventName: string): void;
  /** Ends the loops over all events at once. */
  killAllListeners(): void;
  /** Ends one loop over this channel at once. */
  killOutputConsumer(consumerId: number): void;
  /** Ends one loop over an event of this channel at once. */
  killListenerConsumer(consumerId: number): void;
  /** The longest backlog of this channel. */
  getOutputBackpressure(): number;
  /** The longest backlog of an event. */
  getListenerBackpressure(eventName: string): number;
  /** The longest backlog of all events. */
  getAllListenersBackpressure(): number;
  /** What is known of a consumer of this channel. */
  getOutputConsumerStats(consumerId: number): ConsumerStats | undefined;
  /** What is known of a consumer of an event of this channel. */
  getListenerConsumerStats(consumerId: number): ConsumerStats | undefined;
  /** What is known of the consumers of this channel. */
  getOutputConsumerStatsList(): ConsumerStats[];
  /** What is known of the consumers of an event. */
  getListenerConsumerStatsList(eventName: string): ConsumerStats[];
  /** What is known of the consumers of all events. */
  getAllListenersConsumerStatsList(): ConsumerStats[];
  /** The backlog of a consumer of this channel. */
  getOutputConsumerBackpressure(consumerId: number): number;
  /** The backlog of a consumer of an event of this channel. */
  getListenerConsumerBackpressure(consumerId: number): number;
  /** Whether this channel has this consumer. */
  hasOutputConsumer(consumerId: number): boolean;
  /** Whether an event of this channel has this consumer. */
  hasListenerConsumer(eventName: string, consumerId: number): boolean;
  /** Whether any event of this channel has this consumer. */
  hasAnyListenerConsumer(consumerId: number): boolean;
}

/**
 * A channel of a socket: iterate over it for what is published to it. It holds
 * no state: two handles of one name are the same channel.
 *
 * ```ts
 * import { create } from "@feedline/feedline/feed/socketcluster";
 *
 * const socket = create({ hostname: "example.com", autoConnect: false });
 * const news = socket.channel("news");
 * console.log(news.state); // "unsubscribed"
 * news.subscribe({ priority: 1 });
 * console.log(news.state); // "pending"
 * await socket[Symbol.asyncDispose]();
 * ```
 */
// deno-lint-ignore no-explicit-any
export class AGChannel<T = any> extends ConsumableStream<T> {
  /** The state of a channel that waits for the server. */
  declare static readonly PENDING: "pending";
  /** The state of a channel that the server has confirmed. */
  declare static readonly SUBSCRIBED: "subscribed";
  /** The state of a channel that is not wanted. */
  declare static readonly UNSUBSCRIBED: "unsubscribed";
  /** The state of a channel that waits for the server. */
  declare readonly PENDING: "pending";
  /** The state of a channel that the server has confirmed. */
  declare readonly SUBSCRIBED: "subscribed";
  /** The state of a channel that is not wanted. */
  declare readonly UNSUBSCRIBED: "unsubscribed";

  static {
    addConstants(this, CHANNEL_STATES);
    type Self = AGChannel<unknown>;
    const output = (self: Self) =>
      self.#families.outputs.select(String(self.name));
    const whole = (self: Self) => channelConsumers(self.#families, self.name);
    const events = (self: Self) => self.#families.channelListeners;
    const byEvent = (self: Self, event: string) =>
      channelEventKey(self.name, event);
    const all = (self: Self) => inChannel(self.name);
    addMethods<Self>(this.prototype, [
      [STREAMS, output, "%Output"],
      [CONSUMER, output, "%Output"],
      [HAS, output, "%Output"],
      [ALL, whole, "%"],
      ...named(events, "Listener", "%Listener", byEvent, all),
    ]);
  }

  readonly #client: ChannelClient;
  readonly #families: Families;

  /** `socket.channel(name)` and `socket.subscribe(name)` create channels. */
  constructor(
    name: string,
    client: ChannelClient,
    families: Families,
  ) {
    super(families.outputs, name, String(name));
    this.#client = client;
    this.#families = families;
  }

  /** The socket that the channel belongs to. */
  get client(): ChannelClient {
    return this.#client;
  }

  /** The channel's state. It cannot be set. */
  get state(): ChannelState {
    return this.#client.getChannelState(this.name);
  }

  /** @ignore */
  set state(_state: ChannelState) {
    throw new Error("Cannot directly set channel state");
  }

  /** A copy of the subscription's options. They cannot be set. */
  get options(): SubscribeOptions {
    return this.#client.getChannelOptions(this.name);
  }

  /** @ignore */
  set options(_options: SubscribeOptions) {
    throw new Error("Cannot directly set channel options");
  }

  /** Subscribes, or changes the given options of the subscription. */
  subscribe(options?: SubscribeOptions): void {
    this.#client.subscribe(this.name, options);
  }

  /** Ends the subscription. Loops over the channel go on waiting. */
  unsubscribe(): void {
    this.#client.unsubscribe(this.name);
  }

  /** Whether the channel is subscribed, or with `true` also pending. */
  isSubscribed(includePending?: boolean): boolean {
    return this.#client.isSubscribed(this.name, includePending);
  }

  /** As `socket.transmitPublish`. */
  transmitPublish(data?: T): Promise<void> {
    return this.#client.transmitPublish(this.name, data);
  }

  /** As `socket.invokePublish`. */
  invokePublish(data?: T, options?: InvokeOptions): Promise<void> {
    return this.#client.invokePublish(this.name, data, options);
  }

  /** The stream of an event of this channel. */
  listener<E extends keyof ChannelEvents>(
    eventName: E,
  ): ConsumableStream<ChannelEvents[E]>;
  /** The stream of an event of this channel. */
  // deno-lint-ignore no-explicit-any
  listener(eventName: string): ConsumableStream<any>;
  listener(eventName: string): ConsumableStream<unknown> {
    return new ConsumableStream(
      this.#families.channelListeners,
      eventName,
      channelEventKey(this.name, eventName),
      `${this.name}/${eventName}`,
    );
  }
}
