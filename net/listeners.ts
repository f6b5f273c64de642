/** Callbacks that can each be removed, and what page frameworks subscribe to. */
import { notify } from "./report.ts";

/**
 * A value that changes, in the form that page frameworks read: React's
 * `useSyncExternalStore`, Vue's `shallowRef` with a subscription, Svelte's stores,
 * Solid's `from`. The methods need no `this`, so you can pass them on their own.
 */
export interface Store<T> {
  /**
   * Calls `listener`, without arguments, after each change until you call the
   * returned function.
   */
  readonly subscribe: (listener: () => void) => () => void;
  /** The current value: the same object until it changes. Never throws. */
  readonly getSnapshot: () => T;
}

/** A set of callbacks, each removable; the same function may be added twice. */
export class Listeners<Args extends unknown[] = []> {
  readonly #entries = new Set<{ call: (...args: Args) => void }>();

  /** Adds a callback; returns the function that removes it. */
  readonly add = (call: (...args: Args) => void): () => void => {
    const entry = { call };
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  };

  /** Calls them in the order in which they were added; reports what they throw. */
  notify(...args: Args): void {
    for (const entry of [...this.#entries]) {
      // An earlier listener may have removed a later one.
      if (this.#entries.has(entry)) notify(entry.call, ...args);
    }
  }

  /** Removes all. */
  clear(): void {
    this.#entries.clear();
  }
}
