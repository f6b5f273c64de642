import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { sendableCode } from "../../net/close_code.ts";
import { bridge, type BridgeSocket } from "../../session/pass/bridge.ts";
import {
  sessionProxy,
  type SessionProxyOptions,
  type WebSocketConstructor,
} from "../../session/edge/proxy.ts";
import { HANDSHAKE, open, raw, ScriptedEngine, startEdge } from "./support.ts";
import { until } from "../kit/wait.ts";

function start(options: Partial<SessionProxyOptions> = {}) {
  const test = startEdge({
    authorize: () => ({ anonymous: true }),
    ...options,
  });
  return { ...test, url: (path: string) => test.url(`/backend/${path}`) };
}

Deno.test("WebSocket - an address with http, and what the backend says first", async () => {
  await using test = start();
  const { url } =
    await (await fetch(`${test.edge.origin}/sessions/doc/connect`, {
      method: "POST",
    })).json();
  // As a page would: the address as it is, with no subprotocol and no header.
  const socket = new WebSocket(`${url}hello`);
  const first = await new Promise<string>((resolve) =>
    socket.onmessage = ({ data }) => resolve(data)
  );
  assertMatch(first, /"user-agent":/);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
});

Deno.test("WebSocket - the subprotocol is the one that the backend chose", async () => {
  await using test = start();
  // None chosen: none named to the client, though it offered some.
  const answer = await raw(test.edge, "/sessions/doc/backend/ws", [
    ...HANDSHAKE,
    "sec-websocket-protocol: name.v1, SECRET-token",
  ]);
  assertEquals(answer.status, 101);
  assertEquals(answer.head.includes("sec-websocket-protocol"), false);
  const chosen = await raw(
    test.edge,
    "/sessions/doc/backend/ws?choose=name.v1",
    [
      ...HANDSHAKE,
      "sec-websocket-protocol: name.v1, SECRET-token",
    ],
  );
  assertStringIncludes(chosen.head, "sec-websocket-protocol: name.v1");
  assertEquals(chosen.head.includes("secret"), false);
  for (
    const headers of [
      HANDSHAKE.filter((line) => !line.includes("key")),
      HANDSHAKE.map((line) => line.replace("version: 13", "version: 8")),
    ]
  ) {
    const { status } = await raw(
      test.edge,
      "/sessions/doc/backend/ws",
      headers,
    );
    assertEquals(status, 400);
  }
  const malformed = await raw(test.edge, "/sessions/doc/backend/ws", [
    ...HANDSHAKE,
    "sec-websocket-protocol: a b",
  ]);
  assertEquals(malformed.status, 400);
});

Deno.test("WebSocket - the client's code and reason reach the backend where they can", async () => {
  await using test = start();
  const cases: [number | undefined, string, [number, string]][] = [
    [1000, "done", [1000, "done"]],
    [3000, "", [3000, ""]],
    [4999, "ünïcode", [4999, "ünïcode"]],
    [undefined, "", [1005, ""]],
  ];
  for (const [code, reason, expected] of cases) {
    const client = await open(test.url("ws"));
    test.backend.closed.length = 0;
    if (code === undefined) client.socket.close();
    else client.socket.close(code, reason);
    await client.closed;
    await until(() => test.backend.closed.length === 1, "the backend knows");
    assertEquals(test.backend.closed, [expected]);
  }
});

Deno.test("WebSocket - when one side is lost, the other is closed with 1011", async () => {
  await using test = start();
  // The client's connection breaks without a close frame.
  await raw(test.edge, "/sessions/doc/backend/ws", [...HANDSHAKE]);
  await until(() => test.backend.closed.length === 1, "the backend knows");
  // Deno's outgoing sockets cannot send 1011: it moved into the private range.
  assertEquals(test.backend.closed, [[4011, "the other side was lost"]]);
  await using client = await open(test.url("ws"));
  await test.backend[Symbol.asyncDispose]();
  test.backend.sockets.clear();
  assertEquals(await client.closed, [1011, "the other side was lost"]);
});

Deno.test("WebSocket - a client that leaves during the dial ends the dial", async () => {
  // A backend that takes the connection and never answers the handshake.
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const taken: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) taken.push(connection);
  })();
  const test = start();
  test.engine.answers.push({
    url: `http://127.0.0.1:${listener.addr.port}/TOKEN/`,
  });
  const connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: test.edge.port,
  });
  await connection.write(new TextEncoder().encode(
    ["GET /sessions/doc/backend/ws HTTP/1.1", "host: x", ...HANDSHAKE].join(
      "\r\n",
    ) + "\r\n\r\n",
  ));
  await until(() => taken.length === 1, "the backend was dialled");
  connection.close();
  const buffer = new Uint8Array(4096);
  while (await taken[0]!.read(buffer).catch(() => null) !== null);
  assertEquals(
    test.engine.requests.length,
    1,
    "no client is left to reconnect for",
  );
  taken[0]!.close();
  listener.close();
  await accepting;
  await test[Symbol.asyncDispose]();
});

