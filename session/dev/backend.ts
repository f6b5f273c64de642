/** One backend: its program, its states, its limits and its last lines of output. */
import type {
  BackendState,
  TerminationKind,
  TerminationReason,
} from "../../types.ts";
import { unlessAborted } from "../../net/wait.ts";
import { endOf, isUsable, Lifecycle } from "./lifecycle.ts";
import { after, IdleWatch } from "./limits.ts";
import { type OutputStream, printable } from "./output.ts";
import type { BackendSpec } from "./backend_spec.ts";
import type { Exit, Run, Runner } from "./runner.ts";

/** A line of output; `platform` lines are the platform's own remarks. */
export interface LogLine {
  /** Counts the lines of one backend from 0. */
  n: number;
  /** When it was read, as an ISO 8601 date. */
  time: string;
  /** Its source. */
  from: OutputStream | "platform";
  /** The line, without control sequences for terminals. */
  text: string;
  /** The line with its colours, if it has any: the sequences of `ESC [ … m` only. */
  colored?: string;
}

/** Settings shared by all backends of a platform. */
export interface BackendSettings {
  /** Runs their programs. */
  runner: Runner;
  /** How long a backend may take to start before it is killed, in milliseconds. */
  startupTimeout: number;
  /** How long it may take to end after SIGTERM before it is killed, in milliseconds. */
  grace: number;
}

/** Called with the events of a backend. */
export interface BackendListener {
  /** A state was reached. */
  onState(backend: Backend, state: BackendState): void;
  /** A line was written. */
  onLine(backend: Backend, line: LogLine): void;
  /** A connection began or ended. */
  onConnections(backend: Backend): void;
  /** An ended backend's states are no longer kept. */
  onForget?(id: string): void;
}

const MAX_LOG_LINES = 1000;
const MAX_LOG_CHARACTERS = 256 * 1024;

/** A backend, from its spawn to its end. */
export class Backend {
  /** Its settings. */
  readonly spec: BackendSpec;
  /** Its states. */
  readonly life: Lifecycle;
  readonly #settings: BackendSettings;
  readonly #listener: BackendListener;
  readonly #idle: IdleWatch;
  readonly #log: LogLine[] = [];
  #logCharacters = 0;
  #lines = 0;
  #run: Run | undefined;
  #address: string | undefined;
  #cancelLifetime: (() => void) | undefined;
  #cancelStartup: (() => void) | undefined;
  #left = false;
  /** Resolves once the address is known, or never will be. */
  readonly #located = Promise.withResolvers<void>();
  #cancelGrace: (() => void) | undefined;

