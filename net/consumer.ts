/**
 * The one mechanism under every `for await` loop of this package: SocketCluster's
 * streams (by way of `feed/streams.ts`), the actions of a Feedme feed, and the
 * statuses of a backend.
 *
 * A {@linkcode Consumer} is one reader. It has its own backlog from the moment of its
 * creation, with a limit and a policy for values that exceed it, a timeout and a signal.
 * The writer keeps it in a collection of its choice until the consumer reports that it
 * has ended.
 *
 * It lives in `net/`, which knows no product, because the statuses
 * (`session/engine/`) and the feeds (`feed/`) must not import each other.
 */
import { asyncDispose } from "./dispose.ts";
import { FeedlineError } from "./errors.ts";
import { checkNumber } from "./number.ts";
import { checkDuration, setTimer, type Timer } from "./timer.ts";

/** A wait for a value took longer than the consumer's `timeout`. */
export class TimeoutError extends FeedlineError<"TIMEOUT"> {
  /** The name of the class. */
  override readonly name = "TimeoutError";
  /**
   * If a call timed out: whether it had been passed to the network. Only declared, so
   * that other errors do not have the property.
   */
  declare sent?: boolean;

  /** `options.cause` is the error that led to this one. */
  constructor(message: string, options?: ErrorOptions) {
    super("TIMEOUT", message, options);
  }
}

/** A consumer with the policy `overflow: "error"` fell too far behind. */
export class OverflowError extends FeedlineError<"OVERFLOW"> {
  /** The name of the class. */
  override readonly name = "OverflowError";

  /** `options.cause` is the error that led to this one. */
  constructor(message: string, options?: ErrorOptions) {
    super("OVERFLOW", message, options);
  }
}

/**
 * What a consumer does with a value that arrives while its backlog is full:
 *
 * - `"drop-oldest"` discards the oldest value of the backlog;
 * - `"drop-newest"` discards the new value;
 * - `"error"` accepts no more values: the loop gets the values of the backlog, then an
 *   {@linkcode OverflowError};
 * - `"pause"` discards new values until the loop has read half of the backlog, so that
 *   the missing values are consecutive.
 */
export type Overflow = "drop-oldest" | "drop-newest" | "error" | "pause";

/** Options of a {@linkcode Consumer}. */
export interface ConsumerOptions {
  /** How long `next()` waits before it fails, in milliseconds. @default {Infinity} */
  timeout?: number | undefined;
  /** How many values may wait in the backlog, 1 or more. @default {Infinity} */
  limit?: number | undefined;
  /** What happens to a value that arrives while the backlog is full. @default {"drop-oldest"} */
  overflow?: Overflow | undefined;
  /** Ends the consumer: its loop throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** The source that a {@linkcode Consumer} reads from. */
export interface ConsumerSource<T> {
  /** Its name, for statistics and error messages. */
  stream: string;
  /** Identifies the consumer within a family of streams. @default {0} */
  id?: number;
  /** Called once, when the consumer ends: the source can stop writing to it. */
  detach(consumer: Consumer<T>): void;
  /**
   * Creates the error of the policy `"error"`.
   * @default {an OverflowError}
   */
  overflowError?(limit: number): Error;
}

/** Statistics of a {@linkcode Consumer}. */
export interface ConsumerStats {
  /** Counts from 1 within a family of streams; 0 outside one. */
  id: number;
  /** How many values wait in its backlog. */
  backpressure: number;
  /** The stream that it consumes. */
  stream: string;
  /** Its timeout in milliseconds, if it has one. */
  timeout?: number;
  /** How many values were discarded, if its backlog is limited. */
  dropped?: number;
}

/** One call of `next()` that waits for a value. */
interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(reason: unknown): void;
  timer: Timer | undefined;
}

/** Marks the end of the stream in a backlog. */
const END: unique symbol = Symbol("end");

/** A backlog is a list of pieces of this length, so that none is ever copied. */
const PIECE = 1024;

interface Piece<T> {
  items: (T | undefined)[];
  next: Piece<T> | undefined;
}