Deno.test("WebSocket - a client that leaves as the backend's end opens is not accepted", async () => {
  const client = new AbortController();
  const closed: unknown[] = [];
  class Upstream {
    binaryType = "";
    protocol = "";
    readyState = 1;
    bufferedAmount = 0;
    onopen = () => {};
    constructor() {
      queueMicrotask(() => {
        this.onopen();
        client.abort();
      });
    }
    close(...end: unknown[]) {
      closed.push(end);
    }
  }
  await using test = start();
  let accepted = 0;
  const app = sessionProxy({
    engine: test.engine,
    authorize: () => ({ anonymous: true }),
    WebSocket: Upstream as unknown as WebSocketConstructor,
    upgrade() {
      accepted++;
      throw new Error("Deno's socket would never open, and never close");
    },
  });
  const { status } = await app.request("/doc/backend/ws", {
    headers: HANDSHAKE.map((line) => line.split(": ") as [string, string]),
    signal: client.signal,
  });
  assertEquals([status, accepted, closed.length], [499, 0, 1]);
});

Deno.test("WebSocket - without upgrade, on a runtime that needs it, the lines to add are in the log", async () => {
  // As on Node and Bun.
  const own = Object.getOwnPropertyDescriptor(Deno, "upgradeWebSocket")!;
  Reflect.deleteProperty(Deno, "upgradeWebSocket");
  let app: ReturnType<typeof sessionProxy>;
  const errors: Error[] = [];
  const engine = new ScriptedEngine({ origin: "http://127.0.0.1:1" } as never);
  try {
    app = sessionProxy({
      engine,
      authorize: () => ({ anonymous: true }),
      onError: (error) => void errors.push(error),
    });
  } finally {
    Object.defineProperty(Deno, "upgradeWebSocket", own);
  }
  const answer = await app.request("/doc/backend/ws", {
    headers: HANDSHAKE.map((line) => line.split(": ") as [string, string]),
  });
  assertEquals(answer.status, 502);
  const text =
    "this runtime cannot forward WebSockets by itself: sessionProxy needs the option upgrade";
  assertEquals((await answer.json()).error.message, text);
  assertEquals(errors.map(({ message }) => message), [text]);
  const { message } = errors[0]!.cause as Error;
  for (
    const line of [
      "const server = new WebSocketServer({ noServer: true });",
      "const upgrade = nodeUpgrade({ server, upgradeWebSocket });",
      "websocket: { server }, serverOptions: upgrade.serverOptions",
      "const { upgrade, websocket } = bunUpgrade();",
    ]
  ) assertStringIncludes(message, line);
  assertEquals(engine.requests.length, 0);
});

Deno.test("WebSocket - a dial that fails is tried once more at a fresh address", async () => {
  await using test = start();
  await (await fetch(test.url("x"))).body?.cancel();
  test.backend.tokens.clear();
  {
    await using client = await open(test.url("ws"));
    client.socket.send("there");
    assertEquals(await client.next(), "there");
  }
  assertEquals(test.engine.requests.length, 2);
  test.backend.fail.push(502, 502);
  await assertRejects(() => open(test.url("ws")), Error, "refused");
  assertEquals(test.engine.requests.length, 3);
  assertEquals(test.errors.map(({ message }) => message), [
    "the backend did not accept the WebSocket",
  ]);
  assertEquals(Deno.inspect(test.errors).includes("TOKEN"), false);
});

Deno.test("WebSocket - a message of exactly the limit passes, one byte more is 1009", async () => {
  await using test = start({ maxMessage: 1000 });
  for (
    const [fits, over] of [
      ["é".repeat(500), "é".repeat(500) + "x"],
      ["x".repeat(1000), "x".repeat(1001)],
      [new Uint8Array(1000), new Uint8Array(1001)],
    ] as const
  ) {
    await using client = await open(test.url("size"));
    client.socket.send(fits);
    assertEquals(await client.next(), String(fits.length));
    test.backend.closed.length = 0;
    client.socket.send(over);
    assertEquals(await client.closed, [1009, "message too long"]);
    await until(() => test.backend.closed.length === 1, "the backend knows");
    assertEquals(test.backend.closed, [[4009, "message too long"]]);
  }
  // And from the backend.
  await using client = await open(test.url("flood?bytes=65536"));
  assertEquals(await client.closed, [1009, "message too long"]);
  assertEquals(
    test.errors.at(-1)?.message,
    "WebSocket closed with code 1009: message too long",
  );
});

