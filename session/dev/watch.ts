/** `--watch`: tells when the code of the backends has changed. */
import { wait } from "../../net/wait.ts";

/** What to watch. */
export interface WatchOptions {
  /** The module that the backends run; its local dependencies are watched too. */
  module: string | undefined;
  /** Passed on to `deno`. */
  config: string | undefined;
  /** Without a module, source files in this folder are watched. */
  cwd: string;
  /** The code has changed. */
  onChange: () => void;
  /** Something that the user should know. */
  onNote: (text: string) => void;
}

/** An editor writes a file in several steps; this many milliseconds later it is done. */
const SETTLE = 100;

/** What counts as source where only a folder is known. */
const SOURCE =
  /\.(c|cc|cjs|clj|cpp|cs|cts|ex|exs|go|h|hs|java|js|json|jsx|kt|lua|mjs|mts|php|py|rb|rs|scala|swift|toml|ts|tsx|yaml|yml|zig)$/;

/** Folders whose content is made, not written. */
const NOT_SOURCE =
  /^(\..*|node_modules|target|build|dist|vendor|venv|__pycache__)$/;

/** Watches until `signal` aborts. */
export async function watchCode(
  options: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const files = options.module === undefined
      ? undefined
      : await localModules(options.module, options, signal);
    if (signal.aborted) return;
    if (files?.size === 0) {
      return options.onNote("--watch: the module has no files on this machine");
    }
    const changed = files
      ? await nextChange(
        [...folders(files)],
        false,
        signal,
        (path) => files.has(path),
      )
      : await nextChange(
        sourceFolders(options.cwd),
        true,
        signal,
        (path) => SOURCE.test(path),
      );
    if (!changed) return;
    options.onChange();
  }
}

/** The files that `module` is made of, as far as they lie on this machine. */
async function localModules(
  module: string,
  { config, cwd }: WatchOptions,
  signal: AbortSignal,
): Promise<Set<string>> {
  const files = new Set<string>();
  try {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", ...(config ? ["--config", config] : []), module],
      cwd,
      stderr: "null",
      signal,
    }).output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
      modules: { specifier: string; local?: string }[];
    };
    for (const { specifier, local } of modules) {
      // Modules from elsewhere have a copy in a cache, which nobody edits.
      if (specifier.startsWith("file:") && local) files.add(local);
    }
  } catch {
    // The code cannot be read as it is now; the next change may mend it.
  }
  try {
    if (!/^[a-z]+:/i.test(module)) files.add(await Deno.realPath(module));
  } catch {
    // There is no such file (yet).
  }
  return files;
}

function folders(files: Iterable<string>): Set<string> {
  // The folder and not the file: an editor may put a new file in its place.
  return new Set(
    [...files].map((file) => file.replace(/[/\\][^/\\]*$/, "") || "/"),
  );
}

function sourceFolders(cwd: string): string[] {
  const result: string[] = [];
  for (const { name, isDirectory, isFile } of Deno.readDirSync(cwd)) {
    if (isDirectory && !NOT_SOURCE.test(name)) result.push(`${cwd}/${name}`);
    if (isFile && SOURCE.test(name)) result.push(`${cwd}/${name}`);
  }
  return result;
}

/** Resolves with true some moments after a file that counts has changed. */
async function nextChange(
  paths: string[],
  recursive: boolean,
  signal: AbortSignal,
  counts: (path: string) => boolean,
): Promise<boolean> {
  if (paths.length === 0) return false;
  const watcher = Deno.watchFs(paths, { recursive });
  const close = () => {
    try {
      watcher.close();
    } catch {
      // Closed already.
    }
  };
  signal.addEventListener("abort", close, { once: true });
  try {
    for await (const { kind, paths } of watcher) {
      if (kind === "access" || !paths.some(counts)) continue;
      await wait(SETTLE, { signal });
      return true;
    }
    return false;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}
