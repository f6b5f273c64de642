/**
 * A real Plane on this machine, without containers: PostgreSQL, a controller, a
 * proxy and a drone, whose runtime (`runtime.ts`) runs backends as processes.
 *
 * `plane` is the crate of that name: `PLANE` has its path, or it is on the PATH.
 * PostgreSQL is the system's, such as Debian's `postgresql`.
 */
import { fileURLToPath } from "node:url";
import { config } from "../../kit/config.ts";
import versions from "../../versions.json" with { type: "json" };
import { until } from "../../kit/wait.ts";
import { folder } from "../../kit/program.ts";
import { findPostgres, freePort, startPostgres } from "../../kit/postgres.ts";
import { type Image, Runtime } from "./runtime.ts";

/** The parts, each after those that it needs. */
const PARTS = ["postgres", "controller", "proxy", "drone"] as const;

/** A part, which can be ended, and started again, by itself. */
export type Part = typeof PARTS[number];

/** A Plane that runs. */
export interface RunningPlane extends AsyncDisposable {
  /** The controller's URL, without a slash at the end. */
  controllerUrl: string;
  /** The name of its cluster. */
  cluster: string;
  /** The process of a backend, while it runs. */
  pid(backendId: string): number | undefined;
  /** Runs one statement on its database. */
  sql(statement: string): Promise<string>;
  /** Ends a part. */
  stop(part: Part): Promise<void>;
  /** Starts a part that was ended, and waits until it works. */
  start(part: Part): Promise<void>;
}

/** Where the program is, and the folder of PostgreSQL's; or what is missing. */
export type FoundPlane = { plane: string; postgres: string } | {
  missing: string;
};

/** Finds the programs that a Plane consists of. */
export async function findPlane(): Promise<FoundPlane> {
  if (Deno.build.os !== "linux") {
    return { missing: "Plane is tested on Linux only" };
  }
  const plane = Deno.env.get("PLANE") ?? await which("plane");
  if (!plane || !await isFile(plane)) {
    return {
      missing:
        `no Plane: RUSTFLAGS="--cfg tracing_unstable" cargo install plane --version ${versions.plane} --locked, or set PLANE to its path`,
    };
  }
  const postgres = await findPostgres();
  if (!postgres) {
    return { missing: "no PostgreSQL: apt-get install postgresql" };
  }
  return { plane, postgres };
}

/**
 * Whether a test may be left out because something is missing: on a developer's
 * machine, and where Plane does not run.
 */
export function mayBeMissing(found: object): boolean {
  return "missing" in found &&
    (!Deno.env.has("CI") || Deno.build.os !== "linux");
}

async function which(name: string): Promise<string | undefined> {
  for (const path of (Deno.env.get("PATH") ?? "").split(":")) {
    if (await isFile(`${path}/${name}`)) return `${path}/${name}`;
  }
  return undefined;
}

async function isFile(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => undefined))?.isFile === true;
}

/** Options of {@linkcode startPlane}. */
export interface PlaneOptions {
  /** What the drone can run, by the name of the image. */
  images: Record<string, Image>;
  /** Whether the database waits for the disk, as in production. @default {false} */
  fsync?: boolean;
}

