/** One operating system process: its output as lines, its end, its signals. */
import process from "node:process";
import { wait } from "../../net/wait.ts";
import type { OrphanGuard } from "./orphans.ts";
import { type OutputStream, readLines } from "./output.ts";
import type { Exit } from "./runner.ts";

/** The process to start. */
export interface ProcessOptions {
  /** The program and its arguments. */
  command: readonly string[];
  /** The whole environment; nothing is inherited. */
  env: Record<string, string>;
  /** The working directory. */
  cwd: string | undefined;
  /** Called with each line of output. */
  onLine: (stream: OutputStream, text: string) => void;
  /** Kills the process if the platform is killed. */
  orphans: OrphanGuard;
}

/**
 * A program that runs another as the leader of a new session. Deno can do that itself, but
 * it then has to copy the page tables of this whole process first, which takes longer than
 * many backends need to start.
 */
const SETSID = "/usr/bin/setsid";
let hasSetsid: boolean | undefined;

/** How long the output may outlive the process, in milliseconds. */
const OUTPUT_GRACE = 500;

/**
 * A running process, the leader of its own process group.
 *
 * The program that matters is often not the leader but its child: of `npm`, of a shell, of
 * `deno task`. So a request to end goes to the whole group, and the leader's exit is not
 * the end: a process that it started may still be saving a document.
 */
export class BackendProcess {
  /** Resolves when the whole group has ended and its output has been read. */
  readonly exited: Promise<Exit>;
  readonly #child: Deno.ChildProcess;
  readonly #grouped = Deno.build.os !== "windows";
  /** What can still be signalled: after the leader has ended, only its group. */
  #alive: "head" | "group" | "none" = "head";
  /** Whether the group was asked to end, and so has a grace period. */
  #asked = false;
  readonly #killed = new AbortController();

  /** @throws if the program cannot be started */
  constructor({ command, env, cwd, onLine, orphans }: ProcessOptions) {
    const setsid = this.#grouped && (hasSetsid ??= isFile(SETSID));
    const [program, ...args] = setsid ? [SETSID, ...command] : command;
    this.#child = new Deno.Command(program!, {
      args,
      env,
      clearEnv: true,
      ...(cwd === undefined ? {} : { cwd }),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // In its own group, so that Ctrl-C in the terminal reaches only the platform, which
      // then ends the process itself, together with everything that it has started.
      detached: this.#grouped && !setsid,
    }).spawn();
    orphans.add(this.#child.pid);
    this.exited = this.#run(onLine, orphans);
  }

  /** The process id. */
  get pid(): number {
    return this.#child.pid;
  }

  async #run(
    onLine: ProcessOptions["onLine"],
    orphans: OrphanGuard,
  ): Promise<Exit> {
    const reading = new AbortController();
    const read = (stream: OutputStream) =>
      readLines(
        this.#child[stream],
        (text) => onLine(stream, text),
        reading.signal,
      );
    const output = Promise.all([read("stdout"), read("stderr")]);
    const { code, signal } = await this.#child.status;
    // From now on the leader's id may be reused by another process. The group's id is not
    // while the group has members.
    this.#alive = this.#grouped ? "group" : "none";
    if (this.#grouped) {
      // A leader that ends by itself takes the rest with it, as in a container.
      if (this.#asked) await groupEnd(this.#child.pid, this.#killed.signal);
      send(-this.#child.pid, "SIGKILL");
    }
    this.#alive = "none";
    orphans.remove(this.#child.pid);
    // A process that left the group may still hold the pipes open.
    const timer = setTimeout(() => reading.abort(), OUTPUT_GRACE);
    await output;
    clearTimeout(timer);
    return { code, signal };
  }

  /**
   * Asks the process and everything that it started to end. From then on,
   * {@linkcode exited} waits for all of them; {@linkcode kill} cuts that short.
   */
  terminate(): void {
    this.#asked = true;
    this.#signal("SIGTERM");
  }

  /** Kills the process and everything that it started. */
  kill(): void {
    this.#signal("SIGKILL");
    this.#killed.abort();
  }

  #signal(signal: "SIGTERM" | "SIGKILL"): void {
    if (this.#alive === "none") return;
    if (this.#grouped && send(-this.#child.pid, signal)) return;
    // Right after its start, the leader may not have its group yet.
    if (this.#alive === "head") send(this.#child.pid, signal);
  }
}

/** The least and the most milliseconds between two checks of a process group. */
const GROUP_PACE = { least: 5, most: 100 };

/** Resolves when the process group has no members, or when `signal` aborts. */
async function groupEnd(group: number, signal: AbortSignal): Promise<void> {
  let pace = GROUP_PACE.least;
  try {
    while (hasMembers(group)) {
      await wait(pace, { signal });
      pace = Math.min(GROUP_PACE.most, pace * 2);
    }
  } catch {
    // Killed, so there is nothing left to wait for.
  }
}

/** Whether a process of the group is still running. */
function hasMembers(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  if (Deno.build.os !== "linux") return true;
  // A process that has ended keeps its id until its parent reads its exit code. In many
  // containers, nothing ever does so for an orphan.
  try {
    return [...Deno.readDirSync("/proc")].some(({ name }) =>
      /^\d+$/.test(name) && isMember(name, group)
    );
  } catch {
    return true;
  }
}

/** Whether the process `pid` belongs to the group and is running. Linux only. */
function isMember(pid: string, group: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name before it, in parentheses, may contain any character.
    const [state, , pgrp] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(pgrp) === group && state !== "Z" && state !== "X";
  } catch {
    // It has ended since the directory was read.
    return false;
  }
}

/** Sends a signal; returns whether there was a process to receive it. */
function send(pid: number, signal: Deno.Signal): boolean {
  try {
    Deno.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Finds `program` as a shell would; on Windows, leaves that to the system. */
export function findProgram(program: string, cwd: string): string | undefined {
  if (Deno.build.os === "windows") return program;
  const paths = program.includes("/")
    ? [program.startsWith("/") ? program : `${cwd}/${program}`]
    : (Deno.env.get("PATH") ?? "").split(":").map((folder) =>
      `${folder || cwd}/${program}`
    );
  return paths.find(isFile);
}
