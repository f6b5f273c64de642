import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { verifiedUser } from "../../server.ts";
import { createConnectProxy } from "../../session/dev/connect_proxy.ts";
import { Gate } from "../../session/gate.ts";
import type { Registry } from "../../session/dev/registry.ts";
import {
  call,
  code,
  connect,
  ended,
  Peer,
  platform,
  rawRequest,
  states,
  terminate,
} from "./helpers.ts";
import { UPGRADE } from "../kit/raw_websocket.ts";
import { until } from "../kit/wait.ts";

const SPOOFED = {
  "x-verified-username": "mallory",
  "X-Verified-Secret": "guessed",
  "X-VERIFIED-USER-DATA": '{"admin":true}',
  "x-verified-backend": "other",
  "x-verified-path": "/elsewhere",
  "x-verified-anything": "else",
};

/** The headers of that prefix. */
function verified(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith("x-verified-")),
  );
}

Deno.test("dev proxy - a user of any alphabet reaches the backend", async () => {
  await using dev = await platform();
  const user = "Zoë 🦊";
  const { url } = await connect(dev, { user });
  const { headers } = await (await fetch(url)).json();
  assertEquals(verifiedUser(new Headers(headers)).user, user);
  const peer = await Peer.open(`${url}ws`);
  const upgraded = JSON.parse(await peer.next());
  assertEquals(verifiedUser(new Headers(upgraded)).user, user);
  await peer.close();
});

Deno.test("dev proxy - the backend learns who connects, whatever the client claims", async () => {
  await using dev = await platform();
  const { url, secret_token, backend_id, token } = await connect(dev, {
    user: "ada",
    auth: { role: "editor", name: "Zoë 🦊" },
  });
  const expected = (path: string) => ({
    "x-verified-username": "ada",
    "x-verified-user-data":
      '{"role":"editor","name":"Zo\\u00eb \\ud83e\\udd8a"}',
    "x-verified-secret": secret_token!,
    "x-verified-path": `/${token}${path}`,
    "x-verified-backend": backend_id,
  });
  const response = await fetch(`${url}a/b%20c?d=e`, { headers: SPOOFED });
  assertEquals(response.headers.get("x-plane-backend-id"), backend_id);
  const { path, headers, env } = await response.json();
  assertEquals(path, "/a/b%20c?d=e");
  assertEquals(verified(headers), expected("/a/b%20c"));
  assertEquals(JSON.parse(headers["x-verified-user-data"]).name, "Zoë 🦊");
  assertEquals(env, {
    PORT: env.PORT,
    SESSION_BACKEND_ID: backend_id,
    SESSION_BACKEND_KEY: backend_id,
    SESSION_BACKEND_FENCING_TOKEN: env.SESSION_BACKEND_FENCING_TOKEN,
  });

  const peer = await Peer.open(`${url}ws`, { init: { headers: SPOOFED } });
  assertEquals(verified(JSON.parse(await peer.next())), expected("/ws"));
  peer.socket.send("echo");
  assertEquals(await peer.next(), "echo");
  await peer.close();

  // An anonymous client stays anonymous, even if Connection lists the header that proves it.
  const nobody = await connect(dev, {});
  const raw = await rawRequest(
    dev.proxyUrl,
    `GET /${nobody.token}/ HTTP/1.1\nhost: localhost\nx-verified-username: root\n` +
      "X_Verified_Username: root\nconnection: close\nconnection: x-verified-secret, x-verified-backend",
  );
  const seen = JSON.parse(
    raw.slice(raw.indexOf("{"), raw.lastIndexOf("}") + 1),
  );
  assertEquals(Object.keys(verified(seen.headers)).sort(), [
    "x-verified-backend",
    "x-verified-path",
    "x-verified-secret",
  ]);
  assertFalse("x_verified_username" in seen.headers);
});

Deno.test("dev proxy - environment, fencing tokens and scopes reach the process", async () => {
  await using dev = await platform({
    env: { TEST_A: "platform", TEST_B: "kept" },
  });
  const spawn = { executable: { env: { TEST_A: "request" } } };
  const first = await connect(dev, { key: "k", spawn });
  const { env } = await (await fetch(first.url)).json();
  assertEquals([env.TEST_A, env.TEST_B], ["request", "kept"]);
  assertEquals(env.SESSION_BACKEND_KEY, "k");
  await terminate(dev, first.backend_id);
  await ended(first.status_url);
  const second = await connect(dev, { key: "k" });
  const { env: later } = await (await fetch(second.url)).json();
  assert(
    Number(later.SESSION_BACKEND_FENCING_TOKEN) >
      Number(env.SESSION_BACKEND_FENCING_TOKEN),
  );
});

