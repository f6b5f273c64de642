/** The programs of the README and of the quick start, run as they stand there. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { deadline, delay } from "@std/async";
import { fileURLToPath as fromFileUrl } from "node:url";
import { SessionBackend } from "../client.ts";
import { feedmeClient, webSocketTransport } from "../feed/feedme/mod.ts";
import { Jamsocket } from "../server.ts";
import { type DevPlatform, startDevPlatform } from "../session/dev/mod.ts";
import type { ConnectResponse } from "../types.ts";
import { bundle } from "./kit/bundle.ts";
import { inChromium } from "./kit/chromium.ts";
import { config } from "./kit/config.ts";
import { ECHO, Peer } from "./dev/helpers.ts";
import { startProgram } from "./kit/program.ts";
import { type Found, runtime } from "./kit/runtimes.ts";

const root = new URL("..", import.meta.url);

/** The blocks of a page, by the names of files in their first lines. */
async function filesOf(page: string): Promise<Map<string, string>> {
  const text = await Deno.readTextFile(new URL(page, root));
  return new Map(
    [...text.matchAll(/```ts ignore\n([\s\S]*?)```/g)].flatMap(([, code]) => {
      const [, name = ""] = /^\/\/ (\w+\.ts)\n/.exec(code!) ?? [];
      return [[name, code!]];
    }),
  );
}

const readme = await filesOf("README.md");
const quickStart = await filesOf("docs/quick-start.md");
const [server, page, live, livePage] = [
  "server.ts",
  "page.ts",
  "backend.ts",
  "live.ts",
].map((name) => readme.get(name)!) as [string, string, string, string];
const backend = quickStart.get("backend.ts")!;
const files = new Map([...quickStart, ...readme]);
files.delete("");

Deno.test("README: its programs are those of the pages that explain them", async () => {
  const threeWays = await filesOf("docs/three-ways.md");
  for (const [name, code] of threeWays) assertEquals(code, readme.get(name));
  assertEquals([...threeWays.keys()], ["server.ts", "edge.ts", "page.ts"]);
  assertEquals(quickStart.get("edge.ts"), readme.get("edge.ts"));
  // The README's has no name, because its other backend has it.
  assertEquals(backend, `// backend.ts\n${readme.get("")}`);
});

/** A folder with a program in it, beside the files that it may import. */
async function written(
  code: string,
): Promise<{ path: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/example.ts`;
  await Deno.writeTextFile(path, code);
  for (const [name, code] of files) {
    await Deno.writeTextFile(`${folder}/${name}`, code);
  }
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function platformOf(module: string): Promise<DevPlatform> {
  return await startDevPlatform({
    module,
    config: fromFileUrl(new URL(config, root)),
    port: 0,
    proxyPort: 0,
  });
}

/** The code as for another port of the dev platform. */
function onPort(code: string, { apiUrl }: DevPlatform): string {
  assertStringIncludes(code, "{ dev: true }");
  return code.replaceAll(
    "{ dev: true }",
    `{ dev: true, port: ${new URL(apiUrl).port} }`,
  );
}

/** A deno that has the same packages as this one. */
function deno(args: string[], env: Record<string, string> = {}): Deno.Command {
  const [subcommand, ...rest] = args as [string, ...string[]];
  return new Deno.Command(Deno.execPath(), {
    args: [subcommand, `--config=${config}`, ...rest],
    cwd: root,
    env: { ...env, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  });
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

Deno.test("README: the server's lines spawn a backend, watch it and reach it", async () => {
  await using module = await written(backend);
  await using platform = await platformOf(module.path);
  await using main = await written(onPort(server, platform));
  const { stdout, stderr, success } = await deno(["run", "-A", main.path])
    .output();
  assert(success, text(stderr));
  const lines = text(stdout).trim().split("\n");
  assertEquals(lines.at(-1), "hello stranger");
  assertEquals(lines.slice(0, -1).map((line) => line.split(" ")[1]), [
    "scheduled",
    "loading",
    "starting",
    "waiting",
    "ready",
  ]);
});

Deno.test("README: live data crosses from the backend's lines to the page's", async () => {
  await using module = await written(live);
  await using platform = await platformOf(module.path);
  const engine = new Jamsocket({
    dev: true,
    port: Number(new URL(platform.apiUrl).port),
  });
  const answer = await engine.connect({ key: "room-1", user: "ada" });
  await using watched = new SessionBackend(answer);
  await watched.ready({ timeout: 30_000 });
  const declared = `const backend = ${JSON.stringify({ url: watched.url })};`;
  await using script = await written(`${declared}\n${livePage}`);
  await using client = feedmeClient({
    transport: webSocketTransport({ url: watched.url }),
  });
  client.connect();
  // Until the page has the feed open and says so.
  const writing = setInterval(
    () => client.action("write", { text: "hello" }).catch(() => {}),
    100,
  );
  try {
    const args = ["run", "-A", `--config=${config}`, script.path];
    await using program = await startProgram(Deno.execPath(), args);
    assertStringIncludes(program.said, "wrote {");
  } finally {
    clearInterval(writing);
  }
});

/** What runs each of the edges: Deno's subcommand, or another runtime. */
const EDGES: Record<string, "serve" | "run" | Found> = {
  "edge.ts": "serve",
  "main.ts": "run",
  "bun.ts": await runtime("bun"),
  "node.ts": await runtime("node"),
};

/** One of the edges, in a process of its own before the dev platform. */
async function startEdge(
  name: string,
  { apiUrl }: DevPlatform,
): Promise<{ origin: string } & AsyncDisposable> {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  const folder = await written(
    files.get(name)!.replace("port: 8000", `port: ${port}`),
  );
  const env = {
    JAMSOCKET_DEV: "true",
    JAMSOCKET_DEV_PORT: new URL(apiUrl).port,
    DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`,
    PORT: String(port),
  };
  const on = EDGES[name]!;
  let command: Deno.Command;
  if (typeof on === "string") command = deno([on, "-NE", folder.path], env);
  else {
    if ("missing" in on) throw new Error(on.missing);
    const bundled = `${folder.path}.mjs`;
    await Deno.writeFile(
      bundled,
      await bundle(folder.path, "--platform=deno"),
    );
    command = new Deno.Command(on.path, {
      args: [bundled],
      env,
      stdout: "piped",
      stderr: "piped",
    });
  }
  const child = command.spawn();
  const said = child.output();
  const origin = `http://127.0.0.1:${port}`;
  const end = async () => {
    try {
      child.kill();
    } catch {
      // It has ended by itself.
    }
    const { stdout, stderr } = await said;
    await folder[Symbol.asyncDispose]();
    return text(stdout) + text(stderr);
  };
  for (let i = 0;; i++) {
    const answer = await fetch(origin).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer) break;
    if (i === 400) throw new Error(await end());
    await delay(25);
  }
  return {
    origin,
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}

