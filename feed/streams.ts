/**
 * Named streams on top of `net/consumer.ts`, the mechanism behind every `for await`
 * loop.
 *
 * A {@linkcode StreamFamily} maps names to streams. Iterating over a stream creates a
 * {@linkcode Consumer}, which has its own backlog from that moment on. A value written
 * to a name is appended to the backlog of each of its consumers; without consumers it is
 * lost.
 *
 * A waiting consumer never gets a value during the call that writes it, but in a later
 * microtask, so that a `kill` in the same turn still takes effect.
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
  /** How long to wait before the call fails, in milliseconds. @default {Infinity} */
  timeout?: number | undefined;
  /** Ends the wait; the call rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Upstream's methods accept a number of milliseconds instead of options. */
function toOptions<O extends OnceOptions>(options: number | O | undefined): O {
  return (typeof options === "number" ? { timeout: options } : options ?? {}) as
    & O
    & OnceOptions;
}

/**
 * A named stream of values; iterate over it with `for await`. It has no state of its
 * own: two handles with the same name are the same stream.
 */
export class ConsumableStream<T> implements AsyncIterable<T> {
  /** The name of the event, receiver, procedure or channel. */
  readonly name: string;
  readonly #family: StreamFamily;
  readonly #key: string;
  readonly #label: string;

  /** A handle for the values written to `key`; `label` is its name in statistics. */
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
   * Creates a consumer, whose backlog starts now. A number is a `timeout` in
   * milliseconds.
   */
  createConsumer(options?: number | ConsumerOptions): Consumer<T> {
    return this.#family.consume<T>(this.#key, this.#label, toOptions(options));
  }

  /** Creates a consumer for a `for await` loop. */
  [Symbol.asyncIterator](): Consumer<T> {
    return this.createConsumer();
  }

  /**
   * Waits for the next value; resolves with it as an iterator result.
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
   * Waits for the next value. Without a timeout or signal, the promise stays pending if
   * the stream is closed or killed.
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
   * The values as a `ReadableStream`; each access returns a new one. A stream collects
   * values only from the moment you first read or lock it, and does not read ahead. Read
   * it to its end or `cancel()` it.
   */
  get readable(): ReadableStream<T> {
    return this.toReadable();
  }

  /**
   * Like {@linkcode readable}, with options, such as a limit for the backlog.
   * @throws {RangeError} if an option is out of range
   */
  toReadable(options: ConsumerOptions = {}): ReadableStream<T> {
    checkConsumerOptions(options);
    return toReadable(() => this.createConsumer(options));
  }
}

/** Selects streams of a family: one by key, or those whose key satisfies a predicate. */
export type StreamSelector = string | ((key: string) => boolean);

/**
 * Streams that share a sequence of consumer ids. A key is any string; the consumers of
 * all streams whose key satisfies a predicate can be selected together.
 */
export class StreamFamily {
  readonly #streams = new Map<string, Consumer<unknown>[]>();
  #lastId = 0;

  /** Creates a consumer of the values written to `key` from now on. */
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
    // It has already ended if its signal was aborted.
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

  /** Whether `key` has consumers. */
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
