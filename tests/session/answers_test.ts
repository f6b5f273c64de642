/** What a platform may answer, and what its engine makes of it. */
import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { HTTPError, Jamsocket, Plane } from "../../server.ts";
import type { SessionEngine, SpawnOptions } from "../../types.ts";
import {
  CONNECT_RESPONSE,
  json,
  LIFE,
  type ScriptedPlatform,
  startPlatform,
} from "./scripted_platform.ts";

const jamsocket = ({ url: apiUrl }: { url: string }, more = {}) =>
  new Jamsocket({ account: "a", token: "t", service: "s", apiUrl, ...more });
const plane = ({ url: controllerUrl }: { url: string }, more = {}) =>
  new Plane({ controllerUrl, executable: { image: "i" }, ...more });

/** Lets time pass, and all that follows from it happen. */
async function pass(time: FakeTime, ms: number): Promise<void> {
  await time.tickAsync(ms);
  await time.runMicrotasks();
}

Deno.test("terminate - any answer of success means that the order was accepted", async () => {
  for (
    const answer of [
      () => json(null),
      () => new Response(null, { status: 204 }),
      () => new Response("", { status: 202 }),
      () => new Response(""),
      () => new Response("OK", { headers: { "content-type": "text/plain" } }),
    ]
  ) {
    await using platform = startPlatform(({ path }) =>
      path.endsWith("/status") ? json(LIFE[5]) : answer()
    );
    for (const engine of [jamsocket(platform), plane(platform)]) {
      assertEquals(await engine.terminate("b1"), undefined);
    }
  }
});

Deno.test("terminate - a response whose body never ends does not delay it", async () => {
  let cancelled = 0;
  await using platform = startPlatform(() =>
    new Response(new ReadableStream({ cancel: () => void cancelled++ }))
  );
  await jamsocket(platform).terminate("b1");
});

Deno.test("Plane.terminate - resolves when the backend is at least terminating", async () => {
  const states = [LIFE[4], LIFE[4], LIFE[5]];
  await using platform = startPlatform(({ path }) =>
    path.endsWith("/status") ? json(states.shift()) : json({})
  );
  await plane(platform).terminate("b1");
  assertEquals(platform.seen.map(({ path }) => path), [
    "/ctrl/b/b1/soft-terminate",
    "/pub/b/b1/status",
    "/pub/b/b1/status",
    "/pub/b/b1/status",
  ]);
});

Deno.test("Plane.terminate - resolves when the backend is gone, and after a bound", async () => {
  await using gone = startPlatform(({ path }) =>
    path.endsWith("/status") ? new Response(null, { status: 404 }) : json({})
  );
  await plane(gone).terminate("b1");
  assertEquals(gone.seen.length, 2);

  // The controller accepted the order, but the state never shows it.
  using time = new FakeTime();
  let reads = 0;
  const fetch = (url: string | URL | Request) => {
    const isRead = String(url).includes("/status");
    if (isRead) reads++;
    return Promise.resolve(json(isRead ? LIFE[4] : {}));
  };
  let resolved = false;
  const terminating = plane({ url: "http://plane" }, { fetch }).terminate("b1")
    .then(() => resolved = true);
  for (let i = 0; i < 99; i++) await pass(time, 50);
  assertFalse(resolved);
  for (let i = 0; i < 3; i++) await pass(time, 50);
  assert(resolved);
  await terminating;
  assertEquals(reads, 100);
});

Deno.test("Plane.terminate - the signal ends the wait for the state", async () => {
  await using platform = startPlatform(({ path }) =>
    json(path.endsWith("/status") ? LIFE[4] : {})
  );
  const controller = new AbortController();
  const { signal } = controller;
  const terminating = plane(platform).terminate("b1", { signal });
  while (platform.seen.length < 2) {
    await new Promise((done) => setTimeout(done, 1));
  }
  controller.abort(new Error("enough"));
  await assertRejects(() => terminating, Error, "enough");
});

Deno.test("Plane.connect - without spawn, a key whose backend is ending is an error at once", async () => {
  for (const status of ["terminating", "hard-terminating", "terminated"]) {
    await using platform = startPlatform(() =>
      json({ ...CONNECT_RESPONSE, status })
    );
    const error = await assertRejects(
      () => plane(platform).connect({ key: "k", spawn: false }),
      HTTPError,
      `the backend that holds the key is ${status}`,
    );
    assertEquals(error.code, 409);
    assertEquals(platform.seen.length, 1);
  }
});

