/**
 * The example's edge on each runtime it is written for, in a process of its own,
 * with the real engine before a platform of HTTP and a backend of real sockets.
 */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { ConnectResponse } from "../../types.ts";
import { bundle } from "../kit/bundle.ts";
import { testOn } from "../kit/runtimes.ts";
import { delay, until } from "../kit/wait.ts";
import { startWorker } from "../kit/workerd.ts";
import {
  bundled,
  dial,
  type Platform,
  signIn,
  startBundled,
  startDeno,
  startPlatform,
  startWorkerd,
} from "./platform.ts";
import {
  breakOff,
  decoded,
  HANDSHAKE,
  open,
  raw,
  type Server,
} from "./support.ts";

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
  /** Whether the runtime shows only the status of a refused WebSocket, not its headers. */
  blind?: boolean;
  /** Whether the runtime says `Content-Length: 0` where a length is not known. */
  zero?: boolean;
}

/** What holds on every runtime. */
async function conforms(
  edge: Server,
  { backend, engine }: Platform,
  { native, code, none, blind = false, zero = false }: Differences,
): Promise<void> {
  const texts: string[] = [];
  const room = `${edge.origin}/rooms/lobby`;
  const cookie = await signIn(edge);
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

  // Connect, and read the status as a page does.
  const connected = await get("/connect", { method: "POST" });
  const answer: ConnectResponse = await connected.json();
  assertEquals(answer.url, `${room}/backend/`);
  assertEquals([answer.token, answer.secret_token], ["", null]);
  assertEquals(engine.requests[0]?.key, "room-lobby");
  assertEquals(engine.requests[0]?.user, "ada");
  const states = await get("/status/stream");
  await states.body!.cancel();
  assertEquals((await (await get("/status")).json()).status, "ready");
  await until(() => engine.following === 0, "the stream has ended");

  // HTTP: what crosses, and how.
  const plain = await get("/backend/a%2Fb?x=%2F");
  const seen = await plain.json();
  assertMatch(seen.url, /^\/TOKEN-[^/]+\/a%2Fb\?x=%2F$/);
  const crossed = Object.fromEntries(seen.headers);
  assertEquals([crossed.cookie, crossed.authorization], [undefined, undefined]);
  assertEquals(
    await (await get("/backend/gzip")).text(),
    "hello ".repeat(1000),
  );
  for (
    const codings of [
      "gzip",
      "x-gzip",
      "GZIP",
      "deflate",
      "br",
      "zstd",
      " Gzip\t",
      "gzip, gzip",
      "gzip,deflate",
      "gzip , gzip",
      "identity",
      "identity, gzip",
      "gzip, identity",
      "gzip,",
      ", gzip",
      "deflate, gzip",
      "zstd, gzip",
      "x-own",
    ]
  ) {
    const path = `/backend/encoded?as=${encodeURIComponent(codings)}`;
    const answer = await get(path);
    assertEquals(
      [codings, await decoded(answer)],
      [codings, "hello ".repeat(1000)],
    );
  }

  // HEAD does not say that GET answers with nothing.
  const head = await raw(edge, "/rooms/lobby/backend/gzip", [
    `cookie: ${cookie}`,
    "connection: close",
  ], "HEAD");
  assertEquals(
    [head.status, head.head.includes("content-length: 0")],
    [200, zero],
  );

  // Many requests for a name that is not held yet ask the platform once.
  const asked = engine.requests.length;
  const many = await Promise.all(Array.from({ length: 20 }, async () => {
    const answer = await fetch(`${edge.origin}/rooms/cold/backend/x`, {
      headers,
    });
    await answer.body?.cancel();
    return answer.status;
  }));
  assertEquals(new Set(many), new Set([200]));
  assertEquals(engine.requests.length - asked, 1);

  // A body that breaks off does not look complete.
  for (const chunked of [false, true]) {
    const { broken } = backend.bodies;
    await breakOff(
      edge,
      "/rooms/lobby/backend/discard",
      [`cookie: ${cookie}`],
      chunked,
    );
    await until(() => backend.bodies.broken > broken, "the backend knows");
  }
  assertEquals(backend.bodies.whole, 0);

  // What a backend answers itself is passed on, once.
  for (const code of [410, 502, 503]) {
    for (const body of ["", "an order"]) {
      const before = backend.seen.length;
      const answer = await get(`/backend/answer?code=${code}`, {
        method: "POST",
        body,
      });
      assertEquals(
        [answer.status, await answer.text(), backend.seen.length - before],
        [code, "the backend's own", 1],
      );
    }
  }

  // A revoked token is not the client's concern.
  backend.tokens.clear();
  assertEquals((await (await get("/backend/x")).json()).method, "GET");
  backend.tokens.clear();
  {
    await using client = await ws("ws");
    client.socket.send("there");
    assertEquals(await client.next(), "there");
  }

  // No subprotocol is named that the backend has not chosen.
  const bare = await raw(edge, "/rooms/lobby/backend/ws", [
    ...HANDSHAKE,
    `cookie: ${cookie}`,
    "sec-websocket-protocol: name.v1, SECRET-token",
  ]);
  assertEquals(bare.status, none);
  assert(!bare.head.includes("sec-websocket-protocol"));
  texts.push(bare.head);
  await until(() => backend.sockets.size === 0, "the lost client is noticed");

  // A list of subprotocols without spaces, as `ws` writes it.
  const legal = await raw(edge, "/rooms/lobby/backend/ws?choose=feedme", [
    ...HANDSHAKE,
    `cookie: ${cookie}`,
    "sec-websocket-protocol: x,feedme",
  ]);
  assertEquals(legal.status, 101);
  assertMatch(legal.head, /sec-websocket-protocol: feedme/);
  await until(() => backend.sockets.size === 0, "the lost client is noticed");

  // Another protocol than a WebSocket is not what this server speaks: HTTP it is.
  const h2c = await raw(edge, "/rooms/lobby/backend/x", [
    `cookie: ${cookie}`,
    "connection: upgrade, http2-settings",
    "upgrade: h2c",
    "http2-settings: AAMAAABkAAQCAAAAAAIAAAAA",
  ]);
  assert(h2c.status === 200 || h2c.status === 426, h2c.head);

  // A refused WebSocket: once, and with its own status where it can be seen.
  for (const refused of [401, 404, 503, 410]) {
    const { length } = backend.seen;
    const { status } = await raw(
      edge,
      `/rooms/lobby/backend/refuse?code=${refused}`,
      [...HANDSHAKE, `cookie: ${cookie}`],
    );
    // Without headers, a 410 may be the platform's: then the edge asks it again.
    assertEquals(
      [status, backend.seen.length - length],
      blind && refused === 410 ? [502, 2] : [refused, 1],
    );
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

    // A reader who never reads: 300 MB wait in the backend, not in the edge. Where
    // the backend has to wait for it, that takes 30 s to tell from a slow one.
    backend.closed.length = 0;
    using _ = await dial(edge, "flood?bytes=300000000", cookie);
    await until(
      () => backend.closed.length === 1,
      "the slow reader was given up",
      60_000,
    );
    assertEquals(backend.closed[0]?.[0], code(1013));
  }

  for (const shown of texts) {
    assertEquals(/TOKEN-|SECRET/i.test(shown), false, shown);
  }
}

