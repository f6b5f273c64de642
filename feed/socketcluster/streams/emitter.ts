/** What a socket has in common with every emitter of event streams. */
import {
  ConsumableStream,
  type ConsumerStats,
  type StreamFamily,
} from "../../streams.ts";
import type { SocketEvents } from "../types.ts";
import { addMethods, named } from "./methods.ts";

/** Emits events into streams: each `listener` is a stream of one event. */
export interface AsyncStreamEmitter {
  /** Ends the loops over an event after their backlogs. */
  closeListener(eventName: string): void;
  /** Ends the loops over all events after their backlogs. */
  closeAllListeners(): void;
  /** Ends the loops over an event at once. */
  killListener(eventName: string): void;
  /** Ends the loops over all events at once. */
  killAllListeners(): void;
  /** Ends one loop over an event at once. */
  killListenerConsumer(consumerId: number): void;
  /** What is known of a consumer of an event. */
  getListenerConsumerStats(consumerId: number): ConsumerStats | undefined;
  /** What is known of the consumers of an event. */
  getListenerConsumerStatsList(eventName: string): ConsumerStats[];
  /** What is known of the consumers of all events. */
  getAllListenersConsumerStatsList(): ConsumerStats[];
  /** The longest backlog of an event. */
  getListenerBackpressure(eventName: string): number;
  /** The longest backlog of all events. */
  getAllListenersBackpressure(): number;
  /** The backlog of a consumer of an event. */
  getListenerConsumerBackpressure(consumerId: number): number;
  /** Whether an event has this consumer. */
  hasListenerConsumer(eventName: string, consumerId: number): boolean;
  /** Whether any event has this consumer. */
  hasAnyListenerConsumer(consumerId: number): boolean;
}

/** Emits events into streams: each `listener` is a stream of one event. */
export class AsyncStreamEmitter {
  static {
    addMethods<AsyncStreamEmitter>(
      this.prototype,
      named((self) => self.#listeners, "Listener"),
    );
  }

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
    return new ConsumableStream(this.#listeners, eventName, String(eventName));
  }

  /** The same as `killListener`. */
  removeListener(eventName: string): void {
    this.killListener(eventName);
  }

  /** How many consumers an event has. */
  getListenerConsumerCount(eventName: string): number {
    return this.#listeners.select(eventName).length;
  }

  /** How many consumers all events have. */
  getAllListenersConsumerCount(): number {
    return this.#listeners.select().length;
  }
}
