/** A point in a life that is reached once, or never: a promise, and callbacks. */
import { deferred } from "./deferred.ts";
import { Listeners } from "./listeners.ts";
import { unlessAborted } from "./wait.ts";

/** A point in a life that is reached once, or never. */
export class Milestone {
  /** Settles when it is reached or can no longer be; stays pending after `stop()`. */
  readonly settled: Promise<void>;
  readonly #settled = deferred<void>();
  /** Rejects when watching stops. */
  readonly #stopped = deferred<never>();
  readonly #listeners = new Listeners<[]>();

  constructor() {
    this.settled = this.#settled.promise;
    // A rejection must not count as unhandled where no code waits for it.
    this.settled.catch(() => {});
    this.#stopped.promise.catch(() => {});
  }

  /** Marks it as reached. */
  reach(): void {
    this.#settled.resolve();
    this.#listeners.notify();
    this.#listeners.clear();
  }

  /** Marks it as out of reach. Does nothing if it was reached. */
  miss(reason: unknown): void {
    this.#settled.reject(reason);
    this.#listeners.clear();
  }

  /** Watching has stopped: rejects the waits and leaves `settled` as it is. */
  stop(reason: unknown): void {
    this.#stopped.reject(reason);
    this.#listeners.clear();
  }

  /** Calls back once when it is reached; returns the function that removes the callback. */
  add(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Waits for it; rejects if it can no longer be reached, or if watching stops. */
  wait(signal: AbortSignal): Promise<void> {
    const either = Promise.race([this.settled, this.#stopped.promise]);
    return unlessAborted(either, signal);
  }
}
