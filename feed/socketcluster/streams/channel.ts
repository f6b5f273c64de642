/** A channel: a handle of its stream, its events and its subscription. */
import { ConsumableStream, type ConsumerStats } from "../../streams.ts";
import type {
  ChannelEvents,
  ChannelState,
  InvokeOptions,
  SubscribeOptions,
} from "../types.ts";
import {
  backpressure,
  byId,
  channel,
  close,
  events,
  has,
  kill,
  one,
  oneEvent,
  statsList,
} from "./consumers.ts";
import { channelEventKey, type Families } from "./families.ts";
import type { SocketStreams } from "./socket_streams.ts";

/** What a channel needs from its socket: its streams, and these methods. */
export interface ChannelClient
  extends Omit<SocketStreams<unknown>, "procedure"> {
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
  /** Publishes without requesting a confirmation. */
  transmitPublish(channelName: string, data?: unknown): Promise<void>;
  /** Publishes and waits for a confirmation. */
  invokePublish(
    channelName: string,
    data?: unknown,
    options?: InvokeOptions,
  ): Promise<void>;
}

/**
 * A channel of a socket; iterate over it to receive the data published to it. It has no
 * state of its own: two handles with the same name are the same channel.
 *
 * ```ts
 * import { create } from "@feedline/feedline/feed/socketcluster";
 *
 * const socket = create({ hostname: "example.com", autoConnect: false });
 * const news = socket.channel("news");
 * console.log(news.state); // "unsubscribed"
 * news.subscribe({ priority: 1 });
 * console.log(news.state); // "pending"
 * await socket.close();
 * ```
 */
export class AGChannel<T = unknown> extends ConsumableStream<T> {
  /** The state of a channel that waits for the server. */
  static readonly PENDING: "pending" = "pending";
  /** The state of a channel that the server has confirmed. */
  static readonly SUBSCRIBED: "subscribed" = "subscribed";
  /** The state of a channel that is not subscribed. */
  static readonly UNSUBSCRIBED: "unsubscribed" = "unsubscribed";

  readonly #client: ChannelClient;
  readonly #families: Families;

  /** @ignore */
  constructor(
    name: string,
    client: ChannelClient,
    families: Families,
  ) {
    super(families.outputs, name, String(name));
    this.#client = client;
    this.#families = families;
  }

  /** The state of a channel that waits for the server. */
  get PENDING(): "pending" {
    return "pending";
  }

  /** The state of a channel that the server has confirmed. */
  get SUBSCRIBED(): "subscribed" {
    return "subscribed";
  }