Deno.test("WebSocket - unread bytes for a slow reader are bounded", async () => {
  await using test = start({ maxBuffered: 2 * 1024 ** 2 });
  const connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: test.edge.port,
  });
  await connection.write(new TextEncoder().encode(
    [
      "GET /sessions/doc/backend/flood?bytes=200000000 HTTP/1.1",
      "host: x",
      ...HANDSHAKE,
    ].join("\r\n") + "\r\n\r\n",
  ));
  // The client never reads; the backend has 200 MB for it.
  await until(
    () => test.errors.length === 1,
    "the reader was given up",
    20_000,
  );
  assertEquals(
    test.errors[0]?.message,
    "WebSocket closed with code 1013: the other side reads too slowly",
  );
  await until(() => test.backend.closed.length === 1, "the backend knows");
  assertEquals(test.backend.closed[0]?.[0], 4013);
  connection.close();
});

Deno.test("sendableCode - the code that a standard socket sends instead", () => {
  assertEquals(
    [1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].map(
      sendableCode,
    ),
    [1000, 4002, 4003, 4007, 4008, 4009, 4010, 4011, 4012, 4013, 4014],
  );
  assertEquals(
    [0, 999, 1016, 2999, 5000].map(sendableCode),
    Array(5).fill(undefined),
  );
});

/** A socket without a network, to reach what real ones do rarely. */
class Plain implements BridgeSocket {
  readyState = 1;
  bufferedAmount = 0;
  binaryType = "";
  protocol = "";
  onopen: BridgeSocket["onopen"] = null;
  onmessage: BridgeSocket["onmessage"] = null;
  onclose: BridgeSocket["onclose"] = null;
  onerror: BridgeSocket["onerror"] = null;
  sent: unknown[] = [];
  closed: unknown[][] = [];
  strict = false;

  send(data: unknown) {
    this.sent.push(data);
  }

  close(...args: [number?, string?]) {
    const [code] = args;
    if (
      this.strict && code !== undefined && code !== 1000 &&
      !(code >= 3000 && code < 5000)
    ) {
      throw new DOMException("no such code", "InvalidAccessError");
    }
    this.readyState = 2;
    this.closed.push(args);
  }
}

Deno.test("bridge - unsendable codes are mapped", async () => {
  const expected: [number, boolean, unknown[]][] = [
    [1005, false, []],
    [1006, false, [1011, "the other side was lost"]],
    [1015, false, [1011, "the other side was lost"]],
    [0, false, [1011, "the other side was lost"]],
    [1014, false, [1011, ""]],
    [1001, false, [1001, ""]],
    [1001, true, [1000, ""]],
    [1006, true, [4011, "the other side was lost"]],
    [1008, true, [4008, ""]],
    [2500, true, []],
  ];
  for (const [code, strict, args] of expected) {
    const [upstream, client] = [new Plain(), new Plain()];
    client.strict = strict;
    const ended = bridge(upstream).join(client);
    upstream.onclose!({ code, reason: "" });
    assertEquals(client.closed, [args], String(code));
    assertEquals(await ended, {
      by: "upstream",
      code: code || 1006,
      reason: "",
    });
    // Late events change nothing.
    client.onclose!({ code: 1000, reason: "" });
    client.onmessage!({ data: "late" });
    upstream.onmessage!({ data: "late" });
    assertEquals([upstream.sent, client.sent, upstream.closed], [[], [], []]);
  }
});

Deno.test("bridge - messages wait for the client's socket to open, within bounds", async () => {
  const [upstream, client] = [new Plain(), new Plain()];
  client.readyState = 0;
  const pair = bridge(upstream, { maxBuffered: 10 });
  upstream.onmessage!({ data: "12345" });
  const ended = pair.join(client);
  upstream.onmessage!({ data: new ArrayBuffer(5) });
  assertEquals(client.sent, []);
  client.readyState = 1;
  client.onopen!({});
  upstream.onmessage!({ data: "after" });
  assertEquals(client.sent, ["12345", new ArrayBuffer(5), "after"]);
  client.onclose!({ code: 4000, reason: "x" });
  assertEquals(upstream.closed, [[4000, "x"]]);
  await ended;

  const full = new Plain();
  bridge(full, { maxBuffered: 10 });
  full.onmessage!({ data: "12345678901" });
  assertEquals(full.closed, [[1013, "the other side reads too slowly"]]);
});

/** A socket that can stop reading. */
class Pausing extends Plain {
  reading = true;
  pause() {
    this.reading = false;
  }
  resume() {
    this.reading = true;
  }
}

