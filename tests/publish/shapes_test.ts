/**
 * Published code decides by shape: `instanceof` is false for values of another
 * realm and of a second copy of a package.
 */
import { assert, assertEquals } from "@std/assert";
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** How often a module's code, without its comments, says `instanceof`. */
function count(text: string): number {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  return code.match(/\binstanceof\b/g)?.length ?? 0;
}

Deno.test("shapes - published code nowhere uses instanceof", async () => {
  const { publish } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  const found: string[] = [];
  let files = 0;
  for (const path of globSync(publish.include as string[], { cwd: root })) {
    if (!path.endsWith(".ts")) continue;
    files++;
    const times = count(await Deno.readTextFile(root + path));
    if (times > 0) found.push(`${path}: ${times}`);
  }
  assert(files > 50, `only ${files} files`);
  assertEquals(found, []);
});

Deno.test("shapes - a use is seen, in a comment it is not", () => {
  assertEquals(count("if (a instanceof B) {} // instanceof"), 2);
  assertEquals(count("/** no instanceof */\n// instanceof\nconst a = 1;"), 0);
});
