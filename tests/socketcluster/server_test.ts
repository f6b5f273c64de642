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

withSocket("the connection breaks off", async (socket) => {
  const events = log(socket, "disconnect");
  await socket.listener("connect").once();
  doom(socket, "terminate");
  await until(() => events.length > 0);
  assertEquals(events[0]![1], { code: 1006, reason: "Socket hung up" });
  assertEquals(socket.pendingReconnect, true);
});

withSocket("disconnect() tells at once and stays away", async (socket) => {
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
}, quick);

withSocket("connect, disconnect, connect in one turn", async (socket) => {
  socket.disconnect();
  const events = log(
    socket,
    "connecting",
    "connectAbort",
    "disconnect",
    "close",
    "connect",
  );
  socket.connect();
  socket.disconnect();
  socket.connect();
  await socket.listener("connect").once();
  await until(() => events.length === 5);
  assertEquals(events.map(([name]) => name), [
    "connecting",
    "connectAbort",
    "close",
    "connecting",
    "connect",
  ]);
  await until(() => socket.state === "open");
});

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
  await socket.listener("connect").once(5000);
}, quick);

withSocket(
  "disconnect(4444) is final with reconnect: eager",
  async (socket) => {
    await socket.listener("connect").once();
    socket.disconnect(4444, "for good");
    assertEquals(socket.pendingReconnect, false);
  },
  { reconnect: "eager" },
);

withSocket("eager: the first attempt comes soon", async (socket) => {
  await socket.listener("connect").once();
  doom(socket, "disconnect", { code: 4321 });
  await socket.listener("disconnect").once();
  assertLess(socket.pendingReconnectTimeout ?? Infinity, 500);
  await socket.listener("connect").once(5000);
}, { reconnect: "eager" });

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
  name: "server - the upgrade is refused, and nobody listens at the port",
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

withSocket("calls and their errors", async (socket) => {
  assertEquals(await socket.invoke("echo", { a: [1, null] }), { a: [1, null] });
  assertEquals(await socket.invoke("echo"), undefined);
  assertEquals(await socket.invoke("echo", null), null);
  const failure: any = await assertRejects(() => socket.invoke("fail"));
  assertEquals(
    [failure.name, failure.message, failure.code],
    ["CustomFailure", "it failed", 42],
  );
  const forbidden: any = await assertRejects(() => socket.invoke("forbidden"));
  assertEquals([forbidden.name, forbidden.level], ["ForbiddenError", 3]);
  const text = await socket.invoke("failAs", "just text").catch((e) => e);
  assertEquals(text, "just text");
  assertEquals(await socket.invoke("failAs", null), undefined);
  const late: any = await assertRejects(() =>
    socket.invoke("wait", 300, { ackTimeout: 20 })
  );
  assertEquals(
    [late.name, late.message, late.sent],
    ["TimeoutError", "Event response for wait event timed out", true],
  );
  const reason = new Error("enough");
  const given = socket.invoke("wait", 300, {
    signal: AbortSignal.abort(reason),
  });
  assertEquals(await given.catch((e) => e), reason);
  const controller = new AbortController();
  const abandoned = socket.invoke("wait", 300, { signal: controller.signal });
  controller.abort(reason);
  assertEquals(await abandoned.catch((e) => e), reason);
});

