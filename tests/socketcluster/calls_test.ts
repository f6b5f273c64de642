/** Calls, batches and connections, against a WebSocket that the test plays. */
// deno-lint-ignore-file no-explicit-any
import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  type AGClientSocket,
  type AuthEngine,
  type ClientOptions,
  create,
  InvalidActionError,
  InvalidArgumentsError,
  InvalidMessageError,
  localStorageAuth,
} from "../../feed/socketcluster/mod.ts";
import { fakeSockets, type FakeWebSocket } from "./fake_socket.ts";
import { log } from "../conformance/cases/socketcluster/far.ts";

interface SetUp {
  socket: AGClientSocket;
  made: FakeWebSocket[];
  time: FakeTime;
}

/** Runs a test on fake time, with a socket whose WebSockets the test plays. */
function test(
  name: string,
  body: (setUp: SetUp) => Promise<void>,
  options: ClientOptions = {},
): void {
  Deno.test(`client - ${name}`, async () => {
    using time = new FakeTime();
    const { made, WebSocket } = fakeSockets();
    const socket = create({ WebSocket, autoConnect: false, ...options });
    try {
      await body({ socket, made, time });
    } finally {
      socket.disconnect();
      socket.killAllListeners();
      socket.killAllChannels();
      made.forEach((fake) => fake.end(1000));
      await time.tickAsync(0);
    }
  });
}

/** Connects and resolves with the open WebSocket. */
async function open({ socket, made, time }: SetUp): Promise<FakeWebSocket> {
  socket.connect();
  const fake = made.at(-1)!;
  await fake.shakeHands();
  await time.tickAsync(0);
  return fake;
}

test("a message that was sent has ended: a signal reports nothing", async (setUp) => {
  const { socket, time } = setUp;
  await open(setUp);
  const errors = log(socket, "error");
  const given = new AbortController();
  socket.transmit("a", 1, { signal: given.signal } as any);
  given.abort();
  await time.tickAsync(0);
  assertEquals(errors, []);
});

test("an answer that cannot be encoded is refused in a batch, too", async (setUp) => {
  const { socket, time } = setUp;
  const fake = await open(setUp);
  const requests: any[] = [];
  (async () => {
    for await (const request of socket.procedure("p")) requests.push(request);
  })();
  fake.receivePacket({ event: "p", cid: 7 });
  await time.tickAsync(0);
  socket.startBatch();
  assertThrows(() => requests[0].end(1n), InvalidMessageError);
  requests[0].error("cannot");
  socket.flushBatch();
  assertEquals(fake.take(), [{ rid: 7, error: "cannot" }]);
  socket.killAllProcedures();
});

test("a timeout that is no number does not wait forever", async (setUp) => {
  const { socket, time } = setUp;
  const fake = await open(setUp);
  let failure: any;
  socket.invoke("x", 1, { ackTimeout: NaN }).catch((error) => failure = error);
  await time.tickAsync(10);
  assertEquals([failure?.name, failure?.sent], ["TimeoutError", true]);
  assertEquals(fake.take().event, "x");
});

test("a negative timeout is over at once, one beyond a timer's range is not", async (setUp) => {
  const { socket, time } = setUp;
  await open(setUp);
  const settled: unknown[] = [];
  for (const ackTimeout of [-1, -Infinity, 2 ** 31, 30 * 24 * 3_600_000]) {
    socket.invoke("x", 1, { ackTimeout }).catch((error) =>
      settled.push([ackTimeout, error.name])
    );
  }
  await time.tickAsync(1000);
  assertEquals(settled, [
    [-1, "TimeoutError"],
    [-Infinity, "TimeoutError"],
  ]);
});

test("queued calls time out unsent, queued messages are reported", async (setUp) => {
  const { socket, time } = setUp;
  const errors = log(socket, "error");
  const call = assertRejects(() => socket.invoke("a"));
  socket.transmit("b", 1, { ackTimeout: 50 });
  await time.tickAsync(50);
  await time.runMicrotasks();
  assertEquals(errors.map(([, { error }]) => [error.name, error.sent]), [
    ["TimeoutError", false],
  ]);
  await time.tickAsync(9950);
  const error: any = await call;
  assertEquals([error.name, error.sent], ["TimeoutError", false]);
});

