/**
 * What is known of one backend, and how each of its states changes that. No I/O:
 * `SessionBackend` holds the snapshot and notifies those who wait.
 */
import { type BackendState, FeedlineError } from "../../types.ts";
import { stageOf } from "./status.ts";

/** What a {@linkcode SessionBackend} knows of its backend at one moment. */
export interface BackendSnapshot {
  /**
   * - `pending`: the backend is not ready yet
   * - `ready`: it can receive connections
   * - `ending`: it has been asked to end
   * - `ended`: it has terminated, or the platform no longer knows it
   * - `destroyed`: watching has stopped, and how the backend goes on is unknown
   */
  readonly phase: "pending" | "ready" | "ending" | "ended" | "destroyed";
  /** The newest state that has arrived, if any. */
  readonly state?: BackendState;
  /** Why the platform no longer knows the backend, if `phase` is `ended` because of that. */
  readonly error?: unknown;
}

/** The backend ended, or you stopped watching it, before it was ready. */
export class BackendEndedError extends FeedlineError<"BACKEND_ENDED"> {
  /** The name of the class. */
  override readonly name = "BackendEndedError";
  /** The last state of the backend, if one is known. */
  readonly state: BackendState | undefined;

  /**
   * ```ts
   * import { BackendEndedError } from "@feedline/feedline/client";
   *
   * const error = new BackendEndedError("Backend \"b1\" ended before it was ready");
   * console.log(error.state === undefined);
   * ```
   */
  constructor(
    message: string,
    options?: ErrorOptions & { state?: BackendState | undefined },
  ) {
    super("BACKEND_ENDED", message, options);
    this.state = options?.state;
  }
}

/** The snapshot of a backend that answered `connect` with `status`. */
export function firstSnapshot(status: string): BackendSnapshot {
  return { phase: stageOf(status) === "ready" ? "ready" : "pending" };
}

/** The snapshot after `before`, once `state` has arrived. */
export function nextSnapshot(
  before: BackendSnapshot,
  state: BackendState,
): BackendSnapshot {
  return { phase: phaseIn(before.phase, state.status), state };
}

function phaseIn(
  phase: BackendSnapshot["phase"],
  status: string,
): BackendSnapshot["phase"] {
  const stage = stageOf(status);
  switch (stage) {
    case undefined:
    case "starting":
      return phase;
    case "ready":
      return phase === "pending" ? "ready" : phase;
    case "ending":
    case "ended":
      return stage;
    default:
      return stage satisfies never;
  }
}

/** Why the backend with this id, quoted, will not become ready. */
export function endedError(
  id: string,
  { phase, state, error }: BackendSnapshot,
): BackendEndedError {
  if (phase !== "ended") {
    return new BackendEndedError(
      `No longer watching backend ${id}: destroy() was called`,
    );
  }
  const reason = state?.status === "terminated" &&
    (state.termination_reason ?? (state.exit_error && "exit_error"));
  return new BackendEndedError(
    `Backend ${id} ended before it was ready${reason ? ` (${reason})` : ""}`,
    {
      // A state from before the platform forgot the backend does not say how it ended.
      ...(error === undefined ? { state } : { cause: error }),
    },
  );
}