/** A FIFO queue; values that were taken can be garbage-collected. */
class Backlog<T> {
  #first: Piece<T> = { items: [], next: undefined };
  #last: Piece<T> = this.#first;
  /** The next index to read in the first piece, and to write in the last. */
  #head = 0;
  #tail = 0;
  size = 0;

  push(item: T): void {
    if (this.#tail === PIECE) {
      this.#last = this.#last.next = { items: [], next: undefined };
      this.#tail = 0;
    }
    this.#last.items[this.#tail++] = item;
    this.size++;
  }

  shift(): T {
    if (this.#head === PIECE) {
      this.#first = this.#first.next!;
      this.#head = 0;
    }
    const { items } = this.#first;
    const item = items[this.#head] as T;
    items[this.#head++] = undefined;
    if (--this.size === 0) this.#head = this.#tail = 0;
    return item;
  }
}

/**
 * One reader of a stream. When it ends, for example because you break out of a
 * `for await` loop over it, it is detached from the stream.
 *
 * ```ts ignore
 * const consumer = socket.channel("prices").createConsumer({
 *   limit: 1000,
 *   overflow: "drop-oldest",
 * });
 * for await (const price of consumer) console.log(price, consumer.dropped);
 * ```
 */
export class Consumer<T>
  implements AsyncIterableIterator<T, undefined, unknown> {
  /** Counts from 1 within a family of streams; 0 outside one. */
  readonly id: number;
  /** The stream that it consumes. */
  readonly stream: string;
  /** How many values were discarded because the backlog was full. */
  dropped = 0;

  #backlog: Backlog<T | typeof END> = new Backlog();
  #state: "open" | "closing" | "ended" = "open";
  #paused = false;
  #failure: { reason: unknown } | undefined;
  #waiters: Waiter<T>[] = [];
  #waking = false;
  #ready: Promise<void> = Promise.resolve();
  readonly #options: ConsumerOptions;
  readonly #limit: number;
  readonly #source: ConsumerSource<T>;

  /**
   * Starts its backlog now. If the signal is already aborted, the consumer has ended.
   *
   * @throws {RangeError} if `timeout` is negative or `limit` less than 1, or NaN; a
   * TypeError if it is not a number
   */
  constructor(source: ConsumerSource<T>, options: ConsumerOptions = {}) {
    checkConsumerOptions(options);
    const { limit = Infinity, signal } = options;
    this.id = source.id ?? 0;
    this.stream = source.stream;
    this.#source = source;
    this.#options = options;
    this.#limit = limit;
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener("abort", this.#abort);
  }

  /** Whether values can still be written to it. */
  get open(): boolean {
    return this.#state === "open";
  }

  /** Appends a value to the backlog. */
  write(value: T): void {
    if (this.#state !== "open") return;
    if (this.#backlog.size >= this.#limit || this.#paused) {
      if (!this.#makeRoom()) return;
    }
    this.#push(value);
  }

  /** Whether a value may be appended although the backlog is full. */
  #makeRoom(): boolean {
    const { overflow } = this.#options;
    this.dropped++;
    if (overflow === "error") {
      const reason = this.#source.overflowError?.(this.#limit) ??
        new OverflowError(
          `consumer of ${
            JSON.stringify(this.stream)
          } fell ${this.#limit} values behind`,
        );
      this.close({ reason });
      return false;
    }
    this.#paused = overflow === "pause";
    if (this.#paused || overflow === "drop-newest") return false;
    this.#shift();
    return true;
  }

  #push(item: T | typeof END): void {
    this.#backlog.push(item);
    if (!this.#waking && this.#waiters.length > 0) {
      this.#waking = true;
      this.#ready.then(this.#deliver);
    }
  }

  #shift(): T | typeof END {
    const item = this.#backlog.shift();
    if (this.#paused && this.#backlog.size <= this.#limit / 2) {
      this.#paused = false;
    }
    return item;
  }

  /**
   * Resolves with the next value as soon as there is one.
   * @throws {TimeoutError} if that takes longer than `timeout`
   */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#backlog.size > 0 && this.#waiters.length === 0) {
      const value = this.#shift();
      if (value !== END) return Promise.resolve({ value, done: false });
      this.kill();
    }
    if (this.#state === "ended") return this.#last();
    return new Promise((resolve, reject) => {
      const { timeout } = this.#options;
      const timer = timeout === undefined
        ? undefined
        : setTimer(this.#expire, timeout);
      this.#waiters.push({ resolve, reject, timer });
    });
  }

  /** Resolves the waiting calls of `next()` from the backlog. */
  #deliver = (): void => {
    this.#waking = false;
    while (this.#waiters.length > 0 && this.#backlog.size > 0) {
      const value = this.#shift();
      if (value === END) return this.kill();
      const waiter = this.#waiters.shift()!;
      clearTimeout(waiter.timer);
      waiter.resolve({ value, done: false });
    }
  };

  #expire = (): void =>
    this.#fail(new TimeoutError("Stream consumer iteration timed out"));

  #abort = (): void => this.#fail(this.#options.signal!.reason);

  #fail(reason: unknown): void {
    this.#failure = { reason };
    this.kill();
  }

  /** The result of `next()` after the end: rejects once with the failure, then `done`. */
  #last(): Promise<IteratorResult<T, undefined>> {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure
      ? Promise.reject(failure.reason)
      : Promise.resolve({ value: undefined, done: true });
  }

