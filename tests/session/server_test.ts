import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { HTTPError, Jamsocket, Plane } from "../../server.ts";
import { planeRequest } from "../../session/engine/plane_request.ts";
import type {
  BackendState,
  ConnectRequest,
  SessionEngine,
  SpawnOptions,
} from "../../types.ts";
import {
  CONNECT_RESPONSE,
  json,
  LIFE,
  type ScriptedPlatform,
  startPlatform,
} from "./scripted_platform.ts";

const TOKEN = "api-token-abcdef";

function hosted(platform: ScriptedPlatform): Jamsocket {
  return new Jamsocket({
    account: "me",
    token: TOKEN,
    service: "my rooms",
    apiUrl: `${platform.url}/`,
  });
}

function plane(platform: ScriptedPlatform, options = {}): Plane {
  return new Plane({
    controllerUrl: platform.url,
    cluster: "main",
    namespace: "ns",
    executable: { image: "rooms", env: { A: "1", B: "1" } },
    headers: { authorization: `Basic ${TOKEN}` },
    ...options,
  });
}

Deno.test("connect posts the request with the token, and returns the response unchanged", async () => {
  const answer = { ...CONNECT_RESPONSE, of_tomorrow: 1 };
  await using platform = startPlatform(() => json(answer));
  const request = { key: "k", spawn: { tag: "t" }, user: "u", auth: { a: 1 } };
  assertEquals(await hosted(platform).connect(request), answer);
  const [seen] = platform.seen;
  assertEquals(seen!.method, "POST");
  assertEquals(seen!.path, "/v2/service/me/my%20rooms/connect");
  assertEquals(seen!.headers.get("authorization"), `Bearer ${TOKEN}`);
  assertEquals(JSON.parse(seen!.body), request);
});

Deno.test("connect without a request sends an empty one; an environment is a path segment", async () => {
  await using platform = startPlatform(() => json(CONNECT_RESPONSE));
  const jamsocket = new Jamsocket({
    account: "a",
    token: TOKEN,
    service: "s",
    environment: "staging",
    apiUrl: platform.url,
  });
  await jamsocket.connect();
  assertEquals(platform.seen[0]!.path, "/v2/service/a/s/staging/connect");
  assertEquals(platform.seen[0]!.body, "{}");
});

Deno.test("in dev mode no token is needed and none is sent", async () => {
  await using platform = startPlatform(() => json(CONNECT_RESPONSE));
  const jamsocket = new Jamsocket({ dev: true, port: platform.port });
  await jamsocket.connect();
  assertEquals(platform.seen[0]!.headers.get("authorization"), null);
  assertEquals(platform.seen[0]!.path, "/v2/service/-/-/connect");
});

Deno.test("status needs no token; ids are encoded and cannot leave their place", async () => {
  await using platform = startPlatform(() => json(LIFE[4]));
  assertEquals(await hosted(platform).status("b/1?x"), LIFE[4] as BackendState);
  assertEquals(platform.seen[0]!.path, "/v2/backend/b%2F1%3Fx/status");
  assertEquals(platform.seen[0]!.headers.get("authorization"), null);
  for (const id of ["", ".", "..", null, undefined, 5]) {
    await assertRejects(
      () => hosted(platform).status(id as string),
      TypeError,
      "backend id",
    );
  }
  assertEquals(platform.seen.length, 1);
});

Deno.test("terminate posts soft and hard orders", async () => {
  await using platform = startPlatform(() => json({ status: "ok" }));
  await hosted(platform).terminate("b1");
  await hosted(platform).terminate("b1", { hard: true });
  assertEquals(platform.seen.map(({ path, body }) => [path, body]), [
    ["/v2/backend/b1/terminate", "{}"],
    ["/v2/backend/b1/terminate", '{"hard":true}'],
  ]);
  assertEquals(
    platform.seen[0]!.headers.get("authorization"),
    `Bearer ${TOKEN}`,
  );
});

Deno.test("malformed answers give one clear error that quotes nothing", async () => {
  const answers: [string, string][] = [
    ["", "the response is not JSON"],
    ["{", "the response is not JSON"],
    ["null", "missing or not a string: backend_id"],
    ["[]", "the response is not a connect response"],
    [
      JSON.stringify({ ...CONNECT_RESPONSE, url: 5 }),
      "missing or not a string: url",
    ],
  ];
  for (const [body, message] of answers) {
    await using platform = startPlatform(() => new Response(body));
    for (const engine of [hosted(platform), plane(platform)]) {
      const error = await assertRejects(() => engine.connect(), Error, message);
      assertFalse(error.message.includes("connection-token"), error.message);
    }
  }
  await using platform = startPlatform(() => new Response("[]"));
  await assertRejects(
    () => hosted(platform).status("b1"),
    TypeError,
    'Reading the status of backend "b1" failed: the response is not a backend state',
  );
});

