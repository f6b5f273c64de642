/** One backend: its process, its states, its limits and its last lines of output. */
import type {
  BackendState,
  TerminationKind,
  TerminationReason,
} from "../../types.ts";
import { endOf, Lifecycle } from "./lifecycle.ts";
import { after, IdleWatch } from "./limits.ts";
import type { OrphanGuard } from "./orphans.ts";
import { isTaken, reservePort, waitForPort } from "./port.ts";
import { BackendProcess, type Exit, type OutputStream } from "./process.ts";

/** Variables that only the platform sets. */
export const RESERVED_ENV: readonly string[] = [
  "PORT",
  "SESSION_BACKEND_ID",
  "SESSION_BACKEND_KEY",
  "SESSION_BACKEND_FENCING_TOKEN",
  "SESSION_BACKEND_STATIC_TOKEN",
];

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
}

/** Settings shared by all backends of a platform. */
export interface BackendSettings {
  /** The program and its arguments. */
  command: readonly string[];
  /** The working directory. */
  cwd: string | undefined;
  /** The environment it starts from. */
  env: Record<string, string>;
  /** How long a backend may take to listen before it is killed, in milliseconds. */
  startupTimeout: number;
  /** How long it may take to end after SIGTERM before it is killed, in milliseconds. */
  grace: number;
  /** Kills the processes that a killed platform leaves behind. */
  orphans: OrphanGuard;
}

/** The settings of one backend. */
export interface BackendSpec {
  /** Its id. */
  id: string;
  /** The key that it holds, if any. */
  key: string | undefined;
  /** The tag of the connect request; empty if there was none. */
  tag: string;
  /** The account that owns it. */
  account: string;
  /** The service that it belongs to. */
  service: string;
  /** The service's environment. */
  environment: string | undefined;
  /** Increases with each holder of a key. */
  fencingToken: number;
  /** Variables of the spawn request. */
  env: Record<string, string>;
  /** How long it may be without a connection before it is ended, in milliseconds. */
  maxIdle: number | undefined;
  /** How long it may live before it is ended, in milliseconds. */
  lifetime: number | undefined;
}

/** Called with the events of a backend. */
export interface BackendListener {
  /** A state was reached. */
  onState(backend: Backend, state: BackendState): void;
  /** A line was written. */
  onLine(backend: Backend, line: LogLine): void;
  /** A connection began or ended. */
  onConnections(backend: Backend): void;
}

const MAX_LOG_LINES = 1000;
const MAX_LOG_CHARACTERS = 256 * 1024;
/** The most ports to try if other programs take the first ones. */
const MAX_PORTS = 3;
/** After this long (ms), the log says that a backend is not listening yet. */
const HINT_AFTER = 5000;

/** A backend, from its spawn to its end. */
export class Backend {
  /** Its settings. */
  readonly spec: BackendSpec;
  /** Its states. */
  readonly life: Lifecycle = new Lifecycle();
  readonly #settings: BackendSettings;
  readonly #listener: BackendListener;
  readonly #idle: IdleWatch;
  readonly #log: LogLine[] = [];
  #logCharacters = 0;
  #lines = 0;
  #process: BackendProcess | undefined;
  #address: string | undefined;
  #cancelLifetime: (() => void) | undefined;
  #cancelGrace: (() => void) | undefined;

