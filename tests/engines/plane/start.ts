/**
 * A real Plane on this machine, without containers: PostgreSQL, a controller, a
 * proxy and a drone, whose runtime (`runtime.ts`) runs backends as processes.
 *
 * `plane` is the crate of that name: `PLANE` has its path, or it is on the PATH.
 * PostgreSQL is the system's, such as Debian's `postgresql`.
 */
import { fileURLToPath } from "node:url";
import { config } from "../../kit/config.ts";
import { until } from "../../kit/wait.ts";
import { folder } from "../../kit/program.ts";
import { freePort, type Image, Runtime } from "./runtime.ts";

/** The parts that can be ended, and started again, by themselves. */
export type Part = "postgres" | "controller" | "proxy" | "drone";

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

/** What Plane needs and where it is, or what is missing. */
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
        'no Plane: RUSTFLAGS="--cfg tracing_unstable" cargo install plane --version 0.5.5 --locked, or set PLANE to its path',
    };
  }
  const folders = [];
  const installed = "/usr/lib/postgresql";
  try {
    for await (const { name } of Deno.readDir(installed)) folders.push(name);
  } catch {
    // Not Debian's; it may be on the PATH.
  }
  folders.sort((a, b) => Number(b) - Number(a));
  const postgres = folders.length > 0
    ? `${installed}/${folders[0]}/bin/postgres`
    : await which("postgres");
  if (!postgres || !await isFile(postgres)) {
    return { missing: "no PostgreSQL: apt-get install postgresql" };
  }
  return { plane, postgres };
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

/** Starts a Plane whose drone knows these images. */
export async function startPlane(
  found: Exclude<FoundPlane, { missing: string }>,
  images: Record<string, Image>,
): Promise<RunningPlane> {
  const started = new AsyncDisposableStack();
  try {
    return await startParts(found, images, started);
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

async function startParts(
  { plane, postgres }: Exclude<FoundPlane, { missing: string }>,
  images: Record<string, Image>,
  started: AsyncDisposableStack,
): Promise<RunningPlane> {
  const { path } = started.use(await folder());
  const runtime = started.use(new Runtime(`${path}/runtime`, images));
  const user = await databaseUser();
  await run(`${postgres.replace(/postgres$/, "initdb")}`, [
    "--auth=trust",
    "--username=postgres",
    "--no-sync",
    `--pgdata=${path}/db`,
  ], await dataFolder(path, user));
  const [database, api, http] = [freePort(), freePort(), freePort()];
  const controllerUrl = `http://127.0.0.1:${api}`;
  const cluster = `localhost:${http}`;
  const at = [`--controller-url=ws://127.0.0.1:${api}`, `--cluster=${cluster}`];

  const commands: Record<Part, [string, string[], Ids?]> = {
    postgres: [postgres, [
      `-D${path}/db`,
      `-p${database}`,
      "-clisten_addresses=127.0.0.1",
      "-cunix_socket_directories=",
      // It need not survive a loss of power.
      "-cfsync=off",
    ], user],
    controller: [plane, [
      "controller",
      `--db=postgres://postgres@127.0.0.1:${database}/postgres`,
      "--host=127.0.0.1",
      `--port=${api}`,
      `--controller-url=${controllerUrl}`,
      `--default-cluster=${cluster}`,
    ]],
    proxy: [plane, ["proxy", ...at, `--http-port=${http}`]],
    drone: [plane, ["drone", ...at, `--executor-socket=${path}/runtime`]],
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
    const process = new Process(part, ...commands[part]);
    running.set(part, process);
    await until(
      async () => {
        process.check();
        return await works[part]();
      },
      `${part} of Plane works`,
      60_000,
    );
  }
  const stop = async (part: Part) => await running.get(part)?.end();
  const sql = (statement: string) =>
    run(postgres.replace(/postgres$/, "psql"), [
      `--dbname=postgres://postgres@127.0.0.1:${database}/postgres`,
      "--no-psqlrc",
      "--tuples-only",
      "--no-align",
      `--command=${statement}`,
    ]);

  for (const part of Object.keys(commands) as Part[]) {
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

/** Whom a program runs as. */
interface Ids {
  uid?: number;
  gid?: number;
}

/** PostgreSQL refuses to run as root. */
async function databaseUser(): Promise<Ids> {
  if (Deno.uid() !== 0) return {};
  const [uid, gid] = await Promise.all(
    ["-u", "-g"].map(async (flag) =>
      Number(await run("id", [flag, "postgres"]))
    ),
  );
  return { uid: uid!, gid: gid! };
}

/** Makes the folder of the database, which must be its user's. */
async function dataFolder(path: string, user: Ids): Promise<Ids> {
  await Deno.mkdir(`${path}/db`, { mode: 0o700 });
  if (user.uid !== undefined) {
    await Deno.chmod(path, 0o711);
    await Deno.chown(`${path}/db`, user.uid, user.gid ?? null);
  }
  return user;
}

/** Runs a program to its end: what it says. */
async function run(
  command: string,
  args: string[],
  ids: Ids = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    ...ids,
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

  constructor(name: string, command: string, args: string[], ids: Ids = {}) {
    this.#name = name;
    this.#child = new Deno.Command(command, {
      args,
      ...ids,
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
      // For PostgreSQL: at once, without waiting for its clients.
      if (this.#code === undefined) {
        this.#child.kill(this.#name === "postgres" ? "SIGINT" : "SIGKILL");
      }
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
