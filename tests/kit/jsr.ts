/** The package as Deno has it from JSR, which tests do not reach. */
import { globSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { npmTarget } from "../../tools/pack.ts";
import testImports from "../imports.json" with { type: "json" };

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Copies what this checkout publishes to the folder `sources` (with a `/` at the end),
 * without its `deno.json`, which Deno would follow to JSR. The result is the `imports` of
 * an application: the entries there, and their dependencies from npm.
 */
export async function inPlaceOfJsr(
  sources: string,
): Promise<Record<string, string>> {
  const { name, exports, publish } = JSON.parse(
    await Deno.readTextFile(`${root}deno.json`),
  );
  for (const path of globSync(publish.include, { cwd: root })) {
    await Deno.mkdir(dirname(sources + path), { recursive: true });
    await Deno.copyFile(root + path, sources + path);
  }
  const pinned: Record<string, string> = testImports.imports;
  const hono = npmTarget(pinned["@hono/hono"]!);
  return {
    ...Object.fromEntries(
      Object.entries<string>(exports).map(([entry, path]) => [
        name + entry.slice(1),
        pathToFileURL(sources + path).href,
      ]),
    ),
    "@hono/hono": hono,
    hono,
    "eventsource-parser": pinned["eventsource-parser"]!,
    zod: pinned["zod"]!,
  };
}
