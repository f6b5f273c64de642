/** Events as streams, and the methods for their consumers. */
import {
  ConsumableStream,
  type ConsumerStats,
  type StreamFamily,
} from "../../streams.ts";
import type { SocketEvents } from "../types.ts";
import {
  backpressure,
  byId,
  close,
  has,
  kill,
  one,
  statsList,
} from "./consumers.ts";

/** Emits events into streams: each `listener` is a stream of one event. */
export class AsyncStreamEmitter {
  readonly #listeners: StreamFamily;

  /** @ignore */
  constructor(listeners: StreamFamily) {
    this.#listeners = listeners;
  }

  /** Passes `data` to the current consumers of an event. */
  emit(eventName: string, data: unknown): void {
    this.#listeners.write(eventName, data);
  }

  /** The stream of an event. */
  listener<E extends keyof SocketEvents>(
    eventName: E,
  ): ConsumableStream<SocketEvents[E]>;
  /** The stream of an event of your own; see {@linkcode emit}. */
  listener(eventName: string): ConsumableStream<unknown>;
  listener(eventName: string): ConsumableStream<unknown> {
    return new ConsumableStream(this.#listeners, eventName, String(eventName));
  }

  /** The same as {@linkcode killListener}. */
  removeListener(eventName: string): void {
    this.killListener(eventName);
  }

  /** How many consumers an event has. */
  getListenerConsumerCount(eventName: string): number {
    return one(this.#listeners, eventName).length;
  }

  /** How many consumers all events have. */
  getAllListenersConsumerCount(): number {
    return this.#listeners.select().length;
  }

  /** Ends the loops over an event after their backlogs. */
  closeListener(eventName: string): void {
    close(one(this.#listeners, eventName));
  }

  /** Ends the loops over all events after their backlogs. */
  closeAllListeners(): void {
    close(this.#listeners.select());
  }

  /** Ends the loops over an event at once. */
  killListener(eventName: string): void {
    kill(one(this.#listeners, eventName));
  }

  /** Ends the loops over all events at once. */
  killAllListeners(): void {
    kill(this.#listeners.select());
  }

  /** Ends one loop over an event at once. */
  killListenerConsumer(consumerId: number): void {
    byId(this.#listeners.select(), consumerId)?.kill();
  }

  /** The statistics of a consumer of an event. */
  getListenerConsumerStats(consumerId: number): ConsumerStats | undefined {
    return byId(this.#listeners.select(), consumerId)?.getStats();
  }

  /** The statistics of the consumers of an event. */
  getListenerConsumerStatsList(eventName: string): ConsumerStats[] {
    return statsList(one(this.#listeners, eventName));
  }

  /** The statistics of the consumers of all events. */
  getAllListenersConsumerStatsList(): ConsumerStats[] {
    return statsList(this.#listeners.select());
  }

  /** The longest backlog of an event. */
  getListenerBackpressure(eventName: string): number {
    return backpressure(one(this.#listeners, eventName));
  }

  /** The longest backlog of all events. */
  getAllListenersBackpressure(): number {
    return backpressure(this.#listeners.select());
  }

  /** The backlog of a consumer of an event. */
  getListenerConsumerBackpressure(consumerId: number): number {
    return byId(this.#listeners.select(), consumerId)?.getBackpressure() ?? 0;
  }

  /** Whether an event has this consumer. */
  hasListenerConsumer(eventName: string, consumerId: number): boolean {
    return has(one(this.#listeners, eventName), consumerId);
  }

  /** Whether any event has this consumer. */
  hasAnyListenerConsumer(consumerId: number): boolean {
    return has(this.#listeners.select(), consumerId);
  }
}