  /** The state of a channel that is not subscribed. */
  get UNSUBSCRIBED(): "unsubscribed" {
    return "unsubscribed";
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

  /** Ends the subscription. Loops over the channel keep waiting. */
  unsubscribe(): void {
    this.#client.unsubscribe(this.name);
  }

  /** Whether the channel is subscribed, or with `true` also pending. */
  isSubscribed(includePending?: boolean): boolean {
    return this.#client.isSubscribed(this.name, includePending);
  }

  /** Like `socket.transmitPublish`. */
  transmitPublish(data?: T): Promise<void> {
    return this.#client.transmitPublish(this.name, data);
  }

  /** Like `socket.invokePublish`. */
  invokePublish(data?: T, options?: InvokeOptions): Promise<void> {
    return this.#client.invokePublish(this.name, data, options);
  }

  /** The stream of an event of this channel. */
  listener<E extends keyof ChannelEvents>(
    eventName: E,
  ): ConsumableStream<ChannelEvents[E]>;
  /** The stream of an event of this channel. */
  listener(eventName: string): ConsumableStream<unknown>;
  listener(eventName: string): ConsumableStream<unknown> {
    return new ConsumableStream(
      this.#families.channelListeners,
      eventName,
      channelEventKey(this.name, eventName),
      `${this.name}/${eventName}`,
    );
  }

  /** Ends the loops over this channel and its events after their backlogs. */
  close(): void {
    close(channel(this.#families, this.name));
  }

  /** Ends the loops over this channel and its events at once. */
  kill(): void {
    kill(channel(this.#families, this.name));
  }

  /** The longest backlog of this channel and its events. */
  getBackpressure(): number {
    return backpressure(channel(this.#families, this.name));
  }

  /** Ends the loops over this channel after their backlogs. */
  closeOutput(): void {
    close(one(this.#families.outputs, this.name));
  }

  /** Ends the loops over an event after their backlogs. */
  closeListener(eventName: string): void {
    close(oneEvent(this.#families, this.name, eventName));
  }

  /** Ends the loops over all events after their backlogs. */
  closeAllListeners(): void {
    close(events(this.#families, this.name));
  }

  /** Ends the loops over this channel at once. */
  killOutput(): void {
    kill(one(this.#families.outputs, this.name));
  }

  /** Ends the loops over an event at once. */
  killListener(eventName: string): void {
    kill(oneEvent(this.#families, this.name, eventName));
  }

  /** Ends the loops over all events at once. */
  killAllListeners(): void {
    kill(events(this.#families, this.name));
  }

  /** Ends one loop over this channel at once. */
  killOutputConsumer(consumerId: number): void {
    byId(one(this.#families.outputs, this.name), consumerId)?.kill();
  }

  /** Ends one loop over an event of this channel at once. */
  killListenerConsumer(consumerId: number): void {
    byId(events(this.#families, this.name), consumerId)?.kill();
  }

  /** The longest backlog of this channel. */
  getOutputBackpressure(): number {
    return backpressure(one(this.#families.outputs, this.name));
  }

  /** The longest backlog of an event. */
  getListenerBackpressure(eventName: string): number {
    return backpressure(oneEvent(this.#families, this.name, eventName));
  }

  /** The longest backlog of all events. */
  getAllListenersBackpressure(): number {
    return backpressure(events(this.#families, this.name));
  }

  /** The statistics of a consumer of this channel. */
  getOutputConsumerStats(consumerId: number): ConsumerStats | undefined {
    return byId(one(this.#families.outputs, this.name), consumerId)?.getStats();
  }

  /** The statistics of a consumer of an event of this channel. */
  getListenerConsumerStats(consumerId: number): ConsumerStats | undefined {
    return byId(events(this.#families, this.name), consumerId)?.getStats();
  }

  /** The statistics of the consumers of this channel. */
  getOutputConsumerStatsList(): ConsumerStats[] {
    return statsList(one(this.#families.outputs, this.name));
  }

  /** The statistics of the consumers of an event. */
  getListenerConsumerStatsList(eventName: string): ConsumerStats[] {
    return statsList(oneEvent(this.#families, this.name, eventName));
  }

  /** The statistics of the consumers of all events. */
  getAllListenersConsumerStatsList(): ConsumerStats[] {
    return statsList(events(this.#families, this.name));
  }

  /** The backlog of a consumer of this channel. */
  getOutputConsumerBackpressure(consumerId: number): number {
    return byId(one(this.#families.outputs, this.name), consumerId)
      ?.getBackpressure() ?? 0;
  }

  /** The backlog of a consumer of an event of this channel. */
  getListenerConsumerBackpressure(consumerId: number): number {
    return byId(events(this.#families, this.name), consumerId)
      ?.getBackpressure() ?? 0;
  }

  /** Whether this channel has this consumer. */
  hasOutputConsumer(consumerId: number): boolean {
    return has(one(this.#families.outputs, this.name), consumerId);
  }

  /** Whether an event of this channel has this consumer. */
  hasListenerConsumer(eventName: string, consumerId: number): boolean {
    return has(oneEvent(this.#families, this.name, eventName), consumerId);
  }

  /** Whether any event of this channel has this consumer. */
  hasAnyListenerConsumer(consumerId: number): boolean {
    return has(events(this.#families, this.name), consumerId);
  }
}
