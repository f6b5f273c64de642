/** The npm tarball, installed in empty projects: its types and what it does. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import * as esbuild from "esbuild";
import { gzipSync } from "node:zlib";
import { npm, run, tarball } from "../kit/npm.ts";
import { folder } from "../kit/program.ts";
import { requireRuntime, runtime } from "../kit/runtimes.ts";
import { startDevPlatform } from "../../session/dev/mod.ts";

const TYPESCRIPT = "typescript@7.0.2";
const WORKERS_TYPES = "@cloudflare/workers-types@5.20261117.1";

const { name, exports, imports } = JSON.parse(
  await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
);
/** What only applications with React can import. */
const hooks = [`${name}/react`, `${name}/socketio`];
/** What can be imported; the dev platform runs on Deno alone. */
const entries = Object.keys(exports).filter((path) => path !== "./dev")
  .map((path) => name + path.slice(1)).filter((path) => !hooks.includes(path));

const SOCKET_IO = "socket.io-client@4.8.4";
/** The types of React in both versions, as an application of either has them. */
const REACT_TYPES = [
  ["@types/react@18.3.32", "@types/react-dom@18.3.7"],
  ["@types/react@19.3.0", "@types/react-dom@19.3.0"],
] as const;

/** Hooks in JSX, in the words of users: what is right, and what is a mistake. */
const VIEW = `import {
  feedmeHooks, SessionBackendContext, SessionBackendProvider, useBackend,
  useConnectionState, useReady,
} from "${name}/react";
import { SocketIOContext, SocketIOProvider, useEventListener, useSend } from "${name}/socketio";
import type { ConnectResponse } from "${name}/types";

interface Chat {
  actions: { say: { args: { text: string }; data: { id: number } } };
  feeds: { room: { args: { id: string }; data: { lines: string[] } } };
}
const { FeedmeProvider, useAction, useFeed, useFeedmeClient } = feedmeHooks<Chat>();

export function App({ answer }: { answer: ConnectResponse }) {
  return (
    <SessionBackendProvider connectResponse={answer}>
      <FeedmeProvider client={() => null!}>
        <SocketIOProvider url={answer.url}><View />text</SocketIOProvider>
      </FeedmeProvider>
      <SessionBackendContext.Provider value={null}>{[1, "a"]}</SessionBackendContext.Provider>
    </SessionBackendProvider>
  );
}
export function View() {
  const ready: boolean = useReady();
  const url: string | undefined = useBackend()?.url;
  const { data, error } = useFeed("room", { id: "7" }, { select: ({ lines }) => lines.length });
  const count: number | undefined = data;
  const { data: sure } = useFeed("room", { id: "7" }, { suspense: true });
  const line: string | undefined = sure.lines[0];
  const { run, pending } = useAction("say", {
    feed: "room", args: { id: "7" },
    optimistic: ({ lines }, { text }) => ({ lines: [...lines, text] }),
  });
  const id = async () => (await run({ text: "a" })).id.toFixed();
  const send = useSend<{ x: number }>();
  useEventListener<{ x: number }>("moved", ({ x }) => send("moved", { x }));
  const state: "disconnected" | "connecting" | "connected" | undefined =
    useConnectionState(useFeedmeClient());
  // @ts-expect-error no such feed
  useFeed("hall", {});
  // @ts-expect-error no such argument
  useFeed("room", { name: "7" });
  // @ts-expect-error no text
  run({ text: 7 });
  // @ts-expect-error the arguments of another feed
  useAction("say", { feed: "room", args: { name: "7" }, optimistic: (data) => data });
  // @ts-expect-error other data
  useAction("say", { feed: "room", args: { id: "7" }, optimistic: () => ({ rows: [] }) });
  // @ts-expect-error which feed
  useAction("say", { optimistic: (data) => data });
  // @ts-expect-error another message
  send("moved", { y: 1 });
  // @ts-expect-error neither a response nor a way to get one
  const nothing = <SessionBackendProvider />;
  return <p title={url}>{ready}{count}{line}{pending}{error?.code}{state}{String(id)}{nothing}{String(SocketIOContext)}</p>;
}
`;

/**
 * The route in a CommonJS application, whose `require("hono")` is another copy
 * of Hono than the one that the package imports.
 */
