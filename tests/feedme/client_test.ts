import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { feedmeClient } from "../../feed/feedme/client/client.ts";
import { FeedmeError } from "../../feed/feedme/client/errors.ts";
import type { FeedmeClientOptions } from "../../feed/feedme/client/options.ts";
import { FakeTransport, pass } from "./fake.ts";
import { logCallback } from "./log.ts";
import { action, BAD, CLOSED, F, OK, opened, start } from "./stage.ts";
import { settled } from "../kit/wait.ts";

Deno.test("options: each is checked when it is there", () => {
  const transport = () => new FakeTransport();
  const bad: [object | undefined, string][] = [
    [undefined, "INVALID_ARGUMENT: Invalid options argument."],
    [{}, "INVALID_ARGUMENT: Transport is not an object."],
    [{ transport: () => {} }, "INVALID_ARGUMENT: Transport is not an object."],
  ];
  const names = [
    "connectTimeoutMs",
    "connectRetryMs",
    "connectRetryBackoffMs",
    "connectRetryMaxMs",
    "connectRetryMaxAttempts",
    "connectRetryJitter",
    "actionTimeoutMs",
    "feedTimeoutMs",
    "reconnect",
    "reopenMaxAttempts",
    "reopenTrailingMs",
  ];
  for (const name of names) {
    const text = `INVALID_ARGUMENT: Invalid options.${name}.`;
    for (const value of [undefined, "1", null, NaN, -Infinity]) {
      bad.push([{ transport: transport(), [name]: value }, text]);
    }
    if (["connectRetryMs", "reopenMaxAttempts", "reconnect"].includes(name)) {
      continue;
    }
    bad.push([{ transport: transport(), [name]: -1 }, text]);
  }
  bad.push([
    { transport: transport(), connectRetryMaxMs: 1_000 },
    "INVALID_ARGUMENT: Invalid options.connectRetryMaxMs.",
  ]);
  for (
    const [name, value] of [
      ["connectTimeoutMs", 0.5],
      ["connectRetryMs", 0.5],
      ["connectRetryMs", Infinity],
      ["connectRetryBackoffMs", Infinity],
    ] as const
  ) {
    bad.push([
      { transport: transport(), [name]: value },
      `INVALID_ARGUMENT: Invalid options.${name}.`,
    ]);
  }
  for (const [options, message] of bad) {
    const error = assertThrows(
      () => feedmeClient(options as FeedmeClientOptions),
      FeedmeError,
    );
    assertEquals(error.message, message);
    // A client that was not made holds on to nothing.
    const { transport } = (options ?? {}) as { transport?: FakeTransport };
    if (transport instanceof FakeTransport) {
      assertEquals(transport.listening, 0);
    }
  }
  const options = {
    transport: transport(),
    connectRetryMs: 40_000,
    connectRetryMaxAttempts: 0,
    reopenMaxAttempts: -1,
    unknown: 1,
  };
  const copy = { ...options };
  feedmeClient(options).destroy();
  assertEquals(options, copy);
});

Deno.test("transport: a value without its methods is refused", () => {
  const good = () => ({
    state: () => "disconnected",
    connect() {},
    send() {},
    disconnect() {},
    on() {},
    off() {},
  });
  const bad: object[] = [
    {},
    { ...good(), send: undefined },
    { ...good(), on: undefined },
    { ...good(), off: undefined },
    { ...good(), state: () => "connected" },
    { ...good(), state: () => "nonsense" },
    {
      ...good(),
      state: () => {
        throw new Error("no");
      },
    },
  ];
  for (const transport of bad) {
    const error = assertThrows(
      () => feedmeClient({ transport } as unknown as FeedmeClientOptions),
      FeedmeError,
    );
    assertEquals(error.code, "TRANSPORT_ERROR");
  }
  const { on: addListener, off: removeListener, ...rest } = good();
  feedmeClient(
    {
      transport: { ...rest, addListener, removeListener },
    } as unknown as FeedmeClientOptions,
  ).destroy();
});

