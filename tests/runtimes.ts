/**
 * The runtimes beside Deno that tests run on, as npm has them. They are
 * installed once into a folder for temporary files, so that a machine needs
 * nothing but npm.
 */

/** A program that is here, or why it is not. */
export type Found =
  | { path: string; version: string }
  | { missing: string };

/** What is installed, by the name of its folder. */
const PACKAGES = {
  bun: { spec: "bun@1.4.4", bin: "bun" },
  node22: { spec: "node@22", bin: "node" },
  node: { spec: "node@latest", bin: "node" },
} as const;

const temporary = Deno.env.get("TMPDIR") ?? Deno.env.get("TEMP") ?? "/tmp";
const root = `${temporary}/feedline-runtimes`;

/** Runs a program to its end: what it printed, or why it failed. */
async function output(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(text(stderr).split("\n")[0] || "no reason");
  return text(stdout);
}

async function version(path: string): Promise<Found> {
  return {
    path,
    version: (await output(path, ["--version"])).replace("v", ""),
  };
}

/** Finds a runtime, or installs it. */
export async function runtime(name: keyof typeof PACKAGES): Promise<Found> {
  const { spec, bin } = PACKAGES[name];
  const prefix = `${root}/${name}`;
  const path = `${prefix}/node_modules/.bin/${bin}`;
  try {
    return await version(path);
  } catch {
    // Not installed yet.
  }
  try {
    await output("npm", [
      "install",
      "--silent",
      "--no-fund",
      "--no-audit",
      "--prefix",
      prefix,
      spec,
    ]);
    return await version(path);
  } catch (error) {
    return {
      missing: `npm could not install ${spec}: ${(error as Error).message}`,
    };
  }
}
