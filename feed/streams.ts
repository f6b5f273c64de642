/**
 * Named streams on top of `net/consumer.ts`, the one mechanism behind every
 * `for await` loop.
 *
 * A {@linkcode StreamFamily} maps names to streams. Iterating over a stream makes
 * a {@linkcode Consumer}, which has a backlog of its own from that moment; a value
 * that is written to a name is appended to the backlog of each of its consumers,
 * and lost if there are none.
 *
 * A value is never handed to a waiting consumer in the call that writes it but
 * in a microtask afterwards, so that a `kill` later in the same turn still wins.
 */
import {
  checkConsumerOptions,
  Consumer,
  type ConsumerOptions,
  TimeoutError,
  toReadable,
} from "../net/consumer.ts";

export {
  Consumer,
  type ConsumerOptions,
  type ConsumerSource,
  type ConsumerStats,
  type Overflow,
  OverflowError,
  TimeoutError,
} from "../net/consumer.ts";

/** Options of a wait for one value. */
export interface OnceOptions {
  /** The wait fails after this many milliseconds. @default {Infinity} */
  timeout?: number | undefined;
  /** Ends the wait: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Upstream's methods take a number of milliseconds where these take options. */
function toOptions<O extends OnceOptions>(options: number | O | undefined): O {
  return (typeof options === "number" ? { timeout: options } : options ?? {}) as
    & O
    & OnceOptions;
}

/**
 * A stream of values under one name, to be iterated over with `for await`. It
 * has no state of its own: two handles of one name are the same stream.
 */
export class ConsumableStream<T> implements AsyncIterable<T> {
  /** The name of the event, receiver, procedure or channel. */
  readonly name: string;
  readonly #family: StreamFamily;
  readonly #key: string;
  readonly #label: string;

  /** A handle for what is written to `key`; `label` names it in statistics. */
  constructor(
    family: StreamFamily,
    name: string,
    key: string = name,
    label: string = name,
  ) {
    this.name = name;
    this.#family = family;
    this.#key = key;
    this.#label = label;
  }

  /**
   * A new consumer, whose backlog begins now. A number is a `timeout` in
   * milliseconds.
   */
  createConsumer(options?: number | ConsumerOptions): Consumer<T> {
    return this.#family.consume<T>(this.#key, this.#label, toOptions(options));
  }

  /** A new consumer, for a `for await` loop. */
  [Symbol.asyncIterator](): Consumer<T> {
    return this.createConsumer();
  }

  /**
   * The next value that is written, as an iterator result.
   * @throws {TimeoutError} if that takes longer than `timeout` milliseconds
   */
  async next(
    options?: number | OnceOptions,
  ): Promise<IteratorResult<T, undefined>> {
    const consumer = this.createConsumer(options);
    try {
      return await consumer.next();
    } finally {
      consumer.kill();
    }
  }

  /**
   * The next value that is written. Without a timeout or signal the promise
   * stays pending when the stream is closed or killed.
   * @throws {TimeoutError} if that takes longer than `timeout` milliseconds, or
   * if there is a timeout and the stream ends
   */
  async once(options?: number | OnceOptions): Promise<T> {
    const { timeout, signal } = toOptions(options);
    const result = await this.next(options);
    if (!result.done) return result.value;
    if (timeout !== undefined) {
      throw new TimeoutError(
        "Stream consumer operation timed out early because stream ended",
      );
    }
    signal?.throwIfAborted();
    return new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  }

  /**
   * A new `ReadableStream` each time this is read. Nothing is held, and no value
   * kept, until you read or lock it: its backlog begins then. Read it to its end
   * or `cancel()` it. It reads ahead of its reader by nothing.
   */
  get readable(): ReadableStream<T> {
    return this.toReadable();
  }

  /**
   * As {@linkcode readable}, with options, e.g. a bound for the backlog.
   * @throws {RangeError} if an option is out of range
   */
  toReadable(options: ConsumerOptions = {}): ReadableStream<T> {
    checkConsumerOptions(options);
    return toReadable(() => this.createConsumer(options));
  }
}

/** Which streams of a family: one, those whose key fits, or all. */
export type StreamSelector = string | ((key: string) => boolean);

/**
 * Streams that share a count of consumer ids. A key is any string; the consumers
 * of streams whose key fits a predicate can be selected together.
 */
export class StreamFamily {
  readonly #streams = new Map<string, Consumer<unknown>[]>();
  #lastId = 0;

  /** Creates a consumer of what is written to `key` from now on. */
  consume<T>(
    key: string,
    label: string,
    options: ConsumerOptions,
  ): Consumer<T> {
    const consumer = new Consumer<T>({
      id: ++this.#lastId,
      stream: label,
      detach: (ended) => this.#remove(key, ended as Consumer<unknown>),
    }, options);
    // It has ended already if its signal was aborted.
    if (!consumer.open) return consumer;
    let consumers = this.#streams.get(key);
    if (!consumers) this.#streams.set(key, consumers = []);
    consumers.push(consumer as Consumer<unknown>);
    return consumer;
  }

  #remove(key: string, consumer: Consumer<unknown>): void {
    const consumers = this.#streams.get(key);
    const index = consumers?.indexOf(consumer) ?? -1;
    if (index < 0) return;
    consumers!.splice(index, 1);
    if (consumers!.length === 0) this.#streams.delete(key);
  }

  /** Whether anybody consumes what is written to `key`. */
  has(key: string): boolean {
    return this.#streams.has(key);
  }

  /** Appends a value to the backlog of each consumer of `key`. */
  write(key: string, value: unknown): void {
    const consumers = this.#streams.get(key);
    if (consumers === undefined) return;
    for (let i = 0; i < consumers.length; i++) consumers[i]!.write(value);
  }

  /** The consumers of the selected streams, in the order of their creation. */
  select(selector?: StreamSelector): Consumer<unknown>[] {
    if (typeof selector === "string") {
      return [...this.#streams.get(selector) ?? []];
    }
    const selected: Consumer<unknown>[] = [];
    for (const [key, consumers] of this.#streams) {
      if (!selector || selector(key)) selected.push(...consumers);
    }
    return selected;
  }
}
