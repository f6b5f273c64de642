import { Hono } from "@hono/hono";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  bunUpgrade,
  nodeUpgrade,
  type SessionGrant,
  sessionProxy,
} from "../../session/edge/proxy.ts";
import { type CallOptions, HTTPError, isConnectResponse } from "../../types.ts";
import { raw, ScriptedEngine, startBackend, startEdge } from "./support.ts";
import { until } from "../kit/wait.ts";

Deno.test("connect - addresses are the edge's and tokens are empty", async () => {
  await using test = startEdge({
    authorize: (_c, name) => ({
      key: `room/${name}`,
      user: "ada",
      auth: { role: "editor" },
      spawn: { max_idle_seconds: 60 },
    }),
  });
  const response = await fetch(
    `${test.edge.origin}/sessions/a%20b%2Fc/connect?x=1`,
    { method: "POST", body: "{}" },
  );
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("cache-control"), "no-store");
  const answer = await response.json();
  assert(isConnectResponse(answer));
  assertEquals(answer, {
    backend_id: "backend-1",
    spawned: true,
    status: "ready",
    token: "",
    url: `${test.edge.origin}/sessions/a%20b%2Fc/backend/`,
    secret_token: null,
    status_url: `${test.edge.origin}/sessions/a%20b%2Fc/status/backend-1`,
    ready_url: "",
  });
  assertEquals(test.engine.requests, [{
    key: "room/a b/c",
    user: "ada",
    auth: { role: "editor" },
    spawn: { max_idle_seconds: 60 },
  }]);
});

Deno.test("connect - the key is the name unless the hook says otherwise", async () => {
  await using test = startEdge({ authorize: () => ({ anonymous: true }) });
  await (await fetch(test.url("/connect"), { method: "POST" })).body?.cancel();
  assertEquals(test.engine.requests, [{ key: "doc" }]);
});

Deno.test("connect - behind something that ends TLS, addresses are the public ones", async () => {
  // Written as an origin, or as the address of the front page.
  for (const origin of ["https://app.example", "https://app.example/"]) {
    await using test = startEdge({ origin });
    const response = await fetch(test.url("/connect"), {
      method: "POST",
      headers: { origin: "https://app.example" },
    });
    const { url, status_url } = await response.json();
    assertEquals(url, "https://app.example/sessions/doc/backend/");
    assertEquals(
      status_url,
      "https://app.example/sessions/doc/status/backend-1",
    );
  }
});

Deno.test("authorize - refuses with 403, or with an answer of its own, on every route", async () => {
  const names: string[] = [];
  await using test = startEdge({
    authorize: (_c, name) => {
      names.push(name);
      return name === "doc" ? null : new Response("log in", {
        status: 401,
        headers: { "www-authenticate": "Bearer" },
      });
    },
  });
  for (const [status, name] of [[403, "doc"], [401, "other"]] as const) {
    for (
      const [method, path] of [
        ["POST", "connect"],
        ["GET", "status"],
        ["GET", "status/stream"],
        ["GET", "backend/x"],
        ["PUT", "backend/x"],
      ] as const
    ) {
      const response = await fetch(
        `${test.edge.origin}/sessions/${name}/${path}`,
        { method },
      );
      assertEquals(response.status, status, path);
      const text = await response.text();
      if (status === 401) assertEquals(text, "log in");
    }
    const upgraded = await raw(test.edge, `/sessions/${name}/backend/ws`, [
      "upgrade: websocket",
      "connection: upgrade",
      "sec-websocket-version: 13",
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ]);
    assertEquals(upgraded.status, status);
  }
  assertEquals(names.length, 12);
  assertEquals(test.engine.requests, []);
  assertEquals(test.backend.seen, []);
});