Deno.test("dev proxy - unknown and mangled tokens get 401, those of an ended backend 410", async () => {
  await using dev = await platform();
  const { url, token, backend_id, status_url } = await connect(dev);
  await (await fetch(url)).body?.cancel();
  const refused = async (path: string, status = 401) => {
    const response = await fetch(dev.proxyUrl + path);
    const text = await response.text();
    assertEquals(response.status, status, path);
    assertFalse(text.includes(token));
    assertFalse(response.headers.has("x-plane-backend-id"));
  };
  for (
    const path of [
      "/",
      "/x/",
      "//",
      `/${token}x/`,
      `/${token.slice(0, -1)}/`,
      `/x/${token}/`,
      `//${token}/`,
      `/${token}/../x`,
      `/${token}%2f`,
      "/__proto__/",
    ]
  ) await refused(path);
  await terminate(dev, backend_id);
  await ended(status_url);
  await refused(`/${token}/`, 410);
  const upgrade = await Peer.open(url).then(
    () => "open",
    () => "refused",
  );
  assertEquals(upgrade, "refused");
});

Deno.test("dev proxy - no path leads to another host", async () => {
  await using dev = await platform();
  const { token } = await connect(dev);
  for (
    const [path, seen] of [
      ["", "/"],
      ["/", "/"],
      ["//evil.example/x", "//evil.example/x"],
      ["/http://evil.example/", "/http://evil.example/"],
      ["/@evil.example/", "/@evil.example/"],
      ["/..%2f..%2fx", "/..%2f..%2fx"],
      ["/%252e%252e/", "/%252e%252e/"],
    ] as const
  ) {
    const raw = await rawRequest(
      dev.proxyUrl,
      `GET /${token}${path} HTTP/1.1\nhost: localhost\nconnection: close`,
    );
    assertMatch(raw, /^HTTP\/1.1 200 /, path);
    assert(raw.includes(`"path":${JSON.stringify(seen)}`), `${path}: ${raw}`);
  }
});

Deno.test("dev proxy - early requests wait, and fail if the backend ends first", async () => {
  const late = (ms: number, then: string) =>
    code(`setTimeout(() => { ${then} }, ${ms});`);
  await using dev = await platform(late(
    150,
    `Deno.serve({ port: Number(Deno.env.get("PORT")), onListen() {} }, () => new Response("late"))`,
  ));
  const { url, status } = await connect(dev);
  assertEquals(status, "waiting");
  assertEquals(await (await fetch(url)).text(), "late");

  await using failing = await platform(late(100, "Deno.exit(1)"));
  const { url: never } = await connect(failing);
  const response = await fetch(never);
  assertEquals(response.status, 410);
  await response.body?.cancel();
});

Deno.test("dev proxy - CORS is open unless the backend has its own", async () => {
  const serve = (answer: string) =>
    code(
      `Deno.serve({ port: Number(Deno.env.get("PORT")), onListen() {} }, (request) => ${answer});`,
    );
  const preflight = {
    method: "OPTIONS",
    headers: {
      origin: "http://localhost:3000",
      "access-control-request-method": "PUT",
    },
  };
  const cors = (headers: Headers) =>
    ["origin", "methods", "headers", "credentials"].map((name) =>
      headers.get(`access-control-allow-${name}`)
    );
  const open = ["*", "*", "*, Authorization", null];

  await using plain = await platform(
    serve(`new Response("no", { status: 404 })`),
  );
  const { url } = await connect(plain);
  const answered = await fetch(url);
  assertEquals([answered.status, cors(answered.headers)], [404, open]);
  await answered.body?.cancel();
  const allowed = await fetch(url, preflight);
  assertEquals([allowed.status, cors(allowed.headers)], [204, open]);

  await using own = await platform(serve(
    `new Response(null, { status: 200, headers: { "access-control-allow-origin": request.headers.get("origin") ?? "none", "access-control-allow-credentials": "true" } })`,
  ));
  const { url: second } = await connect(own);
  const strict = await fetch(second, preflight);
  assertEquals([strict.status, cors(strict.headers)], [
    200,
    ["http://localhost:3000", null, null, "true"],
  ]);
  await strict.body?.cancel();
});

Deno.test("dev proxy - a WebSocket ends with 1011 when its backend is killed", async () => {
  await using dev = await platform();
  const { url, backend_id } = await connect(dev);
  const peer = await Peer.open(url);
  await peer.next();
  await terminate(dev, backend_id, true);
  const { code } = await peer.closed;
  assertEquals(code, 1011);
});

Deno.test("dev proxy - the subprotocol is the one the backend chose", async () => {
  await using dev = await platform(code(
    `Deno.serve({ port: Number(Deno.env.get("PORT")), onListen() {} }, (request) =>
       Deno.upgradeWebSocket(request, { protocol: "b" }).response);`,
  ));
  const { url } = await connect(dev);
  const peer = await Peer.open(url, { protocols: ["a", "b"] });
  assertEquals(peer.socket.protocol, "b");
  await peer.close();
  // Some clients put no space after the comma.
  const answer = await rawRequest(
    url,
    [
      `GET ${new URL(url).pathname} HTTP/1.1`,
      "host: localhost",
      ...UPGRADE,
      "sec-websocket-protocol: x,b",
    ].join("\n"),
    // With a body the answer is read up to its head.
    " ",
  );
  assertMatch(answer, /^HTTP\/1\.1 101 /);
  assertMatch(answer, /\r\nsec-websocket-protocol: b\r\n/i);
});