const MOUNTED = `const { Hono } = require("hono");
const { sessionProxy } = require("${name}/proxy");
const engine = {
  origins: ["http://127.0.0.1:9"],
  connect: async () => ({
    backend_id: "b1", spawned: false, status: "ready", token: "t-token",
    url: "http://127.0.0.1:9/t-token/", secret_token: null, status_url: "", ready_url: "",
  }),
};
const app = new Hono();
app.route("/rooms", sessionProxy({ engine, authorize: () => ({ user: "ada" }) }));
app.request("http://x/rooms/a/connect", { method: "POST" })
  .then(async (answer) => console.log((await answer.json()).url));
`;

/** What `await using` takes, where the compiler knows of it. */
const DISPOSABLE = `import { SessionBackend } from "${name}/client";
import { feedmeClient, webSocketTransport } from "${name}/feed/feedme";
import { feedmeServer } from "${name}/feed/feedme/server";
import { create } from "${name}/feed/socketcluster";
const client = feedmeClient({ transport: webSocketTransport({ url: "" }) });
const socket = create();
export const all: AsyncDisposable[] = [
  client,
  client.feed("any", {}),
  socket,
  socket.channel("any").createConsumer(),
  null! as SessionBackend,
  null! as ReturnType<typeof feedmeServer>,
];
`;

/** An empty project with the tarball and the consumer's program in it. */
async function project(
  manager: string,
  ...packages: string[]
): Promise<{ path: string } & AsyncDisposable> {
  const made = await folder();
  const { path } = made;
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
    `${path}/entries.ts`,
    entries.map((name, index) => `export * as entry${index} from "${name}";\n`)
      .join(""),
  );
  await Deno.writeTextFile(
    `${path}/main.mjs`,
    'import { use } from "./consumer.ts";\n' +
      'import * as entries from "./entries.ts";\n' +
      "const used = await use(Number(process.argv[2]));\n" +
      "const count = Object.keys(entries).length;\n" +
      "console.log(JSON.stringify({ ...used, entries: count }));\n",
  );
  await Deno.writeTextFile(
    `${path}/required.cjs`,
    `const all = ${JSON.stringify(entries)}.map((name) => require(name));\n` +
      "console.log(all.every((entry) => Object.keys(entry).length > 0));\n" +
      MOUNTED,
  );
  const add = manager === "npm"
    ? ["install", "--no-audit", "--no-fund", "--silent"]
    : ["add", "--silent"]; // Bun
  await run(path, manager, ...add, "./feedline.tgz", ...packages);
  return made;
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
    entries: entries.length,
  });
  assertEquals(
    (await run(path, command, "required.cjs")).trim(),
    "true\nhttp://x/rooms/a/backend/",
  );
}

for (const name of ["node", "bun"] as const) {
  const found = await runtime(name);
  const missing = !npm
    ? "npm is not here"
    : "missing" in found && found.missing;
  Deno.test({
    name: `npm tarball - in an empty ${name} project${
      missing ? ` (skipped: ${missing})` : ""
    }`,
    ignore: Boolean(missing) && !Deno.env.has("CI"),
    async fn() {
      if ("missing" in found) throw new Error(found.missing);
      await using app = await project(name === "bun" ? found.path : "npm");
      await works(app.path, found.path);
    },
  });
}

// Deno's own types: the gate checks consumer.ts like every other file.
/** Checks a project's files with TypeScript, the package's declarations among them. */
async function checkTypes(
  path: string,
  compilerOptions: Record<string, unknown>,
  files: string[],
): Promise<void> {
  await Deno.writeTextFile(
    `${path}/tsconfig.json`,
    JSON.stringify({
      compilerOptions: {
        module: "nodenext",
        strict: true,
        // The declarations themselves are what is checked.
        skipLibCheck: false,
        noEmit: true,
        ...compilerOptions,
      },
      files,
    }),
  );
  await run(path, "node_modules/.bin/tsc", "--project", ".");
}