Deno.test("options - missing ones are reported when the route is made, by name", async () => {
  await using backend = startBackend();
  const engine = new ScriptedEngine(backend);
  for (const options of [undefined, {}, { engine }, { authorize() {} }]) {
    assertThrows(
      () => sessionProxy(options as never),
      TypeError,
      "sessionProxy needs the option engine, and authorize",
    );
  }
  for (const made of [undefined, Promise.resolve(engine)]) {
    const errors: string[] = [];
    const app = new Hono().route(
      "/sessions",
      sessionProxy({
        engine: () => made as never,
        authorize: () => ({ anonymous: true }),
      }),
    );
    app.onError((error, c) => {
      errors.push(error.message);
      return c.text("failed", 500);
    });
    await app.request("/sessions/doc/connect", { method: "POST" });
    assertMatch(
      errors.join(),
      /engine must be or return a SessionEngine .* got \[/,
    );
  }
  for (const options of [{}, undefined]) {
    assertThrows(
      () => nodeUpgrade(options as never),
      TypeError,
      "nodeUpgrade needs server, a WebSocketServer of ws",
    );
  }
});

Deno.test("onError - without one, failures go to the console", async () => {
  await using backend = startBackend();
  const engine = new ScriptedEngine(backend);
  engine.connect = () =>
    Promise.reject(new TypeError("no response from there"));
  const app = new Hono().route(
    "/sessions",
    sessionProxy({ engine, authorize: () => ({ anonymous: true }) }),
  );
  const { error: before } = console;
  const told: unknown[] = [];
  console.error = (...args) => void told.push(...args);
  try {
    const response = await app.request("/sessions/doc/connect", {
      method: "POST",
    });
    assertEquals(response.status, 502);
  } finally {
    console.error = before;
  }
  assertEquals(told.map(String), ["ProxyError: the platform failed"]);
  assertMatch(String((told[0] as Error).cause), /no response from there/);
});

Deno.test("backend - a body that a status forbids does not cross, nor does its length", async () => {
  for (
    const [status, length] of [[204, null], [205, null], [304, "2"]] as const
  ) {
    await using test = startEdge();
    const app = new Hono().route(
      "/sessions",
      sessionProxy({
        engine: test.engine,
        authorize: () => ({ user: "ada" }),
        fetch: () =>
          Promise.resolve(
            new Response(null, { status, headers: { "content-length": "2" } }),
          ),
      }),
    );
    // Not over a socket, where Deno would tidy up.
    const answer = await app.request("/sessions/doc/backend/x");
    assertEquals(
      [answer.status, answer.headers.get("content-length"), answer.body],
      [status, length, null],
    );
  }
});

Deno.test("backend - an impossible status is the backend's failure", async () => {
  await using test = startEdge({
    fetch: () => {
      const answer = new Response("x");
      Object.defineProperty(answer, "status", { value: 600 });
      return Promise.resolve(answer);
    },
  });
  const response = await fetch(test.url("/backend/x"));
  assertEquals(response.status, 502);
  assertEquals(
    await response.text(),
    '{"error":{"message":"the backend responded with invalid status 600","code":"502"}}',
  );
  assertEquals(test.errors.length, 1);
});

Deno.test("backend - a body that authorize has read is not sent as an empty one", async () => {
  await using test = startEdge({
    async authorize(c) {
      return await c.req.text() === "let me in" ? { user: "ada" } : null;
    },
  });
  const post = async (body: string) => {
    const response = await fetch(test.url("/backend/echo"), {
      method: "POST",
      body,
    });
    return [response.status, await response.text()];
  };
  assertEquals(await post("no"), [
    403,
    '{"error":{"message":"not allowed","code":"403"}}',
  ]);
  assertEquals(await post("let me in"), [
    500,
    '{"error":{"message":"the request body was read before the edge could forward it","code":"500"}}',
  ]);
  assertEquals(test.errors.length, 1);
  assertEquals(test.backend.seen, []);
});

Deno.test("backend - both directions are streamed", async () => {
  await using test = startEdge();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const first = writer.write(new Uint8Array(1000));
  const response = await fetch(test.url("/backend/upload"), {
    method: "POST",
    body: readable,
  });
  await first;
  // The answer has begun, and the body has not ended.
  const reader = response.body!.pipeThrough(new TextDecoderStream())
    .getReader();
  assertEquals((await reader.read()).value, "1000\n");
  for (let total = 1500; total <= 3000; total += 500) {
    await writer.write(new Uint8Array(500));
    assertEquals((await reader.read()).value, `${total}\n`);
  }
  await writer.close();
  assertEquals((await reader.read()).done, true);
});

Deno.test("backend - no answer in time is 504", async () => {
  await using test = startEdge({ timeout: 100 });
  const response = await fetch(test.url("/backend/silent"));
  assertEquals(response.status, 504);
  assertStringIncludes(await response.text(), "within 100 ms");
  await until(() => test.backend.cancelled === 1, "the request was aborted");
});

Deno.test("backend - a body of exactly the limit passes, one byte more is 413", async () => {
  await using test = startEdge({ maxBody: 100_000 });
  const send = (size: number, streamed: boolean) =>
    fetch(test.url("/backend/discard"), {
      method: "POST",
      body: streamed
        ? new Blob([new Uint8Array(size)]).stream()
        : new Uint8Array(size),
    });
  for (const streamed of [false, true]) {
    const fits = await send(100_000, streamed);
    assertEquals([fits.status, await fits.text()], [200, "100000"]);
    test.backend.received = 0;
    const over = await send(100_001, streamed);
    assertEquals(over.status, 413);
    assertStringIncludes(await over.text(), "longer than 100000 bytes");
    assert(test.backend.received <= 100_000);
    test.backend.received = 0;
  }
});

Deno.test("backend - a client that does not read holds the backend back", async () => {
  await using test = startEdge();
  const controller = new AbortController();
  const response = await fetch(test.url("/backend/upload"), {
    method: "POST",
    signal: controller.signal,
    // As much as anybody wants, in pieces of 64 kB.
    body: new ReadableStream({
      pull: (stream) => stream.enqueue(new Uint8Array(65_536)),
    }),
  });
  // The answer grows with what the backend has read; no one reads it.
  let before = -1;
  await until(() => {
    const still = before === test.backend.received && before > 0;
    before = test.backend.received;
    return still;
  }, "everything stands still");
  controller.abort();
  await response.body!.cancel().catch(() => {});
  await until(() => test.backend.cancelled === 1, "the backend knows");
});

Deno.test("cookies - neither way, unless by option", async () => {
  await using test = startEdge();
  const path = "/backend/headers?set=" +
    encodeURIComponent('{"set-cookie":"a=1; Path=/; Domain=example.com"}');
  const headers = { cookie: "edge=1", authorization: "Bearer edge" };
  const closed = await fetch(test.url(path), { headers });
  await closed.body?.cancel();
  assertEquals(closed.headers.get("set-cookie"), null);
  const sent = () => Object.fromEntries(test.backend.seen.at(-1)!.headers);
  assertEquals([sent().cookie, sent().authorization], [undefined, undefined]);

  await using other = startEdge({ cookies: true, authorization: true });
  const open = await fetch(other.url(path), { headers });
  await open.body?.cancel();
  assertEquals(
    open.headers.get("set-cookie"),
    "a=1; Path=/sessions/doc/backend/",
  );
  const crossed = Object.fromEntries(other.backend.seen.at(-1)!.headers);
  assertEquals([crossed.cookie, crossed.authorization], [
    "edge=1",
    "Bearer edge",
  ]);
});

Deno.test("headers - the application may add its own", async () => {
  await using test = startEdge({
    headers: (_c, name) => ({ "x-forwarded-for": "192.0.2.1", "x-room": name }),
  });
  const response = await fetch(test.url("/backend/x"), {
    headers: { "x-forwarded-for": "10.0.0.1", connection: "x-room" },
  });
  const headers = Object.fromEntries((await response.json()).headers);
  assertEquals(headers["x-forwarded-for"], "192.0.2.1");
  assertEquals(headers["x-room"], "doc");
});

Deno.test("redirects - within the backend they lead to the edge, elsewhere they are refused", async () => {
  await using test = startEdge();
  const go = (to: string, status = 302) =>
    fetch(
      test.url(
        `/backend/redirect?status=${status}&to=${encodeURIComponent(to)}`,
      ),
      { redirect: "manual" },
    );
  for (
    const [to, location] of [
      ["next?x=1", "/sessions/doc/backend/next?x=1"],
      ["/login", "/sessions/doc/backend/login"],
      ["/TOKEN/x", "/sessions/doc/backend/x"],
      [`${test.backend.origin}/TOKEN/x`, "/sessions/doc/backend/x"],
    ] as const
  ) {
    for (const status of [301, 302, 303, 307, 308]) {
      const response = await go(to, status);
      await response.body?.cancel();
      assertEquals(response.status, status);
      assertEquals(response.headers.get("location"), location);
    }
  }
  const count = test.backend.seen.length;
  assertEquals(count, 20, "no redirect was followed");
  for (
    const to of [
      "https://evil.example/",
      "//evil.example/",
      "/\\evil.example",
      "javascript:alert(1)",
      "/x?t=TOKEN",
      "http://169.254.169.254/latest/meta-data/",
    ]
  ) {
    const response = await go(to);
    assertEquals(response.status, 502, to);
    assertEquals(response.headers.get("location"), null);
    assertStringIncludes(
      await response.text(),
      "redirects to a URL outside itself",
    );
  }
  const count2 = test.backend.seen.length;
  assertEquals(count2 - count, 6, "nothing was dialled but the backend");
});

Deno.test("status - only of the backend that connect named", async () => {
  await using test = startEdge();
  const connect = () => fetch(test.url("/connect"), { method: "POST" });
  const { status_url } = await (await connect()).json();
  const asked = test.engine.requests.length;
  test.engine.states.push({
    status: "terminated",
    time: "2026-01-01T00:00:02.000Z",
  });
  const get = async (url: string) => {
    const response = await fetch(url);
    return [response.status, await response.text()] as const;
  };
  assertMatch((await get(status_url))[1], /"terminated"/);
  assertMatch((await get(`${status_url}/stream`))[1], /"ready"[^]*terminated/);
  assertEquals(test.engine.requests.length, asked, "the held answer is enough");

  // Another user, or another edge, made a new backend hold the key.
  test.engine.backendId = "backend-2";
  const other = status_url.replace("backend-1", "backend-2");
  assertEquals((await get(other))[0], 200);
  const gone = [
    410,
    '{"error":{"message":"the backend is gone","code":"410"}}',
  ] as const;
  assertEquals(await get(status_url), gone);
  assertEquals(await get(`${status_url}/stream`), gone);
  assertEquals(await get(status_url.replace("backend-1", "guessed")), gone);
  test.engine.running = false;
  assertEquals(await get(status_url.replace("backend-1", "x")), gone);
});

Deno.test("status stream - another session's Last-Event-ID yields nothing", async () => {
  await using test = startEdge();
  const response = await fetch(test.url("/status/stream"), {
    headers: { "last-event-id": "backend-of-somebody-else:1" },
  });
  assertEquals(response.status, 410);
  assertEquals(
    await response.text(),
    '{"error":{"message":"the backend is gone","code":"410"}}',
  );
});

Deno.test("status stream - comments keep a quiet one open; leaving ends it", async () => {
  await using test = startEdge({ keepAlive: 20 });
  const controller = new AbortController();
  const response = await fetch(test.url("/status/stream"), {
    signal: controller.signal,
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream())
    .getReader();
  let text = "";
  while (!text.includes(":\n\n:\n\n")) text += (await reader.read()).value;
  assertEquals(test.engine.following, 1);
  controller.abort();
  await reader.closed.catch(() => {});
  await until(() => test.engine.following === 0, "the platform is left too");
});

Deno.test("status stream - HEAD follows nothing", async () => {
  await using backend = startBackend();
  const engine = new ScriptedEngine(backend);
  const app = sessionProxy({ engine, authorize: () => ({ user: "ada" }) });
  // A request whose signal says nothing of the end, as on Node, Bun and Workers.
  const response = await app.request("/doc/status/stream", { method: "HEAD" });
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  assertEquals(response.body, null);
  await until(() => engine.following === 0, "the platform is left");
});

Deno.test("held answers - one connect for a name, key, user and auth", async () => {
  await using test = startEdge({
    authorize: (c, name) => ({
      key: c.req.header("x-key") ?? name,
      user: c.req.header("x-user") ?? "ada",
      auth: { role: c.req.header("x-role") ?? "reader" },
    }),
  });
  const get = async (name: string, headers: Record<string, string> = {}) => {
    const path = `${test.edge.origin}/sessions/${name}/backend/x`;
    const response = await fetch(path, { headers });
    await response.body?.cancel();
    return test.engine.requests.length;
  };
  assertEquals(await get("a"), 1);
  assertEquals(await get("a"), 1);
  assertEquals(await get("b"), 2);
  assertEquals(await get("a", { "x-user": "bob" }), 3);
  assertEquals(await get("a", { "x-role": "admin" }), 4);
  assertEquals(await get("a", { "x-key": "b" }), 5);
  assertEquals(await get("a"), 5);
  // Each user reaches the backend with a token of their own.
  const tokens = test.backend.seen.map(({ url }) => url.split("/")[1]);
  assertEquals(new Set(tokens).size, 5);
});

Deno.test("held answers - names that look alike when joined stay apart", async () => {
  const grants: SessionGrant[] = [
    { user: "ab" },
    { user: "b", key: "a" },
    { user: "a", key: "b" },
    { user: "1:b", key: "a" },
    { user: "b", key: "a1:" },
    { user: "-", key: "-" },
    { user: "-" },
    { user: "ab", spawn: true },
    { user: "ab", spawn: false },
    { user: "abtrue" },
    { user: "ab", auth: {} },
    { user: "ab", spawn: {} },
    { user: "ab[{},null]" },
    { anonymous: true },
    { anonymous: true, key: "ab" },
  ];
  let index = 0;
  await using test = startEdge({ authorize: () => grants[index]! });
  const enter = async () => {
    await (await fetch(test.url("/backend/x"))).body?.cancel();
  };
  for (index = 0; index < grants.length; index++) {
    await enter();
    await enter();
    assertEquals(test.engine.requests.length, index + 1);
  }
});

Deno.test("held answers - bounded, and requested again after holdFor", async () => {
  await using test = startEdge({ maxHeld: 2, holdFor: 60 });
  const get = async (name: string) => {
    const path = `${test.edge.origin}/sessions/${name}/backend/x`;
    await (await fetch(path)).body?.cancel();
    return test.engine.requests.length;
  };
  assertEquals([await get("a"), await get("b"), await get("c")], [1, 2, 3]);
  assertEquals(await get("a"), 4);
  await new Promise((resolve) => setTimeout(resolve, 80));
  assertEquals(await get("a"), 5);
});

Deno.test("a backend that is gone - the edge connects once more, then reports it", async () => {
  await using test = startEdge();
  const get = async () => {
    const response = await fetch(test.url("/backend/x"));
    return { status: response.status, text: await response.text() };
  };
  await get();
  assertEquals(test.engine.requests.length, 1);

  // Revoked: a fresh token serves the same request.
  test.backend.tokens.clear();
  assertEquals((await get()).status, 200);
  assertEquals(test.engine.requests.length, 2);

  // 502 once, then well.
  test.backend.fail.push(502);
  assertEquals((await get()).status, 200);
  assertEquals(test.engine.requests.length, 3);

  // Twice: reported, without the words of the platform.
  for (const status of [410, 502]) {
    const before = test.engine.requests.length;
    test.backend.fail.push(status, status);
    const { text, ...answer } = await get();
    assertEquals(answer.status, status);
    assertEquals(text.includes("TOKEN"), false);
    assertStringIncludes(
      text,
      status === 410 ? "is gone" : "is unreachable",
    );
    // One reconnect, and the next request begins anew.
    assertEquals(test.engine.requests.length - before, 1);
    assertEquals((await get()).status, 200);
    assertEquals(test.engine.requests.length - before, 2);
  }
});

Deno.test("a backend that is gone - no request with effects is sent twice", async () => {
  await using test = startEdge();
  const send = async (method: string, status: number, body?: string) => {
    await (await fetch(test.url("/backend/x"))).body?.cancel();
    const before = test.backend.seen.length;
    test.backend.fail.push(status);
    const response = await fetch(
      test.url("/backend/x"),
      { method, ...(body === undefined ? {} : { body }) },
    );
    const text = await response.text();
    test.backend.fail.length = 0;
    return [response.status, test.backend.seen.length - before, text] as const;
  };
  const [posted, times, text] = await send("POST", 410, "body");
  assertEquals([posted, times], [410, 1]);
  assertStringIncludes(text, "not repeated, because its body was already sent");
  const [bare, once, why] = await send("POST", 502);
  assertEquals([bare, once], [502, 1]);
  assertStringIncludes(
    why,
    "not repeated, because the backend may have processed it",
  );
  assertEquals((await send("POST", 410)).slice(0, 2), [200, 2]);
  assertEquals((await send("DELETE", 502)).slice(0, 2), [200, 2]);
});

Deno.test("stale connections - a request without effects is sent again, within a bound", async () => {
  for (const code of ["ECONNRESET", "UND_ERR_SOCKET", "EPIPE"]) {
    let stale = 0;
    let sent = 0;
    await using test = startEdge({
      fetch: (...args) => {
        sent++;
        if (stale-- <= 0) return fetch(...args);
        const cause = Object.assign(new Error("closed"), { code });
        return Promise.reject(new TypeError("fetch failed", { cause }));
      },
    });
    const send = async (connections: number, method = "GET", body?: string) => {
      [stale, sent] = [connections, 0];
      const answer = await fetch(test.url("/backend/x"), {
        method,
        ...(body === undefined ? {} : { body }),
      });
      await answer.body?.cancel();
      return [answer.status, sent, test.engine.requests.length];
    };
    assertEquals(await send(3), [200, 4, 1]);
    assertEquals(await send(1, "HEAD"), [200, 2, 1]);
    assertEquals(await send(1, "POST"), [502, 1, 1]);
    assertEquals(await send(1, "PUT", "body"), [502, 1, 2]);
    // The platform is asked once, and the second address tried as often.
    assertEquals(await send(Infinity), [502, 8, 4]);
  }
});

Deno.test("a backend that cannot be reached - reported without its address", async () => {
  await using test = startEdge();
  // A port without a listener.
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  const url = `http://127.0.0.1:${port}/TOKEN-abcdef/`;
  test.engine.answers.push({ url, token: "TOKEN-abcdef" });
  test.engine.answers.push({ url, token: "TOKEN-abcdef" });
  const response = await fetch(test.url("/backend/x?q=1"));
  assertEquals(response.status, 502);
  assertEquals((await response.text()).includes("TOKEN"), false);
  assertEquals(test.engine.requests.length, 2);
  const [error] = test.errors;
  assertEquals(error?.message, "the backend is unreachable");
  const shown = [
    String(error),
    error?.stack,
    Deno.inspect(error),
    JSON.stringify(error),
    String(error?.cause),
  ].join("\n");
  assertEquals(shown.includes("TOKEN"), false, shown);
  // Yet it says what happened.
  assertMatch(String(error?.cause), /refused/i);
});

Deno.test("upstreams - an answer that leads elsewhere is refused and never dialled", async () => {
  await using test = startEdge();
  for (
    // Each for a name of its own: after some failures, a name is not asked for again.
    const [index, url] of [
      "http://169.254.169.254/TOKEN/",
      "http://localhost.evil.example/TOKEN/",
      "https://127.0.0.1/TOKEN/",
      "file:///etc/passwd",
      `http://user:pw@127.0.0.1:${test.backend.port}/TOKEN/`,
      "not a url",
      "",
    ].entries()
  ) {
    test.engine.answers.push({ url });
    const response = await fetch(
      `${test.edge.origin}/sessions/${index}/backend/x`,
    );
    assertEquals(response.status, 502, url);
    const text = await response.text();
    assertStringIncludes(text, "origin that is not allowed");
    assertEquals(text.includes("TOKEN"), false);
  }
  assertEquals(test.backend.seen, []);
});

Deno.test("upstreams - nothing that says where backends are is an error at once", () => {
  const engine = {
    ...new ScriptedEngine({ origin: "" } as never),
    origins: undefined,
  };
  assertThrows(
    () => sessionProxy({ engine: engine as never, authorize: () => null }),
    TypeError,
    "upstreams",
  );
  assertThrows(
    () =>
      sessionProxy({
        engine: engine as never,
        authorize: () => null,
        upstreams: ["*"],
      }),
    TypeError,
    "is not an origin",
  );
});

Deno.test("the platform's errors - a client sees no details", async () => {
  await using test = startEdge();
  const say = async (error: Error) => {
    test.engine.answers.push(error);
    const response = await fetch(test.url("/connect"), { method: "POST" });
    return [response.status, (await response.json()).error.message];
  };
  assertEquals(await say(new HTTPError(409, "key held: SECRET")), [
    409,
    "no backend under this name may be used or spawned",
  ]);
  assertEquals(await say(new HTTPError(429, "slow down SECRET")), [
    429,
    "the platform is limiting requests; try again later",
  ]);
  assertEquals(await say(new HTTPError(401, "bad API token SECRET")), [
    502,
    "the platform failed",
  ]);
  assertEquals(await say(new TypeError("SECRET")), [
    502,
    "the platform failed",
  ]);
  assertEquals(test.errors.map((error) => (error.cause as Error).message), [
    "bad API token SECRET",
    "SECRET",
  ]);
});

Deno.test("engine - made for each request where its settings come with it", async () => {
  const backend = startBackend();
  const engine = new ScriptedEngine(backend);
  const app = new Hono<{ Bindings: { which: string } }>();
  app.route(
    "/s",
    sessionProxy({
      engine: (c) => {
        assertEquals(c.env.which, "this");
        return engine;
      },
      authorize: () => ({ anonymous: true }),
    }),
  );
  const response = await app.request("/s/doc/status", {}, { which: "this" });
  assertEquals(response.status, 200);
  await backend[Symbol.asyncDispose]();
});

Deno.test("a backend's own 410 - passed on, and the request runs once", async () => {
  await using test = startEdge();
  for (const method of ["GET", "POST", "DELETE"]) {
    for (const status of [410, 502, 503]) {
      const { length } = test.backend.seen;
      const response = await fetch(test.url(`/backend/answer?code=${status}`), {
        method,
      });
      assertEquals(
        [response.status, await response.text()],
        [status, "the backend's own"],
      );
      assertEquals(test.backend.seen.length - length, 1);
    }
  }
  assertEquals(test.engine.requests.length, 1);
  assertEquals(test.errors, []);
});

Deno.test("a backend that is down - asked for at growing intervals, with Retry-After", async () => {
  await using test = startEdge();
  const get = async () => {
    const response = await fetch(test.url("/backend/x"));
    const { error } = await response.json();
    const after = response.headers.get("retry-after");
    return [response.status, error?.message, after] as const;
  };
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const url = `http://127.0.0.1:${listener.addr.port}/TOKEN-abcdef/`;
  listener.close();
  const answers = () => {
    for (let index = 0; index < 2; index++) test.engine.answers.push({ url });
  };
  for (let failures = 0; failures < 3; failures++) {
    answers();
    assertEquals(await get(), [502, "the backend is unreachable", null]);
  }
  const asked = test.engine.requests.length;
  for (let index = 0; index < 5; index++) {
    const later = "the backend is unreachable; the edge tries again later";
    assertEquals(await get(), [502, later, "1"]);
  }
  assertEquals(
    test.engine.requests.length,
    asked,
    "the platform was not asked",
  );
  assertEquals(test.errors.length, 3, "each failure is reported once");
  test.engine.answers.length = 0;
  await until(async () => (await get())[0] === 200, "it is tried again");
});

Deno.test("the platform's 429 - its Retry-After is passed on and kept", async () => {
  await using test = startEdge();
  test.engine.answers.push(new HTTPError(429, "slow", { retryAfter: 60_000 }));
  for (let index = 0; index < 3; index++) {
    const response = await fetch(test.url("/connect"), { method: "POST" });
    const { error } = await response.json();
    assertMatch(
      error.message,
      /^the platform is limiting requests; try again later/,
    );
    assertEquals(
      [response.status, response.headers.get("retry-after")],
      [429, "60"],
    );
  }
  assertEquals(test.engine.requests.length, 1);
  const other = await fetch(`${test.edge.origin}/sessions/other/connect`, {
    method: "POST",
  });
  assertEquals(other.status, 200);
  await other.body?.cancel();
});

Deno.test("a cold name - a hundred requests at once ask the platform once", async () => {
  await using test = startEdge();
  const connect = test.engine.connect.bind(test.engine);
  test.engine.connect = async (request) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return await connect(request);
  };
  await Promise.all(Array.from({ length: 100 }, async (_, index) => {
    const response = await fetch(test.url(`/backend/x?${index}`));
    assertEquals(response.status, 200);
    await response.body?.cancel();
  }));
  assertEquals(test.engine.requests.length, 1);
});

Deno.test("a name - at most 1,024 bytes of UTF-8", async () => {
  await using test = startEdge();
  for (
    const [name, status] of [
      ["a".repeat(1024), 200],
      ["a".repeat(1025), 400],
      ["é".repeat(513), 400],
    ] as const
  ) {
    const response = await fetch(
      `${test.edge.origin}/sessions/${encodeURIComponent(name)}/connect`,
      { method: "POST" },
    );
    assertEquals(response.status, status);
    await response.body?.cancel();
  }
  assertEquals(test.engine.requests.length, 1);
});

Deno.test("callbacks - headers may be a promise; what onError throws is on the console", async () => {
  const { error } = console;
  const logged: unknown[][] = [];
  console.error = (...args) => void logged.push(args);
  try {
    for (
      const onError of [
        () => {
          throw new Error("mine");
        },
        () => Promise.reject(new Error("mine")),
      ]
    ) {
      await using test = startEdge({
        onError,
        headers: async () => await Promise.resolve({ "x-own": "1" }),
      });
      await (await fetch(test.url("/backend/x"))).body?.cancel();
      assertEquals(
        new Headers(test.backend.seen[0]!.headers).get("x-own"),
        "1",
      );
      test.engine.answers.push(new Error("down"));
      const answer = await fetch(test.url("/connect"), { method: "POST" });
      assertEquals(answer.status, 502);
      await answer.body?.cancel();
      await until(() => logged.length === 1, "logged");
      const [where, thrown] = logged.pop()!;
      assertEquals(
        [where, (thrown as Error).message],
        ["sessionProxy, onError:", "mine"],
      );
    }
  } finally {
    console.error = error;
  }
});

Deno.test("status - a client that leaves before the platform answers ends the question", async () => {
  for (const path of ["/status", "/status/stream"]) {
    for (const heeds of [true, false]) {
      await using test = startEdge({ platformTimeout: Infinity });
      const begun = Promise.withResolvers<AbortSignal>();
      const wait = (signal: AbortSignal): Promise<never> => {
        begun.resolve(signal);
        return new Promise((_, reject) => {
          // An engine of the application may not care.
          if (!heeds) return;
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      };
      test.engine.status = (_id: string, options?: CallOptions) =>
        wait(options!.signal!);
      // deno-lint-ignore require-yield
      test.engine.statuses = async function* (_id, { signal } = {}) {
        await wait(signal!);
      };
      const controller = new AbortController();
      const asked = assertRejects(() =>
        fetch(test.url(path), { signal: controller.signal })
      );
      const signal = await begun.promise;
      controller.abort();
      await asked;
      await until(() => signal.aborted, "the engine learns of it");
      assertEquals(test.errors, []);
    }
  }
});

Deno.test("an engine may answer without a promise", async () => {
  await using test = startEdge();
  const response = await test.engine.connect({ key: "doc" });
  // deno-lint-ignore no-explicit-any
  test.engine.connect = () => response as any;
  const answer = await fetch(test.url("/backend/x"));
  assertEquals(answer.status, 200);
  await answer.body?.cancel();
});

Deno.test("an engine that ignores its signal is not waited for longer than the timeout", async () => {
  await using test = startEdge({ platformTimeout: 50 });
  test.engine.connect = () => new Promise(() => {});
  const answer = await fetch(test.url("/backend/x"));
  assertEquals(answer.status, 504);
  await answer.body?.cancel();
});

Deno.test("bunUpgrade - its limits are whole numbers, as Bun requires", () => {
  for (const bytes of [0, 1.5, 1e6, 2 ** 31, Infinity]) {
    const { websocket } = bunUpgrade({ maxMessage: bytes, maxBuffered: bytes });
    const { maxPayloadLength, backpressureLimit } = websocket;
    for (const limit of [maxPayloadLength, backpressureLimit]) {
      assert(Number.isInteger(limit) && limit < 2 ** 31, `${limit}`);
      assert(limit >= Math.min(bytes, 2 ** 31 - 1), `${limit} for ${bytes}`);
    }
  }
});

Deno.test("connectTimeout - the former name of platformTimeout counts, with one warning", () => {
  const engine = { origins: ["http://127.0.0.1:*"], connect() {} } as never;
  const { warn } = console;
  const warnings: unknown[] = [];
  console.warn = (...texts) => void warnings.push(...texts);
  try {
    sessionProxy({ engine, authorize: () => null, connectTimeout: 50 });
    sessionProxy({ engine, authorize: () => null, platformTimeout: 50 });
  } finally {
    console.warn = warn;
  }
  assertEquals(warnings, [
    "sessionProxy: the option connectTimeout is now called platformTimeout",
  ]);
});

Deno.test("origins - the first page that is refused is logged, with the option to set", async () => {
  await using test = startEdge();
  const { origin } = test.edge;
  // Vite's shorthand proxy sends the edge's own host in Host, and the page's in Origin.
  const page = "http://localhost:5173";
  const ask = (from: string) =>
    fetch(test.url("/connect"), { method: "POST", headers: { origin: from } });
  for (const from of [page, page, "https://evil.example"]) {
    const answer = await ask(from);
    assertEquals([answer.status, (await answer.json()).error.message], [
      403,
      "requests from this origin are not allowed (see the options origin and origins)",
    ]);
  }
  const answer = await ask(origin);
  assertEquals(answer.status, 200);
  await answer.body?.cancel();
  assertEquals(test.errors.map(({ message }) => message), [
    `the edge at ${origin} refused a page of ${page}: if a proxy in front of the edge ` +
    "rewrites Host, as Vite's shorthand does, keep Host (changeOrigin: false) or set the " +
    `option origin to ${page}; list pages of other origins in the option origins`,
  ]);
});
