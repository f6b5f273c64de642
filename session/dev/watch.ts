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
  const { module, cwd } = options;
  const files = new Set<string>();
  const counts = (path: string) =>
    module === undefined ? SOURCE.test(path) : files.has(path);
  const paths = async () => {
    if (module === undefined) return sourceFolders(cwd);
    // Old ones stay: code that cannot be read for now names none of its parts.
    for (const file of await localModules(module, options, signal)) {
      files.add(file);
    }
    return [...folders(files)];
  };

  let watched = await paths();
  if (signal.aborted) return;
  if (watched.length === 0 && module !== undefined) {
    return options.onNote("--watch: there are no local files to watch");
  }
  const open = () =>
    new Watcher(
      module === undefined
        ? [Deno.watchFs(watched), Deno.watchFs(cwd, { recursive: false })]
        : [Deno.watchFs(watched, { recursive: false })],
    );
  let watcher = open();
  const close = () => watcher.close();
  signal.addEventListener("abort", close, { once: true });
  try {
    while (await watcher.changed(counts)) {
      options.onChange();
      const now = await paths();
      if (signal.aborted) return;
      if (now.join("\n") !== watched.join("\n")) {
        watched = now;
        const old = watcher;
        watcher = open();
        old.close();
      }
    }
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}

/** Gathers the events of one change. Those of a later one wait their turn. */
class Watcher {
  readonly #watchers: readonly Deno.FsWatcher[];
  readonly #events: AsyncIterator<Deno.FsEvent>;
  #next: Promise<IteratorResult<Deno.FsEvent>> | undefined;
  #closed = false;

  constructor(watchers: readonly Deno.FsWatcher[]) {
    this.#watchers = watchers;
    this.#events = merge(watchers);
  }

  /** Resolves with true after a change that counts, with false when closed. */
  async changed(counts: (path: string) => boolean): Promise<boolean> {
    let settled: Promise<undefined> | undefined;
    const quiet = new AbortController();
    try {
      for (;;) {
        this.#next ??= this.#events.next();
        const event: IteratorResult<Deno.FsEvent> | undefined = await Promise
          .race(settled ? [this.#next, settled] : [this.#next]);
        if (this.#closed) return false;
        if (event === undefined) return true;
        this.#next = undefined;
        if (event.done) return false;
        const { kind, paths } = event.value;
        if (kind !== "access" && paths.some(counts)) {
          settled ??= wait(SETTLE, { signal: quiet.signal })
            .then(() => undefined, () => undefined);
        }
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

/** The events of all watchers, as they come, until all are closed. */
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
  const own = /^[a-z]+:/i.test(module) ? [] : [module];
  // What a link leads to is what is edited, and named when it has changed.
  for (const file of [...files, ...own]) {
    try {
      files.add(await Deno.realPath(file));
    } catch {
      // There is no such file (yet).
    }
  }
  return files;
}

function folders(files: Iterable<string>): Set<string> {
  // The folder and not the file: an editor may put a new file in its place.
  return new Set(
    [...files].map((file) => file.replace(/[/\\][^/\\]*$/, "") || "/"),
  );
}

/** The folders below `cwd`, which is watched itself: files in it may be replaced. */
function sourceFolders(cwd: string): string[] {
  return [...Deno.readDirSync(cwd)]
    .filter(({ name, isDirectory }) => isDirectory && !NOT_SOURCE.test(name))
    .map(({ name }) => `${cwd}/${name}`);
}
