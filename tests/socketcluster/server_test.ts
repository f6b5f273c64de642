/** Against a real socketcluster-server in a process of its own. */
// deno-lint-ignore-file no-explicit-any
import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertRejects,
} from "@std/assert";
import {
  type AGClientSocket,
  type ClientOptions,
  MemoryAuth,
} from "../../feed/socketcluster/mod.ts";
import { control, doom, log } from "../conformance/cases/socketcluster/far.ts";
import { until } from "../kit/wait.ts";
import { SocketClusterServer } from "../kit/socketcluster_server.ts";

/** One server for the tests that leave it as it was. */
const shared = await SocketClusterServer.start({
  pingInterval: 100,
  pingTimeout: 2000,
});
addEventListener("unload", () => void shared.kill());

/** Runs a test with a connected socket of the shared server. */
function withSocket(
  name: string,
  body: (
    socket: AGClientSocket<any>,
    peer: SocketClusterServer,
  ) => Promise<void>,
  options?: ClientOptions,
): void {
  Deno.test({
    name: `server - ${name}`,
    async fn() {
      const peer = shared;
      await using socket = peer.connect(options);
      await body(socket, peer);
    },
  });
}

const quick = {
  autoReconnectOptions: {
    initialDelay: 30,
    randomness: 0,
    multiplier: 1,
    maxDelay: 30,
  },
};

// Section 3, close codes: which are an error, and what follows.
for (
  const [code, reason, error, pending] of [
    [1000, "", null, false],
    [1001, "Socket was disconnected", null, true],
    [4002, "Server failed to sign auth token", "4002", true],
    [4003, "Failed to complete handshake", "4003", true],
    [4006, "Failed to bind socket to message broker", "4006", true],
    [4007, "Client connection establishment timed out", "4007", true],
    [4008, "Server rejected handshake from client", "4008", true],
    [
      4009,
      "Server received a message before the client handshake",
      "4009",
      true,
    ],
    [4321, "", "4321", true],
    [4500, "", "4500", false],
    [4999, "", "4999", false],
  ] as const
) {
  withSocket(`the server closes with ${code}`, async (socket) => {
    const events = log(socket, "disconnect", "close", "error", "connectAbort");
    await socket.listener("connect").once();
    doom(socket, "disconnect", { code });
    await until(() => socket.state === "closed");
    await until(() => events.length >= (error ? 3 : 2));
    assertEquals(events.slice(0, 2), [
      ["disconnect", { code, reason }],
      ["close", { code, reason }],
    ]);
    assertEquals(
      events.slice(2).map((
        [name, data],
      ) => [name, data.error.name, String(data.error.code)]),
      error ? [["error", "SocketProtocolError", error]] : [],
    );
    assertEquals(socket.pendingReconnect, pending);
    if (pending) {
      const delay = socket.pendingReconnectTimeout!;
      assertGreaterOrEqual(delay, 10_000);
      assertLess(delay, 20_001);
    }
    assertEquals(socket.id, null);
  });
}

for (const what of ["closeWithoutCode", "ping", "pong"]) {
  withSocket(`connects again at once after ${what}`, async (socket) => {
    const events = log(socket, "disconnect", "connect");
    await socket.listener("connect").once();
    if (what === "closeWithoutCode") doom(socket, what);
    else doom(socket, "disconnect", { code: what === "ping" ? 4000 : 4001 });
    await until(() => events.filter(([name]) => name === "connect").length > 1);
    assertEquals(events[1]![0], "disconnect");
    assertEquals(
      events[1]![1].code,
      { closeWithoutCode: 1005, ping: 4000, pong: 4001 }[what],
    );
  });
}