Deno.test("methods in the wrong state throw the seed's errors", async () => {
  const { client, up, feed: makeFeed, end } = start();
  const throws = (method: () => unknown, message: string) =>
    assertEquals(assertThrows(method, FeedmeError).message, message);
  throws(
    () => client.disconnect(),
    "INVALID_STATE: Already disconnected.",
  );
  const feed = makeFeed();
  throws(
    () => feed.desireClosed(),
    "INVALID_FEED_STATE: The feed is already desired closed.",
  );
  throws(
    () => feed.data(),
    "INVALID_FEED_STATE: The feed object is not open.",
  );
  feed.desireOpen();
  throws(
    () => feed.desireOpen(),
    "INVALID_FEED_STATE: The feed is already desired open.",
  );
  throws(
    () => feed.destroy(),
    "INVALID_FEED_STATE: Only feeds desired closed can be destroyed.",
  );
  await up();
  throws(
    () => client.connect(),
    "INVALID_STATE: Already connecting or connected.",
  );
  throws(
    () => client.destroy(),
    "INVALID_STATE: Not disconnected. Call disconnect() first, or close() instead.",
  );
  const bad: [unknown[], string][] = [
    [[1, {}], "Invalid action name."],
    [["a", []], "Invalid action arguments object."],
    [["a", undefined], "Invalid action arguments object."],
    [["a", { d: new Date() }], "Action arguments must be JSON-expressible."],
    [["a", { n: NaN }], "Action arguments must be JSON-expressible."],
    [["a", { u: undefined }], "Action arguments must be JSON-expressible."],
    [["a", { a: [,] }], "Action arguments must be JSON-expressible."],
    [["a", {}, undefined], "Invalid callback."],
    [["a", {}, null], "Invalid callback."],
    [["a", {}, 1], "Invalid callback."],
  ];
  const cycle: Record<string, unknown> = {};
  cycle.self = { cycle };
  bad.push([["a", cycle], "Action arguments must be JSON-expressible."]);
  // deno-lint-ignore no-explicit-any
  const act = client.action.bind(client) as (...args: any[]) => unknown;
  for (const [args, text] of bad) {
    throws(() => act(...args), `INVALID_ARGUMENT: ${text}`);
  }
  // deno-lint-ignore no-explicit-any
  const makeAny = client.feed.bind(client) as (...args: any[]) => unknown;
  throws(() => makeAny(1, {}), "INVALID_ARGUMENT: Invalid feed name.");
  for (const args of [undefined, null, [], { a: 1 }, { length: 0 }]) {
    throws(
      () => makeAny("f", args),
      "INVALID_ARGUMENT: Invalid feed arguments object.",
    );
  }
  await end();
  const gone = "DESTROYED: The client instance has been destroyed.";
  for (
    const method of [
      () => client.state(),
      () => client.connect(),
      () => client.disconnect(),
      () => client.destroy(),
      () => client.feed("f", {}),
      () => client.action("a", {}),
      () => client.cancelRetry(),
    ]
  ) throws(method, gone);
  for (
    const method of [
      () => feed.state(),
      () => feed.data(),
      () => feed.desireOpen(),
      () => feed.desireClosed(),
      () => feed.desiredState(),
      () => feed.destroy(),
      () => feed.actions(),
    ]
  ) throws(method, "DESTROYED: The feed object has been destroyed.");
  assert(client.destroyed() && feed.destroyed());
});

Deno.test("connect, disconnect, connect in one tick", async () => {
  const { client, transport, told, end } = start();
  client.connect();
  client.disconnect();
  client.connect();
  assertEquals(await told(), [
    "client.connecting",
    "client.disconnect",
    "client.connecting",
  ]);
  transport.receive(OK);
  assertEquals(await told(), ["client.connect"]);
  await end();
});

Deno.test("feed objects flap before the server answers", async () => {
  const { transport, up, feed: makeFeed, told, sentTypes, end } = start();
  await up();
  const feed = makeFeed();
  feed.desireOpen();
  feed.desireClosed();
  feed.desireOpen();
  feed.desireClosed();
  assertEquals(await told(), [
    "feed1.opening",
    "feed1.close",
    "feed1.opening",
    "feed1.close",
  ]);
  assertEquals(sentTypes(), ["FeedOpen"]);
  transport.receive(opened({}));
  assertEquals(sentTypes(), ["FeedClose"]);
  transport.receive(CLOSED);
  assertEquals(await told(), []);
  await end();
});

