/**
 * Runs each backend as a container, and finds the containers of an earlier run again. A
 * container is addressed by its id and never by its name, so that nothing ends another
 * backend that has the same key by now.
 */
import { wait } from "../../../net/wait.ts";
import type { BackendSpec } from "../backend_spec.ts";
import { readLines } from "../output.ts";
import type { Exit, Run, RunListener, Runner } from "../runner.ts";
import type { EngineTls } from "./address.ts";
import { type Container, ContainerEngine, statusOf } from "./engine.ts";
import { FrameSplitter } from "./frames.ts";
import {
  checkOptions,
  containerName,
  type ContainerOptions,
  containerSettings,
  imageFor,
  platformLabel,
  PORT,
  specOf,
} from "./settings.ts";

/** Options of {@linkcode DockerRunner.start}. */
export interface DockerRunnerOptions extends ContainerOptions {
  /** The address of the engine, such as `unix:///var/run/docker.sock`. */
  host: string | undefined;
  /** The certificates for an engine over TLS. */
  tls?: EngineTls | undefined;
  /** Called with remarks that concern no single backend. */
  onNote: (text: string) => void;
}

/** A container of an earlier run. */
export interface FoundContainer {
  /** The backend that it is. */
  spec: BackendSpec;
  /** The container's id. */
  container: string;
}

/** How long to wait (ms) before a call is repeated while the engine does not answer. */
const PAUSE = 500;
/** How many lines of a container's earlier output are read again. */
const EARLIER_LINES = 200;
/** How long the output may outlive the container, in milliseconds. */
const OUTPUT_GRACE = 500;
/** How long one check whether a program answers may take, in milliseconds. */
const CHECK_LIMIT = 5_000;

/** Runs each backend as a container. */
export class DockerRunner implements Runner {
  /** From {@linkcode Runner}. */
  readonly runs: string;
  readonly #engine: ContainerEngine;
  readonly #options: DockerRunnerOptions;
  readonly #closed = new AbortController();
  /** Called when a container has ended, by its id. */
  readonly #watched = new Map<string, () => void>();
  /** Containers of an earlier run, by backend. */
  readonly #found = new Map<string, string>();
  #following: Promise<void> | undefined;

  private constructor(options: DockerRunnerOptions) {
    this.#options = options;
    this.#engine = new ContainerEngine(options.host, options.tls);
    this.runs = `image ${options.image}`;
  }

  /**
   * Connects to the engine.
   * @throws {DevPlatformError} if nothing answers at the address
   */
  static async start(options: DockerRunnerOptions): Promise<DockerRunner> {
    const runner = new DockerRunner(options);
    try {
      await runner.#engine.connect();
    } catch (error) {
      runner.#engine[Symbol.dispose]();
      throw error;
    }
    runner.#following = runner.#follow();
    return runner;
  }