test("disconnect() while an attempt is scheduled ends what waits for it", async (setUp) => {
  const { socket, made, time } = setUp;
  const fake = await open(setUp);
  fake.end(1006);
  assertEquals(socket.pendingReconnect, true);
  const errors = log(socket, "error");
  const call = assertRejects(() =>
    socket.invoke("a", 1, { ackTimeout: Infinity })
  );
  socket.transmit("b");
  socket.disconnect();
  await time.tickAsync(0);
  const error: any = await call;
  assertEquals([error.name, error.type, error.code, error.sent], [
    "BadConnectionError",
    "connectAbort",
    1000,
    false,
  ]);
  assertEquals(errors.map(([, { error }]) => error.message), [
    "Event b was aborted due to a bad connection",
  ]);
  assertEquals([socket.state, made.length], ["closed", 1]);
});

test("a failed attempt reports all that was queued", async (setUp) => {
  const { socket, made, time } = setUp;
  const errors = log(socket, "error");
  const call = assertRejects(() => socket.invoke("a"));
  socket.transmit("b");
  made[0]!.end(1006);
  const error: any = await call;
  assertEquals([error.name, error.sent, error.type], [
    "BadConnectionError",
    false,
    "connectAbort",
  ]);
  await time.tickAsync(0);
  assertEquals(errors.map(([, { error }]) => error.message), [
    "Socket hung up",
    "Event b was aborted due to a bad connection",
  ]);
});

test("a message in a batch of a lost connection is reported", async (setUp) => {
  const { socket, time } = setUp;
  const fake = await open(setUp);
  const errors = log(socket, "error");
  socket.startBatch();
  socket.transmit("a");
  const call = assertRejects(() => socket.invoke("b"));
  fake.end(1006);
  assertEquals((await call as any).sent, false);
  await time.tickAsync(0);
  assertEquals(errors.length, 2);
  assertEquals(errors[1]![1].error.sent, false);
});

test("messages while down do not bypass the backoff", async (setUp) => {
  const { socket, made, time } = setUp;
  socket.connect();
  made[0]!.end(1006);
  await time.tickAsync(0);
  for (let i = 0; i < 100; i++) socket.transmit("a", i, { ackTimeout: 60_000 });
  await time.tickAsync(9999);
  assertEquals(made.length, 1);
  await time.tickAsync(10_001);
  assertEquals(made.length, 2);
  await made[1]!.shakeHands();
  assertEquals(made[1]!.sent.length, 100);
});

test("a handshake refused with an unusable code", async (setUp) => {
  const { socket, made, time } = setUp;
  const events = log(socket, "connectAbort");
  socket.connect();
  const [fake] = made;
  fake!.open();
  await time.tickAsync(0);
  const { cid } = fake!.take();
  fake!.receivePacket({ rid: cid, error: { message: "no", statusCode: 12 } });
  await time.tickAsync(0);
  assertEquals(events[0]![1], { code: 4003, reason: "Error: no" });
  assertEquals(fake!.closedWith?.code, 4003);
});

test("packets before the answer to the handshake wait for it, up to a bound", async (setUp) => {
  const { socket, made, time } = setUp;
  const got: unknown[] = [];
  (async () => {
    for await (const data of socket.receiver("hello")) {
      got.push([data, socket.state]);
    }
  })();
  socket.connect();
  made[0]!.open();
  await time.tickAsync(0);
  made[0]!.receivePacket({ event: "hello", data: 1 });
  await time.tickAsync(0);
  assertEquals(got, []);
  const status = { id: "i", pingTimeout: 1000, isAuthenticated: false };
  made[0]!.receivePacket([{ event: "hello", data: 2 }, {
    rid: made[0]!.take().cid,
    data: status,
  }, { event: "hello", data: 3 }]);
  await time.tickAsync(0);
  await time.runMicrotasks();
  assertEquals(got, [[1, "open"], [2, "open"], [3, "open"]]);

  socket.reconnect();
  made[1]!.open();
  await time.tickAsync(0);
  for (let i = 0; i < 2000; i++) made[1]!.receivePacket({ event: "x" });
  assertEquals([socket.state, made[1]!.closedWith?.code], ["closed", 4003]);

  socket.connect();
  made[2]!.open();
  await time.tickAsync(0);
  const { cid } = made[2]!.take();
  const flood = new Array(2000).fill({ event: "hello", data: 4 });
  made[2]!.receivePacket([...flood, { rid: cid, data: status }]);
  await time.tickAsync(0);
  assertEquals([socket.state, made[2]!.closedWith?.code], ["closed", 4003]);
  assertEquals(got.length, 3);
  socket.killAllReceivers();
});

