/**
 * The example's edge on each runtime it is written for, in a process of its own,
 * with the real engine before a platform of HTTP and a backend of real sockets.
 */
import workerd from "workerd";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { SessionBackend } from "../../client.ts";
import { config } from "../config.ts";
import type { ConnectResponse } from "../../types.ts";
import {
  HANDSHAKE,
  open,
  raw,
  ScriptedEngine,
  serve,
  type Server,
  startBackend,
  until,
} from "./support.ts";

const root = new URL("../../", import.meta.url);
/** The platform's HTTP API before a scripted engine. */
function startPlatform() {
  const backend = startBackend();
  const engine = new ScriptedEngine(backend);
  const api = serve(async (request) => {
    const { pathname } = new URL(request.url);
    try {
      if (pathname.endsWith("/connect")) {
        return Response.json(await engine.connect(await request.json()));
      }
      const [, , , backendId] = pathname.split("/");
      if (pathname.endsWith("/status")) {
        return Response.json(await engine.status(backendId!));
      }
      const states = engine.statuses(backendId!, { signal: request.signal });
      const encoder = new TextEncoder();
      return new Response(
        new ReadableStream({
          async pull(stream) {
            const { done, value } = await states.next();
            if (done) return stream.close();
            stream.enqueue(
              encoder.encode(`data: ${JSON.stringify(value)}\n\n`),
            );
          },
        }),
        { headers: { "content-type": "text/event-stream" } },
      );
    } catch (error) {
      return Response.json({ error: { message: String(error) } }, {
        status: (error as { code?: number }).code ?? 500,
      });
    }
  });
  return {
    backend,
    engine,
    port: api.port,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

type Platform = ReturnType<typeof startPlatform>;

/** A process that says on which port it listens, in its first line. */
async function startProcess(
  command: string,
  args: string[],
  env: Record<string, string>,
): Promise<Server> {
  const child = new Deno.Command(command, {
    args,
    env: { ...env, JAMSOCKET_DEV: "true" },
    cwd: root,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      text += chunk;
    }
  };
  // To their ends, or the pipes would fill.
  const drained = Promise.all([read(child.stdout), read(child.stderr)]);
  const said = () => /(?:on |port":|0\.0\.0\.0:)(\d+)/.exec(text);
  await until(() => said() !== null, `${command} said its port`, 20_000)
    .catch((error) => {
      child.kill("SIGKILL");
      throw new Error(text, { cause: error });
    });
  const port = said()!;
  return {
    port: Number(port[1]),
    origin: `http://127.0.0.1:${port[1]}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await drained;
    },
  };
}

/** One file of the entry and all it imports, in a folder of its own. */
async function bundle(entry: string, platform: string): Promise<string> {
  const folder = await Deno.makeTempDir();
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      `--config=${config}`,
      `--platform=${platform}`,
      `--output=${folder}/edge.mjs`,
      entry,
    ],
    cwd: root,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return folder;
}

interface Differences {
  /** Whether the runtime passes sockets on itself, so that no limit of ours counts. */
  native?: boolean;
  /** What the backend sees where the client sent 1001, 1009, 1011 or 1013. */
  code: (code: number) => number;
  /**
   * The answer where the client offers subprotocols and the backend chooses
   * none. Browsers refuse that; so do the outgoing sockets of Bun and Node.
   */
  none: 101 | 502;
}

/** What holds on every runtime. */
async function conforms(
  edge: Server,
  { backend, engine }: Platform,
  { native, code, none }: Differences,
): Promise<void> {
  const texts: string[] = [];
  const room = `${edge.origin}/rooms/lobby`;
  const signIn = await fetch(`${edge.origin}/sign-in/ada`, { method: "POST" });
  await signIn.body?.cancel();
  const cookie = signIn.headers.get("set-cookie")!.split(";")[0]!;
  const headers = { cookie };
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(room + path, {
      ...init,
      headers: { ...headers, ...init.headers },
    });
    texts.push(JSON.stringify([...response.headers]));
    return response;
  };
  const ws = (path: string, protocols: string[] = []) =>
    open(`${room}/backend/${path}`, protocols, headers);

  // Nobody enters without a name, and no page of another origin.
  for (const path of ["/status", "/backend/x"]) {
    const response = await fetch(room + path);
    assertEquals(response.status, 403);
    await response.body?.cancel();
  }
  const target = "/rooms/lobby/backend/ws";
  assertEquals((await raw(edge, target, [...HANDSHAKE])).status, 403);
  const foreign = [`cookie: ${cookie}`, "origin: https://evil.example"];
  assertEquals(
    (await raw(edge, target, [...HANDSHAKE, ...foreign])).status,
    403,
  );
  assertEquals([engine.requests, backend.seen], [[], []]);

  // Connect, and watch it as a page does.
  const connected = await get("/connect", { method: "POST" });
  const answer: ConnectResponse = await connected.json();
  assertEquals(answer.url, `${room}/backend/`);
  assertEquals([answer.token, answer.secret_token], ["", null]);
  assertEquals(engine.requests[0]?.key, "room-lobby");
  assertEquals(engine.requests[0]?.user, "ada");
  const session = new SessionBackend(
    { ...answer, status: "scheduled" },
    {
      fetch: (input, init) =>
        fetch(input, {
          ...init,
          headers: {
            ...Object.fromEntries(new Headers(init?.headers)),
            cookie,
          },
        }),
    },
  );
  await session.ready({ timeout: 10_000 });
  session.destroy();
  assertEquals((await (await get("/status")).json()).status, "ready");
  await until(() => engine.following === 0, "the stream has ended", 15_000);

  // HTTP: what crosses, and how.
  const plain = await get("/backend/a%2Fb?x=%2F", {
    headers: {
      "x-verified-username": "mallory",
      "x-forwarded-for": "10.0.0.1",
      "x-app": "1",
    },
  });
  assertEquals(plain.headers.get("cache-control"), "no-store");
  const seen = await plain.json();
  assertMatch(seen.url, /^\/TOKEN-[^/]+\/a%2Fb\?x=%2F$/);
  const crossed = Object.fromEntries(seen.headers);
  assertEquals(crossed["x-app"], "1");
  for (const name of ["x-verified-username", "cookie", "authorization"]) {
    assertEquals(crossed[name], undefined, name);
  }
  assert(!String(crossed["x-forwarded-for"]).includes("10.0.0.1"));
  assertEquals(
    await (await get("/backend/gzip")).text(),
    "hello ".repeat(1000),
  );
  const big = new Uint8Array(300_000).fill(7);
  const echoed = await get("/backend/echo", { method: "POST", body: big });
  assertEquals(await echoed.bytes(), big);
  const moved = await get("/backend/redirect?to=%2FTOKEN%2Fx", {
    redirect: "manual",
  });
  await moved.body?.cancel();
  assertEquals(moved.headers.get("location"), "/rooms/lobby/backend/x");
  for (const path of ["..%2fx", "%252e%252e%252fx", "%5cx"]) {
    const { status } = await raw(edge, `/rooms/lobby/backend/${path}`, [
      `cookie: ${cookie}`,
    ]);
    assertEquals(status, 400, path);
  }

  // A stream comes piece by piece, and leaving it is noticed.
  const controller = new AbortController();
  const ticks = await get("/backend/ticks?every=20", {
    signal: controller.signal,
  });
  const reader = ticks.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("data: 2\n\n")) text += (await reader.read()).value;
  controller.abort();
  await reader.closed.catch(() => {});
  await until(() => backend.cancelled === 1, "the backend knows", 15_000);

  // A revoked token is not the client's concern.
  backend.tokens.clear();
  assertEquals((await (await get("/backend/x")).json()).method, "GET");
  backend.tokens.clear();
  {
    await using client = await ws("ws");
    client.socket.send("there");
    assertEquals(await client.next(), "there");
  }

  // WebSocket: subprotocol, first words, both kinds of messages, order.
  {
    await using client = await ws("hello?choose=b", ["a", "b"]);
    assertEquals(client.socket.protocol, "b");
    const first = JSON.parse(await client.next() as string);
    assertEquals([first.cookie, first["x-verified-username"]], [
      undefined,
      undefined,
    ]);
    for (let index = 0; index < 200; index++) {
      client.socket.send(index % 2 ? String(index) : new Uint8Array([index]));
    }
    for (let index = 0; index < 200; index++) {
      const message = await client.next();
      assertEquals(
        typeof message === "string"
          ? Number(message)
          : new Uint8Array(message)[0],
        index,
      );
    }
  }
  const bare = await raw(edge, target, [
    ...HANDSHAKE,
    `cookie: ${cookie}`,
    "sec-websocket-protocol: name.v1, SECRET-token",
  ]);
  assertEquals(bare.status, none);
  assert(!bare.head.includes("sec-websocket-protocol"));
  texts.push(bare.head);
  await until(() => backend.sockets.size === 0, "the lost client is noticed");

  // How sockets end.
  for (const sent of [1000, 1001, 1011, 4321]) {
    await using client = await ws(`close?code=${sent}&reason=bye`);
    assertEquals(await client.closed, [sent, "bye"]);
  }
  for (
    const [sent, expected] of [[1000, 1000], [4321, 4321]] as const
  ) {
    await until(() => backend.sockets.size === 0, "all others have ended");
    backend.closed.length = 0;
    const client = await ws("ws");
    client.socket.close(sent, "bye");
    await client.closed;
    await until(() => backend.closed.length > 0, "the backend knows");
    assertEquals(backend.closed, [[expected, "bye"]]);
  }

  if (!native) {
    // Too long a message, either way.
    backend.closed.length = 0;
    await using client = await ws("size");
    client.socket.send(new Uint8Array(16 * 1024 ** 2));
    assertEquals(await client.next(), String(16 * 1024 ** 2));
    client.socket.send(new Uint8Array(16 * 1024 ** 2 + 1));
    assertEquals((await client.closed)[0], 1009);
    await until(() => backend.closed.length === 1, "the backend knows");
    assertEquals(backend.closed[0]?.[0], code(1009));

    // A reader who never reads: 300 MB wait in the backend, not in the edge.
    backend.closed.length = 0;
    using connection = await Deno.connect({
      hostname: "127.0.0.1",
      port: edge.port,
    });
    const lines = [
      "GET /rooms/lobby/backend/flood?bytes=300000000 HTTP/1.1",
      "host: x",
      `cookie: ${cookie}`,
      ...HANDSHAKE,
    ];
    await connection.write(
      new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"),
    );
    await until(
      () => backend.closed.length === 1,
      "the slow reader was given up",
      30_000,
    );
    assertEquals(backend.closed[0]?.[0], code(1013));
  }

  for (const shown of texts) {
    assertEquals(/TOKEN-|SECRET/i.test(shown), false, shown);
  }
}

async function works(command: string, args: string[]): Promise<string> {
  try {
    const { success, stdout } = await new Deno.Command(command, { args })
      .output();
    return success ? new TextDecoder().decode(stdout).trim() : "";
  } catch {
    return "";
  }
}

const bun = await works("bun", ["--version"]) ? "bun" : undefined;
// The first version with a WebSocket of its own is 22.
const nodes = [Deno.env.get("FEEDLINE_NODE") ?? "", "node"];
let node: string | undefined;
for (const command of nodes) {
  const version = command && await works(command, ["--version"]);
  if (version && Number(/^v(\d+)/.exec(version)?.[1]) >= 22) node ??= command;
}

/** Deno's and Node's outgoing sockets send no code below 3000 but 1000. */
const strict = (code: number) => code + 3000;

Deno.test("the edge on Deno", async () => {
  await using platform = startPlatform();
  await using edge = await startProcess(Deno.execPath(), [
    "run",
    "--allow-net",
    "--allow-env",
    "--unstable-no-legacy-abort",
    `--config=${config}`,
    "examples/edge/deno.ts",
  ], {
    JAMSOCKET_DEV_PORT: String(platform.port),
    COOKIE_SECRET: "secret",
    PORT: "0",
  });
  await conforms(edge, platform, { code: strict, none: 101 });
});

Deno.test({
  name: "the edge on Bun",
  ignore: !bun,
  async fn() {
    const folder = await bundle("tests/proxy/edges/bun.ts", "deno");
    await using platform = startPlatform();
    await using edge = await startProcess(bun!, [`${folder}/edge.mjs`], {
      JAMSOCKET_DEV_PORT: String(platform.port),
    });
    await conforms(edge, platform, { code: (code) => code, none: 502 });
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: "the edge on Node (22 or newer)",
  ignore: !node,
  async fn() {
    const folder = await bundle("tests/proxy/edges/node.ts", "deno");
    await using platform = startPlatform();
    await using edge = await startProcess(node!, [`${folder}/edge.mjs`], {
      JAMSOCKET_DEV_PORT: String(platform.port),
    });
    await conforms(edge, platform, { code: strict, none: 502 });
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("the edge on workerd", async () => {
  const folder = await bundle("examples/edge/worker.ts", "browser");
  await using platform = startPlatform();
  // workerd reaches public addresses only, unless told otherwise.
  await Deno.writeTextFile(
    `${folder}/config.capnp`,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "edge", worker = .edge),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "edge")],
);
const edge :Workerd.Worker = (
  modules = [(name = "edge.mjs", esModule = embed "edge.mjs")],
  compatibilityDate = "2026-10-01",
  compatibilityFlags = ["no_nodejs_compat", "no_nodejs_compat_v2"],
  bindings = [
    (name = "JAMSOCKET_DEV", text = "true"),
    (name = "JAMSOCKET_DEV_PORT", text = "${platform.port}"),
    (name = "COOKIE_SECRET", text = "secret"),
  ],
  globalOutbound = "internet",
);
`,
  );
  await using edge = await startProcess(
    (workerd as unknown as { default: string }).default,
    ["serve", "--control-fd=1", `${folder}/config.capnp`],
    {},
  );
  await conforms(edge, platform, {
    native: true,
    code: (code) => code,
    none: 101,
  });
  await Deno.remove(folder, { recursive: true });
});
