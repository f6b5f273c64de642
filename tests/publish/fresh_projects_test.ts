/**
 * Types in projects as people create them: create-vite (React, Vue, Svelte), create-hono,
 * `deno init` and `bun init`. Each installs the packed tarball, gets programs that use the
 * package as such a project would, and runs its own type check, strict and with
 * `skipLibCheck: false`. Every declaration is checked then, other packages' too: with the
 * versions here, only Hono's has an error, in the project of `bun init`.
 *
 * create-hono downloads its templates from GitHub, which tests do not reach. The files
 * below are those of its version 0.19.5 (honojs/starter, branch v0.19), without styles,
 * readme and comments.
 *
 * A project gets the oldest version that its template allows, so that a release of
 * somebody else's cannot fail the gate.
 */
import { assert, assertEquals } from "@std/assert";
import testImports from "../imports.json" with { type: "json" };
import versions from "../versions.json" with { type: "json" };
import { blocks, modules } from "../kit/frameworks_guide.ts";
import { inPlaceOfJsr } from "../kit/jsr.ts";
import { npm, run, tarball } from "../kit/npm.ts";
import { folder } from "../kit/program.ts";
import { requireRuntime } from "../kit/runtimes.ts";
import {
  BUN_SERVER,
  DENO_SERVER,
  NODE_SERVER,
  PAGE,
  ROOM,
  ROOMS,
  WORKER,
} from "./fresh_programs.ts";

const TYPESCRIPT = "7.0.2";
/** What stands for a range without a full version. */
const LATEST: Record<string, string> = {
  "@types/bun@latest": "1.4.5",
  "typescript@^7": TYPESCRIPT,
};

/** The version of a package that tests use. */
function pinOf(name: keyof typeof testImports.imports): string {
  return testImports.imports[name].replace(/^.*@/, "");
}

/** What create-hono's templates share. */
const HONO = {
  version: "4.13.3",
  jsx: { jsx: "react-jsx", jsxImportSource: "hono/jsx" },
  app: `import { Hono } from 'hono'

const app = new Hono()

app.get('/', (c) => {
  return c.text('Hello Hono!')
})
`,
};

/** Asks for the package in a project's `package.json`; every other range is a version. */
async function ask(
  path: string,
  more: Record<string, string> = {},
): Promise<void> {
  const file = `${path}/package.json`;
  const manifest = JSON.parse(await Deno.readTextFile(file));
  for (const group of ["dependencies", "devDependencies", "peerDependencies"]) {
    for (const [name, range] of Object.entries<string>(manifest[group] ?? {})) {
      manifest[group][name] = LATEST[`${name}@${range}`] ??
        range.replace(/^[~^]/, "");
    }
  }
  manifest.dependencies = {
    ...manifest.dependencies,
    ...more,
    "@feedline/feedline": "file:feedline.tgz",
  };
  await Deno.writeTextFile(file, JSON.stringify(manifest));
  await Deno.writeFile(`${path}/feedline.tgz`, await tarball());
}

/** Makes a project's type check strict, declarations included. */
async function checkAll(tsconfig: string): Promise<void> {
  const text = await Deno.readTextFile(tsconfig);
  const changed = text
    .replaceAll(/"(strict|skipLibCheck)": \w+,?/g, "")
    .replace(
      '"compilerOptions": {',
      '$& "strict": true, "skipLibCheck": false,',
    );
  assert(changed.includes('"skipLibCheck": false'), text);
  await Deno.writeTextFile(tsconfig, changed);
}

async function write(
  path: string,
  files: Record<string, string | object>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === "string"
      ? content
      : JSON.stringify(content);
    await Deno.writeTextFile(`${path}/${name}`, text);
  }
}

const install = (path: string) =>
  run(
    path,
    "npm",
    "install",
    "--no-audit",
    "--no-fund",
    "--silent",
    "--prefer-offline",
    "--ignore-scripts",
  );

