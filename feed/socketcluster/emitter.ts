/** What a socket has in common with every emitter of event streams. */
import {
  ConsumableStream,
  type ConsumerStats,
  type StreamFamily,
} from "../streams.ts";
import type { SocketEvents } from "./api.ts";

/** Emits events into streams: each `listener` is a stream of one event. */
export class AsyncStreamEmitter {
  readonly #listeners: StreamFamily;

  /** `listeners` holds the streams. */
  constructor(listeners: StreamFamily) {
    this.#listeners = listeners;
  }

  /** Gives `data` to the present consumers of an event. */
  emit(eventName: string, data: unknown): void {
    this.#listeners.write(eventName, data);
  }

  /** The stream of an event. */
  listener<E extends keyof SocketEvents>(
    eventName: E,
  ): ConsumableStream<SocketEvents[E]>;
  /** The stream of an event of one's own, see {@linkcode emit}. */
  // deno-lint-ignore no-explicit-any
  listener(eventName: string): ConsumableStream<any>;
  listener(eventName: string): ConsumableStream<unknown> {
    return new ConsumableStream(this.#listeners, eventName);
  }

  /** Ends the loops over an event after their backlogs. */
  closeListener(eventName: string): void {
    this.#listeners.close(eventName);
  }

  /** Ends the loops over all events after their backlogs. */
  closeAllListeners(): void {
    this.#listeners.close();
  }

  /** Ends the loops over an event at once. */
  killListener(eventName: string): void {
    this.#listeners.kill(eventName);
  }

  /** Ends the loops over all events at once. */
  killAllListeners(): void {
    this.#listeners.kill();
  }

  /** Ends one loop over an event at once. */
  killListenerConsumer(consumerId: number): void {
    this.#listeners.killConsumer(consumerId);
  }

  /** The same as {@linkcode killListener}. */
  removeListener(eventName: string): void {
    this.killListener(eventName);
  }

  /** What is known of a consumer of an event. */
  getListenerConsumerStats(consumerId: number): ConsumerStats | undefined {
    return this.#listeners.consumerStats(consumerId);
  }

  /** What is known of the consumers of an event. */
  getListenerConsumerStatsList(eventName: string): ConsumerStats[] {
    return this.#listeners.stats(eventName);
  }

  /** What is known of the consumers of all events. */
  getAllListenersConsumerStatsList(): ConsumerStats[] {
    return this.#listeners.stats();
  }

  /** The longest backlog of an event. */
  getListenerBackpressure(eventName: string): number {
    return this.#listeners.backpressure(eventName);
  }

  /** The longest backlog of all events. */
  getAllListenersBackpressure(): number {
    return this.#listeners.backpressure();
  }

  /** The backlog of a consumer of an event. */
  getListenerConsumerBackpressure(consumerId: number): number {
    return this.#listeners.consumerBackpressure(consumerId);
  }

  /** Whether an event has this consumer. */
  hasListenerConsumer(eventName: string, consumerId: number): boolean {
    return this.#listeners.hasConsumer(consumerId, eventName);
  }

  /** Whether any event has this consumer. */
  hasAnyListenerConsumer(consumerId: number): boolean {
    return this.#listeners.hasConsumer(consumerId);
  }

  /** How many consumers an event has. */
  getListenerConsumerCount(eventName: string): number {
    return this.#listeners.count(eventName);
  }

  /** How many consumers all events have. */
  getAllListenersConsumerCount(): number {
    return this.#listeners.count();
  }
}