Deno.test({
  name: npm
    ? "npm tarball - its types, with the DOM's alone, with Workers' alone, and of ES2022"
    : "npm tarball - its types (skipped: npm is not here)",
  ignore: !npm && !Deno.env.has("CI"),
  async fn() {
    await using app = await project("npm", TYPESCRIPT, WORKERS_TYPES);
    await Deno.copyFile(
      new URL("migrated.ts", import.meta.url),
      `${app.path}/migrated.ts`,
    );
    for (
      const platform of [
        { lib: ["esnext", "dom", "dom.iterable"], types: [] },
        { lib: ["esnext"], types: ["@cloudflare/workers-types"] },
      ]
    ) {
      for (const exactOptionalPropertyTypes of [true, false]) {
        await checkTypes(app.path, {
          ...platform,
          target: "esnext",
          exactOptionalPropertyTypes,
        }, [
          "entries.ts",
          "migrated.ts",
          // Some of the mistakes in it are none without that option.
          ...(exactOptionalPropertyTypes ? ["consumer.ts"] : []),
        ]);
      }
    }
    // An application that asks for no more than browsers of 2023 have.
    const es2022 = { target: "es2022", lib: ["es2022", "dom"], types: [] };
    await checkTypes(app.path, es2022, ["entries.ts"]);
    await checkTypes(app.path, {
      ...es2022,
      module: "esnext",
      moduleResolution: "bundler",
    }, ["entries.ts"]);
    // With types of `await using`, whatever is kept open fits them.
    await Deno.writeTextFile(`${app.path}/disposable.ts`, DISPOSABLE);
    await checkTypes(app.path, {
      ...es2022,
      lib: [...es2022.lib, "esnext.disposable"],
    }, ["disposable.ts"]);
  },
});

Deno.test({
  name: npm
    ? "npm tarball - the types of its hooks, with React 18 and React 19"
    : "npm tarball - the types of its hooks (skipped: npm is not here)",
  ignore: !npm && !Deno.env.has("CI"),
  async fn() {
    for (const types of REACT_TYPES) {
      const [react, dom] = types;
      const version = react.replace("@types/react@", "").split(".")[0]!;
      await using app = await project(
        "npm",
        TYPESCRIPT,
        SOCKET_IO,
        `react@${version}`,
        react,
        dom,
      );
      await Deno.writeTextFile(`${app.path}/view.tsx`, VIEW);
      for (const exactOptionalPropertyTypes of [true, false]) {
        await checkTypes(app.path, {
          target: "es2022",
          lib: ["es2022", "dom"],
          types: [],
          jsx: "react-jsx",
          exactOptionalPropertyTypes,
        }, ["view.tsx"]);
      }
    }
  },
});

Deno.test({
  name: npm
    ? "npm tarball - its hooks render on Node, with React 18 and React 19, required too"
    : "npm tarball - its hooks on Node (skipped: npm is not here)",
  ignore: !npm && !Deno.env.has("CI"),
  async fn() {
    const node = await requireRuntime("node");
    for (const version of ["18.0.0", "19.3.1"]) {
      await using app = await project(
        "npm",
        SOCKET_IO,
        `react@${version}`,
        `react-dom@${version}`,
      );
      const body = `
        const answer = { backend_id: "b", spawned: false, status: "ready", token: "",
          url: "http://x/", status_url: "http://x/status", ready_url: "" };
        const Shown = () => createElement("b", null, String(useReady()));
        console.log(renderToString(createElement(SessionBackendProvider,
          { connectResponse: answer }, createElement(Shown))), typeof SocketIOProvider);`;
      await Deno.writeTextFile(
        `${app.path}/rendered.mjs`,
        `import { createElement } from "react";
        import { renderToString } from "react-dom/server";
        import { SessionBackendProvider, useReady } from "${name}/react";
        import { SocketIOProvider } from "${name}/socketio";${body}`,
      );
      await Deno.writeTextFile(
        `${app.path}/rendered.cjs`,
        `const { createElement } = require("react");
        const { renderToString } = require("react-dom/server");
        const { SessionBackendProvider, useReady } = require("${name}/react");
        const { SocketIOProvider } = require("${name}/socketio");${body}`,
      );
      for (const file of ["rendered.mjs", "rendered.cjs"]) {
        assertEquals(
          (await run(app.path, node, file)).trim(),
          "<b>true</b> function",
        );
      }
    }
  },
});

Deno.test({
  name: `npm tarball - beside the oldest Hono 4, an ES module or not${
    npm ? "" : " (skipped: npm is not here)"
  }`,
  ignore: !npm && !Deno.env.has("CI"),
  async fn() {
    await using app = await project("npm", "hono@4.0.0");
    const path = await requireRuntime("node");
    const hono = `${app.path}/node_modules/hono/package.json`;
    assertEquals(JSON.parse(await Deno.readTextFile(hono)).version, "4.0.0");
    assertEquals(
      (await run(app.path, path, "required.cjs")).trim(),
      "true\nhttp://x/rooms/a/backend/",
    );
    await Deno.writeTextFile(
      `${app.path}/mounted.mjs`,
      `import { Hono } from "hono";
      import { sessionProxy } from "@feedline/feedline/proxy";
      const engine = { origins: ["http://x"], connect: () => ({
        backend_id: "b", status: "ready", token: "t", url: "http://x/t/" }) };
      const authorize = () => ({ user: "ada" });
      const app = new Hono().route("/s", sessionProxy({ engine, authorize }));
      const answer = await app.request("http://y/s/a/connect", { method: "POST" });
      console.log((await answer.json()).url);`,
    );
    assertEquals(
      (await run(app.path, path, "mounted.mjs")).trim(),
      "http://y/s/a/backend/",
    );
  },
});

