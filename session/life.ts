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
} from "../types.ts";

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
