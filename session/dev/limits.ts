/** Time limits of a backend: its lifetime, and its time without a connection. */
import { LONGEST_TIMEOUT, type Timer } from "../../net/timer.ts";

/**
 * Calls `fire` after `ms` milliseconds, even if that is longer than a timer supports;
 * `Infinity` means never. Returns a function that cancels it.
 */
export function after(ms: number, fire: () => void): () => void {
  let timer: Timer | undefined;
  const arm = (left: number) => {
    timer = left > LONGEST_TIMEOUT
      ? setTimeout(() => arm(left - LONGEST_TIMEOUT), LONGEST_TIMEOUT)
      : setTimeout(fire, left);
  };
  if (ms === Infinity) return () => {};
  arm(ms);
  return () => clearTimeout(timer);
}

/**
 * Knows how many connections a backend has, and calls `onIdle` when there has been none
 * for `ms` milliseconds since the last one ended. The wall clock says when that was, so
 * that the time goes on in a later run of the platform.
 */
export class IdleWatch {
  readonly #ms: number | undefined;
  readonly #onIdle: () => void;
  #connections = 0;
  #since: number | undefined;
  #cancel: (() => void) | undefined;
  /** When it will call, by the clock that is never set. */
  #due: number | undefined;
  #state: "waiting" | "watching" | "stopped" = "waiting";

  /**
   * Without `ms` it never calls. `since` is when the last connection of an earlier run
   * ended, in milliseconds since 1970.
   */
  constructor(ms: number | undefined, onIdle: () => void, since?: number) {
    this.#ms = ms;
    this.#onIdle = onIdle;
    this.#since = since;
  }

  /**
   * Since when there has been no connection, in milliseconds since 1970; `undefined` while
   * there is one, and before the watch was started.
   */
  get since(): number | undefined {
    return this.#since;
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#connections;
  }

  /** Milliseconds until it calls; `undefined` if it is not counting. */
  get left(): number | undefined {
    if (this.#due === undefined) return undefined;
    return Math.max(0, this.#due - performance.now());
  }

  /** Starts counting the time without a connection. */
  start(): void {
    if (this.#state === "stopped") return;
    this.#state = "watching";
    this.set(this.#connections);
  }

  /** Sets how many connections are open. */
  set(connections: number): void {
    this.#connections = connections;
    if (connections > 0) {
      this.#clear();
      this.#since = undefined;
    } else if (this.#state === "watching") {
      const now = Date.now();
      this.#since ??= now;
      if (this.#ms === undefined || this.#cancel) return;
      const left = Math.max(0, this.#ms - Math.max(0, now - this.#since));
      this.#due = performance.now() + left;
      this.#cancel = after(left, this.#onIdle);
    }
  }

  /** Ends the watch permanently. */
  stop(): void {
    this.#state = "stopped";
    this.#clear();
  }

  #clear(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#due = undefined;
  }
}
