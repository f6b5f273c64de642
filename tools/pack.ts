/**
 * The npm tarball: `deno pack` with the names that npm's users have.
 *
 * `deno pack` leaves names of `deno.json`'s imports as they are in the code, so
 * that `@hono/hono` would be imported while `package.json` asks for another
 * package (denoland/deno#36017). The sources are therefore packed from a copy
 * in which they import npm's `hono`, which an application there has itself: two
 * copies of Hono would be two types that do not fit each other. The README, which
 * is the package's page, names npm's commands there.
 *
 * `deno task pack` writes `feedline.tgz`, for `npm publish feedline.tgz`.
 */
import { globSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath as fromFileUrl } from "node:url";

const root = fromFileUrl(new URL("../", import.meta.url));

/** Where npm has what JSR has under `target`, of the same version. */
export function npmTarget(target: string): string {
  return target.replace("jsr:@hono/", "npm:");
}

/** The name by which npm's users import an `npm:` target. */
function npmName(target: string): string {
  return target.replace(/^npm:/, "").replace(/(?<=.)@[^@/]*$/, "");
}

/** The README as npm's users need it: the same with their commands. */
function npmReadme(text: string): string {
  return text
    .replaceAll("bunx jsr add", "bun add")
    .replaceAll("npx jsr add", "npm install")
    .replaceAll("jsr:@hono/", "npm:")
    .replaceAll("jsr:@", "npm:@")
    .replaceAll("@hono/hono", "hono");
}

/** Writes the tarball to `output`, an absolute path. */
export async function pack(output: string): Promise<void> {
  const config = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  const renamed: [string, string][] = [];
  const imports: Record<string, string> = {};
  for (const [name, target] of Object.entries<string>(config.imports)) {
    const npm = npmTarget(target);
    if (!npm.startsWith("npm:")) continue; // of the tests alone
    imports[npmName(npm)] = npm;
    if (npmName(npm) !== name) renamed.push([`"${name}`, `"${npmName(npm)}`]);
  }

  const copy = await Deno.makeTempDir();
  try {
    for (const path of globSync(config.publish.include, { cwd: root })) {
      let text = await Deno.readTextFile(root + path);
      if (path === "README.md") text = npmReadme(text);
      for (const [from, to] of renamed) text = text.replaceAll(from, to);
      await Deno.mkdir(dirname(`${copy}/${path}`), { recursive: true });
      await Deno.writeTextFile(`${copy}/${path}`, text);
    }
    await Deno.writeTextFile(
      `${copy}/deno.json`,
      JSON.stringify({ ...config, imports }),
    );
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "pack",
        "--allow-dirty",
        // They would name folders of this machine.
        "--no-source-maps",
        `--output=${output}`,
      ],
      cwd: copy,
      env: { NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

if (import.meta.main) {
  await pack(`${root}feedline.tgz`);
  console.log("feedline.tgz is written");
}