Deno.test("an endless response is ended at a limit", async () => {
  let sent = 0;
  await using platform = startPlatform(() =>
    new Response(
      new ReadableStream({
        pull(controller) {
          sent += 65_536;
          controller.enqueue(new Uint8Array(65_536));
        },
      }),
    )
  );
  await assertRejects(
    () => hosted(platform).connect(),
    RangeError,
    "longer than",
  );
  assert(sent < 30_000_000);
});

Deno.test("secrets appear in no error, JSON or inspection", async () => {
  await using platform = startPlatform(() =>
    json({
      error: {
        message:
          `bad token ${TOKEN} for https://x.example/connection-token-123/ \u001b[31m`,
        code: "Unauthorized",
        id: `request of ${TOKEN}`,
      },
    }, { status: 401 })
  );
  for (const engine of [hosted(platform), plane(platform)]) {
    const texts: string[] = [
      Deno.inspect(engine, { depth: 9, showHidden: true }),
      JSON.stringify(engine),
      String(engine),
      Object.keys(engine).join(),
    ];
    for (
      const call of [
        () => engine.connect(),
        () => engine.terminate("b1"),
        () => engine.status("b1"),
      ]
    ) {
      const error = await assertRejects(call, HTTPError);
      assertEquals(error.error?.code, "Unauthorized");
      texts.push(
        String(error),
        JSON.stringify(error),
        Deno.inspect(error, { depth: 9 }),
      );
    }
    for (const text of texts) {
      assertFalse(text.includes("connection-token"), text);
      assertFalse(text.includes("\u001b[31m "), text);
    }
    // All but those of the status, with which no token is sent.
    for (const text of texts.slice(0, 10)) assertFalse(text.includes(TOKEN));
  }
  const error = await assertRejects(
    () => hosted(platform).connect(),
    HTTPError,
  );
  for (const text of [String(error), JSON.stringify(error)]) {
    assertFalse(text.includes(TOKEN), text);
  }
  assertStringIncludes(error.message, '"my rooms"');
});

Deno.test("a credential is a secret without its scheme and the white space around it", async () => {
  await using platform = startPlatform(({ headers }) => {
    const sent = headers.get("authorization")!.split(" ").at(-1);
    return json({ error: { message: `bad token ${sent}` } }, { status: 401 });
  });
  const { url: apiUrl, url: controllerUrl } = platform;
  const token = `${TOKEN}\n`;
  for (
    const engine of [
      new Jamsocket({ account: "me", token, service: "s", apiUrl }),
      plane(platform),
      new Plane({
        controllerUrl,
        executable: {},
        headers: { Authorization: ` Bearer  ${TOKEN} ` },
      }),
    ]
  ) {
    for (const call of [() => engine.connect(), () => engine.terminate("b")]) {
      const error = await assertRejects(
        call,
        HTTPError,
        "bad token [redacted]",
      );
      assertFalse(Deno.inspect(error).includes(TOKEN));
    }
  }
});

Deno.test("a credential that no header can carry is not shown", async () => {
  for (const token of [`${TOKEN}\nx`, `${TOKEN}\u2019`]) {
    const headers = { authorization: `Bearer ${token}` };
    for (
      const engine of [
        new Jamsocket({ account: "me", token, service: "s" }),
        new Plane({ controllerUrl: "http://c", executable: {}, headers }),
      ]
    ) {
      for (
        const call of [() => engine.connect(), () => engine.terminate("b")]
      ) {
        const error = await assertRejects(call, TypeError, "authorization");
        assertFalse(Deno.inspect(error).includes(TOKEN));
      }
    }
  }
});

Deno.test("an order and its credentials do not follow a redirect", async () => {
  await using other = startPlatform(() => json(CONNECT_RESPONSE));
  await using platform = startPlatform((_, index) =>
    new Response(null, {
      status: [301, 302, 303, 307, 308][index % 5]!,
      headers: { location: `${other.url.replace("127.0.0.1", "localhost")}/` },
    })
  );
  const guarded = plane(platform, { headers: { "x-guard-key": TOKEN } });
  for (const engine of [hosted(platform), guarded]) {
    for (let i = 0; i < 5; i++) {
      const error = await assertRejects(() => engine.connect(), HTTPError);
      assertEquals(Math.floor(error.code / 100), 3);
    }
  }
  assertEquals(other.seen, []);
});

