/** What each status means for those who wait: which states can still follow. */
import {
  BACKEND_STATUSES,
  type BackendState,
  type BackendStatus,
} from "../../types.ts";

/** Where in its life a backend is. */
export type Stage =
  /** Not ready yet. */
  | "starting"
  /** Takes connections. */
  | "ready"
  /** Takes no new connections, and holds its key until it has ended. */
  | "ending"
  /** Does not run any more. */
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

/** The stage of a status; `undefined` for one that a newer platform added. */
export function stageOf(status: string): Stage | undefined {
  return isKnownStatus(status) ? STAGES[status] : undefined;
}

/** Whether a backend with this status takes no new connections. */
export function isEnding(status: string): boolean {
  const stage = stageOf(status);
  return stage === "ending" || stage === "ended";
}

/** Whether this version knows the status. */
export function isKnownStatus(status: string): status is BackendStatus {
  return (BACKEND_STATUSES as readonly string[]).includes(status);
}

/** Counts from 0 in the order of a backend's life; -1 for an unknown status. */
export function positionOf(status: string): number {
  return (BACKEND_STATUSES as readonly string[]).indexOf(status);
}
