/**
 * The runtimes beside Deno that tests and benchmarks run on, and wrangler, from
 * npm. Deno installs each once into a folder for temporary files: a machine
 * needs nothing else.
 *
 * `tests/versions.json` pins every version, so that a release of somebody else's
 * cannot fail the gate. Browsers are not pinned: they come from the system
 * (Debian's packages in `.ci/run`), which offers one version of each at a time.
 * `--newest` (see tools/task.ts) takes the newest release of each instead.
 */
import { globSync } from "node:fs";
import versions from "../versions.json" with { type: "json" };

/** What `tests/versions.json` pins. */
export type Runtime = Exclude<
  keyof typeof versions,
  "plane" | "create-vite"
>;

/** A program that is here, or why it is not. */
export type Found =
  | { path: string; version: string }
  | { missing: string };

/**
 * The package with Node's binary for this machine. npm's `node` fetches it with
 * an install script, which Deno does not run.
 */
function nodePackage(): string {
  const { os, arch } = Deno.build;
  const cpu = arch === "aarch64" ? "arm64" : "x64";
  const prefix = os === "darwin" && cpu === "arm64" ? "node-bin" : "node";
  return `${prefix}-${os === "windows" ? "win" : os}-${cpu}`;
}

/** An npm package, its binary in `node_modules/.deno`, its newest release. */
type Source = [dependency: string, binary: string, newest: string];

const node = (newest: string): Source => [
  nodePackage(),
  "node_modules/node-*/bin/node*",
  newest,
];

const SOURCES = {
  deno: ["deno", "node_modules/@deno/*/deno*", "latest"],
  bun: ["bun", "node_modules/@oven/bun-*/bin/bun*", "latest"],
  node22: node("22"),
  node24: node("24"),
  node: node("latest"),
  workerd: [
    "workerd",
    "node_modules/@cloudflare/workerd-*/bin/workerd*",
    "latest",
  ],
  wrangler: ["wrangler", "node_modules/wrangler/bin/wrangler.js", "latest"],
} satisfies Record<Runtime, Source>;

/** Whether this run takes the newest release of each runtime: `--newest`. */
export const newest: boolean = Deno.env.has("FEEDLINE_NEWEST");

/** What the run takes of a package: a version, or a tag or range on npm. */
function wantedVersion(name: Runtime): string {
  return newest ? SOURCES[name][2] : versions[name];
}

/** Where programs from npm are kept. */
export const temporary = `${
  Deno.env.get("TMPDIR") ?? Deno.env.get("TEMP") ?? "/tmp"
}/feedline-runtimes`;

/** Where a package is installed. The newest is looked up again on the next day. */
function folderOf(name: Runtime): string {
  const day = new Date().toISOString().slice(0, 10);
  return `${temporary}/${name}-${newest ? `newest-${day}` : versions[name]}`;
}

/** Runs a program to its end: what it printed. */
async function output(
  command: string,
  args: string[],
  cwd: string,
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(text(stderr) || `${command} failed`);
  return text(stdout);
}

/** Installs what a `package.json` asks for into a folder; `args` go to Deno. */
export async function installPackages(
  folder: string,
  manifest: Record<string, unknown>,
  ...args: string[]
): Promise<void> {
  const files = {
    "package.json": manifest,
    "deno.json": { nodeModulesDir: "auto", lock: false },
  };
  await Deno.mkdir(folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${file}`, JSON.stringify(content));
  }
  await output(Deno.execPath(), ["install", "--quiet", ...args], folder);
}

/** Installs a package into its folder. */
async function install(name: Runtime): Promise<void> {
  const [dependency] = SOURCES[name];
  const manifest = {
    dependencies: { [dependency]: wantedVersion(name) },
    // Wrangler brings a workerd of its own: the pinned one, as elsewhere.
    ...(newest ? {} : { overrides: { workerd: versions.workerd } }),
  };
  // Without a reload Deno answers from the registry's listing of an earlier day.
  const reload = newest ? [`--reload=npm:${dependency}`] : [];
  await installPackages(folderOf(name), manifest, ...reload);
}

/** Finds the program of an installed package and asks for its version. */
async function find(name: Runtime): Promise<Found> {
  const [dependency, binary] = SOURCES[name];
  const folder = folderOf(name);
  // Of several, for one kind of processor or C library each, one runs.
  for (const path of globSync(`${folder}/node_modules/.deno/*/${binary}`)) {
    // A program for Node: it runs on the Node that its caller chooses.
    if (path.endsWith(".js")) return { path, version: wantedVersion(name) };
    const said = await output(path, ["--version"], folder).catch(() => "");
    const [version] = /\d[\d.-]+/.exec(said) ?? [];
    if (version) return { path, version };
  }
  return {
    missing: `${dependency}@${
      wantedVersion(name)
    } has no program that runs here`,
  };
}

/** Finds a runtime, or installs it. */
export async function runtime(name: Runtime): Promise<Found> {
  const before = await find(name);
  if ("path" in before) return before;
  try {
    await install(name);
    return await find(name);
  } catch (error) {
    const what = `${SOURCES[name][0]}@${wantedVersion(name)}`;
    return { missing: `${what}: ${(error as Error).message}` };
  }
}

/** The path of a runtime that has to be there. */
export async function requireRuntime(name: Runtime): Promise<string> {
  const found = await runtime(name);
  if ("missing" in found) throw new Error(found.missing);
  return found.path;
}

/**
 * A test with the program of a runtime. If it is missing, the test is
 * skipped, with the reason in its name; with `CI` it fails.
 */
export async function testOn(
  name: Runtime,
  what: string,
  body: (path: string) => Promise<void>,
): Promise<void> {
  const found = await runtime(name);
  const missing = "missing" in found && found.missing;
  Deno.test({
    name: `${what} on ${name}${missing ? ` (skipped: ${missing})` : ""}`,
    ignore: missing !== false && !Deno.env.has("CI"),
    async fn() {
      if ("missing" in found) throw new Error(found.missing);
      await body(found.path);
    },
  });
}