Deno.test("fromEnv reads what the documentation names", async () => {
  for (const JAMSOCKET_DEV of [true, "true"]) {
    await using platform = startPlatform(() => json(CONNECT_RESPONSE));
    const JAMSOCKET_DEV_PORT = `${platform.port}`;
    await Jamsocket.fromEnv({ JAMSOCKET_DEV, JAMSOCKET_DEV_PORT }).connect();
    assertEquals(platform.seen.length, 1);
  }
  await using platform = startPlatform(() => json(CONNECT_RESPONSE));
  await Jamsocket.fromEnv({
    JAMSOCKET_DEV: "false",
    JAMSOCKET_ACCOUNT: "a",
    JAMSOCKET_TOKEN: "t",
    JAMSOCKET_SERVICE: "s",
    JAMSOCKET_API_URL: platform.url,
  }).connect();
  assertEquals(platform.seen[0]!.headers.get("authorization"), "Bearer t");
  // A platform of your own needs no account.
  const own = { JAMSOCKET_API_URL: platform.url, JAMSOCKET_TOKEN: "own" };
  await Jamsocket.fromEnv(own).connect();
  const { path, headers } = platform.seen[1]!;
  assertEquals(path, "/v2/service/-/-/connect");
  assertEquals(headers.get("authorization"), "Bearer own");
  assertThrows(
    () => Jamsocket.fromEnv({ JAMSOCKET_TOKEN: TOKEN }),
    TypeError,
    "missing: JAMSOCKET_ACCOUNT, JAMSOCKET_SERVICE",
  );
  for (const port of ["0", "http", "70000", "8080.5", 1.5]) {
    assertThrows(
      () =>
        Jamsocket.fromEnv({ JAMSOCKET_DEV: true, JAMSOCKET_DEV_PORT: port }),
      RangeError,
      "JAMSOCKET_DEV_PORT must be a port number",
    );
  }
});

Deno.test("constructors name what is missing", () => {
  assertThrows(
    () => new Jamsocket({ account: "a", service: "s" } as never),
    TypeError,
    "token is missing",
  );
  assertThrows(
    () => new Jamsocket({ dev: true, port: 0 }),
    RangeError,
    "port must be a port number",
  );
  for (
    const controllerUrl of [
      "nowhere",
      "localhost:8080",
      "ftp://plane",
      `http://user:${TOKEN}@plane`,
      `http://plane/?key=${TOKEN}`,
      undefined,
    ]
  ) {
    const error = assertThrows(
      () => new Plane({ controllerUrl: controllerUrl!, executable: {} }),
      TypeError,
      "must begin with http:// or https://",
    );
    assertFalse(error.message.includes(TOKEN));
  }
  assertThrows(
    () => new Plane({ controllerUrl: "http://p" } as never),
    TypeError,
    "executable",
  );
});

Deno.test("constructors and fromEnv name the missing options", () => {
  for (const options of [undefined, null, {}, "me", { dev: "true" }]) {
    assertThrows(
      () => new Jamsocket(options as never),
      TypeError,
      "Jamsocket needs account, token and service, or dev: true",
    );
  }
  assertThrows(() => new Plane(undefined as never), TypeError, "executable");
  const apiUrl = "api.example.com";
  assertThrows(
    () => new Jamsocket({ account: "a", token: "t", service: "s", apiUrl }),
    TypeError,
    "apiUrl must begin with",
  );
  assertThrows(
    () => Jamsocket.fromEnv(undefined as never),
    TypeError,
    "missing: JAMSOCKET_ACCOUNT",
  );
  assertThrows(
    () => Jamsocket.fromEnv({ JAMSOCKET_DEV: "1" }),
    TypeError,
    'JAMSOCKET_DEV is "1"',
  );
});

Deno.test("fromEnv takes the interface that a worker's bindings have", () => {
  interface Env {
    JAMSOCKET_DEV: string;
    BUCKET: { get(key: string): Promise<string> };
  }
  const env: Env = {
    JAMSOCKET_DEV: "true",
    BUCKET: { get: async (key) => await key },
  };
  assertEquals(Jamsocket.fromEnv(env).backendOrigins[0], "http://localhost:*");
});