  /** From {@linkcode Runner}. */
  check(options: Pick<BackendSpec, "tag" | "executable">): void {
    checkOptions(options, this.#options);
  }

  /** Finds the containers of an earlier run; {@linkcode run} then continues with them. */
  async find(): Promise<FoundContainer[]> {
    const found: FoundContainer[] = [];
    const { name } = this.#options;
    for (const { Id, Labels } of await this.#engine.list(platformLabel(name))) {
      const spec = specOf(Labels);
      if (!spec) continue;
      this.#found.set(spec.id, Id);
      found.push({ spec, container: Id });
    }
    return found;
  }

  /** Removes a container that no backend needs. */
  async discard({ spec, container }: FoundContainer): Promise<void> {
    this.#found.delete(spec.id);
    await this.#engine.remove(container);
  }

  /** From {@linkcode Runner}. */
  run(
    spec: BackendSpec,
    listener: RunListener,
    how: "start" | "continue",
  ): Run {
    const container = this.#found.get(spec.id);
    this.#found.delete(spec.id);
    return new DockerRun(spec, listener, how === "start" ? "new" : container, {
      engine: this.#engine,
      options: this.#options,
      closed: this.#closed.signal,
      persist: (call) => this.#persist(call),
      died: (id) => this.#died(id),
    });
  }

  /** Resolves when the container has ended or is gone. */
  #died(id: string): Promise<void> {
    return new Promise((resolve) =>
      this.#watched.set(id, () => {
        this.#watched.delete(id);
        resolve();
      })
    );
  }

  /** Repeats a call until the engine answers. */
  async #persist<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (statusOf(error) !== undefined || this.#closed.signal.aborted) {
          throw error;
        }
        await wait(PAUSE, { signal: this.#closed.signal });
      }
    }
  }

  /** Follows the engine's events, through its restarts. */
  async #follow(): Promise<void> {
    const { signal } = this.#closed;
    const label = platformLabel(this.#options.name);
    let away = false;
    while (!signal.aborted) {
      try {
        const events = await this.#engine.events(label, signal);
        // Only now: what ends from here on is an event.
        await this.#compare(label);
        if (away) this.#options.onNote("the container engine is back");
        away = false;
        for await (const { Actor } of events) this.#watched.get(Actor.ID)?.();
      } catch {
        // Told below.
      }
      if (signal.aborted) return;
      if (!away) {
        away = true;
        this.#options.onNote(
          "the connection to the container engine was lost; waiting for it",
        );
      }
      await wait(PAUSE, { signal }).catch(() => {});
    }
  }

  /** Finds out which containers have ended without an event. */
  async #compare(label: string): Promise<void> {
    const listed = await this.#engine.list(label);
    const running = new Set(
      listed.filter(({ State }) => State === "running").map(({ Id }) => Id),
    );
    // A container that was just created does not run yet, and is no reason to give up.
    const waiting = new Set(
      listed.filter(({ State }) => State === "created").map(({ Id }) => Id),
    );
    for (const [id, ended] of [...this.#watched]) {
      if (!running.has(id) && !waiting.has(id)) ended();
    }
  }

  /** Leaves the containers as they are. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new Error("the platform was closed"));
    await this.#following;
    this.#engine[Symbol.dispose]();
  }
}

/** What a run needs of its runner. */
interface RunContext {
  engine: ContainerEngine;
  options: DockerRunnerOptions;
  closed: AbortSignal;
  persist<T>(call: () => Promise<T>): Promise<T>;
  died(id: string): Promise<void>;
}

class DockerRun implements Run {
  readonly pid: undefined;
  readonly exited: Promise<Exit>;
  readonly #spec: BackendSpec;
  readonly #listener: RunListener;
  readonly #context: RunContext;
  #asked: "soft" | "hard" | undefined;
  #container: string | undefined;
  #stopSignal = "SIGTERM";

  constructor(
    spec: BackendSpec,
    listener: RunListener,
    found: string | "new" | undefined,
    context: RunContext,
  ) {
    this.#spec = spec;
    this.#listener = listener;
    this.#context = context;
    this.exited = this.#run(found);
    // Its owner may no longer wait for it when the platform closes.
    this.exited.catch(() => {});
  }

  terminate(): void {
    this.#asked ??= "soft";
    this.#send(this.#stopSignal);
  }

  kill(): void {
    this.#asked = "hard";
    this.#send("SIGKILL");
  }

