/** Versions: what is pinned, what is a range, and what a first run downloads. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import versions from "../versions.json" with { type: "json" };
import { folder } from "../kit/program.ts";
import { newest } from "../kit/runtimes.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, root));
const importsOf = async (path: string): Promise<Record<string, string>> =>
  JSON.parse(await read(path)).imports;

const published = await importsOf("deno.json");
const tests = await importsOf("tests/imports.json");

/** The version or range at the end of an import's target. */
const versionOf = (target: string) => /@([^@/]*)(\/[^@]*)?$/.exec(target)![1]!;

/** Whether `^range` allows a version from 1.0.0 on. */
function allows(range: string, version: string): boolean {
  const numbers = (text: string) => text.split(".").map(Number);
  const least = numbers(range.slice(1));
  const given = numbers(version);
  if (given[0] !== least[0]) return false;
  for (let i = 1; i < least.length; i++) {
    if (given[i] !== least[i]) return given[i]! > least[i]!;
  }
  return true;
}

Deno.test("versions - every runtime is pinned to one version", () => {
  for (const [name, version] of Object.entries(versions)) {
    assertMatch(version, /^\d+\.\d+\.\d+$/, name);
  }
});

Deno.test("versions - CI, the README and the workflows use the pinned Deno", async () => {
  const pinned = `deno@${versions.deno}`;
  for (const path of ["README.md", "CONTRIBUTING.md"]) {
    for (
      const [named] of (await read(path)).matchAll(/\bnpx -y deno(@[\w.]+)?/g)
    ) {
      assertEquals(named, `npx -y ${pinned}`, path);
    }
  }
  // These read the list itself.
  for (const path of [".ci/run", ".github/workflows/ci.yml"]) {
    const text = await read(path);
    assert(text.includes("tests/versions.json"), path);
    assertEquals(text.match(/\bdeno@\d|deno-version: \d/g), null, path);
  }
});

Deno.test({
  name: "versions - CI runs on the pinned Deno",
  // You may develop with another one.
  ignore: newest || !Deno.env.has("CI"),
  fn: () => assertEquals(Deno.version.deno, versions.deno),
});

Deno.test("versions - published dependencies are ranges; the tests pin one version within each", async () => {
  assertEquals(Object.keys(published), [
    "@hono/hono",
    "eventsource-parser",
    "zod",
  ]);
  for (const [name, target] of Object.entries(published)) {
    const range = versionOf(target);
    assertMatch(range, /^\^[1-9]\d*(\.\d+){0,2}$/, name);
    const pin = versionOf(tests[name]!);
    assert(allows(range, pin), `${name}: ${range} does not allow ${pin}`);
  }
  // What only some users need is written out where it is imported.
  const inline = new Set(
    (await Promise.all(
      globSync("react/**/*.ts", { cwd: fileURLToPath(root) })
        .map((path) => read(path)),
    )).flatMap((text) =>
      [...text.matchAll(/"(npm:[^"]+)"/g)].map(([, name]) => name!)
    ),
  );
  assertEquals([...inline].sort(), [
    "npm:@types/react@^19",
    "npm:react@^19",
    "npm:socket.io-client@^4.8",
  ]);
  for (const name of inline) {
    const pin = versionOf(tests[name]!);
    assert(allows(versionOf(name), pin), `${name} does not allow ${pin}`);
  }
  for (const [name, target] of Object.entries(tests)) {
    assertMatch(versionOf(target), /^\d+\.\d+\.\d+$/, name);
  }
  assertEquals(
    ["4.13.0", "4.14.0", "4.12.9", "5.0.0"].map((version) =>
      allows("^4.13", version)
    ),
    [true, true, false, false],
  );
});

Deno.test("versions - the demo's first run downloads what is published, and nothing of the tests", async () => {
  await using cache = await folder();
  const log: string[] = [];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "demo", "0"],
    cwd: root,
    env: { DENO_DIR: cache.path, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const started = Promise.withResolvers<void>();
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      log.push(text);
      if (/Open http:\S+ in two tabs/.test(log.join(""))) started.resolve();
    }
  };
  const ended = Promise.all([read(child.stdout), read(child.stderr)]).then(() =>
    started.reject(new Error(`the demo ended:\n${log.join("")}`))
  );
  started.promise.catch(() => {});
  try {
    await started.promise;
  } finally {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    await child.status;
    await ended;
  }
  const packages = [
    ...log.join("").matchAll(
      /Download https:\/\/registry\.npmjs\.org\/([^\s/]+)/g,
    ),
  ].map(([, name]) => decodeURIComponent(name!));
  assert(packages.length > 0, log.join(""));
  const expected = ["hono", "eventsource-parser", "zod"];
  assertEquals(packages.filter((name) => !expected.includes(name)), []);
});
