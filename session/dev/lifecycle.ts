/**
 * The life of one backend, without process, clock or timer: maps events to states.
 * Statuses only move forward; `terminated` is final.
 */
import {
  BACKEND_STATUSES,
  type BackendState,
  type BackendStatus,
  type TerminationKind,
  type TerminationReason,
} from "../../types.ts";

/** How a program exited, in the words of the last state. */
export type ExitReport = Pick<
  BackendState & { status: "terminated" },
  "exit_code" | "oom_killed"
>;

/** What can happen to a backend. */
export type LifeEvent =
  | { type: "loading" | "starting" | "waiting" | "ready" }
  | { type: "terminate"; kind: TerminationKind; reason: TerminationReason }
  /** The program has ended; `failed` if it exited with an error itself. */
  | {
    type: "exited";
    failed: boolean;
    report?: ExitReport | undefined;
    /** Whether it disappeared, so that nothing is known about its end. */
    lost?: boolean;
  };

/** Statuses only move forward in this order. */
const ORDER: readonly BackendStatus[] = BACKEND_STATUSES;

/** The state that `event` leads to, or `undefined` if it changes nothing. */
export function next(
  state: BackendState,
  event: LifeEvent,
  time: string,
): BackendState | undefined {
  const to = toState(state, event, time);
  return ORDER.indexOf(to.status) > ORDER.indexOf(state.status)
    ? to
    : undefined;
}

function toState(
  state: BackendState,
  event: LifeEvent,
  time: string,
): BackendState {
  switch (event.type) {
    case "terminate": {
      const status = event.kind === "hard" ? "hard-terminating" : "terminating";
      // Keeps the first reason: it is why the backend ends, even if it has to be killed
      // later because it did not end in time.
      const reason = endOf(state)?.reason ?? event.reason;
      return { status, time, termination_reason: reason };
    }
    case "exited": {
      const end = endOf(state);
      return {
        status: "terminated",
        time,
        termination_reason: end?.reason ?? (event.lost ? "lost" : null),
        termination_kind: end?.kind ?? null,
        exit_error: event.failed,
        ...event.report,
      };
    }
    default:
      return { status: event.type, time };
  }
}

/** How and why a backend is being ended, once it is. */
export function endOf(
  state: BackendState,
): { kind: TerminationKind; reason: TerminationReason } | undefined {
  switch (state.status) {
    case "terminating":
      return { kind: "soft", reason: state.termination_reason };
    case "hard-terminating":
      return { kind: "hard", reason: state.termination_reason };
    default:
      return undefined;
  }
}

/** Whether a backend is still usable, because it has not started to end. */
export function isUsable(state: BackendState): boolean {
  return ORDER.indexOf(state.status) <= ORDER.indexOf("ready");
}

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
