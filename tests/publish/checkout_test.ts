/** A clone stands alone: no file names a path outside the repository. */
import { assert, assertEquals } from "@std/assert";
import { dirname, posix } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Folders that hold no source of ours: git's, installed and generated ones. */
const GENERATED = [".git", "node_modules", "dist", ".wrangler"];

/** Every other file below a folder, hidden ones too. */
function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(root + folder)].flatMap(({ name, isFile }) => {
    if (GENERATED.includes(name)) return [];
    return isFile ? folder + name : filesIn(`${folder}${name}/`);
  });
}

/** Relative paths that are input of a test and never opened. */
const TEST_INPUT = [["tests/proxy/path_test.ts", `${"../".repeat(4)}c`]];

/** The paths in a file's text that lead out of the repository. */
function outside(path: string, text: string, parent: string): string[] {
  const depth = path.split("/").length - 1;
  const climbing = [...text.matchAll(/(?<=["'`( =])(?:\.\.\/)+[\w.@-]*/g)]
    .map(([found]) => found)
    .filter((found) => found.split("../").length - 1 > depth)
    .filter((found) =>
      !TEST_INPUT.some(([file, input]) => file === path && input === found)
    );
  return text.includes(parent) ? [...climbing, parent] : climbing;
}

Deno.test("checkout - no file of the repository names a path outside it", async () => {
  const paths = filesIn("");
  assert(paths.length > 200, `${paths.length} files`);
  // The folder of this checkout: it differs from one machine to the next.
  const above = `${dirname(root)}/`;
  // These are on every machine, and tests may name them.
  const parent = ["//", "/tmp/"].includes(above) ? root : above;
  for (const path of paths) {
    const text = await Deno.readTextFile(root + path);
    assertEquals(outside(path, text, parent), [], path);
  }
});

/** Documents for contributors, which are not published. */
const DOCUMENTS = [
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "SECURITY.md",
  ...filesIn("docs/decisions/"),
  ...filesIn(".github/").filter((path) => path.endsWith(".md")),
];

Deno.test("checkout - files and tasks that contributors' documents name exist", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  let count = 0;
  for (const path of DOCUMENTS) {
    const text = await Deno.readTextFile(root + path);
    const named = text.matchAll(
      /`((?:session|net|feed|tests|tools|bench|docs|examples|\.ci|\.github)\/[^`\s<]*)`/g,
    );
    const linked = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .map(([, link]) => posix.join(posix.dirname(path), link!));
    for (const file of [...[...named].map(([, name]) => name!), ...linked]) {
      const there = await Deno.stat(root + file).then(() => true, () => false);
      assert(there, `${path}: ${file} does not exist`);
      count++;
    }
    for (const [, task] of text.matchAll(/(?:^|`)deno task (\w+)/gm)) {
      assert(task! in tasks, `${path}: deno task ${task}`);
    }
  }
  assert(count > 40, `${count} files named`);
});

Deno.test("checkout - a path that leads out is found", () => {
  // Put together here, or this file would be found as well.
  const up = "../".repeat(3);
  const climbing = `new URL("${up}shared/a.json", import.meta.url)`;
  assertEquals(outside("tests/a/b_test.ts", climbing, "/clones/"), [
    `${up}shared`,
  ]);
  assertEquals(outside("tests/a/b/c_test.ts", climbing, "/clones/"), []);
  assertEquals(outside("a.ts", 'read("/clones/x")', "/clones/"), ["/clones/"]);
});
