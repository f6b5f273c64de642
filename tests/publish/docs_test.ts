/** README.md and docs/: their code runs, and what they point at is there. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { globSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { config } from "../kit/config.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pages = new Map<string, string>();
for (const path of globSync(["README.md", "docs/*.md"], { cwd: root })) {
  pages.set(path, await Deno.readTextFile(root + path));
}

/** What a block with JSX needs to be a file of its own. */
const JSX = `/** @jsxImportSource react */
/** @jsxImportSourceTypes @types/react */
`;
const SOLID = `/** @jsxImportSource solid-js */
`;

/**
 * The blocks of code that Deno could run: those that it does, and the others, of which
 * those with JSX say so.
 */
function blocks(text: string): { run: string[]; ignored: string[] } {
  const run: string[] = [], ignored: string[] = [];
  for (
    const [, language, attributes, code] of text.matchAll(
      /^```(ts|typescript|js|javascript|[jt]sx|mts|mjs)\b(.*)\n([^]*?)^```$/gm,
    )
  ) {
    const jsx = code!.includes('"solid-js') ? SOLID : JSX;
    const file = language!.endsWith("x") ? jsx + code : code!;
    (/\bignore\b/.test(attributes!) ? ignored : run).push(file);
  }
  return { run, ignored };
}

/** What a block may take from one before it in its page. */
const CONTEXT: Record<string, string> = {
  backend: 'import("@feedline/feedline/client").SessionBackend',
  socket: 'import("@feedline/feedline/feed/socketcluster").AGClientSocket',
};

/** The name of the file that a block says it is, in its first line. */
function nameOf(code: string): string | undefined {
  return /^\/\/ (\w+\.ts)\n/.exec(code)?.[1];
}

/** The edge route of the quick start, which programs of other pages import. */
const EDGE = blocks(pages.get("docs/quick-start.md")!).ignored
  .filter((code) => nameOf(code) === "edge.ts");

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
  const expected = [...pages.values()].flatMap((text) => blocks(text).run);
  const { success, passed, text } = await runBlocks(root, [
    `--config=${config}`,
    ...pages.keys(),
  ]);
  assert(success, text);
  assert(passed > 0);
  assertEquals(passed, expected.length, text);
});

Deno.test("docs - a block that is marked ignore type-checks", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const files: string[] = [];
    for (const [path, text] of pages) {
      // Blocks of a page that begin with a file's name are imported by its others, or
      // by those of other pages, which find them in the quick start.
      const own = `${folder}/${path.replaceAll(/\W/g, "_")}`;
      await Deno.mkdir(own);
      for (const code of [...blocks(text).ignored, ...EDGE]) {
        const declared = Object.entries(CONTEXT)
          .filter(([name]) =>
            !new RegExp(`(const|using|import \\{.*) ${name}\\b`).test(code)
          )
          .map(([name, type]) => `declare const ${name}: ${type};\n`);
        const file = `${own}/${
          nameOf(code) ??
            `${files.length}.${
              code.startsWith("/** @jsxImportSource") ? "tsx" : "ts"
            }`
        }`;
        if (files.includes(file)) continue; // the page has its own
        files.push(file);
        await Deno.writeTextFile(
          file,
          `${code}\n${declared.join("")}export {};\n`,
        );
      }
    }
    assert(files.length > 0);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", `--config=${root}${config}`, ...files],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("docs - a block that fails is found in any page", async () => {
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

/** The anchors of a page's headings, as GitHub, JSR and npm make them. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
}

Deno.test("docs - their links lead to what is published with them", async () => {
  const { publish } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  const published = new Set(
    globSync(publish.include, { cwd: root })
      .map((path) => path.replaceAll("\\", "/")),
  );
  let count = 0;
  for (const [path, text] of pages) {
    assert(published.has(path), path);
    for (
      const [, picture, link] of text.matchAll(
        /(!\[[^\]]*)?\]\(([^)\s]+)\)/g,
      )
    ) {
      if (/^[a-z]+:/.test(link!)) continue;
      const [file, anchor] = link!.split("#") as [string, string?];
      const target = file === "" ? path : posix.join(posix.dirname(path), file);
      if (picture) {
        // The site shows them; the package does not need them.
        assert((await Deno.stat(root + target)).isFile, link);
        continue;
      }
      assert(published.has(target), `${path}: ${link} is not published`);
      if (anchor !== undefined) {
        const there = anchors(pages.get(target) ?? "");
        assert(there.includes(anchor), `${path}: ${link} leads nowhere`);
      }
      count++;
    }
  }
  assert(count > 15, `${count} links`);
});

Deno.test("docs - files, tasks and tests that they name exist", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  for (const [path, text] of pages) {
    for (
      const [, file] of text.matchAll(
        /`((?:session|net|tests|examples)\/[^` ]+)`/g,
      )
    ) {
      await Deno.stat(root + file);
    }
    for (const [, task] of text.matchAll(/\bdeno task (\w+)/g)) {
      assert(task! in tasks, `deno task ${task}`);
    }
    // `name of a test`, `name of another` in `its_test.ts`
    const claims = text.matchAll(
      /((?:`[^`]+`(?:,| and)?\s+)+)in\s+`(tests\/[\w/]+\.ts)`/g,
    );
    let count = 0;
    for (const [, names, file] of claims) {
      const tests = await Deno.readTextFile(root + file);
      for (const [, name] of names!.matchAll(/`([^`]+)`/g)) {
        const test = name!.replace(/\s+/g, " ");
        assert(tests.includes(`"${test}`), `${file} has no test "${test}"`);
        count++;
      }
    }
    if (path === "docs/security.md") assert(count > 20, `${count} tests named`);
  }
});

Deno.test("docs - the API overview names every value that an entry point exports, and no other", async () => {
  const { name, exports } = JSON.parse(
    await Deno.readTextFile(`${root}deno.json`),
  );
  const [, ...sections] = pages.get("docs/api.md")!.split("\n## ");
  const named = new Map(sections.map((section) => {
    const [title = "", ...lines] = section.split("\n");
    const rows = lines.filter((line) => line.startsWith("| `"));
    const names = rows.flatMap((row) =>
      [...row.split("|")[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!)
    );
    return [title.replaceAll("`", ""), names.sort()];
  }));
  for (const [path, file] of Object.entries<string>(exports)) {
    // These two only collect what others have.
    if (path === "." || path === "./feed") continue;
    const values = Object.keys(await import(`${root}${file}`));
    assertEquals(named.get(name + path.slice(1)), values.sort(), path);
  }
});

Deno.test("docs - the root has all of server and client, and each protocol under its name", async () => {
  const of = async (file: string) => Object.keys(await import(root + file));
  const feeds = ["feedme", "socketcluster"];
  assertEquals((await of("feed/mod.ts")).sort(), feeds);
  const all = [...await of("server.ts"), ...await of("client.ts"), ...feeds];
  assertEquals((await of("mod.ts")).sort(), [...new Set(all)].sort());
});