Deno.test("a disconnect reaches actions, then feeds, then the client", async () => {
  const { client, transport, up, feed: makeFeed, told, log, write, end } =
    start({ reconnect: false });
  await up();
  const rejected = makeFeed("rejected");
  const second = makeFeed("second");
  const first = makeFeed("f");
  rejected.desireOpen();
  first.desireOpen();
  second.desireOpen();
  transport.receive({
    MessageType: "FeedOpenResponse",
    FeedName: "rejected",
    FeedArgs: {},
    Success: false,
    ErrorCode: "NO",
    ErrorData: {},
  });
  client.action("one", {}, logCallback("one", write) as () => void);
  client.action("two", {}).catch(() => write("app promise"));
  client.action("three", {}, logCallback("three", write) as () => void);
  await told();
  transport.fail();
  await settled();
  const lost = '{"error":"NOT_CONNECTED: The transport disconnected."}';
  assertEquals(log, [
    `callback(one) ${lost}`,
    "promise",
    `callback(three) ${lost}`,
    `feed3.close ${lost}`,
    `feed2.close ${lost}`,
    'feed1.close {"error":"NOT_CONNECTED: The client disconnected."}',
    'client.disconnect {"error":"TRANSPORT_FAILURE: The transport connection failed.","transportError":"FAILURE: lost"}',
  ]);
  assert(!client.cancelRetry(), "with reconnect: false nothing is retried");
  await end();
});

Deno.test("a response that is late, or comes twice", async () => {
  using time = new FakeTime();
  const { client, transport, up, told, write, end } = start();
  await up();
  client.action("a", {}, logCallback("a", write) as () => void);
  await pass(time, 10_000);
  assertEquals(await told(), [
    'callback(a) {"error":"TIMEOUT: The server did not respond within the allocated time."}',
  ]);
  const response = {
    MessageType: "ActionResponse",
    CallbackId: "1",
    Success: true,
    ActionData: {},
  };
  transport.receive(response);
  assertEquals(await told(), []);
  transport.receive(response);
  const [line] = await told();
  assert(
    line!.startsWith(
      'client.badServerMessage {"error":"UNEXPECTED_MESSAGE: Unexpected ActionResponse."',
    ),
  );
  await end();
});

Deno.test("listeners: this is the client, once, off", async () => {
  const { client, end } = start();
  const seen: string[] = [];
  client.on("connecting", function () {
    assertStrictEquals(this, client);
    seen.push("connecting");
  });
  client.once("disconnect", (...args) => {
    assertEquals(args, []);
    seen.push("disconnect");
  });
  client.connect();
  client.disconnect();
  await settled();
  assertEquals(seen, ["connecting", "disconnect"]);
  // Those of the log are left.
  assertEquals(client.listeners("disconnect").length, 1);
  client.off();
  assertEquals(client.listeners("connecting"), []);
  await end();
});

Deno.test("retries follow the formula, as often as configured", async () => {
  using time = new FakeTime();
  const { client, transport, told, end } = start({
    connectRetryMs: 20,
    connectRetryBackoffMs: 20,
    connectRetryMaxMs: 50,
    connectRetryMaxAttempts: 4,
  });
  const failure = new Error("FAILURE: refused");
  transport.plans.push(...Array<Error>(9).fill(failure));
  const began = time.now;
  const dials: number[] = [];
  client.on("connecting", () => dials.push(time.now - began));
  client.connect();
  await pass(time, 1_000);
  // Each failure takes a turn; the clock stands still meanwhile.
  assertEquals(dials, [0, 20, 60, 110, 160]);
  await told();
  assertEquals(client.state(), "disconnected");
  await end();
});

Deno.test("retries: not after a rejection, a disconnect or with less than 0", async () => {
  using time = new FakeTime();
  const a = start({ connectRetryMs: 10 });
  a.client.connect();
  await settled();
  a.transport.receive({ MessageType: "HandshakeResponse", Success: false });
  assertEquals(await a.told(), [
    "client.connecting",
    'client.disconnect {"error":"HANDSHAKE_REJECTED: The server rejected the handshake."}',
  ]);
  await pass(time, 3_600_000);
  assertEquals(a.transport.dials, 1);
  a.client.connect();
  await settled();
  a.client.disconnect();
  await pass(time, 3_600_000);
  globalThis.dispatchEvent(new Event("online"));
  await pass(time, 3_600_000);
  assertEquals(a.transport.dials, 2);
  await a.end();

  const b = start({ connectRetryMs: -1 });
  b.transport.plans.push(new Error("FAILURE: refused"));
  b.client.connect();
  await pass(time, 3_600_000);
  assertEquals(b.transport.dials, 1);
  await b.end();
});

Deno.test("retries: cut short when the network is back, or cancelled", async () => {
  using time = new FakeTime();
  const { client, transport, told, end } = start();
  const failure = new Error("FAILURE: refused");
  transport.plans.push(failure, failure, failure);
  client.connect();
  await settled();
  assertThrows(() => client.disconnect(), FeedmeError, "INVALID_STATE");
  for (let toggle = 0; toggle < 20; toggle++) {
    globalThis.dispatchEvent(new Event("online"));
  }
  await settled();
  assertEquals(transport.dials, 2);
  globalThis.dispatchEvent(new Event("pageshow"));
  await settled();
  assertEquals(transport.dials, 3);
  await told();
  assert(client.cancelRetry());
  assert(!client.cancelRetry());
  assertEquals(await told(), ["client.disconnect"]);
  await pass(time, 3_600_000);
  assertEquals(transport.dials, 3);
  await end();
});