Deno.test("a platform that does not answer is named, with what was attempted", async () => {
  let port: number;
  {
    await using platform = startPlatform(() => json({}));
    port = platform.port;
  }
  const jamsocket = new Jamsocket({ dev: true, port });
  const there = `failed: no response from http://localhost:${port}`;
  for (
    const [call, action] of [
      [() => jamsocket.connect({ key: "k" }), "Connecting to the dev platform"],
      [() => jamsocket.status("b1"), 'Reading the status of backend "b1"'],
      [() => jamsocket.terminate("b1"), 'Terminating backend "b1"'],
      [
        () => jamsocket.statusStream("b1", () => {}),
        'Following the status of backend "b1"',
      ],
    ] as const
  ) {
    const error = await assertRejects(call, TypeError, `${action} ${there}`);
    assertInstanceOf(error.cause, Error);
  }
  const controlled = new Plane({
    controllerUrl: `http://localhost:${port}/secret-path`,
    executable: {},
  });
  const error = await assertRejects(
    () => controlled.connect(),
    TypeError,
    there,
  );
  assertFalse(error.message.includes("secret-path"));
});

Deno.test("connect refuses a key alone, which would be a request without one", async () => {
  await using platform = startPlatform(() => json(CONNECT_RESPONSE));
  for (const engine of [hosted(platform), plane(platform)]) {
    for (const request of ["room-1", null, 7]) {
      await assertRejects(
        () => engine.connect(request as never),
        TypeError,
        'connect needs an object such as { key: "room-1" }',
      );
    }
  }
  assertEquals(platform.seen, []);
});

Deno.test("a connect answer in place of a backend's id is refused, and not quoted", async () => {
  await using platform = startPlatform(() => json({}));
  const answer = { ...CONNECT_RESPONSE, token: TOKEN } as never;
  for (const engine of [hosted(platform), plane(platform)]) {
    for (
      const call of [
        () => engine.status(answer),
        () => engine.statusStream(answer, () => {}),
        () => engine.statuses(answer).next(),
        () => engine.terminate(answer),
      ]
    ) {
      const error = await assertRejects(call, TypeError, "got object");
      assertFalse(error.message.includes(TOKEN));
    }
    await assertRejects(
      () => engine.statusStream("b1", undefined as never),
      TypeError,
      "statusStream needs a callback function as its second argument",
    );
  }
  assertEquals(platform.seen, []);
});

Deno.test("planeRequest merges a request into the defaults", () => {
  const defaults = {
    cluster: "main",
    namespace: undefined,
    executable: { image: "i", resource_limits: { cpu_period: 1 } },
  };
  const spawn_config = { cluster: "main", executable: defaults.executable };
  const plain = (request: ConnectRequest) =>
    JSON.parse(JSON.stringify(planeRequest(request, defaults)));
  assertEquals(plain({}), { spawn_config });
  assertEquals(plain({ spawn: true }), { spawn_config });
  assertEquals(plain({ spawn: null, auth: null } as never), { spawn_config });
  assertEquals(
    plain({
      key: "k",
      spawn: {
        cluster: "other",
        lifetime_limit_seconds: 9,
        executable: { resource_limits: { cpu_time_limit: 2 }, mount: "/m" },
      },
    }),
    {
      key: { name: "k" },
      spawn_config: {
        cluster: "other",
        lifetime_limit_seconds: 9,
        executable: {
          image: "i",
          mount: "/m",
          resource_limits: { cpu_period: 1, cpu_time_limit: 2 },
        },
      },
    },
  );
});

Deno.test("a cluster determines the origins of its backends", () => {
  const origins = (more: object) =>
    new Plane({ controllerUrl: "http://p", executable: {}, ...more })
      .backendOrigins;
  assertEquals(origins({ cluster: "localhost:9090" }), [
    "http://localhost:9090",
    "http://*.localhost:9090",
  ]);
  assertEquals(origins({ cluster: "rooms.example.com" }), [
    "https://rooms.example.com",
    "https://*.rooms.example.com",
  ]);
  assertEquals(
    origins({ cluster: "c", backendOrigins: ["https://x"] }),
    ["https://x"],
  );
  // The old name, as an option and as a property.
  assertEquals(origins({ origins: ["https://x"] }), ["https://x"]);
  const engine: SessionEngine = new Jamsocket({ dev: true });
  assertEquals(engine.origins, engine.backendOrigins);
  assertEquals(origins({}), undefined);
});

Deno.test("Jamsocket sends a tag where the platform looks for it", async () => {
  await using platform = startPlatform(() => json(CONNECT_RESPONSE));
  await hosted(platform).connect({ tag: "a" });
  await hosted(platform).connect({ tag: "a", spawn: { tag: "b" } });
  await hosted(platform).connect({ tag: "a", spawn: false });
  assertEquals(platform.seen.map(({ body }) => JSON.parse(body)), [
    { spawn: { tag: "a" } },
    { spawn: { tag: "b" } },
    { spawn: false },
  ]);
});