test("deauthenticate() wins over the authenticate() before it", async (setUp) => {
  const { socket, time } = setUp;
  const fake = await open(setUp);
  const token = `h.${btoa("{}")}.s`;
  const call = socket.authenticate(token);
  const { cid } = fake.take();
  socket.deauthenticate();
  assertEquals(fake.take(), { event: "#removeAuthToken" });
  fake.receivePacket({ rid: cid, data: { isAuthenticated: true } });
  await time.tickAsync(1);
  assertEquals(await call, { isAuthenticated: false, authError: null });
  assertEquals([socket.authState, socket.signedAuthToken], [
    "unauthenticated",
    null,
  ]);
  assertEquals(await socket.auth.loadToken(socket.authTokenName), null);

  const again = socket.authenticate(token);
  fake.receivePacket({
    rid: fake.take().cid,
    data: { isAuthenticated: true },
  });
  await time.tickAsync(1);
  assertEquals((await again).isAuthenticated, true);
  assertEquals(socket.signedAuthToken, token);
});

test("deauthenticate() wins over the handshake under way", async (setUp) => {
  const { socket, made, time } = setUp;
  const token = `h.${btoa("{}")}.s`;
  await socket.auth.saveToken(socket.authTokenName, token);
  const events = log(socket, "authenticate", "authStateChange");
  socket.connect();
  made[0]!.open();
  await time.tickAsync(0);
  assertEquals(made[0]!.take().data.authToken, token);
  socket.deauthenticate();
  made[0]!.receivePacket({
    rid: 1,
    data: { id: "i", pingTimeout: 1000, isAuthenticated: true },
  });
  await time.tickAsync(0);
  assertEquals(made[0]!.take(), { event: "#removeAuthToken" });
  assertEquals([socket.authState, socket.signedAuthToken, events], [
    "unauthenticated",
    null,
    [],
  ]);
});

test("a token that comes right after authenticate's answer wins", async (setUp) => {
  const { socket, time } = setUp;
  const fake = await open(setUp);
  const token = (name: string) => `h.${btoa(JSON.stringify({ name }))}.s`;
  const call = socket.authenticate(token("old"));
  const { cid } = fake.take();
  fake.receivePacket([
    { rid: cid, data: { isAuthenticated: true, authError: null } },
    { event: "#setAuthToken", data: { token: token("new") } },
  ]);
  await time.tickAsync(1);
  assertEquals((await call).isAuthenticated, true);
  assertEquals(socket.authToken, { name: "new" });
  assertEquals(await socket.auth.loadToken(socket.authTokenName), token("new"));
});

test("an answer without isAuthenticated does not authenticate", async (setUp) => {
  const { socket, time } = setUp;
  const fake = await open(setUp);
  const call = socket.authenticate("h.e30.s");
  fake.receivePacket({ rid: fake.take().cid });
  await time.tickAsync(1);
  assertEquals(await call, { isAuthenticated: false, authError: null });
  assertEquals(socket.authState, "unauthenticated");
});

test("subscriptions: options are kept, changed, and sent when they may be", async (setUp) => {
  const { socket, time } = setUp;
  const fake = await open(setUp);
  const events = log(socket, "subscribeStateChange");
  socket.subscribe("a", { waitForAuth: true, data: 0, priority: 3 });
  socket.subscribe("a");
  assertEquals(socket.getChannelOptions("a"), {
    waitForAuth: true,
    data: 0,
    priority: 3,
  });
  socket.subscribe("a", { waitForAuth: false });
  assertEquals(fake.take(), {
    event: "#subscribe",
    data: { channel: "a", data: 0 },
    cid: 2,
  });
  // Never requested, so nothing is sent.
  socket.subscribe("b", { waitForAuth: true });
  socket.unsubscribe("b");
  await time.tickAsync(0);
  assertEquals(fake.sent, []);
  assertEquals(events, [["subscribeStateChange", {
    channel: "b",
    oldChannelState: "pending",
    newChannelState: "unsubscribed",
  }]]);
});

test("a subscription that is not answered is reported and can be repeated", async (setUp) => {
  const { socket, time } = setUp;
  const fake = await open(setUp);
  const events = log(socket, "subscribeFail");
  socket.subscribe("a");
  const { cid } = fake.take();
  await time.tickAsync(10_000);
  await time.runMicrotasks();
  assertEquals(events[0]![1].error.name, "TimeoutError");
  assertEquals(socket.getChannelState("a"), "pending");
  socket.subscribe("a");
  const again = fake.take();
  assertEquals(again.event, "#subscribe");
  fake.receivePacket({ rid: cid });
  assertEquals(socket.getChannelState("a"), "pending");
  fake.receivePacket({ rid: again.cid });
  assertEquals(socket.getChannelState("a"), "subscribed");
});