Deno.test("retries: jitter takes its share of the wait", async () => {
  using time = new FakeTime();
  const random = Math.random;
  Math.random = () => 0.5;
  try {
    const { client, transport, end } = start({ connectRetryJitter: 1 });
    transport.plans.push(new Error("FAILURE: refused"));
    client.connect();
    await pass(time, 2_499);
    assertEquals(transport.dials, 1);
    await pass(time, 1);
    assertEquals(transport.dials, 2);
    await end();
  } finally {
    Math.random = random;
  }
});

Deno.test("connect timeout covers transport and handshake", async () => {
  using time = new FakeTime();
  const { client, transport, told, end } = start({ connectTimeoutMs: 100 });
  transport.plans.push("hang");
  client.connect();
  await pass(time, 99);
  assertEquals(client.state(), "connecting");
  await pass(time, 1);
  const timeout =
    'client.disconnect {"error":"TIMEOUT: The connection attempt timed out."}';
  assertEquals(await told(), ["client.connecting", timeout]);
  // The retry connects, but the handshake is not answered as it should.
  await pass(time, 5_000);
  transport.receive({ ...OK, Version: "9" });
  await settled();
  assertEquals(client.state(), "connecting");
  await pass(time, 100);
  const [, complaint, again] = await told();
  assert(complaint!.includes("HandshakeResponse specified invalid version."));
  assertEquals(again, timeout);
  await end();
});

Deno.test("feed timeout: closed until a response; a second request starts a new wait", async () => {
  using time = new FakeTime();
  const { transport, up, feed: makeFeed, told, sentTypes, end } = start();
  await up();
  const feed = makeFeed();
  feed.desireOpen();
  await pass(time, 10_000);
  const timeout =
    '{"error":"TIMEOUT: The server did not respond to feed open request within the allocated time."}';
  assertEquals(await told(), ["feed1.opening", `feed1.close ${timeout}`]);
  assertEquals(feed.state(), "closed");
  const other = makeFeed();
  other.desireOpen();
  assertEquals(await told(), ["feed2.opening"]);
  await pass(time, 10_000);
  assertEquals(await told(), [`feed2.close ${timeout}`]);
  transport.receive(opened({}));
  assertEquals(await told(), [
    "feed1.opening",
    "feed1.open {}",
    "feed2.opening",
    "feed2.open {}",
  ]);
  assertEquals(sentTypes(), ["FeedOpen"]);
  await end();
});

Deno.test("desireOpen() while a bad feed is being closed", async () => {
  const { transport, up, feed: makeFeed, told, sentTypes, end } = start();
  await up();
  const feed = makeFeed();
  feed.desireOpen();
  transport.receive(opened({}));
  transport.receive(BAD);
  await told();
  assertEquals(feed.state(), "closed");
  feed.desireClosed();
  feed.desireOpen();
  assertEquals(feed.state(), "opening");
  transport.receive(CLOSED);
  assertEquals(await told(), ["feed1.close", "feed1.opening"]);
  transport.receive(opened({}));
  assertEquals(await told(), ["feed1.open {}"]);
  assertEquals(sentTypes(), ["FeedOpen", "FeedClose", "FeedOpen"]);
  await end();
});

for (const max of [1, 2, 3]) {
  Deno.test(`reopening: at most ${max} in any window`, async () => {
    using time = new FakeTime();
    const trailing = 250;
    const { transport, up, feed: makeFeed, end } = start({
      reopenMaxAttempts: max,
      reopenTrailingMs: trailing,
    });
    await up();
    const opens: number[] = [];
    transport.onsend = (text) => {
      const { MessageType } = JSON.parse(text);
      const answer = (message: object) =>
        setTimeout(() => transport.receive(message), 1);
      if (MessageType === "FeedOpen") {
        opens.push(time.now);
        answer(opened({}));
        setTimeout(() => transport.receive(BAD), 20);
      } else if (MessageType === "FeedClose") {
        answer(CLOSED);
      }
    };
    makeFeed().desireOpen();
    for (let part = 0; part < 5; part++) await pass(time, 1_000);
    transport.onsend = () => {};
    const [, ...reopens] = opens;
    assert(reopens.length >= max * 15, `${reopens.length}`);
    for (const [index, at] of reopens.entries()) {
      const inWindow = reopens.slice(index).filter((each) =>
        each < at + trailing
      );
      assert(inWindow.length <= max);
    }
    await end();
  });
}