/** Deno's outgoing sockets send no code below 3000 but 1000. */
const strict = (code: number) => code + 3000;

/** Clients that leave before there is a response take with them what was asked for them. */
async function leaves(edge: Server, platform: Platform): Promise<void> {
  const cookie = await signIn(edge);
  const { engine } = platform;

  // A backend that accepts connections and says nothing.
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  engine.answers.push({ url: `http://127.0.0.1:${port}/TOKEN-silent/` });
  const client = await dial(edge, "ws", cookie);
  using upstream = await silent.accept();
  const buffer = new Uint8Array(4096);
  await upstream.read(buffer);
  client.close();
  await upstream.read(buffer).then(
    (count) => assertEquals(count, null),
    // A reset, too, means that the edge has hung up.
    () => {},
  );

  // A platform that says nothing: two requests share one question.
  const { connect } = engine;
  const questions: AbortSignal[] = [];
  engine.connect = (_, { signal } = {}) => {
    questions.push(signal!);
    return new Promise((_, reject) =>
      signal!.addEventListener("abort", () => reject(signal!.reason))
    );
  };
  const first = new AbortController();
  const plain = fetch(`${edge.origin}/rooms/cold/backend/x`, {
    headers: { cookie },
    signal: first.signal,
  });
  await until(() => questions.length === 1, "the platform is asked");
  const second = await dial(edge, "ws", cookie, "cold");
  await delay(200);
  first.abort();
  await assertRejects(() => plain);
  await delay(200);
  assertEquals(questions.map(({ aborted }) => aborted), [false]);
  second.close();
  await until(() => questions[0]!.aborted, "nobody asks any longer");
  assertEquals(questions.length, 1);
  engine.connect = connect;

  // That was no failure of the platform: the next request finds it.
  const answer = await fetch(`${edge.origin}/rooms/cold/backend/x`, {
    headers: { cookie },
  });
  assertEquals(answer.status, 200);
  await answer.body?.cancel();
}

