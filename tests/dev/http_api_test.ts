import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { createApi } from "../../session/dev/http_api.ts";
import { Gate } from "../../session/gate.ts";
import type { Registry } from "../../session/dev/registry.ts";
import { isBackendState, isConnectResponse } from "../../types.ts";
import {
  call,
  code,
  connect,
  ended,
  LISTEN,
  platform,
  rawRequest,
  states,
  terminate,
} from "./helpers.ts";

Deno.test("dev api - a backend is spawned, becomes ready, and ends when asked", async () => {
  await using dev = await platform();
  const answer = await connect(dev, { user: "ada" });
  assert(isConnectResponse(answer));
  assertEquals(answer.spawned, true);
  assertEquals(answer.url, `${dev.proxyUrl}/${answer.token}/`);
  assertEquals(
    answer.status_url,
    `${dev.apiUrl}/v2/backend/${answer.backend_id}/status`,
  );
  assertEquals(answer.ready_url, "");

  const early = await states(answer.status_url, "ready");
  assertEquals(early.map(({ state }) => state.status), [
    "scheduled",
    "loading",
    "starting",
    "waiting",
    "ready",
  ]);
  const status = await call(dev, `/v2/backend/${answer.backend_id}/status`);
  assert(isBackendState(status.body));
  assertEquals(status.body.status, "ready");
  assertEquals(new Date(status.body.time).toISOString(), status.body.time);
  assertEquals(status.headers.get("access-control-allow-origin"), "*");

  const rest = states(answer.status_url);
  await terminate(dev, answer.backend_id);
  assertEquals(
    (await rest).slice(5).map(({ state: { time: _, ...rest } }) => rest),
    [
      { status: "terminating", termination_reason: "external" },
      {
        status: "terminated",
        termination_reason: "external",
        termination_kind: "soft",
        exit_error: false,
      },
    ],
  );
});

Deno.test("dev api - past states are replayed after Last-Event-ID only", async () => {
  await using dev = await platform();
  const { status_url, backend_id } = await connect(dev);
  await states(status_url, "ready");
  await terminate(dev, backend_id, true);
  const all = await states(status_url);
  assertEquals(all.map(({ id }) => id), ["0", "1", "2", "3", "4", "5", "6"]);
  assertEquals(all.at(-1)!.state.status, "terminated");
  for (let last = 0; last < all.length; last++) {
    assertEquals(
      await states(status_url, undefined, { "last-event-id": String(last) }),
      all.slice(last + 1),
    );
  }
  for (const junk of ["x", "-1", "1e9", ""]) {
    assertEquals(
      await states(status_url, undefined, { "last-event-id": junk }),
      all,
      junk,
    );
  }
});

Deno.test("dev api - a quiet status stream shows signs of life and sets retry", async () => {
  await using dev = await platform({ keepAlive: 20 });
  const { status_url } = await connect(dev);
  await states(status_url, "ready");
  const response = await fetch(`${status_url}/stream`);
  let text = "";
  for await (
    const chunk of response.body!.pipeThrough(new TextDecoderStream())
  ) {
    text += chunk;
    if (/\n:\n\n/.test(text)) break;
  }
  assertMatch(text, /^retry: \d+$/m);
});

Deno.test("dev api - a key has one backend, in its own scope", async () => {
  await using dev = await platform(code(LISTEN));
  const first = await connect(dev, { key: "a" });
  const again = await connect(dev, { key: "a" });
  assertEquals(again.spawned, false);
  assertEquals(again.backend_id, first.backend_id);
  assertNotEquals(again.token, first.token);
  assertNotEquals(again.secret_token, first.secret_token);
  const elsewhere = await call(dev, "/v2/service/-/-/staging/connect", {
    json: { key: "a" },
  });
  assertEquals(elsewhere.body.spawned, true);
  // A key is data, whatever it is called.
  for (const key of ["__proto__", "constructor", "a b/ü?"]) {
    assertEquals((await connect(dev, { key })).spawned, true);
    assertEquals((await connect(dev, { key })).spawned, false);
  }
});