Deno.test("reopening: never with 0, and only for bad actions", async () => {
  using time = new FakeTime();
  const never = start({ reopenMaxAttempts: 0 });
  await never.up();
  const feed = never.feed();
  feed.desireOpen();
  never.transport.receive(opened({}));
  never.transport.receive(BAD);
  never.transport.receive(CLOSED);
  await pass(time, 3_600_000);
  assertEquals(never.sentTypes(), ["FeedOpen", "FeedClose"]);
  feed.desireClosed();
  feed.desireOpen();
  assertEquals(never.sentTypes(), ["FeedOpen"]);
  await never.end();

  const once = start({ reopenMaxAttempts: 1 });
  await once.up();
  once.feed().desireOpen();
  once.transport.receive(opened({}));
  once.transport.receive(BAD);
  once.transport.receive(CLOSED);
  once.transport.receive(opened({}));
  once.transport.receive({
    MessageType: "FeedTermination",
    ...F,
    ErrorCode: "BYE",
    ErrorData: {},
  });
  await pass(time, 3_600_000);
  // A terminated feed is the application's affair.
  assertEquals(once.sentTypes(), ["FeedOpen", "FeedClose", "FeedOpen"]);
  await once.end();
});

Deno.test("reopening: without a trailing time it counts for the connection", async () => {
  using time = new FakeTime();
  const { transport, up, feed: makeFeed, sentTypes, end } = start({
    reopenMaxAttempts: 1,
    reopenTrailingMs: 0,
  });
  await up();
  makeFeed().desireOpen();
  for (let round = 0; round < 2; round++) {
    transport.receive(opened({}));
    transport.receive(BAD);
    transport.receive(CLOSED);
  }
  await pass(time, 3_600_000);
  assertEquals(sentTypes(), ["FeedOpen", "FeedClose", "FeedOpen", "FeedClose"]);
  transport.fail();
  await settled();
  transport.receive(OK);
  transport.receive(opened({}));
  transport.receive(BAD);
  transport.receive(CLOSED);
  await settled();
  assertEquals(sentTypes(), [
    "Handshake",
    "FeedOpen",
    "FeedClose",
    "FeedOpen",
  ]);
  await end();
});

Deno.test("a send that fails at once", async () => {
  const { client, transport, up, feed: makeFeed, told, end } = start({
    reconnect: false,
  });
  await up();
  transport.onsend = () => transport.fail("FAILURE: broken", true);
  const feed = makeFeed();
  feed.desireOpen();
  assertEquals([client.state(), feed.state()], ["disconnected", "closed"]);
  assertEquals(await told(), [
    "feed1.opening",
    'feed1.close {"error":"NOT_CONNECTED: The transport disconnected."}',
    'client.disconnect {"error":"TRANSPORT_FAILURE: The transport connection failed.","transportError":"FAILURE: broken"}',
  ]);
  await end();
});

Deno.test("messages after disconnect() are ignored", async () => {
  const { client, transport, up, feed: makeFeed, told, sentTypes, end } =
    start();
  await up();
  makeFeed().desireOpen();
  transport.receive(opened({}));
  await told();
  sentTypes();
  client.disconnect();
  transport.receive(BAD);
  transport.receive("nonsense");
  assertEquals(await told(), [
    'feed1.close {"error":"NOT_CONNECTED: The transport disconnected."}',
    "client.disconnect",
  ]);
  assertEquals(sentTypes(), []);
  await end();
});

Deno.test("destroy() right after disconnect() settles every wait", async () => {
  using time = new FakeTime();
  const { client, transport, up, feed: makeFeed, told, write } = start();
  await up();
  makeFeed().desireOpen();
  client.action("a", {}, logCallback("a", write) as () => void);
  await told();
  client.disconnect();
  client.destroy();
  assertEquals(await told(), [
    'callback(a) {"error":"NOT_CONNECTED: The transport disconnected."}',
    'feed1.close {"error":"NOT_CONNECTED: The transport disconnected."}',
    "client.disconnect",
  ]);
  await pass(time, 3_600_000);
  assertEquals(await told(), []);
  assertEquals(transport.listening, 0);
});

Deno.test("destroy() while a retry is pending ends it", async () => {
  using time = new FakeTime();
  const { client, transport } = start();
  transport.plans.push(new Error("FAILURE: refused"));
  client.connect();
  await settled();
  client.destroy();
  await pass(time, 3_600_000);
  assertEquals(transport.dials, 1);
  assertEquals(time.next(), false);
});

