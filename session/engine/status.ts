/** Maps each status to its stage, which determines the states that can follow. */
import {
  BACKEND_STATUSES,
  type BackendState,
  type BackendStatus,
} from "../../types.ts";

/** The stage of a backend's life. */
export type Stage =
  /** Not ready yet. */
  | "starting"
  /** Accepts connections. */
  | "ready"
  /** Accepts no new connections, and holds its key until it has ended. */
  | "ending"
  /** No longer runs. */
  | "ended";

const STAGES: Readonly<Record<BackendStatus, Stage>> = {
  scheduled: "starting",
  loading: "starting",
  starting: "starting",
  waiting: "starting",
  ready: "ready",
  terminating: "ending",
  "hard-terminating": "ending",
  terminated: "ended",
};

/** Compiles only while every status has a member in `BackendState`. */
type Described = BackendStatus extends BackendState["status"] ? true : never;
true satisfies Described;

/** The stage of a status; `undefined` for a status that a newer platform added. */
export function stageOf(status: string): Stage | undefined {
  return isKnownStatus(status) ? STAGES[status] : undefined;
}

/** Whether a backend with this status accepts no new connections. */
export function isEnding(status: string): boolean {
  const stage = stageOf(status);
  return stage === "ending" || stage === "ended";
}

/** Whether this version knows the status. */
export function isKnownStatus(status: string): status is BackendStatus {
  return (BACKEND_STATUSES as readonly string[]).includes(status);
}

/** The status's index in the order of a backend's life; -1 for an unknown status. */
export function positionOf(status: string): number {
  return (BACKEND_STATUSES as readonly string[]).indexOf(status);
}
