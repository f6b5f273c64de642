/**
 * The documentation site: VitePress on `docs/`, with the API reference that
 * `deno doc` makes from the doc comments beside it.
 *
 * - `deno task docs` serves it and follows your changes to pages.
 * - `deno task docs --build` writes static files to `dist/docs/`. With
 *   `--base=/feedline/`, they are for that path of a server.
 *
 * VitePress, because it reads the pages as GitHub shows them, and brings search, color
 * schemes and a check for dead links. Its packages are in `docs/deno.json`, so that
 * nothing else has to download them.
 */
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

/** How the site is made. */
export interface DocsOptions {
  /** Serves it instead of writing it. */
  serve: boolean;
  /** More arguments of VitePress, e.g. `--port=8002`. */
  args: string[];
  /** Arguments that lead `deno doc` to the packages, where JSR cannot be reached. */
  imports: string[];
}

/** Runs `deno <args>`; throws an error if it fails. */
async function deno(cwd: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), { args, cwd })
    .spawn().status;
  if (!success) throw new Error(`deno ${args[0]} has failed in ${cwd}`);
}

/** Where the reference shows an import, `deno doc` writes `from "client"`. */
async function nameEntries(folder: string, name: string): Promise<void> {
  const imported = /(import [^;&]* from &quot;)([\w/-]+)(?=&quot;;)/g;
  for (const path of globSync("**/*.html", { cwd: folder })) {
    const html = await Deno.readTextFile(`${folder}/${path}`);
    const named = html.replace(imported, `$1${name}/$2`);
    if (named !== html) await Deno.writeTextFile(`${folder}/${path}`, named);
  }
}

/** Writes the site, or serves it until it is interrupted. */
export async function docs(
  { serve, args, imports }: DocsOptions,
): Promise<void> {
  const { name, exports } = JSON.parse(
    await Deno.readTextFile(`${root}deno.json`),
  );
  const reference = "dist/docs-public/reference";
  await Deno.remove(`${root}${reference}`, { recursive: true })
    .catch(() => {}); // not there yet
  await Deno.mkdir(`${root}dist/docs-public`, { recursive: true });
  await deno(
    root,
    "doc",
    "--html",
    "--name=Feedline",
    `--output=${reference}`,
    ...imports,
    ...Object.values<string>(exports),
  );
  await nameEntries(`${root}${reference}`, name);
  // `docs/deno.json` applies there, and Vite needs a folder of packages.
  await deno(`${root}docs`, "install");
  const command = serve ? "dev" : "build";
  await deno(`${root}docs`, "run", "-A", "npm:vitepress", command, ...args);
}