/** The tarball's files in a folder. */
async function unpacked(): Promise<{ path: string } & AsyncDisposable> {
  const made = await folder();
  await Deno.writeFile(`${made.path}/feedline.tgz`, await tarball());
  await run(made.path, "tar", "xzf", "feedline.tgz");
  return { ...made, path: `${made.path}/package` };
}

Deno.test("npm tarball - its package.json has what npm and bundlers need", async () => {
  await using files = await unpacked();
  const manifest = JSON.parse(
    await Deno.readTextFile(`${files.path}/package.json`),
  );
  assertEquals(manifest.name, "@feedline/feedline");
  assertEquals(manifest.license, "MIT");
  assert(manifest.description.length > 40, manifest.description);
  assert(manifest.keywords.length > 5, manifest.keywords.join());
  assertMatch(manifest.homepage, /^https:/);
  assertEquals(manifest.repository.type, "git");
  assertMatch(manifest.repository.url, /^git\+https:.+\.git$/);
  assertEquals(manifest.engines, { node: ">=22.12" });
  assertEquals(manifest.sideEffects, false);
  // Ranges as in deno.json; Hono is the application's own, any of version 4.
  assertEquals(manifest.peerDependencies, {
    hono: "^4.0",
    react: "^18.0 || ^19.0",
    "socket.io-client": "^4.8",
  });
  assertEquals(manifest.peerDependenciesMeta, {
    react: { optional: true },
    "socket.io-client": { optional: true },
  });
  assertEquals(Object.keys(manifest.dependencies).sort(), [
    "eventsource-parser",
    "zod",
  ]);
  for (const [name, range] of Object.entries(manifest.dependencies)) {
    assertEquals(`npm:${name}@${range}`, imports[name]);
  }
});

Deno.test({
  name: `npm tarball - a bundle takes only what it uses${
    npm ? "" : " (skipped: npm is not here)"
  }`,
  ignore: !npm && !Deno.env.has("CI"),
  async fn() {
    await using app = await project("npm");
    const size = async (entry: string) => {
      const { outputFiles } = await esbuild.build({
        stdin: {
          contents: `import { SessionBackend } from "${entry}";
            new SessionBackend(JSON.parse(document.title));`,
          resolveDir: app.path,
        },
        bundle: true,
        minify: true,
        format: "esm",
        write: false,
      });
      return gzipSync(outputFiles[0]!.contents, { level: 9 }).byteLength;
    };
    try {
      const client = await size(`${name}/client`);
      const root = await size(name);
      assert(client > 1_000, `${client} bytes`);
      assert(root <= client * 1.2, `root: ${root}, client: ${client} bytes`);
    } finally {
      await esbuild.stop();
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

Deno.test("npm tarball - has the pages that its README names, and npm's commands in it", async () => {
  await using files = await unpacked();
  const readme = await Deno.readTextFile(`${files.path}/README.md`);
  const links = [...readme.matchAll(/\]\(([^):#]+)[^):]*\)/g)];
  assert(links.length > 5, `${links.length} links`);
  for (const [, link] of links) {
    assert((await Deno.stat(`${files.path}/${link}`)).isFile, link);
  }
  assert(readme.includes("npm install @feedline/feedline hono\n"));
  assert(!/jsr add|jsr:|@hono\/hono/.test(readme));
});

Deno.test("npm tarball - has the schema of feedline.json, where docs/command.md says", async () => {
  await using files = await unpacked();
  const page = await Deno.readTextFile(`${files.path}/docs/command.md`);
  const path = /"\.\/node_modules\/@feedline\/feedline\/([^"]+)"/.exec(page);
  const schema = await Deno.readTextFile(`${files.path}/${path?.[1]}`);
  assertEquals(JSON.parse(schema).title, "feedline.json");
});
