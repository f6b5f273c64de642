/** Named events, with the methods that programs written for npm's client use. */

import { report } from "../../../net/report.ts";

/** A listener, whatever its `this` and arguments. */
// deno-lint-ignore no-explicit-any -- no other type takes every function in.
type AnyListener = (this: any, ...args: any[]) => void;

/**
 * Listeners by event, called in the order in which they were added. A listener that
 * throws does not stop the others; see `net/report.ts`.
 */
export class Emitter<Events extends { [event: string]: unknown[] }> {
  readonly #listeners = new Map<
    string,
    { listener: AnyListener; once: boolean }[]
  >();

  /** Adds a listener. A listener added twice is called twice. */
  on<E extends keyof Events & string>(
    event: E,
    listener: (this: this, ...args: Events[E]) => void,
  ): this {
    return this.#add(event, listener, false);
  }

  /** Adds a listener for the next event only. */
  once<E extends keyof Events & string>(
    event: E,
    listener: (this: this, ...args: Events[E]) => void,
  ): this {
    return this.#add(event, listener, true);
  }

  /**
   * Removes a listener (once, if it was added twice), all listeners of an event, or
   * all listeners.
   */
  off<E extends keyof Events & string>(
    event?: E,
    listener?: (this: this, ...args: Events[E]) => void,
  ): this {
    if (event === undefined) {
      this.#listeners.clear();
    } else if (listener === undefined) {
      this.#listeners.delete(event);
    } else {
      const list = this.#listeners.get(event);
      this.#remove(event, list?.find((entry) => entry.listener === listener));
    }
    return this;
  }

  /** Calls the listeners of an event. The client does this; you need not. */
  emit<E extends keyof Events & string>(event: E, ...args: Events[E]): this {
    for (const entry of this.#listeners.get(event) ?? []) {
      if (entry.once) this.#remove(event, entry);
      try {
        entry.listener.apply(this, args);
      } catch (error) {
        report(error);
      }
    }
    return this;
  }

  /** The listeners of an event, in order. */
  listeners<E extends keyof Events & string>(
    event: E,
  ): ((this: this, ...args: Events[E]) => void)[] {
    return (this.#listeners.get(event) ?? []).map(({ listener }) => listener);
  }

  /** Whether an event has listeners. */
  hasListeners(event: keyof Events & string): boolean {
    return (this.#listeners.get(event)?.length ?? 0) > 0;
  }

  /** The same as {@linkcode Emitter.on}. */
  addEventListener<E extends keyof Events & string>(
    event: E,
    listener: (this: this, ...args: Events[E]) => void,
  ): this {
    return this.on(event, listener);
  }

  /** The same as {@linkcode Emitter.off}. */
  removeListener<E extends keyof Events & string>(
    event?: E,
    listener?: (this: this, ...args: Events[E]) => void,
  ): this {
    return this.off(event, listener);
  }

  /** The same as {@linkcode Emitter.off}. */
  removeEventListener<E extends keyof Events & string>(
    event?: E,
    listener?: (this: this, ...args: Events[E]) => void,
  ): this {
    return this.off(event, listener);
  }

  /** Removes all listeners of an event, or all. */
  removeAllListeners(event?: keyof Events & string): this {
    return this.off(event);
  }

  #add(event: string, listener: AnyListener, once: boolean): this {
    const list = this.#listeners.get(event) ?? [];
    this.#listeners.set(event, [...list, { listener, once }]);
    return this;
  }

  /** Creates a new list, because the old one may be being iterated over. */
  #remove(event: string, entry: { listener: AnyListener } | undefined): void {
    const list = this.#listeners.get(event) ?? [];
    this.#listeners.set(event, list.filter((each) => each !== entry));
  }
}
