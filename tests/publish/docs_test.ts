/** README.md and docs/: their code runs, and what they point at is there. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { config } from "../config.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pages = new Map<string, string>();
for (const path of globSync(["README.md", "docs/*.md"], { cwd: root })) {
  pages.set(path, await Deno.readTextFile(root + path));
}

/** The blocks of code that Deno could run, marked `ignore` or not. */
function blocks(text: string): { run: number; ignored: number } {
  const marks = [...text.matchAll(
    /^```(?:ts|typescript|js|javascript|[jt]sx|mts|mjs)\b(.*)\n[^]*?^```$/gm,
  )].map(([, attributes]) => /\bignore\b/.test(attributes!));
  const ignored = marks.filter(Boolean).length;
  return { run: marks.length - ignored, ignored };
}

/** Runs the blocks of pages, as `deno task test` does. */
async function runBlocks(
  cwd: string,
  args: string[],
): Promise<{ success: boolean; passed: number; text: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--doc", ...args],
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout) +
    new TextDecoder().decode(stderr);
  return { success, passed: Number(/(\d+) passed/.exec(text)?.[1]), text };
}

Deno.test("docs - every block that is not marked ignore runs", async () => {
  const expected = [...pages.values()].map((text) => blocks(text).run);
  const { success, passed, text } = await runBlocks(root, [
    `--config=${config}`,
    ...pages.keys(),
  ]);
  assert(success, text);
  assert(passed > 0);
  assertEquals(passed, expected.reduce((sum, run) => sum + run, 0), text);
});

Deno.test("docs - the README's other blocks are the four that tests/readme_test.ts runs", () => {
  assertEquals(blocks(pages.get("README.md")!).ignored, 4);
});

Deno.test("docs - a block that fails is seen, in a page that nobody named", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/docs`);
    await Deno.writeTextFile(
      `${folder}/docs/page.md`,
      '```ts\nthrow new Error("it ran");\n```\n\n```ts ignore\nno code\n```\n',
    );
    const { success, text } = await runBlocks(folder, ["--no-config"]);
    assert(!success);
    assertMatch(text, /it ran/);
    assertMatch(text, /0 passed \| 1 failed/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("docs - files, tasks and tests that they name exist", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  for (const [path, text] of pages) {
    const base = new URL(path, `file://${root}`);
    for (const [, link] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      assert((await Deno.stat(new URL(link!, base))).isFile, link);
    }
    for (
      const [, file] of text.matchAll(/`((?:session|net|tests)\/[^` ]+)`/g)
    ) {
      await Deno.stat(root + file);
    }
    for (const [, task] of text.matchAll(/\bdeno task (\w+)/g)) {
      assert(task! in tasks, `deno task ${task}`);
    }
    // `name of a test`, `name of another` in [its_test.ts](file)
    const claims = text.matchAll(
      /((?:`[^`]+`(?:,| and)?\s+)+)in\s+\[\w+_test\.ts\]\(([^)]+)\)/g,
    );
    let count = 0;
    for (const [, names, link] of claims) {
      const tests = await Deno.readTextFile(new URL(link!, base));
      for (const [, name] of names!.matchAll(/`([^`]+)`/g)) {
        const test = name!.replace(/\s+/g, " ");
        assert(tests.includes(`"${test}`), `${link} has no test "${test}"`);
        count++;
      }
    }
    if (path === "docs/security.md") assert(count > 20, `${count} tests named`);
  }
});