withSocket("the server transmits and calls", async (socket) => {
  const received: unknown[] = [];
  (async () => {
    for await (const data of socket.receiver("news")) received.push(data);
  })();
  (async () => {
    for await (const request of socket.procedure("add")) {
      const { a, b } = request.data;
      if (b === undefined) {
        request.error(Object.assign(new Error("no b"), { name: "NoB" }));
      } else request.end(a + b);
    }
  })();
  await control(socket, "transmit", { event: "news", data: 7 });
  assertEquals(
    await control(socket, "invoke", { event: "add", data: { a: 1, b: 2 } }),
    3,
  );
  const error: any = await assertRejects(() =>
    control(socket, "invoke", { event: "add", data: { a: 1 } })
  );
  assertEquals([error.name, error.message], ["NoB", "no b"]);
  await until(() => received.length === 1);
  assertEquals(received, [7]);
  const raw = socket.listener("raw").once();
  await control(socket, "send", "not a packet");
  assertEquals(await raw, { message: "not a packet" });
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

withSocket(
  "channels: publish, refusal, kick-out, unsubscribe",
  async (socket) => {
    const channel = socket.subscribe("room", { data: 0 });
    const got: unknown[] = [];
    (async () => {
      for await (const data of channel) got.push(data);
    })();
    await channel.listener("subscribe").once();
    assertEquals(socket.subscriptions(), ["room"]);
    await channel.invokePublish("one");
    channel.transmitPublish({ two: 2 });
    await control(socket, "publish", { channel: "room", data: 3 });
    await until(() => got.length === 3);
    assertEquals(got, ["one", { two: 2 }, 3]);

    for (
      const [name, error] of [["forbidden", "ForbiddenError"], [
        "silent",
        "SilentMiddlewareBlockedError",
      ]] as const
    ) {
      const failed = socket.listener("subscribeFail").once();
      const refused = socket.subscribe(name);
      const event = await failed;
      assertEquals([event.channel, event.error.name], [name, error]);
      assertEquals(refused.state, "unsubscribed");
      const publish: any = await assertRejects(() => refused.invokePublish(1));
      assertEquals(publish.name, error);
    }

    const events = log(
      socket,
      "kickOut",
      "subscribeStateChange",
      "unsubscribe",
    );
    const kicked = channel.listener("kickOut").once();
    await control(socket, "kick", { channel: "room", message: "out" });
    assertEquals(await kicked, { message: "out" });
    await until(() => events.length === 3);
    assertEquals(events, [
      ["kickOut", { channel: "room", message: "out" }],
      ["subscribeStateChange", {
        channel: "room",
        oldChannelState: "subscribed",
        newChannelState: "unsubscribed",
      }],
      ["unsubscribe", { channel: "room" }],
    ]);
    channel.subscribe();
    await channel.listener("subscribe").once();
    channel.unsubscribe();
    assertEquals(channel.state, "unsubscribed");
    assertEquals(await control(socket, "subscriptions"), []);
  },
);

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

withSocket(
  "tokens: valid, expired, not yet valid, malformed, blocked",
  async (socket) => {
    const auth = socket.auth;
    const name = socket.authTokenName;
    const now = Math.floor(Date.now() / 1000);
    const events = log(
      socket,
      "authenticate",
      "deauthenticate",
      "authStateChange",
      "removeAuthToken",
    );
    const valid = await control(socket, "sign", {
      payload: { username: "ann" },
    });
    assertEquals(await socket.authenticate(valid), {
      isAuthenticated: true,
      authError: null,
    });
    assertEquals([socket.authState, socket.authToken?.username], [
      "authenticated",
      "ann",
    ]);
    assertEquals(await auth.loadToken(name), valid);

    for (
      const [payload, key, rejects] of [
        [
          { username: "ann", exp: now - 100 },
          undefined,
          "AuthTokenExpiredError",
        ],
        [{ username: "ann" }, "another key", "AuthTokenInvalidError"],
        [{ username: "ann", nbf: now + 1000 }, undefined, null],
        [{ username: "banned" }, undefined, null],
      ] as const
    ) {
      await socket.authenticate(valid);
      const token = await control(socket, "sign", { payload, key });
      if (rejects) {
        const error: any = await assertRejects(() =>
          socket.authenticate(token)
        );
        assertEquals([error.name, error.isBadToken], [rejects, true]);
        await until(() => events.at(-1)?.[0] === "removeAuthToken");
        assertEquals(await auth.loadToken(name), null);
      } else {
        const status = await socket.authenticate(token);
        assertEquals(status.isAuthenticated, false);
        assert(status.authError instanceof Error);
        // The token that was not accepted is not kept.
        assert(await auth.loadToken(name) !== token);
      }
      assertEquals([socket.authState, socket.signedAuthToken], [
        "unauthenticated",
        null,
      ]);
    }
    const malformed: any = await assertRejects(() =>
      socket.authenticate("not a token")
    );
    assertEquals(malformed.name, "AuthTokenInvalidError");
  },
);

withSocket("the server logs the client in and out", async (socket) => {
  const priv = socket.subscribe("private", { waitForAuth: true });
  await socket.listener("connect").once();
  assertEquals(priv.state, "pending");
  const authenticated = socket.listener("authenticate").once();
  await control(socket, "login", { payload: { username: "ann" } });
  const { signedAuthToken, authToken } = await authenticated;
  assertEquals(authToken.username, "ann");
  assertEquals(
    await socket.auth.loadToken(socket.authTokenName),
    signedAuthToken,
  );
  await until(() => priv.state === "subscribed");
  // Confirmed delivery.
  await control(socket, "login", {
    payload: { username: "ben" },
    options: { rejectOnFailedDelivery: true },
  });
  assertEquals(socket.authToken?.username, "ben");
  const removed = socket.listener("removeAuthToken").once();
  await control(socket, "logout", { rejectOnFailedDelivery: true });
  await removed;
  assertEquals([socket.authState, socket.authToken], ["unauthenticated", null]);
  assertEquals(await socket.auth.loadToken(socket.authTokenName), null);
  assertEquals(priv.state, "subscribed");
});

withSocket(
  "a token is used for the next connection, until deauthenticate()",
  async (socket) => {
    await control(socket, "login", { payload: { username: "ann" } });
    await until(() => socket.authState === "authenticated");
    socket.disconnect();
    assertEquals(socket.authState, "authenticated");
    socket.connect();
    const again = await socket.listener("connect").once();
    assertEquals(again.isAuthenticated, true);
    await socket.deauthenticate();
    assertEquals(socket.signedAuthToken, null);
    socket.reconnect();
    const out = await socket.listener("connect").once();
    assertEquals([out.isAuthenticated, out.authToken], [false, null]);
  },
);

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
  const deauthenticated = socket.listener("deauthenticate").once(5000);
  await socket.authenticate(token);
  await deauthenticated;
  assertEquals(socket.authState, "unauthenticated");
});

