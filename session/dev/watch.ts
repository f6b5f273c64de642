/** `--watch`: detects changes of the backends' code. */
import { wait } from "../../net/wait.ts";
import { isSource, type SourceFolders, sourceFolders } from "./sources.ts";

/** Options of {@linkcode watchCode}. */
export interface WatchOptions {
  /** The module that the backends run; its local dependencies are watched too. */
  module: string | undefined;
  /** Passed to `deno`. */
  config: string | undefined;
  /** Without a module, source files in this folder are watched. */
  cwd: string;
  /** Called when the code has changed. */
  onChange: () => void;
  /** Called with remarks for the user. */
  onNote: (text: string) => void;
}

/** How long (ms) to wait after a change, because editors write a file in several steps. */
const SETTLE = 100;

/** Watches until `signal` aborts. */
export async function watchCode(
  options: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const { module } = options;
  // Events contain the target of a symbolic link, never its own path.
  const cwd = Deno.realPathSync(options.cwd);
  const files = new Set<string>();
  const counts = (path: string) =>
    module === undefined ? isSource(path, cwd) : files.has(path);
  const look = async (): Promise<SourceFolders> => {
    if (module === undefined) return sourceFolders(cwd);
    // Keeps the old ones, because code with a syntax error lists no dependencies.
    for (const file of await localModules(module, options, signal)) {
      files.add(file);
    }
    return { deep: [], flat: [...folders(files)] };
  };

  let watched = await look();
  if (signal.aborted) return;
  if (watched.flat.length === 0) {
    return options.onNote("--watch: no local files to watch");
  }
  let watcher = new Watcher(watched);
  const close = () => watcher.close();
  signal.addEventListener("abort", close, { once: true });
  try {
    for (;;) {
      const change = await watcher.changed(counts);
      if (change === undefined) return;
      if (change === "code") options.onChange();
      const now = await look();
      if (signal.aborted) return;
      if (JSON.stringify(now) !== JSON.stringify(watched)) {
        watched = now;
        const old = watcher;
        watcher = new Watcher(watched);
        old.close();
      }
    }
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}

/** The kind of change: code, or only the set of folders. */
type Change = "code" | "folders";

/** Combines the events of one change. Those of a later change wait. */
class Watcher {
  readonly #watchers: readonly Deno.FsWatcher[];
  readonly #events: AsyncIterator<Deno.FsEvent>;
  #next: Promise<IteratorResult<Deno.FsEvent>> | undefined;
  #closed = false;

  constructor({ deep, flat }: SourceFolders) {
    // One watcher for many folders, because systems allow few watchers. Leaves out a
    // folder that has been deleted in the meantime.
    const open = (paths: string[], recursive: boolean) => {
      const there = paths.filter(isFolder);
      return there.length > 0 ? [Deno.watchFs(there, { recursive })] : [];
    };
    this.#watchers = [...open(deep, true), ...open(flat, false)];
    this.#events = merge(this.#watchers);
  }

  /**
   * Resolves shortly after a change, when it is complete, or with `undefined` when closed.
   */
  async changed(
    counts: (path: string) => boolean,
  ): Promise<Change | undefined> {
    let change: Change | undefined;
    let settled: Promise<undefined> | undefined;
    const quiet = new AbortController();
    try {
      for (;;) {
        this.#next ??= this.#events.next();
        const event: IteratorResult<Deno.FsEvent> | undefined = await Promise
          .race(settled ? [this.#next, settled] : [this.#next]);
        if (this.#closed) return undefined;
        if (event === undefined) return change;
        this.#next = undefined;
        if (event.done) return undefined;
        const { kind, paths } = event.value;
        if (kind === "access") continue;
        if (paths.some(counts)) change = "code";
        else if (kind === "create" && paths.some(isFolder)) {
          change ??= "folders";
        } else continue;
        settled ??= wait(SETTLE, { signal: quiet.signal })
          .then(() => undefined, () => undefined);
      }
    } finally {
      quiet.abort();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const watcher of this.#watchers) watcher.close();
  }
}

/** The events of all watchers, as they occur, until all are closed. */
async function* merge(
  watchers: readonly Deno.FsWatcher[],
): AsyncGenerator<Deno.FsEvent, void, void> {
  const next = async (watcher: Deno.FsWatcher) => ({
    watcher,
    result: await watcher[Symbol.asyncIterator]().next(),
  });
  const waiting = new Map(watchers.map((one) => [one, next(one)]));
  while (waiting.size > 0) {
    const { watcher, result } = await Promise.race(waiting.values());
    if (result.done) waiting.delete(watcher);
    else {
      waiting.set(watcher, next(watcher));
      yield result.value;
    }
  }
}

/** The local files that `module` consists of. */
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
      // Remote modules are in a cache, where they do not change.
      if (specifier.startsWith("file:") && local) files.add(local);
    }
  } catch {
    // The code has an error; the next change may fix it.
  }
  const own = /^[a-z]+:/i.test(module) ? [] : [module];
  // Resolves symbolic links, because the target is edited and appears in events.
  for (const file of [...files, ...own]) {
    try {
      files.add(await Deno.realPath(file));
    } catch {
      // The file does not exist (yet).
    }
  }
  return files;
}

function folders(files: Iterable<string>): Set<string> {
  // The folder rather than the file, because an editor may replace the file.
  return new Set(
    [...files].map((file) => file.replace(/[/\\][^/\\]*$/, "") || "/"),
  );
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