/** Starts a Plane. */
export async function startPlane(
  found: Exclude<FoundPlane, { missing: string }>,
  options: PlaneOptions,
): Promise<RunningPlane> {
  const started = new AsyncDisposableStack();
  try {
    return await startParts(found, options, started);
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

async function startParts(
  { plane, postgres }: Exclude<FoundPlane, { missing: string }>,
  { images, fsync = false }: PlaneOptions,
  started: AsyncDisposableStack,
): Promise<RunningPlane> {
  const { path } = started.use(await folder());
  const runtime = started.use(new Runtime(`${path}/runtime`, images));
  const database = started.use(await startPostgres(postgres, { fsync }));
  const [api, http] = [freePort(), freePort()];
  const controllerUrl = `http://127.0.0.1:${api}`;
  const cluster = `localhost:${http}`;
  const at = [`--controller-url=ws://127.0.0.1:${api}`, `--cluster=${cluster}`];

  /** The arguments of each part that is a Plane. */
  const args: Record<Exclude<Part, "postgres">, string[]> = {
    controller: [
      "controller",
      `--db=${database.url}`,
      "--host=127.0.0.1",
      `--port=${api}`,
      `--controller-url=${controllerUrl}`,
      `--default-cluster=${cluster}`,
    ],
    proxy: ["proxy", ...at, `--http-port=${http}`],
    drone: ["drone", ...at, `--executor-socket=${path}/runtime`],
  };

  interface State {
    drones: { ready: boolean; last_heartbeat_age: number }[];
    proxies: unknown[];
  }
  const state = () => ask<State>(`${controllerUrl}/ctrl/c/${cluster}/state`);
  const works: Record<Part, () => Promise<boolean>> = {
    postgres: () => sql("select 1").then(() => true, () => false),
    controller: async () => !!await ask(`${controllerUrl}/pub/health`),
    proxy: () =>
      fetch(`http://${cluster}/ready`).then(
        ({ ok, body }) => body?.cancel().then(() => ok) ?? ok,
        () => false,
      ),
    drone: async () =>
      (await state())?.drones.some(({ ready }) => ready) ?? false,
  };

  const running = new Map<Part, Process>();
  async function start(part: Part): Promise<void> {
    if (part === "postgres") database.start();
    else running.set(part, new Process(part, plane, args[part]));
    await until(
      async () => {
        running.get(part)?.check();
        return await works[part]();
      },
      `${part} of Plane works`,
      60_000,
    );
  }
  const stop = async (part: Part) => {
    if (part === "postgres") await database.stop();
    else await running.get(part)?.end();
  };
  const sql = (statement: string) =>
    run(`${postgres}/psql`, [
      `--dbname=${database.url}`,
      "--no-psqlrc",
      "--tuples-only",
      "--no-align",
      `--command=${statement}`,
    ]);

  for (const part of PARTS) {
    started.defer(() => stop(part));
    await start(part);
  }
  return {
    controllerUrl,
    cluster,
    pid: (id) => runtime.pid(id),
    sql,
    stop,
    start,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** Runs a program to its end: what it says. */
async function run(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd: "/",
    stdin: "null",
    env: { LC_ALL: "C" },
  }).output();
  const said = new TextDecoder().decode(stdout).trim();
  if (success) return said;
  throw new Error(
    `${command} failed: ${said}\n${new TextDecoder().decode(stderr)}`,
  );
}

/** What a JSON address answers; `undefined` if it does not. */
async function ask<T>(url: string): Promise<T | undefined> {
  try {
    const response = await fetch(url);
    if (response.ok) return await response.json();
    await response.body?.cancel();
  } catch {
    // It does not listen yet.
  }
  return undefined;
}

/** A part that runs; the end of what it says is kept for an error. */
class Process {
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #drained: Promise<unknown>;
  #said = "";
  #code: number | undefined;

  constructor(name: string, command: string, args: string[]) {
    this.#name = name;
    this.#child = new Deno.Command(command, {
      args,
      cwd: "/",
      env: { RUST_LOG: "warn", LC_ALL: "C" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { status, stdout, stderr } = this.#child;
    this.#drained = Promise.all([
      status.then(({ code }) => this.#code = code),
      this.#keep(stdout),
      this.#keep(stderr),
    ]);
  }

  /** @throws if it has ended by itself */
  check(): void {
    if (this.#code === undefined) return;
    throw new Error(
      `${this.#name} ended with code ${this.#code}:\n${this.#said}`,
    );
  }

  async end(): Promise<void> {
    try {
      if (this.#code === undefined) this.#child.kill("SIGKILL");
    } catch {
      // It has just ended.
    }
    await this.#drained;
  }

  async #keep(output: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of output.pipeThrough(new TextDecoderStream())) {
      this.#said = (this.#said + text).slice(-4_000);
    }
  }
}

/** The command that runs a module with Deno. */
export function denoRun(module: URL): string[] {
  const root = new URL("../../../", import.meta.url);
  return [
    Deno.execPath(),
    "run",
    "-A",
    `--config=${fileURLToPath(new URL(config, root))}`,
    module.href,
  ];
}
