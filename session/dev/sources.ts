/**
 * Decides which files of a folder are code, for `--watch` with a command.
 *
 * Data is not code. Programs store their own state as JSON or YAML next to their sources,
 * and saving it must not end the session that does. So in these formats, only files with
 * well-known names count.
 */

const CODE =
  /\.(c|cc|cjs|clj|cpp|cs|cts|ex|exs|go|h|hs|java|js|jsx|kt|lua|mjs|mts|php|py|rb|rs|scala|swift|ts|tsx|zig)$/;

const CONFIGURATION =
  /^(package\.json|(deno|jsr|[jt]sconfig(\..+)?)\.jsonc?|import_map\.json|pyproject\.toml|Cargo\.toml)$/;

/** Folders that tools write to, and hidden files. */
const NOT_SOURCE =
  /^(\..*|node_modules|bower_components|target|build|dist|out|coverage|vendor|venv|__pycache__)$/;

/** Whether the file at `path` below `root` is source code. */
export function isSource(path: string, root: string): boolean {
  const below = path.startsWith(root) ? path.slice(root.length) : path;
  const parts = below.split(/[/\\]/).filter((part) => part !== "");
  const name = parts.at(-1) ?? "";
  return !parts.some((part) => NOT_SOURCE.test(part)) &&
    (CODE.test(name) || CONFIGURATION.test(name));
}

/** Folders to watch. */
export interface SourceFolders {
  /** Watched recursively; they contain no `node_modules`. */
  deep: string[];
  /** Watched without their subfolders. */
  flat: string[];
}

/**
 * The folders with the code of `root`, without those that tools write to: a single
 * `node_modules` may have more folders than a system can watch.
 */
export function sourceFolders(root: string): SourceFolders {
  const deep: string[] = [];
  const flat = [root];
  for (const child of children(root).source) {
    if (!collect(child)) deep.push(child);
  }
  return { deep, flat };

  /** Adds the folders in `folder`, unless all of it is source; returns whether it did. */
  function collect(folder: string): boolean {
    const { source, mixed } = children(folder);
    const whole = source.filter((child) => !collect(child));
    if (!mixed && whole.length === source.length) return false;
    flat.push(folder);
    deep.push(...whole);
    return true;
  }
}

/** The source folders in `folder`, and whether there are others. */
function children(folder: string): { source: string[]; mixed: boolean } {
  const source: string[] = [];
  let mixed = false;
  try {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      if (!isDirectory) continue;
      if (NOT_SOURCE.test(name)) mixed = true;
      else source.push(`${folder}/${name}`);
    }
  } catch {
    // It was deleted or is not readable, so there is nothing to watch.
  }
  return { source, mixed };
}
