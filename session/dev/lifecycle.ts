/** All states of one backend, and those who wait for the next. */
import type { BackendState } from "../../types.ts";
import { type LifeEvent, next } from "../life.ts";

export {
  endOf,
  type ExitReport,
  isUsable,
  type LifeEvent,
  next,
} from "../life.ts";

/** Called with each state when it is reached. */
export type StateListener = (state: BackendState) => void;

/**
 * All states of one backend. {@linkcode Lifecycle.apply} is the only writer.
 */
export class Lifecycle {
  readonly #now: () => Date;
  readonly #history: BackendState[];
  readonly #listeners = new Set<StateListener>();

  /** `history` is that of an earlier run, which this one continues. */
  constructor(
    now: () => Date = () => new Date(),
    history?: readonly BackendState[],
  ) {
    this.#now = now;
    this.#history = history
      ? [...history]
      : [{ status: "scheduled", time: now().toISOString() }];
  }

  /** Every state so far, oldest first. */
  get history(): readonly BackendState[] {
    return this.#history;
  }

  /** The current state. */
  get state(): BackendState {
    return this.#history.at(-1)!;
  }

  /** Applies an event. Returns whether it changed anything. */
  apply(event: LifeEvent): boolean {
    const now = this.#now().toISOString();
    // If the clock was set back, times must still not decrease.
    const time = now > this.state.time ? now : this.state.time;
    const state = next(this.state, event, time);
    if (!state) return false;
    this.#history.push(state);
    for (const listener of [...this.#listeners]) listener(state);
    return true;
  }

  /** Calls `listener` with each later state, until the returned function is called. */
  listen(listener: StateListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Resolves with the first state, current or later, that `matches`, or with the final
   * state if none does. Rejects when `signal` aborts.
   */
  async reached(
    matches: (state: BackendState) => boolean,
    signal?: AbortSignal,
  ): Promise<BackendState> {
    signal?.throwIfAborted();
    const done = (state: BackendState) =>
      matches(state) || state.status === "terminated";
    if (done(this.state)) return this.state;
    const { promise, resolve, reject } = Promise.withResolvers<BackendState>();
    const stop = this.listen((state) => {
      if (done(state)) resolve(state);
    });
    const abort = () => reject(signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await promise;
    } finally {
      stop();
      signal?.removeEventListener("abort", abort);
    }
  }
}
