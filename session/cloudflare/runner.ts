/**
 * What runs a backend in an object: the object itself, by the methods that the
 * application's class has, or the object's container.
 */
import type { TerminationReason } from "../../types.ts";
import type { ServingObject } from "./workers.ts";

/** A backend, as the application's class sees it. */
export interface SessionInfo {
  /** Its id. */
  readonly backendId: string;
  /** The tag that it was spawned with, or "". */
  readonly tag: string;
  /** The `executable.env` of the connect request that spawned it. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Ends the backend. A code other than 0 means that it failed (`exit_error`).
   * @default {0}
   */
  exit(code?: number): void;
}

/**
 * Methods that a class given to {@linkcode sessionObject} may have. All are optional.
 */
export interface SessionHooks {
  /**
   * Called once for each backend, before it is ready; the backend is ready when the
   * promise resolves, and has failed if it rejects. If the object is evicted meanwhile,
   * it is called again. Waking from hibernation does not call it: use the constructor.
   */
  sessionStart?(session: SessionInfo): void | Promise<void>;
  /**
   * Called when the backend is asked to end. Save what must be kept: the backend has
   * ended when the promise settles, or after the option `grace`. Not called for a hard
   * end.
   */
  sessionEnd?(
    session: SessionInfo,
    reason: TerminationReason,
  ): void | Promise<void>;
}

/** How a backend ended. */
export interface Ended {
  /** Whether it ended with an error. */
  failed: boolean;
  /** The exit code, if there was one. */
  exitCode?: number;
}

/** Starts and ends one backend. */
export interface Runner {
  /** Whether memory outlives the backend, so that the object must be started anew. */
  readonly worn: boolean;
  /** Whether the object stays in memory while the backend runs. */
  readonly pinned: boolean;
  /** Whether it can take a request, as far as is known. @default always */
  reachable?(): boolean;
  /** Resolves when it is ready; a start without a wait returns `undefined`. */
  start(session: SessionInfo, onWaiting: () => void): Promise<void> | undefined;
  /** Resolves when it has ended as asked. */
  stop(session: SessionInfo, reason: TerminationReason): Promise<Ended>;
  /** Ends it at once. */
  kill(): Promise<void>;
}

/** Runs a backend in the object itself. */
export function objectRunner(object: ServingObject & SessionHooks): Runner {
  return {
    worn: true,
    pinned: false,
    start: (session) => {
      const started = object.sessionStart?.(session);
      return started ? Promise.resolve(started) : undefined;
    },
    async stop(session, reason) {
      await object.sessionEnd?.(session, reason);
      return { failed: false };
    },
    async kill() {
      // The object is aborted.
    },
  };
}
