/** Programs that tests start: a process that says in one line that it is ready. */
import { deadline } from "@std/async";
import { TextLineStream } from "./lines.ts";

/** A running program. */
export interface Program extends AsyncDisposable {
  /** Its first line. */
  said: string;
}

/**
 * Starts a program and waits for its first line on `from`, for 20 s at most; it
 * is killed when it is disposed of. Its other output goes to ours.
 */
export async function startProgram(
  command: string,
  args: string[],
  env: Record<string, string> = {},
  from: "stdout" | "stderr" = "stdout",
): Promise<Program> {
  const child = new Deno.Command(command, {
    args,
    env,
    cwd: new URL("../..", import.meta.url),
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
    [from]: "piped",
  }).spawn();
  const end = async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await child.status;
    await drained;
  };
  const first = Promise.withResolvers<string>();
  // To its end, or the pipe would fill.
  const drained = (async () => {
    const lines = child[from].pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const line of lines) first.resolve(line);
    first.reject(new Error(`${command} ended before it said anything`));
  })();
  try {
    const said = await deadline(first.promise, 20_000);
    return { said, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Starts a process, and keeps what it prints: to its end, or the pipes would fill. */
export function spawnHeard(
  command: string,
  args: string[],
  options: Deno.CommandOptions,
) {
  const child = new Deno.Command(command, {
    args,
    ...options,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let said = "";
  const drained = Promise.all([child.stdout, child.stderr].map(async (from) => {
    for await (const text of from.pipeThrough(new TextDecoderStream())) {
      said += text;
    }
  }));
  return { child, said: () => said, drained };
}

/** The processes that one has started, and those that they have; the first is itself. */
export async function family(pid: number): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-eo", "pid=,ppid="],
  }).output();
  const all = new TextDecoder().decode(stdout).trim().split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const one of found) {
    for (const [child, parent] of all) if (parent === one) found.push(child!);
  }
  return found;
}

/** A folder with these files, until it is disposed of. */
export async function folder(
  files: Record<string, string | Uint8Array> = {},
): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  for (const [name, content] of Object.entries(files)) {
    await Deno.writeFile(
      `${path}/${name}`,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
  }
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