Deno.test("dev api - a thousand connects at once for one key spawn one backend", async () => {
  await using dev = await platform(code(LISTEN));
  const answers = await Promise.all(
    Array.from({ length: 1000 }, () => connect(dev, { key: "same" })),
  );
  assertEquals(answers.filter(({ spawned }) => spawned).length, 1);
  assertEquals(new Set(answers.map(({ backend_id }) => backend_id)).size, 1);
  assertEquals(new Set(answers.map(({ token }) => token)).size, 1000);
  assertEquals(dev.backends.length, 1);
});

Deno.test("dev api - while the holder of a key ends, connects wait and share the next one", async () => {
  // It takes its time to end.
  const slow =
    `Deno.addSignalListener("SIGTERM", () => setTimeout(() => Deno.exit(0), 300)); ${LISTEN}`;
  await using dev = await platform(code(slow));
  const first = await connect(dev, { key: "k" });
  await states(first.status_url, "ready");
  await terminate(dev, first.backend_id);
  const refused = await call(dev, "/v2/service/-/-/connect", {
    json: { key: "k", spawn: false },
  });
  assertEquals(refused.status, 409);
  const next = await Promise.all(
    Array.from({ length: 20 }, () => connect(dev, { key: "k" })),
  );
  assertEquals((await ended(first.status_url)).termination_kind, "soft");
  assertEquals(next.filter(({ spawned }) => spawned).length, 1);
  assertEquals(new Set(next.map(({ backend_id }) => backend_id)).size, 1);
  assertNotEquals(next[0]!.backend_id, first.backend_id);
});

Deno.test("dev api - tags and spawn: false", async () => {
  await using dev = await platform(code(LISTEN));
  const path = "/v2/service/-/-/connect";
  const connects = async (json: unknown) => {
    const { status, body } = await call(dev, path, { json });
    return [status, body.error?.message ?? body.spawned];
  };
  assertEquals(await connects({ key: "k", spawn: false }), [
    409,
    "spawn is false and no running backend holds the key",
  ]);
  assertEquals(dev.backends.length, 0);
  assertEquals(await connects({ key: "k", spawn: { tag: "v1" } }), [200, true]);
  assertEquals(await connects({ key: "k", spawn: { tag: "v1" } }), [
    200,
    false,
  ]);
  assertEquals(await connects({ key: "k", spawn: false }), [200, false]);
  for (const spawn of [{ tag: "v2" }, {}, true]) {
    assertEquals(await connects({ key: "k", spawn }), [
      409,
      "spawn.tag: the key is held by a backend with another tag",
    ]);
  }
  assertEquals(await connects({ spawn: false }), [
    400,
    "spawn: false needs a key",
  ]);
});

Deno.test("dev api - running backends are listed by account", async () => {
  await using dev = await platform(code(LISTEN));
  const { body } = await call(dev, "/v2/service/acme/board/connect", {
    json: { key: "k" },
  });
  const unkeyed = await call(dev, "/v2/service/acme/board/connect", {
    json: {},
  });
  const list = async (account: string) =>
    (await call(dev, `/v2/account/${account}/backends`)).body.running_backends;
  const [first, second] = await list("acme");
  assertEquals({ ...first, created_at: "", status: "" }, {
    id: body.backend_id,
    created_at: "",
    service_name: "board",
    cluster_name: "dev",
    account_name: "acme",
    status: "",
    key: "k",
  });
  assertEquals([second.id, second.key], [unkeyed.body.backend_id, undefined]);
  assertEquals(await list("other"), []);
  await terminate(dev, body.backend_id, true);
  await ended(body.status_url);
  assertEquals((await list("acme")).length, 1);
});

