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
 * Counts the connections of a backend, and calls `onIdle` when there has been none for
 * `ms` milliseconds since the last one ended.
 */
export class IdleWatch {
  readonly #ms: number | undefined;
  readonly #onIdle: () => void;
  readonly #onCount: () => void;
  #connections = 0;
  #cancel: (() => void) | undefined;
  #stopped = false;

  /** Without `ms` it only counts. `onCount` is called when the count changes. */
  constructor(
    ms: number | undefined,
    onIdle: () => void,
    onCount: () => void = () => {},
  ) {
    this.#ms = ms;
    this.#onIdle = onIdle;
    this.#onCount = onCount;
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#connections;
  }

  /** Starts counting the time without a connection. */
  start(): void {
    if (this.#ms === undefined || this.#stopped || this.#connections > 0) {
      return;
    }
    this.#cancel ??= after(this.#ms, this.#onIdle);
  }

  /** Registers a connection; call the returned function when it ends. */
  open(): () => void {
    this.#connections++;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#onCount();
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.#connections--;
      this.#onCount();
      this.start();
    };
  }

  /** Ends the watch permanently. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