Deno.test("bridge - a writer that can pause waits for a slow reader, and no longer than 30 s for one that takes nothing", async () => {
  using time = new FakeTime();
  const [upstream, client] = [new Pausing(), new Plain()];
  const ended = bridge(upstream, { maxBuffered: 1000 }).join(client);
  const receive = (waiting: number) => {
    client.bufferedAmount = waiting;
    upstream.onmessage!({ data: "x" });
    return upstream.reading;
  };
  assertEquals([receive(500), receive(501)], [true, false]);
  // A message that was on its way is not lost.
  assertEquals(receive(502), false);
  assertEquals(client.sent, ["x", "x", "x"]);
  client.bufferedAmount = 251;
  await time.tickAsync(29_000);
  assertEquals(upstream.reading, false);
  client.bufferedAmount = 250;
  await time.tickAsync(300);
  assertEquals(upstream.reading, true);
  // One that takes something now and then is slow, not gone.
  receive(900);
  for (let waiting = 899; waiting > 890; waiting--) {
    await time.tickAsync(29_000);
    client.bufferedAmount = waiting;
  }
  assertEquals([upstream.reading, client.closed], [false, []]);
  await time.tickAsync(31_000);
  // Reading again, or the close of the peer would not be seen.
  assertEquals([upstream.reading, client.closed, upstream.closed], [
    true,
    [[1013, "the other side reads too slowly"]],
    [[1013, "the other side reads too slowly"]],
  ]);
  assertEquals((await ended).code, 1013);
});

Deno.test("bridge - upstream ends before the client's end is open: messages, then the close", async () => {
  const [upstream, client] = [new Plain(), new Plain()];
  client.readyState = 0;
  const pair = bridge(upstream);
  upstream.onmessage!({ data: "last words" });
  upstream.onclose!({ code: 4001, reason: "over" });
  const ended = pair.join(client);
  client.readyState = 1;
  client.onopen!({});
  assertEquals([client.sent, client.closed], [["last words"], [[
    4001,
    "over",
  ]]]);
  assertEquals(await ended, { by: "upstream", code: 4001, reason: "over" });
});

Deno.test("bridge - a signal ends both; so does a client that never comes", async () => {
  const [upstream, client] = [new Plain(), new Plain()];
  const controller = new AbortController();
  const ended = bridge(upstream, { signal: controller.signal }).join(client);
  controller.abort();
  assertEquals([upstream.closed, client.closed], [
    [[1001, "the proxy is going away"]],
    [[1001, "the proxy is going away"]],
  ]);
  assertEquals((await ended).by, "bridge");
  const alone = new Plain();
  bridge(alone).abandon();
  assertEquals(alone.closed, [[1001, "the client disconnected"]]);
  assert(alone.readyState === 2);
});

Deno.test("bridge - a client whose socket does not open in time costs the backend nothing", async () => {
  const [upstream, client] = [new Plain(), new Plain()];
  client.readyState = 0;
  const ended = bridge(upstream, { openTimeout: 10 }).join(client);
  assertEquals((await ended).by, "bridge");
  assertEquals(upstream.closed, [[1001, "the client disconnected"]]);
  assertEquals(client.closed.length, 1);
  // The same where there is not even a socket.
  const alone = new Plain();
  bridge(alone, { openTimeout: 10 });
  await until(() => alone.closed.length === 1, "the backend is let go");
  // One that is open is left alone.
  const [served, there] = [new Plain(), new Plain()];
  const pair = bridge(served, { openTimeout: 10 });
  pair.join(there);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assertEquals([served.closed, there.closed], [[], []]);
  pair.end(4403, "access was revoked");
  assertEquals([served.closed, there.closed], [
    [[4403, "access was revoked"]],
    [[4403, "access was revoked"]],
  ]);
});

Deno.test("bridge - a close reason over 123 bytes is truncated, and keeps its code", () => {
  const [upstream, client] = [new Plain(), new Plain()];
  const pair = bridge(upstream);
  pair.join(client);
  pair.end(4001, "ü".repeat(70));
  assertEquals(client.closed, [[4001, "ü".repeat(61)]]);
  assertEquals(upstream.closed, [[4001, "ü".repeat(61)]]);
});

Deno.test("WebSocket - a list of subprotocols without spaces is legal", async () => {
  // The way of an edge on Deno that is given no adapter.
  await using test = startEdge({ upgrade: undefined });
  const { status, head } = await raw(
    test.edge,
    "/sessions/doc/backend/ws?choose=feedme",
    [...HANDSHAKE, "sec-websocket-protocol: x,feedme"],
  );
  assertEquals(status, 101);
  assertStringIncludes(head, "sec-websocket-protocol: feedme");
});