Deno.test("Plane.connect - gives up after 40 s on a backend that never ends", async () => {
  using time = new FakeTime();
  let calls = 0;
  const fetch = () => {
    calls++;
    return Promise.resolve(
      json({ ...CONNECT_RESPONSE, status: "terminating" }),
    );
  };
  const connecting = plane({ url: "http://plane" }, { fetch })
    .connect({ key: "k" }).catch((error) => error);
  let error: HTTPError | undefined;
  connecting.then((reason) => error = reason);
  for (let i = 0; i <= 101; i++) await pass(time, 400);
  assertEquals([error?.name, error?.code], ["HTTPError", 409]);
  assertEquals(calls, 101);
});

Deno.test("Plane.connect - no drone with room is 503, with the time to come back", async () => {
  const body = { id: "e1", kind: "NoDroneAvailable", message: "No drone" };
  await using platform = startPlatform(() => json(body, { status: 500 }));
  const error = await assertRejects(
    () => plane(platform).connect({ key: "k" }),
    HTTPError,
    "No drone",
  );
  assertEquals([error.code, error.retryAfter], [503, 5_000]);
  assertEquals(error.error?.kind, "NoDroneAvailable");
  assertEquals((error.cause as HTTPError).code, 500);
});

Deno.test("Plane.connect - refuses what the controller would refuse, with the field named", async () => {
  await using platform = startPlatform(() => json(CONNECT_RESPONSE));
  const limits = (resource_limits: object): SpawnOptions =>
    ({ executable: { resource_limits } }) as SpawnOptions;
  const cases: [request: object, kind: string, message: string][] = [
    [
      { spawn: { max_idle_seconds: 0.5 } },
      "RangeError",
      "spawn.max_idle_seconds must be a whole number of seconds",
    ],
    [
      { spawn: { lifetime_limit_seconds: 2 ** 31 } },
      "RangeError",
      "spawn.lifetime_limit_seconds",
    ],
    [{ spawn: { max_idle_seconds: "5" } }, "TypeError", "max_idle_seconds"],
    [{ auth: [1] }, "TypeError", "auth must be an object; got an array"],
    [{ auth: "secret" }, "TypeError", "auth must be an object; got string"],
    [{ user: 7 }, "TypeError", "user must be a string; got number"],
    [{ key: 7 }, "TypeError", "key must be a string; got number"],
    [{ spawn: false }, "TypeError", "needs a key when spawn is false"],
    [
      { spawn: limits({ cpu_period_percent: 400 }) },
      "RangeError",
      "spawn.executable.resource_limits.cpu_period_percent must be a whole number of percent from 1 to 255",
    ],
    [{ spawn: limits({ cpu_period: 100 }) }, "RangeError", "cpu_period"],
    [
      { spawn: limits({ memory_limit_bytes: 1 }) },
      "RangeError",
      "memory_limit_bytes",
    ],
    [
      { spawn: { executable: { env: { A: 1 } } } },
      "TypeError",
      "spawn.executable.env.A must be a string",
    ],
    [{ spawn: { pool: 1 } }, "TypeError", "spawn.pool must be a string"],
    [
      { spawn: { use_static_token: "secret" } },
      "TypeError",
      "spawn.use_static_token must be true or false",
    ],
    [{ spawn: { id: "Room 1" } }, "RangeError", "spawn.id must consist of"],
    [{ spawn: { subdomain: "-a" } }, "RangeError", "spawn.subdomain must"],
    [{ spawn: { cluster: "a b" } }, "RangeError", "spawn.cluster must be"],
    [
      { spawn: { executable: { pull_policy: "always" } } },
      "RangeError",
      "pull_policy must be one of IfNotPresent, Always, Never",
    ],
    [
      { spawn: { executable: { credentials: { username: "secret" } } } },
      "TypeError",
      "spawn.executable.credentials.password must be a string",
    ],
  ];
  for (const [request, kind, message] of cases) {
    const error = await assertRejects(() =>
      plane(platform).connect(request as never)
    ) as Error;
    assertEquals(error.name, kind, message);
    assertStringIncludes(error.message, message);
    assertFalse(error.message.includes("secret"));
  }
  assertEquals(platform.seen, []);
  // Another runtime than Docker's defines these fields as it likes.
  const executable = { command: "x", resource_limits: { cpu_period: 1 } };
  await plane(platform, { executable }).connect({ auth: {}, spawn: {} });
  assertEquals(platform.seen.length, 1);
});

Deno.test("timeout - gives up on a silent platform, and says what was attempted", async () => {
  const never = Promise.withResolvers<Response>();
  await using platform = startPlatform(() => never.promise);
  for (const make of [jamsocket, plane]) {
    const engine: SessionEngine = make(platform, { timeout: 20 });
    for (
      const call of [
        () => engine.connect({ key: "k" }),
        () => engine.status("b1"),
        () => engine.terminate("b1"),
      ]
    ) {
      const error = await assertRejects(
        call,
        DOMException,
        "failed: no response within 20 ms",
      );
      assertEquals(error.name, "TimeoutError");
    }
  }
  never.resolve(json({}));
});

