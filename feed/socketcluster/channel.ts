/** A channel, as a handle on its stream, its events and its subscription. */
import {
  ConsumableStream,
  type ConsumerStats,
  type StreamFamily,
} from "../streams.ts";
import type {
  ChannelEvents,
  ChannelState,
  InvokeOptions,
  SubscribeOptions,
} from "./api.ts";
import { channelEventKey, type SocketStreams } from "./families.ts";

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
  static readonly PENDING: "pending" = "pending";
  /** The state of a channel that the server has confirmed. */
  static readonly SUBSCRIBED: "subscribed" = "subscribed";
  /** The state of a channel that is not wanted. */
  static readonly UNSUBSCRIBED: "unsubscribed" = "unsubscribed";
  /** The state of a channel that waits for the server. */
  readonly PENDING: "pending" = "pending";
  /** The state of a channel that the server has confirmed. */
  readonly SUBSCRIBED: "subscribed" = "subscribed";
  /** The state of a channel that is not wanted. */
  readonly UNSUBSCRIBED: "unsubscribed" = "unsubscribed";

  readonly #client: ChannelClient;
  readonly #listeners: StreamFamily;

  /** `socket.channel(name)` and `socket.subscribe(name)` create channels. */
  constructor(
    name: string,
    client: ChannelClient,
    outputs: StreamFamily,
    listeners: StreamFamily,
  ) {
    super(outputs, name);
    this.#client = client;
    this.#listeners = listeners;
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
      this.#listeners,
      eventName,
      channelEventKey(this.name, eventName),
      `${this.name}/${eventName}`,
    );
  }

  /** Ends the loops over this channel and its events after their backlogs. */
  close(): void {
    this.#client.closeChannel(this.name);
  }

  /** Ends the loops over this channel after their backlogs. */
  closeOutput(): void {
    this.#client.channelCloseOutput(this.name);
  }

  /** Ends the loops over an event after their backlogs. */
  closeListener(eventName: string): void {
    this.#client.channelCloseListener(this.name, eventName);
  }

  /** Ends the loops over all events after their backlogs. */
  closeAllListeners(): void {
    this.#client.channelCloseAllListeners(this.name);
  }

  /** Ends the loops over this channel and its events at once. */
  kill(): void {
    this.#client.killChannel(this.name);
  }

  /** Ends the loops over this channel at once. */
  killOutput(): void {
    this.#client.channelKillOutput(this.name);
  }

  /** Ends the loops over an event at once. */
  killListener(eventName: string): void {
    this.#client.channelKillListener(this.name, eventName);
  }

  /** Ends the loops over all events at once. */
  killAllListeners(): void {
    this.#client.channelKillAllListeners(this.name);
  }

  /** Ends one loop over this channel at once. */
  killOutputConsumer(consumerId: number): void {
    if (this.hasOutputConsumer(consumerId)) {
      this.#client.killChannelOutputConsumer(consumerId);
    }
  }

  /** Ends one loop over an event of this channel at once. */
  killListenerConsumer(consumerId: number): void {
    if (this.hasAnyListenerConsumer(consumerId)) {
      this.#client.killChannelListenerConsumer(consumerId);
    }
  }

  /** The longest backlog of this channel and its events. */
  getBackpressure(): number {
    return this.#client.getChannelBackpressure(this.name);
  }

  /** The longest backlog of this channel. */
  getOutputBackpressure(): number {
    return this.#client.channelGetOutputBackpressure(this.name);
  }

  /** The longest backlog of an event. */
  getListenerBackpressure(eventName: string): number {
    return this.#client.channelGetListenerBackpressure(this.name, eventName);
  }

  /** The longest backlog of all events. */
  getAllListenersBackpressure(): number {
    return this.#client.channelGetAllListenersBackpressure(this.name);
  }

  /** What is known of a consumer of this channel. */
  getOutputConsumerStats(consumerId: number): ConsumerStats | undefined {
    return this.hasOutputConsumer(consumerId)
      ? this.#client.getChannelOutputConsumerStats(consumerId)
      : undefined;
  }

  /** What is known of a consumer of an event of this channel. */
  getListenerConsumerStats(consumerId: number): ConsumerStats | undefined {
    return this.hasAnyListenerConsumer(consumerId)
      ? this.#client.getChannelListenerConsumerStats(consumerId)
      : undefined;
  }

  /** What is known of the consumers of this channel. */
  getOutputConsumerStatsList(): ConsumerStats[] {
    return this.#client.channelGetOutputConsumerStatsList(this.name);
  }

  /** What is known of the consumers of an event. */
  getListenerConsumerStatsList(eventName: string): ConsumerStats[] {
    return this.#client.channelGetListenerConsumerStatsList(
      this.name,
      eventName,
    );
  }

  /** What is known of the consumers of all events. */
  getAllListenersConsumerStatsList(): ConsumerStats[] {
    return this.#client.channelGetAllListenersConsumerStatsList(this.name);
  }

  /** The backlog of a consumer of this channel. */
  getOutputConsumerBackpressure(consumerId: number): number {
    return this.getOutputConsumerStats(consumerId)?.backpressure ?? 0;
  }

  /** The backlog of a consumer of an event of this channel. */
  getListenerConsumerBackpressure(consumerId: number): number {
    return this.getListenerConsumerStats(consumerId)?.backpressure ?? 0;
  }

  /** Whether this channel has this consumer. */
  hasOutputConsumer(consumerId: number): boolean {
    return this.#client.channelHasOutputConsumer(this.name, consumerId);
  }

  /** Whether an event of this channel has this consumer. */
  hasListenerConsumer(eventName: string, consumerId: number): boolean {
    return this.#client.channelHasListenerConsumer(
      this.name,
      eventName,
      consumerId,
    );
  }

  /** Whether any event of this channel has this consumer. */
  hasAnyListenerConsumer(consumerId: number): boolean {
    return this.#client.channelHasAnyListenerConsumer(this.name, consumerId);
  }
}
