/** The seam between a backend's life and what runs its program: a process, a container. */
import type { BackendSpec } from "./backend_spec.ts";
import type { ExitReport } from "./lifecycle.ts";
import type { OutputStream } from "./output.ts";

/** How a program ended. */
export interface Exit {
  /**
   * The exit code; for a signal 128 plus its number. `undefined` if it disappeared without
   * one.
   */
  code: number | undefined;
  /** The signal that ended it, if one did. */
  signal?: string | null | undefined;
  /** What its last state says about the exit, for a runner that reports it. */
  report?: ExitReport | undefined;
}

/** Called with what happens to a program. */
export interface RunListener {
  /** `run` is being started. */
  onStarting(run: Run): void;
  /** It runs, and is expected to listen on `port`. */
  onWaiting(port: number): void;
  /** It responds at `address`, as `host:port`. */
  onReady(address: string): void;
  /** It has written a line, which contains no control sequence but those of colours. */
  onLine(from: OutputStream, text: string): void;
  /** A remark of the runner. */
  onNote(text: string): void;
}

/** A running program. */
export interface Run {
  /** The process id, while there is a process of this machine. */
  readonly pid?: number | undefined;
  /** Resolves when it has ended; rejects if it could not be started. */
  readonly exited: Promise<Exit>;
  /** Asks it to end. */
  terminate(): void;
  /** Kills it. */
  kill(): void;
}

/** Runs the programs of backends. */
export interface Runner extends AsyncDisposable {
  /** What it runs, for people. */
  readonly runs: string;
  /**
   * Starts the program of a backend, or continues with the one that an earlier run of the
   * platform has started.
   */
  run(spec: BackendSpec, listener: RunListener, how: "start" | "continue"): Run;
  /**
   * Whether the program can have been given a request's options; throws an `ApiFailure`
   * if not. Called before a backend is spawned.
   */
  check?(options: Pick<BackendSpec, "tag" | "executable">): void;
}

/** Variables that only the platform sets. */
export const RESERVED_ENV: readonly string[] = [
  "PORT",
  "SESSION_BACKEND_ID",
  "SESSION_BACKEND_KEY",
  "SESSION_BACKEND_FENCING_TOKEN",
  "SESSION_BACKEND_STATIC_TOKEN",
];

/** The variables of a backend: those of its request, and those that the platform sets. */
export function environmentOf(
  { id, key, fencingToken, executable }: BackendSpec,
  port: number,
): Record<string, string> {
  return {
    ...executable.env,
    PORT: String(port),
    SESSION_BACKEND_ID: id,
    // A backend without a key uses its id, which is unique.
    SESSION_BACKEND_KEY: key ?? id,
    SESSION_BACKEND_FENCING_TOKEN: String(fencingToken),
  };
}