  #send(signal: string): void {
    const id = this.#container;
    if (id === undefined) return;
    const { persist, engine, closed } = this.#context;
    persist(() => engine.signal(id, signal)).catch((error) => {
      if (closed.aborted) return;
      this.#listener.onNote(`could not send ${signal}: ${error.message}`);
    });
  }

  async #run(found: string | "new" | undefined): Promise<Exit> {
    const { engine, persist, died } = this.#context;
    if (found === undefined) return { code: undefined };
    const isNew = found === "new";
    const id = isNew ? await this.#create() : found;
    const ended = died(id);
    try {
      if (isNew) {
        if (this.#asked) {
          await this.#remove(id);
          return { code: 0 };
        }
        this.#listener.onStarting(this);
        await engine.start(id);
      }
    } catch (error) {
      await this.#remove(id);
      throw error;
    }
    const container = await persist(() => engine.inspect(id));
    if (!container) return { code: undefined };
    const over = new AbortController();
    const read = new AbortController();
    const reading = this.#read(
      id,
      isNew ? "all" : EARLIER_LINES,
      read.signal,
    );
    if (container.State.Running) {
      this.#stopSignal = container.Config.StopSignal || "SIGTERM";
      this.#container = id;
      if (!isNew) this.#listener.onStarting(this);
      this.#listener.onWaiting(PORT);
      // Asked while it was being started.
      if (this.#asked) this.#send(signalFor(this.#asked, this.#stopSignal));
      const address = addressOf(container);
      const waiting = address === undefined
        ? undefined
        : this.#untilReady(address, over.signal);
      await ended;
      over.abort();
      await waiting;
    }
    this.#container = undefined;
    const last = await persist(() => engine.inspect(id));
    const timer = setTimeout(() => read.abort(), OUTPUT_GRACE);
    await reading;
    clearTimeout(timer);
    await this.#remove(id);
    return exitOf(last);
  }

  /** Creates the container; pulls its image if it is missing. */
  async #create(): Promise<string> {
    const { engine, options } = this.#context;
    const name = await containerName(this.#spec, options.name);
    const settings = containerSettings(this.#spec, options);
    let pulled = false;
    for (let tries = 1;; tries++) {
      try {
        return await engine.create(name, settings);
      } catch (error) {
        const status = statusOf(error);
        if (status === 404 && !pulled) {
          const image = imageFor(this.#spec.tag, options);
          this.#listener.onNote(`pulling image ${image}`);
          await engine.pull(image);
          pulled = true;
          continue;
        }
        if (status !== 409 || tries >= 5) throw error;
        // What has the name is another backend of the key, or what is left of one.
        const other = await engine.inspect(name);
        if (other?.State.Running) {
          throw new Error(
            `the key is held by container ${
              other.Id.slice(0, 12)
            }, which this platform did not start; only one platform of a name may use an engine`,
            { cause: error },
          );
        }
        if (other) await engine.remove(other.Id);
        await wait(PAUSE / 5, { signal: this.#context.closed });
      }
    }
  }

  async #remove(id: string): Promise<void> {
    const { engine, persist } = this.#context;
    try {
      await persist(() => engine.remove(id));
    } catch (error) {
      if (this.#context.closed.aborted) throw error;
      this.#listener.onNote(
        `could not remove container ${id.slice(0, 12)}: ${
          (error as Error).message
        }`,
      );
    }
  }

  async #read(
    id: string,
    tail: number | "all",
    over: AbortSignal,
  ): Promise<void> {
    const { engine, closed } = this.#context;
    const signal = AbortSignal.any([closed, over]);
    const streams = {
      stdout: new TransformStream<Uint8Array, Uint8Array>(),
      stderr: new TransformStream<Uint8Array, Uint8Array>(),
    };
    const lines = Object.entries(streams).map(([from, { readable }]) =>
      readLines(
        readable,
        (text) => this.#listener.onLine(from as keyof typeof streams, text),
        signal,
      )
    );
    const writers = {
      stdout: streams.stdout.writable.getWriter(),
      stderr: streams.stderr.writable.getWriter(),
    };
    try {
      const frames = new FrameSplitter();
      const output = await engine.output(id, tail, signal);
      for await (const chunk of output) {
        for (const [from, bytes] of frames.push(chunk as never)) {
          await writers[from].write(bytes);
        }
      }
    } catch {
      // The container or the engine is gone; what was read is shown.
    }
    for (const writer of Object.values(writers)) {
      writer.close().catch(() => {});
    }
    await Promise.all(lines);
  }

  /** Polls until the program answers over HTTP, as Plane does. */
  async #untilReady(address: string, over: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([this.#context.closed, over]);
    const start = performance.now();
    while (!signal.aborted) {
      try {
        const answer = await fetch(`http://${address}/`, {
          method: "HEAD",
          redirect: "manual",
          signal: AbortSignal.any([signal, AbortSignal.timeout(CHECK_LIMIT)]),
        });
        await answer.body?.cancel();
        return this.#listener.onReady(address);
      } catch {
        // Quickly at first; a cold start is paid by a user who waits.
        const elapsed = performance.now() - start;
        const pace = Math.min(250, Math.max(5, elapsed * 0.02));
        await wait(pace, { signal }).catch(() => {});
      }
    }
  }
}

function signalFor(asked: "soft" | "hard", stopSignal: string): string {
  return asked === "hard" ? "SIGKILL" : stopSignal;
}

/** Where this machine reaches the program. */
function addressOf({ NetworkSettings }: Container): string | undefined {
  const [bound] = NetworkSettings.Ports?.[`${PORT}/tcp`] ?? [];
  return bound && `127.0.0.1:${bound.HostPort}`;
}

/** How a container ended; it may be gone. */
function exitOf(container: Container | undefined): Exit {
  // A container that was created and never started has no exit code.
  if (!container || container.State.Status === "created") {
    return { code: undefined };
  }
  const { ExitCode, OOMKilled } = container.State;
  return {
    code: ExitCode,
    report: { exit_code: ExitCode, oom_killed: OOMKilled },
  };
}
