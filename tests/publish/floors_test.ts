/** The floors of docs/architecture.md: who imports whom, read from the sources. */
import { assert, assertEquals } from "@std/assert";
import { existsSync as exists, globSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Rooms and their floors; of several that fit, the first counts. */
const ROOMS: [room: string, floor: number][] = [
  ["mod.ts", 6],
  ["client.ts", 4],
  ["server.ts", 4],
  ["session/dev/", 4],
  ["session/gate", 3],
  ["session/cloudflare/", 4],
  ["session/engine_tests/", 4],
  ["session/edge/", 3],
  ["session/engine/", 3],
  ["session/socket/", 3],
  ["session/pass/", 2],
  ["session/verified.ts", 2],
  ["session/life.ts", 2],
  ["react/", 5],
  ["feed/mod.ts", 5],
  ["feed/feedme/mod.ts", 4],
  ["feed/feedme/client/", 3],
  ["feed/feedme/server/", 3],
  ["feed/feedme/wire/", 2],
  ["feed/socketcluster/", 3],
  ["feed/", 2],
  ["types.ts", 1],
  ["spawn.ts", 0],
  ["net/", 0],
];

function roomOf(path: string): [room: string, floor: number] {
  const found = ROOMS.find(([room]) => path.startsWith(room));
  assert(found, `${path} is in no room of docs/architecture.md`);
  return found;
}

/** What is wrong with the imports of modules, each given as its text. */
function wrongImports(modules: Map<string, string>): string[] {
  const wrong: string[] = [];
  const imports = new Map<string, string[]>();
  for (const [path, text] of modules) {
    const targets = [...text.matchAll(
      /^(?:import|export|\}) ?[^"';]*"(\.[^"]+)";/gm,
    )].map(([, target]) =>
      new URL(target!, `file:///${path}`).pathname.slice(1)
    );
    imports.set(path, targets);
    const [room, floor] = roomOf(path);
    for (const target of targets) {
      const [other, below] = roomOf(target);
      if (other !== room && below >= floor) wrong.push(`${path} -> ${target}`);
    }
  }
  // Depth first: a module that is met again on the way to itself.
  const done = new Set<string>();
  const visit = (path: string, way: string[]): void => {
    if (way.includes(path)) {
      wrong.push([...way.slice(way.indexOf(path)), path].join(" -> "));
    } else if (!done.has(path)) {
      for (const target of imports.get(path) ?? []) {
        visit(target, [...way, path]);
      }
      done.add(path);
    }
  };
  for (const path of modules.keys()) visit(path, []);
  return wrong;
}

/** What a module of the portable part must not mention. */
function foreignNames(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const strings = /"(?:[^"\\\n]|\\.)*"/g;
  return [
    ...code.match(/"node:\w+"/g) ?? [],
    ...code.replace(strings, "").match(/\b(?:Deno|process|Buffer)\b/g) ?? [],
  ];
}

const { publish } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
const published = new Map<string, string>();
for (const found of globSync(publish.include as string[], { cwd: root })) {
  if (!found.endsWith(".ts")) continue;
  const path = found.replaceAll("\\", "/");
  published.set(path, await Deno.readTextFile(root + path));
}

Deno.test("floors - imports lead down or stay in the room, without a cycle", () => {
  assert(published.has("mod.ts") && published.has("net/dial.ts"));
  assertEquals(wrongImports(published), []);
});

Deno.test("floors - outside session/dev no module mentions a runtime's own names", () => {
  for (const [path, text] of published) {
    if (path.startsWith("session/dev/")) continue;
    assertEquals(foreignNames(text), [], path);
  }
});

Deno.test("floors - React is imported in one file", () => {
  const importing = [...published].filter(([, text]) =>
    /from "(npm:)?react[@"]/.test(text.replaceAll(/^ \*.*$/gm, ""))
  );
  assertEquals(importing.map(([path]) => path), ["react/react.ts"]);
});

Deno.test("floors - forbidden imports are found", () => {
  const modules = new Map([
    ["net/a.ts", 'import type {\n  A,\n} from "../session/pass/b.ts";\n'],
    [
      "session/pass/b.ts",
      'export * from "./c.ts";\nimport "../../types.ts";\n',
    ],
    ["session/pass/c.ts", 'import { B } from "./b.ts";\n'],
    ["client.ts", 'import { S } from "./server.ts";\n'],
  ]);
  assertEquals(wrongImports(modules), [
    "net/a.ts -> session/pass/b.ts",
    "client.ts -> server.ts",
    "session/pass/b.ts -> session/pass/c.ts -> session/pass/b.ts",
  ]);
  assertEquals(
    foreignNames(
      '/** Deno */\nimport "node:fs";\nprocess.exit("Buffer"); // Deno\n',
    ),
    ['"node:fs"', "process", "Deno"],
  );
});

Deno.test("floors - every file in the journeys of docs/architecture.md is there", () => {
  const page = Deno.readTextFileSync(`${root}docs/architecture.md`);
  const [journeys] = /^## Seven journeys$[^]*?(?=^## )/m.exec(page)!;
  let folder = "";
  const missing: string[] = [];
  for (const row of journeys.matchAll(/^\|.*/gm)) {
    for (const [, path] of row[0].matchAll(/`([\w./-]+\.ts)`/g)) {
      // A name without a folder is in the folder before it.
      const at = path!.lastIndexOf("/") + 1;
      if (at > 0) folder = path!.slice(0, at);
      const file = at > 0 || path === "types.ts" ? path! : folder + path;
      if (!exists(root + file)) missing.push(file);
    }
  }
  assertEquals(missing, []);
  assert(folder !== "", "no journey was found");
});
