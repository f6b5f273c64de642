/** The npm tarball, installed in empty projects: its types and what it does. */
import { assert, assertEquals } from "@std/assert";
import { pack } from "../../tools/pack.ts";
import { startDevPlatform } from "../../session/dev/mod.ts";

const TYPESCRIPT = "typescript@7.0.2";
const WORKERS_TYPES = "@cloudflare/workers-types@5.20261117.1";

/** An empty folder, gone at the end. */
async function tempFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** The tarball's bytes, packed once. */
let packed: Promise<Uint8Array> | undefined;
function tarball(): Promise<Uint8Array> {
  return packed ??= (async () => {
    await using folder = await tempFolder();
    await pack(`${folder.path}/feedline.tgz`);
    return await Deno.readFile(`${folder.path}/feedline.tgz`);
  })();
}

/** What a command prints; its failure is the test's. */
async function run(
  cwd: string,
  command: string,
  ...args: string[]
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd,
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert(
    success,
    `${[command, ...args].join(" ")}:\n${text}${
      new TextDecoder().decode(stderr)
    }`,
  );
  return text;
}

async function version(command: string): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command(command, { args: ["--version"] })
      .output();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return undefined;
  }
}

/** An empty project with the tarball and the consumer's program in it. */
async function project(
  manager: "npm" | "bun",
  ...packages: string[]
): Promise<{ path: string } & AsyncDisposable> {
  const folder = await tempFolder();
  const { path } = folder;
  await Deno.writeFile(`${path}/feedline.tgz`, await tarball());
  await Deno.writeTextFile(
    `${path}/package.json`,
    JSON.stringify({ private: true, type: "module" }),
  );
  const consumer = new URL("consumer.ts", import.meta.url);
  await Deno.writeTextFile(
    `${path}/consumer.ts`,
    (await Deno.readTextFile(consumer)).replace('"@hono/hono"', '"hono"'),
  );
  await Deno.writeTextFile(
    `${path}/main.mjs`,
    'import { use } from "./consumer.ts";\n' +
      "console.log(JSON.stringify(await use(Number(process.argv[2]))));\n",
  );
  const add = manager === "npm"
    ? ["install", "--no-audit", "--no-fund", "--silent"]
    : ["add", "--silent"];
  await run(path, manager, ...add, "./feedline.tgz", ...packages);
  return folder;
}

/** The consumer's program does what it should. */
async function works(path: string, command: string): Promise<void> {
  await Deno.writeTextFile(
    `${path}/backend.ts`,
    `Deno.serve({ port: Number(Deno.env.get("PORT")) }, ({ headers }) =>
      new Response("hello " + headers.get("x-verified-username")));`,
  );
  await using platform = await startDevPlatform({
    module: `${path}/backend.ts`,
    port: 0,
    proxyPort: 0,
  });
  const { port } = new URL(platform.apiUrl);
  assertEquals(JSON.parse(await run(path, command, "main.mjs", port)), {
    statuses: ["scheduled", "loading", "starting", "waiting", "ready"],
    connected: true,
    greeting: "hello ada",
    user: "ada",
    unknown: 404,
    exports: ["function", "function"],
  });
}

// From 24 on every version of Node runs TypeScript as it is.
const named = Deno.env.get("FEEDLINE_NODE");
let node = named;
for (const command of named ? [] : ["node"]) {
  const found = await version(command);
  if (Number(/^v(\d+)/.exec(found ?? "")?.[1]) >= 24) node = command;
}
const bun = await version("bun");
const npm = await version("npm");

Deno.test({
  name: npm && node
    ? "npm tarball - in an empty Node project"
    : "npm tarball - in an empty Node project (needs npm and Node 24: FEEDLINE_NODE)",
  ignore: !npm || !node,
  async fn() {
    await using app = await project("npm");
    await works(app.path, node!);
  },
});

Deno.test({
  name: bun
    ? "npm tarball - in an empty Bun project"
    : "npm tarball - in an empty Bun project (needs bun)",
  ignore: !bun,
  async fn() {
    await using app = await project("bun");
    await works(app.path, "bun");
  },
});

// Deno's own types: the gate checks consumer.ts like every other file.
Deno.test({
  name: npm
    ? "npm tarball - its types, with the DOM's alone and with Workers' alone"
    : "npm tarball - its types (needs npm)",
  ignore: !npm,
  async fn() {
    await using app = await project("npm", TYPESCRIPT, WORKERS_TYPES);
    for (
      const platform of [
        { lib: ["esnext", "dom", "dom.iterable"], types: [] },
        { lib: ["esnext"], types: ["@cloudflare/workers-types"] },
      ]
    ) {
      await Deno.writeTextFile(
        `${app.path}/tsconfig.json`,
        JSON.stringify({
          compilerOptions: {
            ...platform,
            module: "nodenext",
            target: "esnext",
            strict: true,
            exactOptionalPropertyTypes: true,
            // The declarations themselves are what is checked.
            skipLibCheck: false,
            noEmit: true,
          },
          files: ["consumer.ts"],
        }),
      );
      await run(app.path, "node_modules/.bin/tsc", "--project", ".");
    }
  },
});

Deno.test("npm tarball - names no folder of the machine, and nothing that is not published", async () => {
  const bytes = await new Response(
    new Blob([await tarball() as Uint8Array<ArrayBuffer>]).stream()
      .pipeThrough(new DecompressionStream("gzip")),
  ).text();
  assert(!bytes.includes("file://"));
  assert(!bytes.includes('"@hono/hono'));
  assert(!bytes.includes("package/tests/"));
});
