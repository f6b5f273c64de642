/**
 * Importing does nothing: every entry point is loaded by workerd, which forbids
 * most effects while a worker's modules are evaluated, and by a module before
 * it that notes the ones workerd lets pass or a `catch` would hide.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { bundle } from "../kit/bundle.ts";
import { folder } from "../kit/program.ts";
import { path as workerd } from "../kit/workerd.ts";

const root = new URL("../../", import.meta.url);

/** Evaluated first: notes each effect that the entry point has on import. */
const WATCH = `
export const effects = [];
for (const [owner, names] of [
  [globalThis, ["addEventListener", "fetch", "setInterval", "setTimeout"]],
  [AbortSignal, ["timeout"]],
  [crypto, ["getRandomValues", "randomUUID"]],
  [Math, ["random"]],
]) {
  for (const name of names) {
    const own = owner[name];
    owner[name] = function (...args) {
      effects.push(name);
      return own.apply(this, args);
    };
  }
}`;

const MAIN = `
import { effects } from "watch.mjs";
import * as entry from "entry.mjs";

const imported = [...effects];
export default {
  test() {
    if (imported.length > 0) throw new Error("on import: " + imported);
    if (Object.keys(entry).length === 0) throw new Error("nothing exported");
  },
};`;

const CONFIG = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = .main)]);
const main :Workerd.Worker = (
  modules = [
    (name = "main.mjs", esModule = embed "main.mjs"),
    (name = "watch.mjs", esModule = embed "watch.mjs"),
    (name = "entry.mjs", esModule = embed "entry.mjs"),
  ],
  compatibilityDate = "2026-10-01",
  compatibilityFlags = ["no_nodejs_compat", "no_nodejs_compat_v2"],
);`;

/** Imports the text of a module in a worker: what is wrong with that, or "". */
async function importOnWorkerd(module: string | Uint8Array): Promise<string> {
  await using files = await folder({
    "main.mjs": MAIN,
    "watch.mjs": WATCH,
    "entry.mjs": module,
    "config.capnp": CONFIG,
  });
  const { success, stderr } = await new Deno.Command(workerd, {
    args: ["test", `${files.path}/config.capnp`],
  }).output();
  return success ? "" : new TextDecoder().decode(stderr);
}

const { exports }: { exports: Record<string, string> } = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", root)),
);
// The dev platform runs on Deno alone.
const { "./dev": _, ...portable } = exports;

/** What a dependency does on import, where we cannot keep it from that. */
const DEPENDENCIES: Record<string, string> = {
  // engine.io-client listens for `offline`, from its first line on.
  "./socketio": "on import: addEventListener\n",
};

for (const [name, path] of Object.entries(portable)) {
  const known = DEPENDENCIES[name];
  Deno.test(
    `import ${name} - nothing happens${
      known ? " but for a listener of its dependency" : ""
    }`,
    async () => {
      const effects = await importOnWorkerd(await bundle(path));
      if (known) assertStringIncludes(effects, known);
      else assertEquals(effects, "");
    },
  );
}

/** Modules that must fail the check, and what it says of each. */
const EFFECTS: [name: string, module: string, complaint: string][] = [
  ["starts a timer", "setTimeout(() => {}, 1);", "within global scope"],
  [
    "starts a timer and hides it",
    "try { setTimeout(() => {}, 1); } catch {}",
    "on import: setTimeout",
  ],
  ["draws a random number", "Math.random();", "on import: random"],
  ["draws random bytes", "crypto.randomUUID();", "within global scope"],
  ["fetches", "fetch('http://127.0.0.1:1/');", "on import: fetch"],
  ["dials", "new WebSocket('ws://127.0.0.1:1/');", "within global scope"],
  ["needs Node", "process.cwd();", "process is not defined"],
];
for (const [name, module, complaint] of EFFECTS) {
  Deno.test(`a module that ${name} on import fails this check`, async () => {
    assertStringIncludes(await importOnWorkerd(module), complaint);
  });
}

Deno.test("a module that only defines things passes this check", async () => {
  const module = "export const later = () => setTimeout(Math.random, 1);";
  assertEquals(await importOnWorkerd(module), "");
});
