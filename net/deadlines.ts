/** Many waits of one length with one timer. */
import { setTimer, type Timer } from "./timer.ts";

/** The end of one wait; see {@linkcode Deadlines}. */
export interface Deadline {
  /** When it is due, as `performance.now()` counts. */
  due: number;
  /** Called when it is due. */
  readonly late: () => void;
}

/**
 * Many waits of one length, which share one timer: setting and clearing a timer for
 * each request is a notable part of what a small request costs. The timer exists
 * while anything waits.
 *
 * On workerd each wait has its own timer, because a timer ends with the request that
 * set it.
 */
export class Deadlines {
  /** The length of each wait, in milliseconds. */
  readonly ms: number;
  /** In the order in which they are due: all have the same length. */
  readonly #waiting = new Set<Deadline>();
  readonly #own: Map<Deadline, Timer> | undefined;
  #timer: Timer | undefined;

  /** `Infinity` means that no wait ends. */
  constructor(ms: number) {
    this.ms = ms;
    if ("WebSocketPair" in globalThis) this.#own = new Map();
  }

  /** Starts a wait; `late` is called at its end unless it is stopped. */
  start(late: () => void): Deadline | undefined {
    if (this.ms === Infinity) return undefined;
    const deadline = { due: 0, late };
    this.restart(deadline);
    return deadline;
  }

  /** Starts a wait from its beginning, also one that was stopped. */
  restart(deadline: Deadline | undefined): void {
    if (!deadline) return;
    this.stop(deadline);
    if (this.#own) {
      const timer = setTimer(() => {
        this.#own!.delete(deadline);
        deadline.late();
      }, this.ms);
      this.#own.set(deadline, timer!);
      return;
    }
    deadline.due = performance.now() + this.ms;
    this.#waiting.add(deadline);
    this.#timer ??= setTimer(this.#look, this.ms);
  }

  /** Stops a wait. */
  stop(deadline: Deadline | undefined): void {
    if (!deadline) return;
    if (this.#own) {
      clearTimeout(this.#own.get(deadline));
      this.#own.delete(deadline);
    } else if (this.#waiting.delete(deadline) && this.#waiting.size === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    // A timer may fire up to 1 ms early.
    const now = performance.now() + 1;
    for (const deadline of this.#waiting) {
      if (deadline.due > now) {
        this.#timer ??= setTimer(this.#look, deadline.due - now + 1);
        return;
      }
      this.#waiting.delete(deadline);
      deadline.late();
    }
  };
}