test("a subscription refused on a later connection is tried on the next", async (setUp) => {
  const { socket } = setUp;
  const first = await open(setUp);
  socket.subscribe("a");
  first.receivePacket({ rid: first.take().cid });
  for (const refused of [true, false]) {
    socket.disconnect();
    const fake = await open(setUp);
    const { event, cid } = fake.take();
    assertEquals(event, "#subscribe");
    fake.receivePacket(refused ? { rid: cid, error: {} } : { rid: cid });
  }
  assertEquals(socket.getChannelState("a"), "subscribed");
});

test("a lost connection's events come after its calls have failed", async (setUp) => {
  const { socket, time } = setUp;
  for (const own of [true, false]) {
    const fake = await open(setUp);
    const order: string[] = [];
    socket.invoke("a").catch(() => order.push("call"));
    (async () => {
      for await (const _ of socket.listener("disconnect")) {
        order.push("disconnect");
      }
    })();
    await time.tickAsync(0);
    if (own) socket.disconnect();
    else fake.end(1006);
    await time.tickAsync(0);
    assertEquals(order, ["call", "disconnect"]);
    socket.killAllListeners();
    socket.disconnect();
  }
});

test("late frames, errors and closes of an old connection are ignored", async (setUp) => {
  const { socket, made, time } = setUp;
  const old = await open(setUp);
  const { onmessage, onclose } = old;
  socket.reconnect();
  await made[1]!.shakeHands();
  const events = log(socket, "raw", "message", "disconnect");
  old.readyState = 1;
  old.receive("late");
  onmessage?.call(old as any, { data: '{"event":"#kickOut"}' } as any);
  onclose?.call(old as any, { code: 4000, reason: "" } as any);
  await time.tickAsync(0);
  assertEquals(socket.state, "open");
  assertEquals(events.filter(([name]) => name === "disconnect"), []);
});

test("any frame is a sign of life, silence is not", async (setUp) => {
  const { socket, made, time } = setUp;
  socket.connect();
  await made[0]!.shakeHands({ pingTimeout: 1000 });
  for (let i = 0; i < 10; i++) {
    await time.tickAsync(900);
    made[0]!.receivePacket({ event: "x" });
  }
  assertEquals(socket.state, "open");
  const events = log(socket, "disconnect");
  await time.tickAsync(2000);
  await time.runMicrotasks();
  assertEquals(events[0]![1].code, 4000);
  assertEquals(made[0]!.closedWith?.code, 4000);
});

test(
  "a codec that throws is an error event, or fails its call",
  async (setUp) => {
    const { socket, time } = setUp;
    const fake = await open(setUp);
    const errors = log(socket, "error");
    fake.receive("throw");
    await time.tickAsync(0);
    assertEquals(errors.map(([, { error }]) => error.message), ["decode"]);
    const error: any = await assertRejects(() => socket.invoke("throw"));
    assertEquals([error.cause.message, error.sent], ["encode", false]);
    assertEquals(socket.state, "open");
  },
  {
    codecEngine: {
      encode(packet) {
        if ((packet as any).event === "throw") throw new Error("encode");
        return JSON.stringify(packet);
      },
      decode(frame) {
        if (frame === "throw") throw new Error("decode");
        return JSON.parse(frame as string);
      },
    },
  },
);

test("clock jumps do not disconnect", async (setUp) => {
  const { socket, time } = setUp;
  const fake = await open(setUp);
  // The class is replaced, and not its method: that may be the fake time's own.
  const { Date } = globalThis;
  try {
    for (const hours of [12, -12]) {
      globalThis.Date = class extends Date {
        static override now = () => Date.now() + hours * 3_600_000;
      } as DateConstructor;
      const call = socket.invoke("a", hours);
      fake.receivePacket({ rid: fake.take().cid, data: hours });
      assertEquals(await call, hours);
    }
  } finally {
    globalThis.Date = Date;
  }
  await time.tickAsync(20_000);
  assertEquals(socket.state, "open");
});