Deno.test("dev proxy - connections are counted until they end", async () => {
  await using dev = await platform();
  const { url, status_url } = await connect(dev);
  await states(status_url, "ready");
  const count = () => dev.backends[0]!.connections;
  const peer = await Peer.open(url);
  assertEquals(count(), 1);
  await (await fetch(url)).text();
  await until(() => count() === 1, "the end of the request");
  await peer.close();
  await until(() => count() === 0, "the end of the WebSocket");
  // A client that goes away before the answer counts no longer.
  await using slow = await platform(code(
    `Deno.serve({ port: Number(Deno.env.get("PORT")), onListen() {} }, () => new Promise(() => {}));`,
  ));
  const answer = await connect(slow);
  await states(answer.status_url, "ready");
  const controller = new AbortController();
  const request = fetch(answer.url, { signal: controller.signal }).catch(
    () => {},
  );
  await until(() => slow.backends[0]!.connections === 1, "the request");
  controller.abort();
  await request;
  await until(() => slow.backends[0]!.connections === 0, "its end");
});

Deno.test("dev proxy - a backend has as long for a handshake as for an answer", async () => {
  using time = new FakeTime();
  const { WebSocket } = globalThis;
  const client = new AbortController();
  const dialed = Promise.withResolvers<void>();
  let closed = 0;
  globalThis.WebSocket = class {
    constructor() {
      dialed.resolve();
    }
    close() {
      closed++;
    }
  } as unknown as typeof WebSocket;
  try {
    const backend = { reach: () => Promise.resolve("127.0.0.1:1") };
    const gate = new Gate({ keys: [{ id: "k", secret: "x".repeat(32) }] });
    const { token } = await gate.issue({ backendId: "b" });
    const handler = createConnectProxy({
      registry: { get: () => backend } as unknown as Registry,
      gate,
      guard: { allowedHosts: [], open: false },
      signal: new AbortController().signal,
    });
    const answer = handler(
      new Request(`http://localhost/${token}/ws`, {
        headers: { host: "localhost", upgrade: "websocket" },
        signal: client.signal,
      }),
      { completed: Promise.resolve() } as Deno.ServeHandlerInfo,
    );
    // Verifying the token takes real time.
    await dialed.promise;
    await time.tickAsync(3_600_000);
    assertEquals(closed, 0, "it may be reading a large document first");
    client.abort();
    await answer;
    assertEquals(closed, 1);
  } finally {
    globalThis.WebSocket = WebSocket;
  }
});

Deno.test("dev proxy - a client that leaves during a handshake is not counted as connected", async () => {
  await using dev = await platform();
  const { url } = await connect(dev);
  await (await fetch(url)).body?.cancel();
  const { port, pathname } = new URL(url);
  const head = [`GET ${pathname}ws HTTP/1.1`, "host: localhost", ...UPGRADE];
  const bytes = new TextEncoder().encode(head.join("\r\n") + "\r\n\r\n");
  for (let i = 0; i < 400; i++) {
    using connection = await Deno.connect({ port: Number(port) });
    await connection.write(bytes);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
  }
  await until(
    () => dev.backends[0]!.connections === 0,
    "no connection is left",
  );
});

Deno.test("dev proxy - bodies stream both ways and are not bounded", async () => {
  await using dev = await platform(code(
    `Deno.serve({ port: Number(Deno.env.get("PORT")), onListen() {} }, (request) => new Response(request.body));`,
  ));
  const { url } = await connect(dev);
  const size = 5_000_000;
  const response = await fetch(url, {
    method: "POST",
    body: new Uint8Array(size),
  });
  assertEquals((await response.arrayBuffer()).byteLength, size);
});

Deno.test("dev proxy - the page's own way to a backend", async () => {
  await using dev = await platform();
  const { backend_id, status_url } = await connect(dev);
  const visit = () => call(dev, `/visit/${backend_id}`, { method: "POST" });
  const { body } = await visit();
  const seen = await (await fetch(body.url)).json();
  assertFalse("x-verified-username" in seen.headers);
  await terminate(dev, backend_id);
  await ended(status_url);
  assertEquals((await visit()).status, 410);
});

Deno.test("dev proxy - revoked access ends what is open, through the API", async () => {
  await using dev = await platform();
  const ada = await connect(dev, { key: "k", user: "ada" });
  const bob = await connect(dev, { key: "k", user: "bob" });
  const peer = await Peer.open(ada.url);
  const other = await Peer.open(bob.url);
  await peer.next();
  await other.next();
  const revoke = (json: unknown) => call(dev, "/v2/revoke", { json });
  assertEquals((await revoke({ user: "ada" })).status, 200);
  const { code, reason } = await peer.closed;
  assertEquals([code, reason], [4403, "access was revoked"]);
  const refused = await fetch(ada.url);
  assertEquals(
    [refused.status, await refused.text()],
    [410, "the connection token was revoked: connect again\n"],
  );
  other.socket.send("still here");
  assertEquals(await other.next(), "still here");
  await other.close();
  for (const wrong of [{}, { user: 1 }, { backend_id: null }]) {
    assertEquals((await revoke(wrong)).status, 400);
  }
});
