/**
 * The runtimes beside Deno that tests and benchmarks run on, and wrangler, from
 * npm. Each is installed once into a folder for temporary files, by Deno itself:
 * a machine needs nothing but that.
 */
import { globSync } from "node:fs";

/** A program that is here, or why it is not. */
export type Found =
  | { path: string; version: string }
  | { missing: string };

/**
 * The package with the binary for this machine: npm's `node` and `bun` fetch it
 * by a script, which Deno runs for nobody unasked.
 */
function nodePackage(): string {
  const { os, arch } = Deno.build;
  const cpu = arch === "aarch64" ? "arm64" : "x64";
  const prefix = os === "darwin" && cpu === "arm64" ? "node-bin" : "node";
  return `${prefix}-${os === "windows" ? "win" : os}-${cpu}`;
}

const NODE = ".deno/*/node_modules/node-*/bin/node*";

/** What is installed, by the name of its folder: a package, its version, its binary. */
const PACKAGES = {
  bun: ["bun", "1.4.4", ".deno/*/node_modules/@oven/bun-*/bin/bun*"],
  node22: [nodePackage(), "22", NODE],
  node24: [nodePackage(), "24", NODE],
  node: [nodePackage(), "latest", NODE],
} as const;

const temporary = `${
  Deno.env.get("TMPDIR") ?? Deno.env.get("TEMP") ?? "/tmp"
}/feedline-runtimes`;

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

/** Installs what `package.json` says into a folder. */
async function install(folder: string, packageJson: unknown): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    `${folder}/package.json`,
    JSON.stringify(packageJson),
  );
  await Deno.writeTextFile(
    `${folder}/deno.json`,
    JSON.stringify({ nodeModulesDir: "auto", lock: false }),
  );
  await output(Deno.execPath(), ["install", "--quiet"], folder);
}

/** Finds a runtime, or installs it. */
export async function runtime(name: keyof typeof PACKAGES): Promise<Found> {
  const [dependency, version, binary] = PACKAGES[name];
  const folder = `${temporary}/${name}-${version}`;
  const find = async (): Promise<Found> => {
    // Of several, for one kind of processor or C library each, one runs.
    for (const path of globSync(`${folder}/node_modules/${binary}`)) {
      const said = await output(path, ["--version"], folder).catch(() => "");
      if (said) return { path, version: said.replace(/^v/, "") };
    }
    return {
      missing: `${dependency}@${version} has no program that runs here`,
    };
  };
  const before = await find();
  if ("path" in before) return before;
  try {
    await install(folder, { dependencies: { [dependency]: version } });
    return await find();
  } catch (error) {
    return { missing: `${dependency}@${version}: ${(error as Error).message}` };
  }
}

/** Finds wrangler, a program for Node, or installs it. */
export async function wrangler(): Promise<Found> {
  const version = "4.153.0";
  const folder = `${temporary}/wrangler-${version}`;
  const path = `${folder}/node_modules/wrangler/bin/wrangler.js`;
  try {
    const there = await Deno.stat(path).then(() => true, () => false);
    if (!there) {
      const { imports } = JSON.parse(
        await Deno.readTextFile(new URL("../deno.json", import.meta.url)),
      );
      await install(folder, {
        dependencies: { wrangler: version },
        // The one that the other tests run.
        overrides: { workerd: imports.workerd.replace("npm:workerd@", "") },
      });
    }
    return { path, version };
  } catch (error) {
    return { missing: `wrangler@${version}: ${(error as Error).message}` };
  }
}

/** The path of a runtime that has to be there. */
export async function requireRuntime(
  name: keyof typeof PACKAGES,
): Promise<string> {
  const found = await runtime(name);
  if ("missing" in found) throw new Error(found.missing);
  return found.path;
}