Deno.test("a platform's plain text is not repeated: it may quote the request", async () => {
  await using platform = startPlatform(() =>
    new Response('auth: invalid type: string "very secret"', { status: 422 })
  );
  const error = await assertRejects(() => plane(platform).connect(), HTTPError);
  assertEquals(
    error.message,
    "Connecting to a backend on Plane failed: HTTP 422",
  );
});

Deno.test("Jamsocket.connect - a limit that JSON would turn into null is refused by name", async () => {
  await using platform = startPlatform(() => json(CONNECT_RESPONSE));
  const refused = (spawn: SpawnOptions, name: string) =>
    assertRejects(
      () => hosted(platform).connect({ key: "k", spawn }),
      RangeError,
      `${name} must be 0 or more`,
    );
  for (const value of [NaN, Infinity, -1]) {
    await refused({ max_idle_seconds: value }, "spawn.max_idle_seconds");
    const resource_limits = { disk_limit_bytes: value };
    await refused(
      { executable: { resource_limits } },
      "spawn.executable.resource_limits.disk_limit_bytes",
    );
  }
  await hosted(platform).connect({ key: "k", spawn: { max_idle_seconds: 0 } });
  assertEquals(platform.seen.length, 1);
});

Deno.test("Plane - the controller's API has the headers of the guard, and its health has not", async () => {
  const node = (name: object) => ({
    name,
    plane_version: "0.5.5",
    plane_hash: "",
    controller: "co-1",
    controller_heartbeat_age: 1,
  });
  const state = {
    drones: [{
      ready: true,
      draining: false,
      last_heartbeat_age: 2,
      backend_count: 3,
      node: node({ Drone: "dr-1" }),
    }],
    proxies: [node({ Proxy: "px-1" })],
  };
  const answers: Record<string, unknown> = {
    "/ctrl/status": { status: "ok", version: "0.5.5", hash: "" },
    "/pub/health": { status: "ok" },
    "/ctrl/c/main/state": state,
    "/ctrl/c/other%3A80/d/dr-1/drain": { updated: true },
    "/ctrl/b/revoke": "Token revoked successfully",
  };
  await using platform = startPlatform(({ path }) => json(answers[path]));
  const engine = plane(platform);
  assertEquals((await engine.controllerStatus()).version, "0.5.5");
  await engine.health();
  const { drones, proxies } = await engine.clusterState();
  assertEquals(drones, [{
    ...node({}),
    name: "dr-1",
    ready: true,
    draining: false,
    last_heartbeat_age: 2,
    backend_count: 3,
  }]);
  assertEquals(proxies, [{ ...node({}), name: "px-1" }]);
  assertEquals(await engine.drain("dr-1", "other:80"), true);
  await engine.deleteTokens("b1", "ada");
  assertEquals(
    platform.seen.map(({ method, path, headers, body }) => [
      method,
      path,
      headers.has("authorization"),
      body,
    ]),
    [
      ["GET", "/ctrl/status", true, ""],
      ["GET", "/pub/health", false, ""],
      ["GET", "/ctrl/c/main/state", true, ""],
      ["POST", "/ctrl/c/other%3A80/d/dr-1/drain", true, "{}"],
      [
        "POST",
        "/ctrl/b/revoke",
        true,
        JSON.stringify({ backend_id: "b1", user: "ada" }),
      ],
    ],
  );
  answers["/ctrl/c/main/state"] = { drones: [{}], proxies: [] };
  await assertRejects(() => engine.clusterState(), TypeError, "cluster");
});

Deno.test("isPlatformAnswer - Plane's own 502 is told from a backend's by its headers", async () => {
  await using platform = startPlatform(() => json({}));
  const engine = plane(platform);
  const own = {
    "x-plane-backend-id": "b1",
    "server": "Plane/0.5.5-",
    "access-control-allow-origin": "*",
    "date": "Thu, 26 Nov 2026 18:11:03 GMT",
    "content-length": "0",
  };
  const answer = (status: number, headers: Record<string, string>) =>
    engine.isPlatformAnswer({ status, headers: new Headers(headers) });
  const { "x-plane-backend-id": _, ...unmarked } = own;
  assert(answer(502, own));
  assert(answer(410, unmarked));
  assertFalse(answer(410, own));
  assertFalse(answer(500, own));
  assertFalse(answer(502, { ...own, "content-type": "text/plain" }));
  assertFalse(answer(502, { ...own, server: "nginx" }));
});