Deno.test("the edge on Deno - who leaves takes along what was asked", async () => {
  await using platform = startPlatform();
  await using edge = await startDeno(platform);
  await leaves(edge, platform);
});

Deno.test("the edge on Deno", async () => {
  await using platform = startPlatform();
  await using edge = await startDeno(platform);
  await conforms(edge, platform, {
    code: strict,
    none: 101,
    blind: true,
    zero: true,
  });
});

for (const name of ["bun", "node"] as const) {
  await testOn(name, "the edge", async (path) => {
    await using platform = startPlatform();
    await using edge = await startBundled(path, name, platform);
    await conforms(edge, platform, {
      code: (code) => code,
      none: 502,
      blind: name === "bun",
    });
  });

  await testOn(
    name,
    "an edge without the option upgrade names it",
    async (path) => {
      await using platform = startPlatform();
      const env = { WITHOUT_UPGRADE: "1" };
      await using edge = await startBundled(path, name, platform, env);
      const { status, body } = await raw(edge, "/rooms/lobby/backend/ws", [
        ...HANDSHAKE,
        `cookie: ${await signIn(edge)}`,
      ]);
      assertEquals(status, 502);
      assertMatch(body, /sessionProxy needs the option upgrade/);
    },
  );

  await testOn(
    name,
    "who leaves the edge takes along what was asked",
    async (path) => {
      await using platform = startPlatform();
      await using edge = await startBundled(path, name, platform);
      await leaves(edge, platform);
    },
  );

  await testOn(
    name,
    "a fast backend waits for a slow reader behind the edge",
    async (path) => {
      await using platform = startPlatform();
      await using edge = await startBundled(path, name, platform);
      const bytes = 80_000_000;
      const cookie = await signIn(edge);
      using connection = await dial(edge, `flood?bytes=${bytes}`, cookie);
      // Five times as much as the edge would hold comes while nothing is read.
      await until(() => platform.backend.sockets.size === 1, "it is open");
      await delay(2_000);
      assertEquals(platform.backend.closed, []);
      const buffer = new Uint8Array(1024 ** 2);
      for (let read = 0; read < bytes;) {
        const count = await connection.read(buffer);
        assert(count !== null, `ended after ${read} bytes`);
        read += count;
      }
      assertEquals(platform.backend.closed, []);
    },
  );
}