for (const [name, on] of Object.entries(EDGES)) {
  const missing = typeof on !== "string" && "missing" in on && on.missing;
  Deno.test({
    name: `Quick start: ${name} passes HTTP, status and WebSockets${
      missing ? ` (skipped: ${missing})` : ""
    }`,
    // In CI it is meant to be there, so that its absence is a failure.
    ignore: Boolean(missing) && !Deno.env.has("CI"),
    async fn() {
      await using platform = await platformOf(fromFileUrl(ECHO));
      await using edge = await startEdge(name, platform);
      const headers = { cookie: "session=1" };
      const connect = (headers = {}) =>
        fetch(`${edge.origin}/rooms/room-1/connect`, {
          method: "POST",
          headers,
        });
      const refused = await connect();
      await refused.body?.cancel();
      assertEquals(refused.status, 403);
      const answer: ConnectResponse = await (await connect(headers)).json();
      await using backend = new SessionBackend(answer, {
        fetch: (input, init) => fetch(input, { ...init, headers }),
      });
      await backend.ready({ timeout: 30_000 });
      const plain = await fetch(`${backend.url}a`, { headers });
      const seen = await plain.json();
      assertEquals([seen.path, seen.headers["x-verified-username"]], [
        "/a",
        "ada",
      ]);
      const peer = await Peer.open(`${backend.url}ws`, { init: { headers } });
      assertEquals(
        JSON.parse(await peer.next())["x-verified-username"],
        "ada",
      );
      peer.socket.send("there");
      assertEquals(await peer.next(), "there");
      await peer.close();
    },
  });
}

inChromium(
  "README: the page's lines work through the edge's",
  async (browser) => {
    await using module = await written(backend);
    await using platform = await platformOf(module.path);
    await using edge = await startEdge("edge.ts", platform);
    await using script = await written(page);
    const bundled = text(await bundle(script.path));
    const context = await browser.newContext();
    await context.addCookies([{
      name: "session",
      value: "1",
      url: edge.origin,
    }]);
    const tab = await context.newPage();
    const logged: string[] = [];
    tab.on("console", (message) => {
      if (message.type() === "log") logged.push(message.text());
    });
    await tab.route(`${edge.origin}/`, (route) =>
      route.fulfill({
        contentType: "text/html",
        body:
          `<script type="module">${bundled}\ndocument.title = "done"</script>`,
      }));
    await tab.goto(`${edge.origin}/`);
    await deadline(
      (async () => {
        while (!logged.includes("ready")) await delay(10);
      })(),
      20_000,
    );
    assertEquals(logged.slice(-5), [
      "scheduled",
      "loading",
      "starting",
      "waiting",
      "ready",
    ]);
    const { id } = platform.backends[0]!;
    await new Jamsocket({
      dev: true,
      port: Number(new URL(platform.apiUrl).port),
    }).terminate(id, { hard: true });
    await tab.waitForFunction('document.title === "done"');
  },
);