Deno.test("client - a socket that slept is replaced by the next call", async () => {
  const { made, WebSocket } = fakeSockets();
  const socket = create({ WebSocket });
  await made[0]!.shakeHands({ pingTimeout: 200 });
  // Nothing runs meanwhile, as in a frozen page.
  const end = performance.now() + 400;
  while (performance.now() < end);
  const call = socket.invoke("a");
  assertEquals([made.length, made[0]!.closedWith], [2, {
    code: 1000,
    reason:
      "Stale socket was disconnected by the client to initiate a new connection",
  }]);
  await made[1]!.shakeHands();
  made[1]!.receivePacket({ rid: made[1]!.take().cid, data: 1 });
  assertEquals(await call, 1);
  socket.disconnect();
  made.forEach((fake) => fake.end(1000));
});

test("after disconnect() nothing dials, whatever wakes the page", async (setUp) => {
  const { socket, made, time } = setUp;
  await open(setUp);
  made[0]!.end(1006);
  await time.tickAsync(0);
  assertEquals(socket.pendingReconnect, true);
  socket.disconnect();
  for (const name of ["online", "pageshow"]) {
    globalThis.dispatchEvent(new Event(name));
  }
  await time.tickAsync(3_600_000);
  assertEquals([made.length, socket.state], [1, "closed"]);
});

test("online and pageshow cut the wait short, once", async (setUp) => {
  const { socket, made, time } = setUp;
  for (const name of ["online", "pageshow"]) {
    const before = made.length;
    socket.connect();
    made.at(-1)!.end(1006);
    await time.tickAsync(0);
    for (let i = 0; i < 20; i++) globalThis.dispatchEvent(new Event(name));
    await time.tickAsync(0);
    assertEquals(made.length, before + 2);
    socket.disconnect();
  }
});

test("eager: the delays grow until a connection has held", async (setUp) => {
  const { socket, made, time } = setUp;
  const { random } = Math;
  Math.random = () => 0.999;
  try {
    const delays: number[] = [];
    socket.connect();
    for (let i = 0; i < 5; i++) {
      const fake = made.at(-1)!;
      // It opens, but does not hold.
      await fake.shakeHands();
      fake.end(1006);
      delays.push(Math.ceil(socket.pendingReconnectTimeout!));
      await time.tickAsync(delays.at(-1)!);
    }
    assertEquals(delays, [500, 999, 1998, 3996, 7992]);
  } finally {
    Math.random = random;
  }
}, { reconnect: "eager" });

test(
  "connect(options) takes all options, and a query string",
  async (setUp) => {
    const { socket, made, time } = setUp;
    await open(setUp);
    socket.connect({
      hostname: "other",
      port: 99,
      query: "a=1&b=2",
      ackTimeout: 5,
      channelPrefix: "p#",
      authTokenName: "another",
      autoReconnect: true,
    });
    assertEquals(made[1]!.url, "ws://other:99/socketcluster/?a=1&b=2");
    assertEquals([
      socket.ackTimeout,
      socket.channelPrefix,
      socket.authTokenName,
    ], [
      5,
      "p#",
      "another",
    ]);
    made[1]!.end(1006);
    await time.tickAsync(0);
    assertEquals(socket.pendingReconnect, true);
    const before = socket.uri();
    assertThrows(() => socket.connect({ host: "bad" }), InvalidArgumentsError);
    assertEquals(socket.uri(), before);
  },
  { autoReconnect: false },
);

test("methods before the first connection", async ({ socket }) => {
  assertThrows(() => socket.send("x"), InvalidActionError);
  socket.startBatch();
  assertEquals(socket.isBufferingBatch, true);
  socket.cancelBatch();
  socket.startBatching();
  socket.stopBatching();
  socket.cancelBatching();
  socket.flushBatch();
  assertEquals(socket.decode(socket.encode({ a: 1 })), { a: 1 });
  assertEquals(socket.getBytesReceived(), undefined);
  assertEquals(socket.decodeBase64(socket.encodeBase64("ä€")), "ä€");
  assertEquals([socket.transport, socket.id], [undefined, null]);
  await Promise.resolve();
});

test("a request is answered once, or not at all after a lost connection", async (setUp) => {
  const { socket, time } = setUp;
  const fake = await open(setUp);
  const requests: any[] = [];
  (async () => {
    for await (const request of socket.procedure("p")) requests.push(request);
  })();
  for (const cid of [7, 8, 9]) {
    fake.receivePacket({ event: "p", cid, data: cid });
  }
  await time.tickAsync(0);
  const [first, second, third] = requests;
  first.end();
  assertThrows(() => first.end(), InvalidActionError, "request 7 has already");
  assertThrows(() => second.end(1n));
  second.error(new InvalidActionError("cannot"));
  assertEquals([fake.take(), fake.take()], [
    { rid: 7 },
    { rid: 8, error: { message: "cannot", name: "InvalidActionError" } },
  ]);
  socket.disconnect();
  const next = await open(setUp);
  third.end(1);
  assertEquals(next.sent, []);
  socket.killAllProcedures();
});

