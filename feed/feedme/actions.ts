/** The actions of a feed as an async iterable with a bounded buffer. */
import { FeedmeError } from "./errors.ts";

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
  readonly #ended: (stream: ActionStream<T>) => void;
  readonly #signal: AbortSignal | undefined;
  #waiting: T[] = [];
  /** Calls of `next()` that wait; only while nothing waits for them. */
  #readers: PromiseWithResolvers<IteratorResult<T, undefined>>[] = [];
  #state: { kind: "open" } | { kind: "ended" } | {
    kind: "failed";
    reason: unknown;
  } = { kind: "open" };

  /** `ended` is called once, when nothing more can be pushed. */
  constructor(
    { signal, limit = 1_000 }: ActionsOptions,
    ended: (stream: ActionStream<T>) => void,
  ) {
    if (!(limit >= 1)) {
      throw new FeedmeError("INVALID_ARGUMENT", "Invalid options.limit.");
    }
    this.#limit = limit;
    this.#ended = ended;
    this.#signal = signal;
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener("abort", this.#abort, { once: true });
  }

  push(value: T): void {
    if (this.#state.kind !== "open") return;
    const reader = this.#readers.shift();
    if (reader) {
      reader.resolve({ value, done: false });
    } else if (this.#waiting.length < this.#limit) {
      this.#waiting.push(value);
    } else {
      this.#end({
        kind: "failed",
        reason: new FeedmeError(
          "OVERFLOW",
          `More than ${this.#limit} actions wait to be read.`,
        ),
      });
    }
  }

  /** Nothing more will come. */
  end(): void {
    if (this.#state.kind === "open") this.#end({ kind: "ended" });
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting.length > 0) {
      return Promise.resolve({ value: this.#waiting.shift()!, done: false });
    }
    if (this.#state.kind === "failed") {
      const { reason } = this.#state;
      this.#state = { kind: "ended" };
      return Promise.reject(reason);
    }
    if (this.#state.kind === "ended") {
      return Promise.resolve({ value: undefined, done: true });
    }
    const reader = Promise.withResolvers<IteratorResult<T, undefined>>();
    this.#readers.push(reader);
    return reader.promise;
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#waiting = [];
    this.end();
    this.#state = { kind: "ended" };
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  readonly #abort = (): void => {
    this.#waiting = [];
    this.#end({ kind: "failed", reason: this.#signal!.reason });
  };

  #end(
    state: { kind: "ended" } | { kind: "failed"; reason: unknown },
  ): void {
    this.#state = state;
    this.#signal?.removeEventListener("abort", this.#abort);
    const readers = this.#readers;
    this.#readers = [];
    for (const reader of readers) {
      this.next().then(reader.resolve, reader.reject);
    }
    this.#ended(this);
  }
}