await testOn(
  "bun",
  "a body that breaks off puts no token in the log of the edge",
  async (path) => {
    await using platform = startPlatform();
    await using program = await bundled("bun");
    const child = new Deno.Command(path, {
      args: [program.file],
      env: { JAMSOCKET_DEV: "true", JAMSOCKET_DEV_PORT: `${platform.port}` },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let log = "";
    const reading = [child.stdout, child.stderr].map(async (stream) => {
      const texts = stream.pipeThrough(new TextDecoderStream());
      for await (const text of texts) log += text;
    });
    await until(() => /on \d+/.test(log), "the edge listens");
    const origin = `http://127.0.0.1:${/on (\d+)/.exec(log)![1]}`;
    const headers = { cookie: await signIn({ origin }) };
    // A small body is read whole: the client learns at once that it was cut.
    const cut = await fetch(`${origin}/rooms/lobby/backend/cut`, { headers });
    assertEquals(
      [cut.status, (await cut.json()).error.message],
      [502, "the backend's response broke off"],
    );
    const ticks = await fetch(`${origin}/rooms/lobby/backend/ticks`, {
      headers,
    });
    const reader = ticks.body!.getReader();
    await reader.read();
    await platform.backend[Symbol.asyncDispose]();
    // The client's answer breaks off too, it does not just end.
    await assertRejects(async () => {
      while (!(await reader.read()).done);
    });
    child.kill("SIGTERM");
    await child.status;
    await Promise.all(reading);
    assert(!/TOKEN-/.test(log), log);
  },
);

await testOn(
  "node",
  "a client that answers no ping is disconnected by the edge",
  async (path) => {
    await using platform = startPlatform();
    await using edge = await startBundled(path, "node", platform, {
      KEEP_ALIVE: "200",
    });
    const cookie = await signIn(edge);
    // One that answers, and one whose network is gone: it reads and says nothing.
    await using there = await open(
      `${edge.origin}/rooms/lobby/backend/ws`,
      [],
      {
        cookie,
      },
    );
    using _ = await dial(edge, "ws", cookie);
    const { sockets, closed } = platform.backend;
    await until(() => sockets.size === 2, "both are there");
    await until(() => sockets.size === 1, "one is gone");
    assertEquals(closed, [[1011, "the other side was lost"]]);
    there.socket.send("still here");
    assertEquals(await there.next(), "still here");
  },
);

Deno.test("the edge on workerd", async () => {
  await using platform = startPlatform();
  await using edge = await startWorkerd(platform);
  await conforms(edge, platform, {
    native: true,
    code: (code) => code,
    none: 101,
  });
});

Deno.test("the edge on workerd - a client that resets its connection leaves its connect, and the others ask anew", async () => {
  using platform = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  await using worker = await startWorker({
    module: await bundle("tests/proxy/edges/patient_worker.ts"),
    flags: ["enable_request_signal"],
    vars: { PORT: String(platform.addr.port) },
  });
  const { port } = worker;
  const encode = (text: string) => new TextEncoder().encode(text);
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  for (const path of ["/hello", "/rooms/lobby/backend/x"]) {
    await client.write(encode(`GET ${path} HTTP/1.1\r\nhost: edge\r\n\r\n`));
  }
  const buffer = new Uint8Array(4096);
  using asked = await platform.accept();
  await asked.read(buffer);
  const other = fetch(`http://127.0.0.1:${port}/rooms/lobby/backend/x`, {
    signal: AbortSignal.timeout(30_000),
  });
  // The response to /hello is unread, so closing resets the connection.
  client.close();
  while (await asked.read(buffer).catch(() => null) !== null);
  const [again, answer] = await Promise.all([
    platform.accept().then(async (again) => {
      await again.read(buffer);
      await again.write(
        encode("HTTP/1.1 409 Conflict\r\ncontent-length: 2\r\n\r\n{}"),
      );
      return again;
    }),
    other,
  ]);
  again.close();
  await answer.body?.cancel();
  assertEquals(answer.status, 409);
});