Deno.test("a transport that breaks the rules is disconnected", async () => {
  type Breach = (transport: FakeTransport) => void;
  const breaches: [string, Breach][] = [
    ["connect out of turn", (t) => t.misbehave("connect")],
    ["connecting twice", (t) => t.misbehave("connecting")],
    ["an argument too many", (t) => t.misbehave("message", "{}", 1)],
    ["a message that is no text", (t) => t.misbehave("message", {})],
    ["no reason to disconnect", (t) => t.misbehave("disconnect")],
    ["no error as a reason", (t) => t.misbehave("disconnect", "x")],
  ];
  for (const [name, breach] of breaches) {
    const { client, transport, up, feed: makeFeed, log } = start();
    await up();
    const feed = makeFeed();
    feed.desireOpen();
    await settled();
    log.splice(0);
    assertThrows(() => breach(transport), FeedmeError, "TRANSPORT_ERROR");
    await settled();
    assertEquals(log.length, 3, name);
    assert(log[0]!.startsWith("feed1.close"));
    assert(log[1]!.startsWith('client.disconnect {"error":"DESTROYED'));
    assert(log[2]!.startsWith('client.transportError {"error":"TRANSPORT'));
    assert(client.destroyed() && feed.destroyed());
    assertEquals(transport.listening, 0);
    assertEquals(transport.state(), "disconnected");
  }
  const { client, transport, up, feed: makeFeed, log } = start();
  await up();
  transport.onsend = () => {
    throw new Error("broken");
  };
  const error = assertThrows(() => makeFeed().desireOpen(), FeedmeError);
  assertInstanceOf(error.transportError, Error);
  assertStrictEquals(error.cause, error.transportError);
  await settled();
  assertEquals(log.map((line) => line.split(" ")[0]), [
    "feed1.opening",
    "feed1.close",
    "client.disconnect",
    "client.transportError",
  ]);
  assert(client.destroyed());
});

Deno.test("transports written for feedme-client 0.0.35 are accepted", async () => {
  // The connection is lost within send().
  const failing = start({ reconnect: false });
  await failing.up();
  const feed = failing.feed();
  failing.transport.onsend = () => failing.transport.fail("FAILURE: lost");
  feed.desireOpen();
  assertEquals(await failing.told(), [
    "feed1.opening",
    'feed1.close {"error":"NOT_CONNECTED: The transport disconnected."}',
    'client.disconnect {"error":"TRANSPORT_FAILURE: The transport connection failed.","transportError":"FAILURE: lost"}',
  ]);
  assertEquals(failing.client.destroyed(), false);
  await failing.end();

  // disconnect(err) emits what it was handed, before it returns.
  const relaying = start();
  relaying.transport.relaying = true;
  await relaying.up();
  relaying.client.disconnect();
  assertEquals(await relaying.told(), ["client.disconnect"]);
  assertEquals(relaying.client.destroyed(), false);
  await relaying.up();
  await relaying.end();
});

Deno.test("a breach that the transport swallows ends everything too", async () => {
  using time = new FakeTime();
  const { client, transport, feed: makeFeed, log } = start();
  for (const name of ["a", "b"]) makeFeed(name).desireOpen();
  client.connect();
  await settled();
  log.splice(0);
  transport.onsend = () => {
    try {
      transport.misbehave("message", "{}");
    } catch {
      // As an emitter does that looks after its listeners.
    }
  };
  assertThrows(() => transport.receive(OK), FeedmeError, "TRANSPORT_ERROR");
  await pass(time, 60_000);
  assertEquals(log.map((line) => line.split(" ")[0]), [
    "client.connect",
    // Both were to be opened when the first message broke the transport.
    "feed1.opening",
    "feed2.opening",
    "feed1.close",
    "feed2.close",
    "client.disconnect",
    "client.transportError",
  ]);
  assertEquals(time.next(), false);
});

Deno.test("a transport that connects by itself is disconnected", async () => {
  const { client, transport, up, told, end } = start({ reconnect: false });
  await up();
  // It says that the connection is lost, and has kept it or made a new one.
  transport.misbehave("disconnect", new Error("FAILURE: lost"));
  assertEquals((await told()).length, 1);
  assertThrows(() => client.disconnect(), FeedmeError, "TRANSPORT_ERROR");
  assertEquals((await told()).map((line) => line.split(" ")[0]), [
    "client.transportError",
  ]);
  assert(client.destroyed());
  assertEquals(transport.state(), "disconnected");
  await end();
});