Deno.test({
  name: "server - what comes right after the handshake is not lost, 100 times",
  async fn() {
    const peer = shared;
    for (let i = 0; i < 100; i++) {
      await using socket = peer.connect({ query: { greet: 1 } });
      const hello = socket.receiver("hello").once(5000);
      await socket.listener("authenticate").once(5000);
      assertEquals(await hello, { nice: true });
      assertEquals(socket.authToken?.username, "greeted");
    }
  },
});

Deno.test("server - protocol version 1, and pings keep the connection", async () => {
  for (const protocolVersion of [1, 2] as const) {
    await using peer = await SocketClusterServer.start({
      protocolVersion,
      pingInterval: 50,
      pingTimeout: 200,
    });
    await using socket = peer.connect({ protocolVersion });
    const events = log(socket, "disconnect", "raw");
    assertEquals(await socket.invoke("echo", 1), 1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assertEquals(await socket.invoke("echo", 2), 2);
    assertEquals(events, []);
  }
});

Deno.test("server - a silent connection is given up, early with silenceTimeout", async () => {
  for (const idle of [undefined, 300]) {
    await using peer = await SocketClusterServer.start({
      pingInterval: 50,
      pingTimeout: idle ? 20_000 : 400,
    });
    await using socket = peer.connect(idle ? { silenceTimeout: idle } : {});
    await socket.listener("connect").once();
    const failure = assertRejects(() => socket.invoke("wait", 60_000));
    doom(socket, "fallSilent");
    const closed = await socket.listener("disconnect").once(5000);
    assertEquals(closed, { code: 4000, reason: "Server ping timed out" });
    const error: any = await failure;
    assertEquals([error.name, error.sent], ["BadConnectionError", true]);
    await socket.listener("connect").once(5000);
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