test("cloneData: what is passed may change afterwards", async (setUp) => {
  const { socket, made } = setUp;
  const data = { a: 1 };
  socket.transmit("x", data);
  data.a = 2;
  await made[0]!.shakeHands();
  assertEquals(made[0]!.take(), { event: "x", data: { a: 1 } });
}, { cloneData: true });

test("an auth engine that fails is an error event", async (setUp) => {
  const { socket, time } = setUp;
  const fake = await open(setUp);
  const errors = log(socket, "error");
  fake.receivePacket({ event: "#setAuthToken", data: { token: "h.e30.s" } });
  fake.receivePacket({ event: "#removeAuthToken" });
  await time.tickAsync(0);
  assertEquals(errors.map(([, { error }]) => error.message), [
    "save",
    "remove",
  ]);
}, {
  authEngine: {
    loadToken: () => Promise.resolve(null),
    saveToken: () => Promise.reject(new Error("save")),
    removeToken: () => Promise.reject(new Error("remove")),
  } satisfies AuthEngine,
});

Deno.test("client - localStorageAuth keeps tokens under upstream's key", async () => {
  localStorage.clear();
  const key = "socketcluster.authToken.example.com:80";
  localStorage.setItem(key, "kept by socketcluster-client");
  const { made, WebSocket } = fakeSockets();
  const socket = create({
    hostname: "example.com",
    WebSocket,
    authEngine: localStorageAuth(),
  });
  made[0]!.open();
  for (let i = 0; i < 50 && made[0]!.sent.length === 0; i++) await null;
  assertEquals(made[0]!.take().data.authToken, "kept by socketcluster-client");
  socket.disconnect();
  await socket.auth.saveToken(key, "new");
  assertEquals(localStorage.getItem(key), "new");
  assertEquals(await socket.auth.removeToken(key), "new");
  assertEquals(await socket.auth.loadToken(key), null);
  localStorage.clear();
});

test("no token in what a log may show", async (setUp) => {
  const { socket, time } = setUp;
  const fake = await open(setUp);
  const secret = `h.${btoa('{"n":1}')}.SEEDEDSECRET`;
  const errors = log(socket, "error");
  fake.receivePacket({ event: "#setAuthToken", data: { token: secret } });
  const failed = assertRejects(() => socket.authenticate(secret));
  socket.transmit("x", { secret, bad: 1n });
  fake.end(1006);
  await time.tickAsync(1);
  errors.push(["", { error: await failed }]);
  assertEquals(socket.signedAuthToken, secret);
  const shown = [socket, socket.channel("a"), socket.auth, ...errors]
    .flatMap((it) => [String(it), JSON.stringify(it), Deno.inspect(it)]);
  for (const text of shown) assert(!text.includes("SEEDEDSECRET"), text);
});

Deno.test("client - await using, and 1,000,000 messages in flat memory", async () => {
  const { made, WebSocket } = fakeSockets();
  let count = 0;
  let ended = false;
  {
    await using socket = create({ WebSocket });
    await made[0]!.shakeHands();
    socket.subscribe("a");
    const loop = (async () => {
      for await (const _ of socket.channel("a")) count++;
      ended = true;
    })();
    const frame = '{"event":"#publish","data":{"channel":"a","data":{"n":1}}}';
    let before = 0;
    for (let i = 0; i < 1000; i++) {
      for (let j = 0; j < 1000; j++) made[0]!.receive(frame);
      await new Promise((resolve) => setTimeout(resolve));
      if (i === 300) before = Deno.memoryUsage().heapUsed;
    }
    assertEquals([count, socket.getBackpressure()], [1_000_000, 0]);
    // Far less than the 700,000 messages in between would take.
    assertLess(Deno.memoryUsage().heapUsed - before, 30_000_000);
    setTimeout(() => made[0]!.end(1000), 10);
    assertEquals(socket.getAllChannelOutputsConsumerStatsList().length, 1);
    assert(loop instanceof Promise);
  }
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals([ended, made[0]!.closedWith?.code], [true, 1000]);
});
