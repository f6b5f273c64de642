/** What `--watch` takes for code, and that saved data ends no session. */
import { assertEquals } from "@std/assert";
import { isSource, sourceFolders } from "../../session/dev/sources.ts";
import { code, connect, ended, LISTEN, platform, states } from "./helpers.ts";
import { until } from "../kit/wait.ts";

Deno.test("dev watch - code and well-known configuration count, data does not", () => {
  const source = (path: string) =>
    isSource(`/home/dist/app/${path}`, "/home/dist/app");
  for (
    const path of [
      "server.mjs",
      "src/deep/er/main.py",
      "package.json",
      "packages/app/package.json",
      "deno.jsonc",
      "tsconfig.build.json",
      "Cargo.toml",
    ]
  ) assertEquals(source(path), true, path);
  for (
    const path of [
      "db.json",
      "data/doc.json",
      "state.yaml",
      "board.toml",
      "package-lock.json",
      "notes.txt",
      ".server.mjs.swp",
      ".#server.mjs",
      ".cache/x.js",
      "node_modules/x/index.js",
      "packages/app/node_modules/.vite/deps.js",
      "packages/app/node_modules/x/package.json",
      "packages/app/dist/bundle.js",
      "venv/lib/a.py",
    ]
  ) assertEquals(source(path), false, path);
});

async function folderWith(...paths: string[]): Promise<string> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  for (const path of paths) {
    await Deno.mkdir(`${root}/${path}`, { recursive: true });
  }
  return root;
}

Deno.test("dev watch - folders that tools fill are not watched", async () => {
  const root = await folderWith(
    "src/a/b",
    "node_modules/x",
    ".git/objects",
    "packages/app/node_modules/x",
    "packages/app/src/c",
    "packages/lib/src",
  );
  const { deep, flat } = sourceFolders(root);
  const below = (paths: string[]) =>
    paths.map((path) => path.slice(root.length)).sort();
  assertEquals(below(deep), ["/packages/app/src", "/packages/lib", "/src"]);
  assertEquals(below(flat), ["", "/packages", "/packages/app"]);
  await Deno.remove(root, { recursive: true });
});

Deno.test("dev watch - a session that saves its own data runs on; code in a new folder counts", async () => {
  const root = await folderWith("packages/app/node_modules/x", "data");
  const notes: string[] = [];
  await using dev = await platform({
    ...code(LISTEN),
    cwd: root,
    watch: true,
    onEvent(event) {
      if (event.type === "note") notes.push(event.text);
    },
  });
  const { status_url } = await connect(dev);
  await states(status_url, "ready");
  for (
    const path of [
      "db.json",
      "data/doc.json",
      "packages/app/node_modules/x/index.js",
      "packages/app/node_modules/x/package.json",
    ]
  ) await Deno.writeTextFile(`${root}/${path}`, "{}");
  // Long enough for the watch to tell, if it did.
  await new Promise((resolve) => setTimeout(resolve, 300));
  assertEquals(notes, []);
  await Deno.mkdir(`${root}/packages/app/src`);
  let version = 0;
  const touch = setInterval(
    () => Deno.writeTextFile(`${root}/packages/app/src/a.ts`, `${version++}`),
    400,
  );
  assertEquals((await ended(status_url)).termination_reason, "external");
  clearInterval(touch);
  await until(() => notes.length > 0, "the note");
  await dev.close();
  await Deno.remove(root, { recursive: true });
});