withSocket(
  "disconnect() emits its events and does not reconnect",
  async (socket) => {
    await socket.listener("connect").once();
    const events = log(socket, "disconnect", "close", "error", "connecting");
    socket.disconnect();
    assertEquals([socket.state, socket.id], ["closed", null]);
    await until(() => events.length === 2);
    assertEquals(events, [
      ["disconnect", { code: 1000, reason: undefined }],
      ["close", { code: 1000, reason: undefined }],
    ]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assertEquals([events.length, socket.pendingReconnect], [2, false]);
  },
  quick,
);

withSocket("reconnect() of an open socket", async (socket) => {
  await socket.listener("connect").once();
  const first = socket.id;
  const events = log(socket, "disconnect", "close", "connecting", "connect");
  socket.reconnect(4444, "again");
  await socket.listener("connect").once();
  await until(() => events.length === 4);
  assertEquals(events.map(([name]) => name), [
    "disconnect",
    "close",
    "connecting",
    "connect",
  ]);
  assert(socket.id !== first);
});

withSocket("disconnect(4444) connects again by default", async (socket) => {
  await socket.listener("connect").once();
  socket.disconnect(4444, "for now");
  assertEquals(socket.pendingReconnectTimeout, 30);
  await socket.listener("connect").once(30_000);
}, quick);

for (
  const [block, code, name] of [
    ["default", 4008, "NoEntryError"],
    ["4501", 4501, "NoEntryError"],
    ["4499", 4499, "NoEntryError"],
  ] as const
) {
  Deno.test({
    name: `server - the handshake is refused (${block})`,
    async fn() {
      const peer = shared;
      const socket = peer.connect({ query: { block }, autoConnect: false });
      const events = log(socket, "error", "connectAbort", "close", "connect");
      socket.connect();
      await until(() => events.length >= 4);
      assertEquals(events.map(([event]) => event), [
        "error",
        "connectAbort",
        "close",
        "error",
      ]);
      assertEquals(events[0]![1].error.name, name);
      assertEquals(events[1]![1], { code, reason: "NoEntryError: no entry" });
      assertEquals(events[3]![1].error.name, "SocketProtocolError");
      assertEquals(socket.pendingReconnect, code < 4500);
      await socket[Symbol.asyncDispose]();
    },
  });
}

Deno.test({
  name: "server - the upgrade is refused, or the port is closed",
  async fn() {
    const peer = shared;
    for (const options of [{ query: "block=ws" }, { port: 1 }]) {
      await using socket = peer.connect({ ...options, autoConnect: false });
      const events = log(socket, "connectAbort", "close", "error");
      const call = socket.invoke("echo", 1);
      const error: any = await assertRejects(() => call);
      assertEquals([error.name, error.type, error.code, error.sent], [
        "BadConnectionError",
        "connectAbort",
        1006,
        false,
      ]);
      await until(() => events.length === 3);
      assertEquals(events.map(([event]) => event), [
        "connectAbort",
        "close",
        "error",
      ]);
    }
  },
});

withSocket("binary payloads of every kind", async (socket) => {
  const bytes = new Uint8Array([0, 1, 2, 250, 255]);
  const expected = { base64: true, data: "AAEC+v8=" };
  for (
    const data of [
      bytes.buffer,
      bytes,
      new Uint8Array([9, ...bytes, 9]).subarray(1, 6),
      new DataView(bytes.buffer),
      new Int8Array(bytes.buffer),
      new Uint8ClampedArray(bytes.buffer),
    ]
  ) {
    assertEquals(await socket.invoke("echo", data), expected);
    assertEquals(await socket.invoke("echo", { a: [data] }), { a: [expected] });
  }
  assertEquals(
    await socket.invoke("echo", new Float64Array([1.5])),
    { base64: true, data: "AAAAAAAA+D8=" },
  );
  assertEquals(
    await socket.invoke("echo", new Date(0)),
    "1970-01-01T00:00:00.000Z",
  );
});

withSocket("a thousand channels", async (socket) => {
  const names = Array.from({ length: 1000 }, (_, i) => `channel ${i}`);
  for (const name of names) socket.subscribe(name);
  await until(() => socket.subscriptions().length === 1000);
  let got = 0;
  for (const name of names) {
    (async () => {
      for await (const data of socket.channel(name)) {
        assertEquals(data, name);
        got++;
      }
    })();
  }
  for (const name of names) socket.transmitPublish(name, name);
  await until(() => got === 1000);
  // And all of them again on the next connection.
  socket.reconnect();
  await until(() => socket.subscriptions().length === 1000);
  for (const name of names) socket.transmitPublish(name, name);
  await until(() => got === 2000);
});

withSocket("batches", async (socket) => {
  await socket.listener("connect").once();
  const passed: unknown[] = [];
  (async () => {
    for await (const data of socket.receiver("passed")) passed.push(data);
  })();
  socket.startBatch();
  socket.transmit("pass", 1);
  const call = socket.invoke("echo", 2);
  const channel = socket.subscribe("batched");
  socket.startBatch();
  socket.transmit("pass", 3);
  assertEquals(socket.isBufferingBatch, true);
  socket.flushBatch();
  assertEquals(socket.isBufferingBatch, false);
  assertEquals(await call, 2);
  await until(() => passed.length === 2 && channel.state === "subscribed");
  assertEquals(passed, [1, 3]);

  socket.startBatch();
  socket.transmit("pass", "cancelled");
  const cancelled = socket.invoke("echo", 2);
  const kept = socket.subscribe("kept");
  socket.cancelBatch();
  const error: any = await assertRejects(() => cancelled);
  assertEquals([error.name, error.sent], ["InvalidActionError", false]);
  await until(() => kept.state === "subscribed");

  socket.startBatching();
  socket.transmit("pass", 4);
  await until(() => passed.length === 3);
  socket.transmit("pass", 5);
  socket.stopBatching();
  await until(() => passed.length === 4);
  assertEquals(passed, [1, 3, 4, 5]);
});

withSocket("a batch that was begun before the connection", async (socket) => {
  socket.startBatch();
  const call = socket.invoke("echo", 1);
  await socket.listener("connect").once();
  socket.flushBatch();
  assertEquals(await call, 1);
});

withSocket("batchOnHandshake and the server's batches", async (socket) => {
  const channel = socket.subscribe("early");
  assertEquals(await socket.invoke("echo", "batched"), "batched");
  await until(() => channel.state === "subscribed");
}, { batchOnHandshake: true, batchInterval: 10, batchOnHandshakeDuration: 30 });

for (const key of ["", "another key"]) {
  Deno.test({
    name: `server - a stored token that is ${
      key ? "signed with a changed key" : "malformed"
    } is forgotten`,
    async fn() {
      const peer = shared;
      const authEngine = new MemoryAuth();
      await using first = peer.connect();
      const token = key
        ? await control(first, "sign", { payload: { username: "ann" }, key })
        : "malformed";
      const options = { authEngine, authTokenName: "t" };
      await authEngine.saveToken("t", token);
      await using socket = peer.connect({ ...options, autoConnect: false });
      const events = log(socket, "connect", "removeAuthToken", "authenticate");
      socket.connect();
      await until(() => events.length === 2);
      assertEquals(events.map(([name]) => name), [
        "connect",
        "removeAuthToken",
      ]);
      assertEquals(events[0]![1].authError.name, "AuthTokenInvalidError");
      assertEquals(await authEngine.loadToken("t"), null);
    },
  });
}

withSocket("a token that expires while connected", async (socket) => {
  const exp = Math.floor(Date.now() / 1000) + 1;
  const token = await control(socket, "sign", {
    payload: { username: "a", exp },
  });
  const deauthenticated = socket.listener("deauthenticate").once(30_000);
  await socket.authenticate(token);
  await deauthenticated;
  assertEquals(socket.authState, "unauthenticated");
});

Deno.test("server - protocol version 1, and pings keep the connection", async () => {
  for (const protocolVersion of [1, 2] as const) {
    await using peer = await SocketClusterServer.start({
      protocolVersion,
      pingInterval: 200,
      pingTimeout: 2_000,
    });
    await using socket = peer.connect({ protocolVersion });
    const events = log(socket, "disconnect", "raw");
    assertEquals(await socket.invoke("echo", 1), 1);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    assertEquals(await socket.invoke("echo", 2), 2);
    assertEquals(events, []);
  }
});

Deno.test("server - a silent connection is closed, earlier with silenceTimeout", async () => {
  for (const idle of [undefined, 300]) {
    await using peer = await SocketClusterServer.start({
      pingInterval: 50,
      pingTimeout: idle ? 20_000 : 400,
    });
    await using socket = peer.connect(idle ? { silenceTimeout: idle } : {});
    await socket.listener("connect").once();
    const failure = assertRejects(() => socket.invoke("wait", 60_000));
    doom(socket, "fallSilent");
    const closed = await socket.listener("disconnect").once(30_000);
    assertEquals(closed, { code: 4000, reason: "Server ping timed out" });
    const error: any = await failure;
    assertEquals([error.name, error.sent], ["BadConnectionError", true]);
    await socket.listener("connect").once(30_000);
  }
});

Deno.test("server - killed and started again while messages flow", async () => {
  await using first = await SocketClusterServer.start();
  const { port } = first;
  await using socket = first.connect({ ...quick, ackTimeout: 5000 });
  await using publisher = first.connect({ ...quick, ackTimeout: 5000 });
  const got: number[] = [];
  const channel = socket.subscribe("stream");
  (async () => {
    for await (const n of channel) got.push(n);
  })();
  const dropped: any[] = [];
  (async () => {
    for await (const { error } of publisher.listener("error")) {
      if (error.sent === false) dropped.push(error);
    }
  })();
  await channel.listener("subscribe").once();
  const gaps = log(socket, "disconnect", "subscribe");
  const confirmed: number[] = [];
  const unsent: number[] = [];
  const unknown: number[] = [];
  let n = 0;
  const publish = () => {
    const mine = n++;
    return publisher.invokePublish("stream", mine).then(
      () => confirmed.push(mine),
      (error: any) => (error.sent ? unknown : unsent).push(mine),
    );
  };
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < 300; i++) calls.push(publish());
  await Promise.all(calls.splice(0));
  for (let i = 0; i < 300; i++) calls.push(publish());
  await first.kill();
  for (let i = 0; i < 20; i++) {
    calls.push(publish());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await using _second = await SocketClusterServer.start({ port });
  await until(() =>
    channel.state === "subscribed" && publisher.state === "open"
  );
  for (let i = 0; i < 300; i++) calls.push(publish());
  await Promise.all(calls);
  await until(() => got.includes(n - 1));
  // Each message came once at most, in order; each call told its fate.
  assertEquals(got, [...new Set(got)].sort((a, b) => a - b));
  assertEquals(confirmed.length + unsent.length + unknown.length, n);
  for (const lost of unsent) assert(!got.includes(lost));
  // What the subscriber missed lies between its disconnect and its subscribe.
  assertEquals(gaps.map(([name]) => name), ["disconnect", "subscribe"]);
  assertGreater(got.length, 599);
});