Deno.test("an action that throws reports only that exception", async () => {
  const { client, transport, up, told, write } = start();
  await up();
  transport.onsend = () => {
    throw new Error("broken");
  };
  // A promise without a caller would be an unhandled rejection.
  assertThrows(
    () => void client.action("a", {}),
    FeedmeError,
    "TRANSPORT_ERROR",
  );
  assertEquals((await told()).map((line) => line.split(" ")[0]), [
    "client.disconnect",
    "client.transportError",
  ]);
  const other = start();
  await other.up();
  other.transport.onsend = transport.onsend;
  assertThrows(
    () => other.client.action("a", {}, logCallback("a", write) as () => void),
    FeedmeError,
    "TRANSPORT_ERROR",
  );
  assertEquals(await told(), []);
});

Deno.test("snapshots stay valid and share unchanged parts", async () => {
  const { transport, up, feed: makeFeed, end } = start();
  await up();
  const feed = makeFeed();
  feed.desireOpen();
  const seen: unknown[][] = [];
  feed.on("action", (...args) => seen.push(args));
  transport.receive(opened({ a: { n: 1 }, b: [{}], list: [{ n: 1 }, {}] }));
  // deno-lint-ignore no-explicit-any
  const before: any = feed.data();
  assertStrictEquals(feed.data(), before);
  transport.receive(
    action("A", [
      { Operation: "Set", Path: ["a", "n"], Value: 2 },
      { Operation: "Increment", Path: ["list", 0, "n"], Value: 1 },
    ]),
  );
  // deno-lint-ignore no-explicit-any
  const after: any = feed.data();
  await settled();
  assertEquals(before, { a: { n: 1 }, b: [{}], list: [{ n: 1 }, {}] });
  assertEquals(after, { a: { n: 2 }, b: [{}], list: [{ n: 2 }, {}] });
  assertStrictEquals(before.b, after.b);
  assertStrictEquals(before.list[1], after.list[1]);
  assertStrictEquals(seen[0]![2], after);
  assertStrictEquals(seen[0]![3], before);
  transport.receive(action("B", []));
  assertStrictEquals(feed.data(), after);
  await end();
});

Deno.test("several feed objects, one feed of the server", async () => {
  const { transport, up, feed: makeFeed, told, sentTypes, end } = start();
  await up();
  const one = makeFeed("f", { x: "1", y: "2" });
  const two = makeFeed("f", { y: "2", x: "1" });
  one.desireOpen();
  two.desireOpen();
  assertEquals(sentTypes(), ["FeedOpen"]);
  transport.receive({ ...opened({}), FeedArgs: { y: "2", x: "1" } });
  await told();
  // Destroyed by a listener of the other: what was queued still comes.
  one.on("action", () => {
    two.desireClosed();
    two.destroy();
  });
  transport.receive({ ...action("A", []), FeedArgs: { y: "2", x: "1" } });
  assertEquals(await told(), [
    'feed1.action "A" {} {} {}',
    'feed2.action "A" {} {} {}',
    "feed2.close",
  ]);
  one.desireClosed();
  assertEquals(sentTypes(), ["FeedClose"]);
  await end();
});

Deno.test("a transport that breaks the rules before any call", async () => {
  using time = new FakeTime();
  const { client, transport, log } = start({ connectRetryMs: 10 });
  transport.plans.push(new Error("FAILURE: refused"));
  client.connect();
  await settled();
  log.splice(0);
  transport.connect = () => {
    throw new Error("broken");
  };
  await pass(time, 10);
  await settled();
  assertEquals(log.map((line) => line.split(" ")[0]), [
    "client.disconnect",
    "client.transportError",
  ]);
  assert(client.destroyed());
});

Deno.test("when a lost connection is reported, the client is already dialling", async () => {
  const { client, transport, up, end } = start();
  await up();
  const states: string[] = [];
  client.on("disconnect", () => {
    states.push(client.state());
    const error = assertThrows(() => client.connect(), FeedmeError);
    states.push(error.code);
  });
  transport.fail();
  await settled();
  assertEquals(states, ["connecting", "INVALID_STATE"]);
  client.off("disconnect");
  await end();
});