Deno.test("dev api - each refusal names the mistake and spawns nothing", async () => {
  await using dev = await platform(code(LISTEN));
  const path = "/v2/service/a/b/connect";
  const env = (env: unknown) => ({ spawn: { executable: { env } } });
  const cases: [
    status: number,
    message: RegExp,
    path: string,
    init: Parameters<typeof call>[2],
  ][] = [
    [400, /^the body is not JSON$/, path, { method: "POST", body: '{"key":' }],
    [400, /^the body must be a JSON object$/, path, { json: [] }],
    [400, /^the body must be a JSON object$/, path, { json: null }],
    [400, /^key must be a string$/, path, { json: { key: 7 } }],
    [400, /^key must have at least 1 character$/, path, { json: { key: "" } }],
    [400, /^key must have at most \d+ characters$/, path, {
      json: { key: "k".repeat(10_000) },
    }],
    [400, /^spawn must be a boolean or an object$/, path, {
      json: { spawn: "yes" },
    }],
    [400, /^spawn\.tag must be a string$/, path, {
      json: { spawn: { tag: 1 } },
    }],
    [400, /^spawn\.max_idle_seconds must be a number above 0$/, path, {
      json: { spawn: { max_idle_seconds: -1 } },
    }],
    [400, /^spawn\.lifetime_limit_seconds must be a number$/, path, {
      json: { spawn: { lifetime_limit_seconds: "9" } },
    }],
    [400, /^spawn\.executable\.env\.A must be a string$/, path, {
      json: env({ A: 1 }),
    }],
    [400, /^spawn\.executable\.env\.PORT: is set by the platform$/, path, {
      json: env({ PORT: "1" }),
    }],
    [400, /env\.SESSION_BACKEND_STATIC_TOKEN: is set/, path, {
      json: env({ SESSION_BACKEND_STATIC_TOKEN: "" }),
    }],
    [400, /env\.A=B: names must be/, path, { json: env({ "A=B": "" }) }],
    [400, /^user must be a string$/, path, { json: { user: {} } }],
    [400, /^user: must not contain control characters/, path, {
      json: { user: "a\r\nx-verified-secret: 1" },
    }],
    [400, /^auth must be an object$/, path, { json: { auth: "x" } }],
    [400, /^auth: too long/, path, {
      json: { auth: { a: "x".repeat(10_000) } },
    }],
    [413, /^the body is longer than 1048576 bytes$/, path, {
      json: { user: "x".repeat(1_100_000) },
    }],
    [404, /^no backend has the id "nobody"$/, "/v2/backend/nobody/status", {}],
    [
      404,
      /^no backend has the id "nobody"$/,
      "/v2/backend/nobody/status/stream",
      {},
    ],
    [
      404,
      /^no backend has the id "__proto__"$/,
      "/v2/backend/__proto__/terminate",
      { json: {} },
    ],
    [404, /^no such endpoint: GET "\/v2\/nothing"/, "/v2/nothing", {}],
    [404, /^no such endpoint: GET/, path, {}],
  ];
  for (const [status, message, path, init] of cases) {
    const answer = await call(dev, path, init);
    assertEquals(
      answer.status,
      status,
      `${message}: ${JSON.stringify(answer.body)}`,
    );
    const { error, ...rest } = answer.body;
    assertEquals(rest, {});
    assertMatch(error.message, message);
    assert(!error.message.includes("\n"));
    assertEquals(error.code, error.status.replaceAll(" ", ""));
    assertMatch(error.id, /^[0-9a-f-]{36}$/);
  }
  // A body of undeclared length has the same bound.
  const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
  const answer = await rawRequest(
    dev.apiUrl,
    `POST ${path} HTTP/1.1\nhost: localhost\nconnection: close\ntransfer-encoding: chunked`,
    chunk.repeat(17) + "0\r\n\r\n",
  );
  assertMatch(answer, /^HTTP\/1.1 413 /);
  assertEquals(dev.backends, []);
  assertEquals((await call(dev, path, { method: "POST" })).status, 200);
});