  /** Ends the consumer at once and discards its backlog. */
  kill(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#backlog = new Backlog();
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#source.detach(this);
    for (const waiter of this.#waiters.splice(0)) {
      clearTimeout(waiter.timer);
      this.#last().then(waiter.resolve, waiter.reject);
    }
  }

  /**
   * Ends the consumer after its backlog. With a `failure`, its loop then throws the
   * reason.
   */
  close(failure?: { reason: unknown }): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#failure = failure;
    this.#push(END);
  }

  /** Ends the consumer; a `for await` loop calls this if it exits early. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#failure = undefined;
    this.kill();
    return this.#last();
  }

  /** Ends the consumer and rejects with `reason`. */
  throw(reason?: unknown): Promise<IteratorResult<T, undefined>> {
    this.kill();
    return Promise.reject(reason);
  }

  /** How many values wait in the backlog. */
  getBackpressure(): number {
    return this.#backlog.size;
  }

  /** The statistics of this consumer. */
  getStats(): ConsumerStats {
    const { timeout } = this.#options;
    return {
      id: this.id,
      backpressure: this.getBackpressure(),
      stream: this.stream,
      ...timeout === undefined ? {} : { timeout },
      ...this.#limit === Infinity ? {} : { dropped: this.dropped },
    };
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends the consumer, for `await using`. */
  async [asyncDispose](): Promise<void> {
    await this.return();
  }
}

/** @throws {RangeError} as the constructor of {@linkcode Consumer} does */
export function checkConsumerOptions(options: ConsumerOptions): void {
  const { timeout, limit } = options;
  if (timeout !== undefined) checkDuration("timeout", timeout);
  if (limit !== undefined) checkNumber("limit", limit, { least: 1 });
}

/** The methods that lock a stream, if the platform has them. */
const LOCKING = [
  "getReader",
  "tee",
  "pipeTo",
  "pipeThrough",
  "values",
  Symbol.asyncIterator,
] as const;

/**
 * A consumer as a `ReadableStream`. The consumer is created, and its backlog starts, when
 * the stream is first read or locked. The stream never reads ahead; `cancel()` ends the
 * consumer.
 */
export function toReadable<T>(consume: () => Consumer<T>): ReadableStream<T> {
  let consumer: Consumer<T> | undefined;
  const stream = new ReadableStream<T>({
    async pull(controller) {
      consumer ??= consume();
      const result = await consumer.next();
      if (result.done) controller.close();
      else controller.enqueue(result.value);
    },
    cancel() {
      consumer?.kill();
    },
  }, { highWaterMark: 0 });
  // Code that locks the stream is about to read, and must not miss a value from then on.
  // Not every platform pulls immediately for each of these methods: workerd's `tee()`
  // does not.
  for (const use of LOCKING) {
    const method: unknown = Reflect.get(stream, use);
    if (typeof method !== "function") continue;
    Object.defineProperty(stream, use, {
      value(...args: unknown[]) {
        const result: unknown = method.apply(stream, args);
        consumer ??= consume();
        return result;
      },
    });
  }
  return stream;
}