Deno.test("feeds are opened before the connect event", async () => {
  const { client, transport, feed: makeFeed, told, end } = start();
  makeFeed("b").desireOpen();
  makeFeed("a").desireOpen();
  makeFeed("unwanted");
  await told();
  client.on("connect", () => void client.action("x", {}).catch(() => {}));
  client.connect();
  await settled();
  transport.receive(OK);
  assertEquals(await told(), [
    "client.connecting",
    "client.connect",
    "feed1.opening",
    "feed2.opening",
  ]);
  assertEquals(
    transport.sent.map((text) => {
      const { MessageType, FeedName = "" } = JSON.parse(text);
      return MessageType + FeedName;
    }),
    ["Handshake", "FeedOpenb", "FeedOpena", "Action"],
  );
  await end();
});

Deno.test("the order of arguments does not make another feed", async () => {
  const { transport, up, feed: makeFeed, sentTypes, end } = start();
  await up();
  const args = [
    { a: "1", b: "2" },
    { b: "2", a: "1" },
    { a: "1" },
    { a: "1:1:b2" },
    {},
    { "": "" },
    JSON.parse('{"__proto__":"1"}'),
  ];
  for (const each of args) makeFeed("f", each).desireOpen();
  makeFeed("", { f: "" }).desireOpen();
  makeFeed("1:1:a1:f").desireOpen();
  assertEquals(sentTypes().length, args.length + 1);
  transport.receive({ ...opened({ n: 1 }), FeedArgs: { a: "1", b: "2" } });
  await settled();
  await end();
});

/** Makes the next call of a built-in throw, as when the stack is full. */
function failOnce(target: object, name: string, error: Error): () => void {
  const { value } = Object.getOwnPropertyDescriptor(target, name)!;
  const restore = () =>
    void Object.defineProperty(target, name, {
      value,
      configurable: true,
      writable: true,
    });
  Object.defineProperty(target, name, {
    configurable: true,
    writable: true,
    value() {
      restore();
      throw error;
    },
  });
  return restore;
}

Deno.test("an exception while an action is applied closes the feed, which reopens", async () => {
  const { transport, up, feed: makeFeed, told, sentTypes, client, end } =
    start();
  await up();
  const feed = makeFeed();
  feed.desireOpen();
  transport.receive(opened({ n: 0 }));
  await told();
  sentTypes();
  const errors: FeedmeError[] = [];
  client.on("badServerMessage", (error) => errors.push(error));
  const overflow = new RangeError("Maximum call stack size exceeded");
  const text = JSON.stringify(
    action("A", [{ Operation: "Set", Path: ["n"], Value: 1 }], {
      FeedMd5: "x".repeat(24),
    }),
  );
  const restore = failOnce(JSON, "stringify", overflow);
  transport.receive(text);
  restore();
  assertEquals(feed.state(), "closed");
  assertEquals((await told()).map((line) => line.split(" ")[0]), [
    "feed1.close",
    "client.badServerMessage",
  ]);
  assertEquals(errors.map(({ code }) => code), ["INVALID_DELTA"]);
  assertStrictEquals(errors[0]!.cause, overflow);
  transport.receive(CLOSED);
  transport.receive(opened({ n: 1 }));
  assertEquals(sentTypes(), ["FeedClose", "FeedOpen"]);
  assertEquals(feed.data(), { n: 1 });
  await end();
});

Deno.test("an exception while a message is taken in ends the connection, which is made again", async () => {
  using time = new FakeTime();
  const { transport, up, feed: makeFeed, told, client, end } = start({
    connectRetryMs: 10,
  });
  await up();
  const feed = makeFeed();
  feed.desireOpen();
  transport.receive(opened({ n: 0 }));
  await told();
  const reasons: (FeedmeError | undefined)[] = [];
  client.on("disconnect", (error) => reasons.push(error));
  const hardened = new TypeError("Cannot assign to read only property");
  const text = JSON.stringify(action("A", []));
  const restore = failOnce(Object, "keys", hardened);
  transport.receive(text);
  restore();
  assertEquals([client.state(), feed.state()], ["disconnected", "closed"]);
  await settled();
  assertEquals(reasons.map((error) => error?.code), ["TRANSPORT_FAILURE"]);
  assertStrictEquals(reasons[0]!.cause, hardened);
  await pass(time, 20);
  transport.receive(OK);
  transport.receive(opened({ n: 1 }));
  assertEquals(feed.data(), { n: 1 });
  await end();
});

Deno.test("close(): disconnects, destroys and waits, at any moment", async () => {
  const { client, transport, up, feed: makeFeed, told } = start();
  await up();
  const feed = makeFeed();
  feed.desireOpen();
  await client.close();
  assertEquals((await told()).at(-1), "client.disconnect");
  assert(client.destroyed() && feed.destroyed());
  assertEquals(transport.listening, 0);
  await client.close();
});
