/** Time limits of a backend: in all, and without a connection. */

/** `setTimeout` takes no more; a longer one would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Calls `fire` after `ms` milliseconds, however many; returns what cancels it. */
export function after(ms: number, fire: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const arm = (left: number) => {
    timer = left > LONGEST_TIMER
      ? setTimeout(() => arm(left - LONGEST_TIMER), LONGEST_TIMER)
      : setTimeout(fire, left);
  };
  arm(ms);
  return () => clearTimeout(timer);
}

/**
 * Counts the connections of a backend and calls `onIdle` when there has been
 * none for `ms` milliseconds, counted from the last one's end.
 */
export class IdleWatch {
  readonly #ms: number | undefined;
  readonly #onIdle: () => void;
  readonly #onCount: () => void;
  #connections = 0;
  #cancel: (() => void) | undefined;
  #stopped = false;

  /** Without `ms` it only counts. `onCount` is told when the count changes. */
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

  /** From here on time without a connection counts. */
  start(): void {
    if (this.#ms === undefined || this.#stopped || this.#connections > 0) {
      return;
    }
    this.#cancel ??= after(this.#ms, this.#onIdle);
  }

  /** A connection begins; call what this returns when it ends. */
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

  /** Ends the watch for good. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