Deno.test("dev api - terminate refuses an unknown kind and ends nothing", async () => {
  await using dev = await platform(code(LISTEN));
  const { backend_id } = await connect(dev);
  const path = `/v2/backend/${backend_id}/terminate`;
  const { status, body } = await call(dev, path, { json: { hard: "yes" } });
  assertEquals([status, body.error.message], [
    400,
    "hard must be true or false",
  ]);
  assertEquals(
    dev.backends[0]!.states.some(({ status }) => status === "terminating"),
    false,
  );
  const empty = await call(dev, path, { method: "POST" });
  assertEquals([empty.status, empty.body], [200, { status: "ok" }]);
  // Again, and after the end: it is what the caller wanted.
  await ended(`${dev.apiUrl}/v2/backend/${backend_id}/status`);
  assertEquals((await call(dev, path, { json: { hard: true } })).status, 200);
});

Deno.test("dev api - the streams of a platform that closes end after terminated", async () => {
  const dev = await platform(code(LISTEN));
  const { status_url } = await connect(dev);
  await states(status_url, "ready");
  const stream = await fetch(`${status_url}/stream`);
  await dev.close();
  const last = (await stream.text()).trimEnd().split("\n").at(-1)!;
  assertMatch(last, /^data: .*"status":"terminated"/);
});

Deno.test("dev api - HEAD of a stream leaves no listener", async () => {
  let listening = 0;
  const registry = {
    backends: [],
    listen() {
      listening++;
      return () => listening--;
    },
  } as unknown as Registry;
  const api = createApi({
    registry,
    gate: new Gate({ keys: [{ id: "k", secret: "x".repeat(32) }] }),
    access: { kind: "guard", guard: { allowedHosts: [], open: false } },
    runs: "x",
    proxyPort: () => 1,
    keepAlive: 10_000,
    signal: new AbortController().signal,
    onNote() {},
    onError() {},
  });
  const { status } = await api.request("/events", {
    method: "HEAD",
    headers: { host: "localhost" },
  });
  assertEquals([status, listening], [200, 0]);
});

Deno.test("dev api - a caller may stop waiting for a backend to end", async () => {
  const notes: string[] = [];
  await using dev = await platform({
    ...code(`Deno.addSignalListener("SIGTERM", () => {}); ${LISTEN}`),
    onEvent(event) {
      if (event.type === "note") notes.push(event.text);
    },
  });
  const { backend_id, status_url } = await connect(dev, { key: "k" });
  await states(status_url, "ready");
  await terminate(dev, backend_id);
  await assertRejects(() =>
    fetch(`${dev.apiUrl}/v2/service/-/-/connect`, {
      method: "POST",
      body: '{"key":"k"}',
      signal: AbortSignal.timeout(100),
    })
  );
  await terminate(dev, backend_id, true);
  await ended(status_url);
  assertEquals(notes, []);
});

Deno.test("dev API - warns once about an unknown field and suggests the right one", async () => {
  const notes: string[] = [];
  await using dev = await platform({
    ...code(LISTEN),
    onEvent: (event) => event.type === "note" && notes.push(event.text),
  });
  const request = {
    keys: "a",
    spawn: { max_idle: 5, lifetimeLimitSeconds: 9, executable: { envs: {} } },
    auth: { anything: "goes" },
    future: "secret",
  };
  for (let i = 0; i < 2; i++) {
    const { status } = await call(dev, "/v2/service/-/-/connect", {
      json: request,
    });
    assertEquals(status, 200);
  }
  const ignored = "connect ignores the unknown field";
  assertEquals(notes, [
    `${ignored} "keys"; did you mean "key"?`,
    `${ignored} "spawn.max_idle"; did you mean "spawn.max_idle_seconds"?`,
    `${ignored} "spawn.lifetimeLimitSeconds"; did you mean "spawn.lifetime_limit_seconds"?`,
    `${ignored} "spawn.executable.envs"; did you mean "spawn.executable.env"?`,
    `${ignored} "future"`,
  ]);
});