const compile = (path: string, program: string, ...args: string[]) =>
  run(path, `node_modules/.bin/${program}`, ...args);

/** A test that needs npm, in an empty folder. */
function fresh(name: string, body: (path: string) => Promise<void>): void {
  Deno.test({
    name: `fresh project - ${name}${npm ? "" : " (skipped: npm is not here)"}`,
    ignore: !npm && !Deno.env.has("CI"),
    async fn() {
      await using made = await folder();
      await body(made.path);
    },
  });
}

/** A project of create-vite with our page, not yet installed. */
async function vite(path: string, template: string): Promise<string> {
  await run(
    path,
    "npm",
    "create",
    "--yes",
    `vite@${versions["create-vite"]}`,
    "app",
    "--",
    `--template=${template}`,
    "--no-interactive",
  );
  const app = `${path}/app`;
  await ask(app);
  await checkAll(`${app}/tsconfig.app.json`);
  await Deno.writeTextFile(`${app}/src/page.ts`, PAGE);
  return app;
}

/** The component of docs/frameworks.md, in TypeScript, and its modules. */
function guided(language: "vue" | "svelte"): Record<string, string> {
  const { code } = blocks.find((block) => block.language === language)!;
  const store = `${language}_store.ts`;
  const component = code.replace(/<script( setup)?>/, '<script$1 lang="ts">');
  assert(component !== code, code);
  return {
    "src/live.ts": modules["live.ts"]!,
    [`src/${store}`]: modules[store]!,
    [`src/Room.${language}`]: component,
  };
}

fresh("create-vite react-ts", async (path) => {
  const app = await vite(path, "react-ts");
  await write(app, { "src/room.tsx": ROOM });
  await install(app);
  await compile(app, "tsc", "--noEmit", "--project", "tsconfig.app.json");
});

fresh("create-vite vue-ts", async (path) => {
  const app = await vite(path, "vue-ts");
  await write(app, guided("vue"));
  await install(app);
  await compile(app, "vue-tsc", "--noEmit", "--project", "tsconfig.app.json");
});

fresh("create-vite svelte-ts", async (path) => {
  const app = await vite(path, "svelte-ts");
  await write(app, guided("svelte"));
  await install(app);
  await compile(app, "svelte-check", "--tsconfig", "./tsconfig.app.json");
  // svelte-check reports nothing in declarations.
  await compile(app, "tsc", "--noEmit", "--project", "tsconfig.app.json");
});

fresh("create-hono cloudflare-workers", async (path) => {
  await Deno.mkdir(`${path}/src`);
  await write(path, {
    // Without wrangler, which the tests have already.
    "package.json": { type: "module", dependencies: { hono: HONO.version } },
    "tsconfig.json": {
      compilerOptions: {
        target: "ESNext",
        module: "ESNext",
        moduleResolution: "Bundler",
        strict: true,
        skipLibCheck: false,
        lib: ["ESNext"],
        ...HONO.jsx,
      },
    },
    "wrangler.jsonc": {
      name: "app",
      main: "src/index.ts",
      compatibility_date: "2025-08-03",
      send_metrics: false,
    },
    "src/index.ts": `${HONO.app}\nexport default app\n`,
    "src/rooms.ts": ROOMS,
    "src/worker.ts": WORKER,
  });
  await ask(path, { typescript: TYPESCRIPT, zod: pinOf("zod") });
  await install(path);
  // The template's script cf-typegen.
  await run(
    path,
    await requireRuntime("node"),
    await Deno.realPath(await requireRuntime("wrangler")),
    "types",
    "--env-interface=CloudflareBindings",
  );
  await compile(path, "tsc", "--noEmit");
});