  constructor(
    spec: BackendSpec,
    settings: BackendSettings,
    listener: BackendListener,
  ) {
    this.spec = spec;
    this.#settings = settings;
    this.#listener = listener;
    this.#idle = new IdleWatch(
      spec.maxIdle,
      () => this.#end("swept", "idle limit reached"),
    );
    this.life.listen((state) => listener.onState(this, state));
  }

  /** Its id. */
  get id(): string {
    return this.spec.id;
  }

  /** Its current state. */
  get state(): BackendState {
    return this.life.state;
  }

  /** The process id, while there is a process. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** The `host:port` that it listens on, once it is ready. */
  get address(): string | undefined {
    return this.#address;
  }

  /** How many connections it has. */
  get connections(): number {
    return this.#idle.connections;
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

  /** Starts the process. Resolves when it has ended; never rejects. */
  async run(): Promise<void> {
    this.#listener.onState(this, this.state);
    this.life.apply({ type: "loading" });
    if (this.spec.lifetime !== undefined) {
      this.#cancelLifetime = after(
        this.spec.lifetime,
        () => this.#end("swept", "lifetime limit reached"),
      );
    }
    let failed = true;
    try {
      failed = await this.#runProcess();
    } catch (error) {
      this.#note(`could not start: ${(error as Error).message}`);
      this.life.apply({
        type: "terminate",
        kind: "hard",
        reason: "internalerror",
      });
    }
    this.#idle.stop();
    this.#cancelLifetime?.();
    this.#cancelGrace?.();
    this.#process = undefined;
    this.life.apply({ type: "exited", failed });
  }

  /** Runs the process; resolves with whether it exited with an error itself. */
  async #runProcess(): Promise<boolean> {
    for (let attempt = 1;; attempt++) {
      const { port, release } = reservePort();
      try {
        const exit = await this.#runOn(port);
        const lost = this.state.status === "waiting" && exit.code !== 0 &&
          attempt < MAX_PORTS && isTaken(port);
        if (!lost) return this.#isFailure(exit);
        this.#note(`port ${port} was taken by another program; trying another`);
      } finally {
        release();
      }
    }
  }

  async #runOn(port: number): Promise<Exit> {
    const { command, cwd, env, startupTimeout, orphans } = this.#settings;
    this.life.apply({ type: "starting" });
    const process = this.#process = new BackendProcess({
      command,
      cwd,
      env: {
        ...env,
        ...this.spec.env,
        PORT: String(port),
        SESSION_BACKEND_ID: this.spec.id,
        // A backend without a key uses its id, which is unique.
        SESSION_BACKEND_KEY: this.spec.key ?? this.spec.id,
        SESSION_BACKEND_FENCING_TOKEN: String(this.spec.fencingToken),
      },
      onLine: (from, text) => this.#write(from, text),
      orphans,
    });
    this.life.apply({ type: "waiting" });
    const starting = new AbortController();
    const hint = setTimeout(
      () =>
        this.#note(
          `not listening on port ${port} (from PORT) yet; still waiting`,
        ),
      HINT_AFTER,
    );
    const cancelTimeout = after(startupTimeout, () => {
      this.#note(
        `did not listen on port ${port} (from PORT) within ${
          startupTimeout / 1000
        } s; killing it`,
      );
      this.terminate("hard", "startuptimeout");
    });
    const listening = waitForPort(port, starting.signal).then((host) => {
      this.#address = host.includes(":")
        ? `[${host}]:${port}`
        : `${host}:${port}`;
      if (this.life.apply({ type: "ready" })) this.#idle.start();
    }).catch(() => {
      // It ended before it listened, which its states show.
    }).finally(() => {
      clearTimeout(hint);
      cancelTimeout();
    });
    const exit = await process.exited;
    starting.abort();
    await listening;
    return exit;
  }

  #isFailure({ code, signal }: Exit): boolean {
    if (code === 0) return false;
    const end = endOf(this.state);
    if (end) {
      // Ended by the platform's signal; a shell reports that as 128 + n.
      return code !== 128 + 15 && code !== 128 + 9;
    }
    this.#note(signal ? `ended by ${signal}` : `exited with code ${code}`);
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
    if (kind === "hard") {
      this.#process?.kill();
    } else {
      this.#process?.terminate();
      this.#cancelGrace = after(
        this.#settings.grace,
        () => this.terminate("hard", reason),
      );
    }
  }

  /** Drops all but the last `count` lines. */
  trimLog(count: number): void {
    this.#log.splice(0, Math.max(0, this.#log.length - count));
    this.#logCharacters = this.#log.reduce((n, { text }) => n + text.length, 0);
  }

  #note(text: string): void {
    this.#write("platform", text);
  }

  #write(from: LogLine["from"], text: string): void {
    const time = new Date().toISOString();
    const line = { n: this.#lines++, time, from, text };
    this.#log.push(line);
    this.#logCharacters += text.length;
    while (
      this.#log.length > MAX_LOG_LINES ||
      this.#logCharacters > MAX_LOG_CHARACTERS
    ) {
      this.#logCharacters -= this.#log.shift()!.text.length;
    }
    this.#listener.onLine(this, line);
  }
}