  /** `earlier` is what an earlier run of the platform knew, which this backend continues. */
  constructor(
    spec: BackendSpec,
    settings: BackendSettings,
    listener: BackendListener,
    earlier?: { states: readonly BackendState[]; idleSince?: number },
  ) {
    this.spec = spec;
    this.#settings = settings;
    this.#listener = listener;
    this.life = new Lifecycle(undefined, earlier?.states);
    this.#idle = new IdleWatch(
      spec.maxIdle,
      () => this.#end("swept", "idle limit reached"),
      earlier?.idleSince,
    );
    this.life.listen((state) => {
      listener.onState(this, state);
      if (!isUsable(state)) this.#located.resolve();
    });
    if (!isUsable(this.state)) this.#located.resolve();
  }

  /** Its id. */
  get id(): string {
    return this.spec.id;
  }

  /** Its current state. */
  get state(): BackendState {
    return this.life.state;
  }

  /** The process id, while there is a process of this machine. */
  get pid(): number | undefined {
    return this.#run?.pid;
  }

  /** The `host:port` that it listens on, once it is ready. */
  get address(): string | undefined {
    return this.#address;
  }

  /**
   * Waits until it is ready; resolves with the `host:port` that it listens on, or with
   * `undefined` if it is ending or has ended. Rejects when `signal` aborts.
   */
  async reach(signal: AbortSignal): Promise<string | undefined> {
    await unlessAborted(this.#located.promise, signal);
    return isUsable(this.state) ? this.#address : undefined;
  }

  /** How many connections it has. */
  get connections(): number {
    return this.#idle.connections;
  }

  /** Since when it has had none, in milliseconds since 1970, if that is so. */
  get idleSince(): number | undefined {
    return this.#idle.since;
  }

  /** Milliseconds until it is ended because it is idle; `undefined` if it is not. */
  get idleLeft(): number | undefined {
    return this.#idle.left;
  }

  /** Its last lines of output, oldest first. */
  get log(): readonly LogLine[] {
    return this.#log;
  }

  /** Called by the gate when the number of its connections changes. */
  setConnections(open: number): void {
    this.#idle.set(open);
    this.#listener.onConnections(this);
  }

  /** Starts the program. Resolves when it has ended; never rejects. */
  async run(): Promise<void> {
    this.#listener.onState(this, this.state);
    this.life.apply({ type: "loading" });
    await this.#follow("start");
  }

  /** Continues with a program that an earlier run of the platform has started. */
  async resume(): Promise<void> {
    this.#listener.onState(this, this.state);
    const end = endOf(this.state);
    if (end?.kind === "soft") this.#limitGrace(end.reason, ageOf(this.state));
    await this.#follow("continue");
  }

  /** Forgets the program without ending it: a later run of the platform continues. */
  leave(): void {
    this.#left = true;
    this.#stopTimers();
  }

  async #follow(how: "start" | "continue"): Promise<void> {
    const { lifetime } = this.spec;
    if (lifetime !== undefined) {
      const left = lifetime - ageOf(this.life.history[0]!);
      this.#cancelLifetime = after(
        Math.max(0, left),
        () => this.#end("swept", "lifetime limit reached"),
      );
    }
    let exit: Exit | undefined;
    try {
      this.#run = this.#settings.runner.run(this.spec, {
        onStarting: (run) => {
          this.#run = run;
          this.life.apply({ type: "starting" });
        },
        onWaiting: (port) => {
          this.life.apply({ type: "waiting" });
          if (this.state.status === "waiting") this.#limitStartup(port);
        },
        onReady: (address) => {
          this.#cancelStartup?.();
          this.#address = address;
          this.#located.resolve();
          // Before the state, with which the time is kept for a later run.
          if (isUsable(this.state)) this.#idle.start();
          // A backend of an earlier run reaches no new state.
          if (this.life.apply({ type: "ready" })) return;
          this.#listener.onConnections(this);
        },
        onLine: (from, text) => this.#write(from, text),
        onNote: (text) => this.#note(text),
      }, how);
      const end = endOf(this.state);
      // It was asked to end while it was being started.
      if (end) this.#tell(end.kind);
      exit = await this.#run.exited;
    } catch (error) {
      if (this.#left) return;
      this.#note(`could not start: ${(error as Error).message}`);
      this.life.apply({
        type: "terminate",
        kind: "hard",
        reason: "internalerror",
      });
    }
    if (this.#left) return;
    this.#stopTimers();
    this.#run = undefined;
    this.life.apply({
      type: "exited",
      failed: exit === undefined || this.#isFailure(exit),
      report: exit?.report,
      lost: exit !== undefined && exit.code === undefined,
    });
  }

  #stopTimers(): void {
    this.#idle.stop();
    this.#cancelLifetime?.();
    this.#cancelStartup?.();
    this.#cancelGrace?.();
  }

  #limitStartup(port: number): void {
    const { startupTimeout } = this.#settings;
    this.#cancelStartup?.();
    const left = Math.max(0, startupTimeout - ageOf(this.state));
    this.#cancelStartup = after(left, () => {
      this.#note(
        `did not listen on port ${port} (from PORT) within ${
          startupTimeout / 1000
        } s; killing it`,
      );
      this.terminate("hard", "startuptimeout");
    });
  }

  #limitGrace(reason: TerminationReason, elapsed = 0): void {
    this.#cancelGrace = after(
      Math.max(0, this.#settings.grace - elapsed),
      () => this.terminate("hard", reason),
    );
  }

  #isFailure({ code, signal, report }: Exit): boolean {
    if (code === 0) return false;
    // Ended by the platform's signal; a shell reports that as 128 + n.
    if (endOf(this.state)) return code !== 128 + 15 && code !== 128 + 9;
    this.#note(
      report?.oom_killed
        ? "killed because it used more memory than it may"
        : signal
        ? `ended by ${signal}`
        : code === undefined
        ? "disappeared"
        : `exited with code ${code}`,
    );
    return true;
  }

  #end(reason: TerminationReason, why: string): void {
    this.#note(why);
    this.terminate("soft", reason);
  }

  /**
   * Ends the process: asks it to end and kills it after the grace period, or kills it at
   * once. Does nothing if that was already done.
   */
  terminate(kind: TerminationKind, reason: TerminationReason): void {
    if (!this.life.apply({ type: "terminate", kind, reason })) return;
    this.#cancelGrace?.();
    if (kind === "soft") this.#limitGrace(reason);
    this.#tell(kind);
  }

  #tell(kind: TerminationKind): void {
    if (kind === "hard") this.#run?.kill();
    else this.#run?.terminate();
  }

  /** Drops all but the last `count` lines. */
  trimLog(count: number): void {
    this.#log.splice(0, Math.max(0, this.#log.length - count));
    this.#logCharacters = this.#log.reduce(
      (sum, line) => sum + sizeOf(line),
      0,
    );
  }

  #note(text: string): void {
    this.#write("platform", text);
  }

  #write(from: LogLine["from"], colored: string): void {
    const time = new Date().toISOString();
    const text = printable(colored);
    const line: LogLine = { n: this.#lines++, time, from, text };
    if (colored !== text) line.colored = colored;
    this.#log.push(line);
    this.#logCharacters += sizeOf(line);
    while (
      this.#log.length > MAX_LOG_LINES ||
      this.#logCharacters > MAX_LOG_CHARACTERS
    ) {
      this.#logCharacters -= sizeOf(this.#log.shift()!);
    }
    this.#listener.onLine(this, line);
  }
}

/** How many characters of the log a line takes. */
function sizeOf({ text, colored = "" }: LogLine): number {
  return text.length + colored.length;
}

/** How long ago a state was reached, in milliseconds. */
function ageOf({ time }: BackendState): number {
  return Math.max(0, Date.now() - Date.parse(time));
}