Deno.test("timeout - also ends an answer that begins and does not go on", async () => {
  await using platform = startPlatform(() =>
    new Response(new ReadableStream({}))
  );
  const engine = jamsocket(platform, { timeout: 20 });
  const error = await assertRejects(() => engine.status("b1"), DOMException);
  assertEquals(error.name, "TimeoutError");
});

Deno.test("timeout - Infinity and far times wait", async () => {
  await using platform = startPlatform(async () => {
    await new Promise((done) => setTimeout(done, 20));
    return json(LIFE[4]);
  });
  for (const timeout of [Infinity, 2 ** 31, 30 * 24 * 3_600_000]) {
    const { status } = await jamsocket(platform, { timeout }).status("b1");
    assertEquals(status, "ready");
  }
});

/** A server that answers the first request of a connection and resets at the second. */
function stale(body: (path: string) => unknown) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: string[] = [];
  const connections = new Set<Deno.Conn>();
  const serve = async (connection: Deno.Conn) => {
    connections.add(connection);
    const buffer = new Uint8Array(65_536);
    for (let count = 1;; count++) {
      const length = await connection.read(buffer);
      if (length === null) break;
      const text = new TextDecoder().decode(buffer.subarray(0, length));
      const path = text.split(" ")[1]!.split("?")[0]!;
      requests.push(count === 1 ? path : `${path} on a stale connection`);
      if (count > 1) break;
      const answer = JSON.stringify(body(path));
      await connection.write(new TextEncoder().encode(
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`,
      ));
    }
    connections.delete(connection);
    connection.close();
  };
  const accepting = (async () => {
    for await (const connection of listener) serve(connection).catch(() => {});
  })();
  const { port } = listener.addr as Deno.NetAddr;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of connections) connection.close();
    },
  };
}

// The runtime keeps the connections of its pool open after the test.
const pooled = { sanitizeResources: false, sanitizeOps: false };

Deno.test(
  "stale connections - reads and connects with a key are sent once more",
  pooled,
  async () => {
    for (const make of [jamsocket, plane]) {
      await using platform = stale((path) =>
        path.endsWith("/status") ? LIFE[0] : CONNECT_RESPONSE
      );
      const engine: SessionEngine = make(platform);
      for (let i = 0; i < 4; i++) {
        assertEquals((await engine.status("b1")).status, "scheduled");
        const { backend_id } = await engine.connect({ key: "k" });
        assertEquals(backend_id, "b1");
      }
      assert(platform.requests.some((request) => request.includes("stale")));
    }
  },
);

Deno.test("stale connections - a connect without a key is never sent twice", async () => {
  for (const request of [{}, { spawn: {} }]) {
    let calls = 0;
    const fetch = () => {
      calls++;
      return Promise.reject(new TypeError("connection reset"));
    };
    for (const make of [jamsocket, plane]) {
      calls = 0;
      const engine = make({ url: "http://x" }, { fetch });
      await assertRejects(() => engine.connect(request), TypeError);
      assertEquals(calls, 1);
      await assertRejects(
        () => engine.connect({ ...request, key: "k" }),
        TypeError,
        "no response from http://x",
      );
      assertEquals(calls, 3);
    }
  }
});

Deno.test("dev mode - a port where nothing listens says how to start the platform", async () => {
  let platform: ScriptedPlatform;
  {
    await using closed = startPlatform(() => json({}));
    platform = closed;
  }
  await assertRejects(
    () => new Jamsocket({ dev: true, port: platform.port }).connect(),
    TypeError,
    `no response from http://localhost:${platform.port}; start the dev platform with: deno run`,
  );
});

Deno.test("dev mode - another server on the port is named as such", async () => {
  for (
    const answer of [
      () => new Response("<h1>Not found</h1>", { status: 404 }),
      () => new Response("<h1>Welcome</h1>"),
      () => json({ hello: "world" }),
      () => json([]),
    ]
  ) {
    await using platform = startPlatform(answer);
    const error = await assertRejects(() =>
      new Jamsocket({ dev: true, port: platform.port }).connect()
    ) as Error;
    assertStringIncludes(
      error.message,
      `the server at http://localhost:${platform.port} is not the dev platform; if HTTP_PROXY is set, set NO_PROXY=localhost,127.0.0.1 too`,
    );
  }
  // The platform's own refusals are not blamed on another server.
  await using platform = startPlatform(() =>
    json({ error: { message: "no such key" } }, { status: 409 })
  );
  const error = await assertRejects(() =>
    new Jamsocket({ dev: true, port: platform.port }).connect()
  ) as Error;
  assertEquals(
    error.message,
    "Connecting to the dev platform failed: HTTP 409: no such key",
  );
});