fresh("create-hono nodejs", async (path) => {
  await Deno.mkdir(`${path}/src`);
  await write(path, {
    "package.json": {
      type: "module",
      dependencies: { "@hono/node-server": "2.1.1", hono: HONO.version },
      devDependencies: { "@types/node": "26.1.1", typescript: TYPESCRIPT },
    },
    "tsconfig.json": {
      compilerOptions: {
        target: "ESNext",
        module: "NodeNext",
        strict: true,
        verbatimModuleSyntax: true,
        skipLibCheck: false,
        types: ["node"],
        ...HONO.jsx,
        rootDir: "./src",
        outDir: "./dist",
      },
      exclude: ["node_modules"],
    },
    "src/index.ts":
      `import { serve } from '@hono/node-server'\n${HONO.app}\nserve({ fetch: app.fetch, port: 3000 })\n`,
    "src/rooms.ts": ROOMS,
    "src/server.ts": NODE_SERVER,
  });
  await ask(path, {
    "@types/ws": "8.18.2",
    ws: pinOf("ws"),
    zod: pinOf("zod"),
  });
  await install(path);
  await compile(path, "tsc", "--noEmit");
});

fresh("create-hono bun", async (path) => {
  await Deno.mkdir(`${path}/src`);
  await write(path, {
    "package.json": {
      dependencies: { hono: HONO.version },
      devDependencies: { "@types/bun": "latest" },
    },
    "tsconfig.json": {
      compilerOptions: {
        strict: true,
        skipLibCheck: false,
        types: ["bun"],
        ...HONO.jsx,
      },
    },
    "src/index.ts": `${HONO.app}\nexport default app\n`,
    "src/rooms.ts": ROOMS,
    "src/server.ts": BUN_SERVER,
  });
  await ask(path, { typescript: TYPESCRIPT, zod: pinOf("zod") });
  await run(path, await requireRuntime("bun"), "install", "--silent");
  await compile(path, "tsc", "--noEmit");
});

fresh("bun init", async (path) => {
  const bun = await requireRuntime("bun");
  await run(path, bun, "init", "--yes");
  await write(path, { "rooms.ts": ROOMS, "server.ts": BUN_SERVER });
  await ask(path, { hono: HONO.version, zod: pinOf("zod") });
  await checkAll(`${path}/tsconfig.json`);
  await run(path, bun, "install", "--silent");
  const { stdout, stderr } = await new Deno.Command("node_modules/.bin/tsc", {
    args: ["--noEmit"],
    cwd: path,
  }).output();
  const said = new TextDecoder().decode(stdout) +
    new TextDecoder().decode(stderr);
  // bun init asks for no types of the DOM, and Hono's declarations use one of them.
  const others = /^node_modules\/hono\/\S+ error TS2304: .*'BinaryType'\.$/;
  const lines = said.split("\n").filter((line) => line !== "");
  assertEquals(lines.filter((line) => !others.test(line)), []);
});

fresh("deno init, with the package from npm", async (path) => {
  await run(path, Deno.execPath(), "init");
  await write(path, {
    "rooms.ts": ROOMS,
    "server.ts": DENO_SERVER,
    "package.json": { type: "module" },
  });
  await ask(path, { hono: HONO.version, zod: pinOf("zod") });
  await install(path);
  const args = ["check", "--all", "--no-lock", "--node-modules-dir=manual"];
  await run(path, Deno.execPath(), ...args, "main.ts", "server.ts");
});

Deno.test("fresh project - create-hono deno, with the package from JSR", async () => {
  await using made = await folder();
  const { path } = made;
  await write(path, {
    "deno.json": {
      imports: await inPlaceOfJsr(`${path}/feedline/`),
      tasks: { start: "deno run --allow-net main.ts" },
      compilerOptions: { jsx: "precompile", jsxImportSource: "hono/jsx" },
      lock: false,
    },
    "main.ts": `${HONO.app}\nDeno.serve(app.fetch)\n`,
    "rooms.ts": ROOMS,
    "server.ts": DENO_SERVER,
  });
  const args = ["check", "--all", "main.ts", "server.ts"];
  assertEquals(await run(path, Deno.execPath(), ...args), "");
});
