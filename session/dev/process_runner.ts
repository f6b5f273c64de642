/** Runs each backend as a process of this machine. */
import { wait } from "../../net/wait.ts";
import type { BackendSpec } from "./backend_spec.ts";
import { OrphanGuard } from "./orphans.ts";
import { isLoopbackOnly, isTaken, reservePort, waitForPort } from "./port.ts";
import { BackendProcess } from "./process.ts";
import {
  environmentOf,
  type Exit,
  type Run,
  type RunListener,
  type Runner,
} from "./runner.ts";

/** Options of {@linkcode ProcessRunner}. */
export interface ProcessRunnerOptions {
  /** The program and its arguments. */
  command: readonly string[];
  /** The working directory. */
  cwd: string | undefined;
  /** The environment it starts from. */
  env: Record<string, string>;
}

/** The most ports to try if other programs take the first ones. */
const MAX_PORTS = 3;
/** After this long (ms), the log says that a backend is not listening yet. */
const HINT_AFTER = 5000;
/** How long (ms) a program that listens may take to answer before a remark. */
const ANSWER_LIMIT = 5000;
/** How long (ms) the end of a program may take to be noticed. */
const ENDING = 500;

/** Runs each backend as a process. They end when the runner does. */
export class ProcessRunner implements Runner {
  /** From {@linkcode Runner}. */
  readonly runs: string;
  readonly #options: ProcessRunnerOptions;
  readonly #orphans = new OrphanGuard();
  /** Whether it was remarked upon how the program listens: each backend does the same. */
  #remarked = false;

  constructor(options: ProcessRunnerOptions) {
    this.#options = options;
    this.runs = options.command.join(" ").replace(Deno.execPath(), "deno");
  }

  /** From {@linkcode Runner}. */
  run(spec: BackendSpec, listener: RunListener): Run {
    return new ProcessRun(spec, listener, this.#options, this.#orphans, {
      remark: (text) => {
        if (this.#remarked) return;
        this.#remarked = true;
        listener.onNote(text);
      },
    });
  }

  /** Kills the processes that are left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#orphans[Symbol.asyncDispose]();
  }
}

class ProcessRun implements Run {
  readonly exited: Promise<Exit>;
  readonly #spec: BackendSpec;
  readonly #listener: RunListener;
  readonly #options: ProcessRunnerOptions;
  readonly #orphans: OrphanGuard;
  readonly #remark: (text: string) => void;
  #process: BackendProcess | undefined;
  #state: "starting" | "listening" | "ending" = "starting";

  constructor(
    spec: BackendSpec,
    listener: RunListener,
    options: ProcessRunnerOptions,
    orphans: OrphanGuard,
    { remark }: { remark: (text: string) => void },
  ) {
    this.#spec = spec;
    this.#listener = listener;
    this.#options = options;
    this.#orphans = orphans;
    this.#remark = remark;
    this.exited = this.#run();
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  terminate(): void {
    this.#state = "ending";
    this.#process?.terminate();
  }

  kill(): void {
    this.#state = "ending";
    this.#process?.kill();
  }

  async #run(): Promise<Exit> {
    try {
      for (let attempt = 1;; attempt++) {
        const { port, release } = reservePort();
        try {
          const exit = await this.#runOn(port);
          const lost = this.#state === "starting" && exit.code !== 0 &&
            attempt < MAX_PORTS && isTaken(port);
          if (!lost) return exit;
          this.#listener.onNote(
            `port ${port} was taken by another program; trying another`,
          );
        } finally {
          release();
        }
      }
    } finally {
      this.#process = undefined;
    }
  }

  async #runOn(port: number): Promise<Exit> {
    const { command, cwd, env } = this.#options;
    const listener = this.#listener;
    listener.onStarting(this);
    const process = this.#process = new BackendProcess({
      command,
      cwd,
      env: { ...env, ...environmentOf(this.#spec, port) },
      onLine: (from, text) => listener.onLine(from, text),
      orphans: this.#orphans,
    });
    listener.onWaiting(port);
    const ended = new AbortController();
    const hint = setTimeout(
      () =>
        listener.onNote(
          `not listening on port ${port} (from PORT) yet; still waiting`,
        ),
      HINT_AFTER,
    );
    const listening = waitForPort(port, ended.signal).then(async (host) => {
      clearTimeout(hint);
      if (this.#state === "starting") this.#state = "listening";
      const address = host.includes(":")
        ? `[${host}]:${port}`
        : `${host}:${port}`;
      listener.onReady(address);
      await this.#examine(address, port, ended.signal);
    }).catch(() => {
      // It ended before it listened, which its states show.
    }).finally(() => clearTimeout(hint));
    const exit = await process.exited;
    ended.abort();
    await listening;
    return exit;
  }

  /** Says why a program that works here would not start in a container. */
  async #examine(
    address: string,
    port: number,
    signal: AbortSignal,
  ): Promise<void> {
    if (await isLoopbackOnly(port)) {
      this.#remark(
        "listens on a loopback address only, and would not be reached in a container: listen on 0.0.0.0",
      );
    }
    const limit = AbortSignal.timeout(ANSWER_LIMIT);
    try {
      const answer = await fetch(`http://${address}/`, {
        method: "HEAD",
        redirect: "manual",
        signal: AbortSignal.any([signal, limit]),
      });
      await answer.body?.cancel();
    } catch {
      // Perhaps it is just ending.
      await wait(ENDING, { signal });
      this.#remark(
        `accepts connections on port ${port} but does not answer HEAD / over HTTP; Plane and Docker would not take it as started`,
      );
    }
  }
}
