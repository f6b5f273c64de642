/** The actions of a feed as an async iterable with a bounded buffer. */
import { FeedmeError, invalid } from "./errors.ts";

/** Options of `feed.actions()`. */
export interface ActionsOptions {
  /** Ends the iteration: it throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * How many actions may wait for the consumer. One more ends the iteration:
   * after the ones that wait it throws `OVERFLOW`. A server cannot be slowed
   * down, and an action must not get lost unnoticed.
   * @default {1_000}
   */
  limit?: number | undefined;
}

/** What is pushed in comes out by iteration, in order. */
export class ActionStream<T> implements AsyncIterableIterator<T> {
  readonly #limit: number;
  readonly #streams: Set<ActionStream<T>>;
  readonly #signal: AbortSignal | undefined;
  #waiting: T[] = [];
  /** Calls of `next()` that wait; only while nothing waits for them. */
  #readers: PromiseWithResolvers<IteratorResult<T, undefined>>[] = [];
  #open = true;
  /** What `next()` has yet to throw when nothing waits any more. */
  #failure: { reason: unknown } | undefined;

  /** It is one of `streams` as long as something can be pushed. */
  constructor(
    { signal, limit = 1_000 }: ActionsOptions,
    streams: Set<ActionStream<T>>,
  ) {
    if (!(limit >= 1)) {
      throw invalid("Invalid options.limit.");
    }
    this.#limit = limit;
    this.#streams = streams;
    this.#signal = signal;
    streams.add(this);
    signal?.addEventListener("abort", this.#abort);
    if (signal?.aborted) this.#abort();
  }

  push(value: T): void {
    if (!this.#open) return;
    const reader = this.#readers.shift();
    if (reader) {
      reader.resolve({ value, done: false });
    } else if (this.#waiting.length < this.#limit) {
      this.#waiting.push(value);
    } else {
      const text = `More than ${this.#limit} actions wait to be read.`;
      this.end({ reason: new FeedmeError("OVERFLOW", text) });
    }
  }

  /** Nothing more will come, because of `failure`. */
  end(failure?: { reason: unknown }): void {
    if (!this.#open) return;
    this.#open = false;
    this.#failure = failure;
    this.#signal?.removeEventListener("abort", this.#abort);
    for (const reader of this.#readers.splice(0)) {
      this.next().then(reader.resolve, reader.reject);
    }
    this.#streams.delete(this);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting.length > 0) {
      return Promise.resolve({ value: this.#waiting.shift()!, done: false });
    }
    if (this.#open) {
      const reader = Promise.withResolvers<IteratorResult<T, undefined>>();
      this.#readers.push(reader);
      return reader.promise;
    }
    const failure = this.#failure;
    this.#failure = undefined;
    return failure
      ? Promise.reject(failure.reason)
      : Promise.resolve({ value: undefined, done: true });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#waiting = [];
    this.end();
    this.#failure = undefined;
    return this.next();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  readonly #abort = (): void => {
    this.#waiting = [];
    this.end({ reason: this.#signal!.reason });
  };
}
