/** Hostile names and frames: nothing throws, pollutes, hangs or grows. */
// deno-lint-ignore-file no-explicit-any
import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { create } from "../../feed/socketcluster/mod.ts";
import { fakeSockets } from "./fake_socket.ts";
import { readTranscripts } from "./replay.ts";

const NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "__defineGetter__",
  "__defineSetter__",
  "__lookupGetter__",
  "then",
  "",
  "a/b",
  "\0",
  "\ud800",
  "x".repeat(100_000),
];

function prototypes(): string {
  return JSON.stringify(
    [Object, Array, Function, Map, Error, Promise].map((it) =>
      Reflect.ownKeys(it.prototype).map(String)
    ),
  );
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("hostile - names are data everywhere", async () => {
  const before = prototypes();
  const { made, WebSocket } = fakeSockets();
  const socket = create({ WebSocket });
  await made[0]!.shakeHands();
  await turn(); // packets wait until then
  const fake = made[0]!;
  const got: Record<string, Map<string, unknown>> = {
    listener: new Map(),
    receiver: new Map(),
    procedure: new Map(),
    channel: new Map(),
    channelListener: new Map(),
  };
  const collect = async (kind: string, name: string, stream: any) => {
    for await (const data of stream) got[kind]!.set(name, data);
  };
  for (const name of NAMES) {
    assertEquals(socket.isSubscribed(name, true), false);
    assertEquals(socket.getChannelState(name), "unsubscribed");
    assertEquals(socket.getChannelOptions(name), {});
    assertEquals(socket.getListenerBackpressure(name), 0);
    assertEquals(socket.getReceiverConsumerStatsList(name), []);
    collect("listener", name, socket.listener(name));
    collect("receiver", name, socket.receiver(name));
    collect("procedure", name, socket.procedure(name));
    collect("channel", name, socket.subscribe(name));
    collect("channelListener", name, socket.channel(name).listener(name));
    const { event, data, cid } = fake.take();
    assertEquals([event, data.channel], ["#subscribe", name]);
    fake.receivePacket({ rid: cid });
    assertEquals(socket.getChannelState(name), "subscribed");
    socket.emit(name, "event");
    fake.receivePacket({ event: name, data: "transmitted" });
    fake.receivePacket({ event: name, cid: 1, data: "invoked" });
    fake.receivePacket({
      event: "#publish",
      data: { channel: name, data: "published" },
    });
    fake.receivePacket({ event: "#kickOut", data: { channel: name } });
    assertEquals(socket.isSubscribed(name, true), false);
  }
  await turn();
  for (const name of NAMES) {
    assertEquals(got.listener!.get(name), "event", name.slice(0, 50));
    assertEquals(got.receiver!.get(name), "transmitted");
    assertEquals((got.procedure!.get(name) as any).data, "invoked");
    assertEquals(got.channel!.get(name), "published");
  }
  assertEquals(socket.subscriptions(true), []);
  assertEquals(prototypes(), before);
  socket.disconnect();
  socket.killAllListeners();
  socket.killAllReceivers();
  socket.killAllProcedures();
  socket.killAllChannels();
  assertEquals(socket.getAllListenersConsumerCount(), 0);
});

Deno.test("hostile - channels and events with slashes are not confused", async () => {
  const { made, WebSocket } = fakeSockets();
  const socket = create({ WebSocket });
  await made[0]!.shakeHands();
  const ended: string[] = [];
  const consume = async (name: string, stream: any) => {
    for await (const _ of stream);
    ended.push(name);
  };
  consume("foo", socket.channel("foo").listener("x"));
  consume("foo/bar", socket.channel("foo/bar").listener("x"));
  consume("a: b/x", socket.channel("a").listener("b/x"));
  consume("a/b: x", socket.channel("a/b").listener("x"));
  socket.killChannel("foo");
  socket.channel("a/b").killListener("x");
  await turn();
  assertEquals(ended, ["foo", "a/b: x"]);
  assertEquals(
    socket.getAllChannelListenersConsumerStatsList().map(({ stream }) =>
      stream
    ),
    ["foo/bar/x", "a/b/x"],
  );
  socket.killAllChannels();
  socket.disconnect();
});

/** A small random number generator with a fixed seed. */
function randomNumbers(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
}

const SEEDS = [
  '{"event":"#publish","data":{"channel":"a","data":{"n":1}}}',
  '{"event":"#kickOut","data":{"channel":"a","message":"m"}}',
  '{"event":"#setAuthToken","data":{"token":"a.eyJhIjoxfQ.c"}}',
  '{"event":"#setAuthToken","cid":1,"data":{"token":"a.eyJhIjoxfQ.c"}}',
  '{"event":"#removeAuthToken","cid":2}',
  '{"event":"toString","data":[1,2,{"__proto__":{"polluted":true}}],"cid":3}',
  '{"rid":2,"error":{"message":"m","name":"N","stack":"s","__proto__":{"polluted":1}}}',
  '[{"event":"x","data":1},{"rid":5},"str",null,[[]]]',
  '{"rid":1,"data":{"id":"i","pingTimeout":30000,"isAuthenticated":true}}',
];

Deno.test("hostile - an address that cannot be written is an exception", async () => {
  const { made, WebSocket } = fakeSockets();
  const hostname = 5 as any;
  assertThrows(() => create({ WebSocket, hostname }), TypeError);
  const socket = create({ WebSocket });
  assertThrows(() => socket.connect({ hostname }), TypeError);
  assertEquals(socket.state, "closed");
  socket.connect({ hostname: "a" });
  await made[1]!.shakeHands();
  assertEquals(socket.state, "open");
  socket.disconnect();
});

Deno.test("hostile - whatever loadToken rejects with ends the attempt", async () => {
  for (
    const [failure, reason, status] of [
      [new Error("no"), "Error: no", 4003],
      [Object.freeze(new Error("no")), "Error: no", undefined],
      [Object.assign(new Error("no"), { statusCode: 4444 }), "Error: no", 4444],
      ["no", "no", undefined],
      [undefined, "undefined", undefined],
      [null, "null", undefined],
    ] as [any, string, number | undefined][]
  ) {
    const { made, WebSocket } = fakeSockets();
    const authEngine = {
      loadToken: () => Promise.reject(failure),
      saveToken: () => Promise.reject(),
      removeToken: () => Promise.reject(),
    };
    const socket = create({ WebSocket, authEngine, autoReconnect: false });
    const errors = socket.listener("error").createConsumer();
    const aborted = socket.listener("connectAbort").once();
    made[0]!.open();
    assertEquals(await aborted, { code: status ?? 4003, reason });
    assertEquals(made[0]!.closedWith?.code, status ?? 4003);
    const { value } = await errors.next();
    assert(value!.error === failure);
    assertEquals(failure?.statusCode, status);
    errors.return();
  }
});

Deno.test("hostile - null means no options for the WebSocket", async () => {
  const { made, WebSocket } = fakeSockets();
  const socket = create({ WebSocket, wsOptions: null as any });
  assertEquals(made.length, 1);
  await made[0]!.shakeHands();
  assertEquals(socket.state, "open");
  socket.disconnect();
});

Deno.test("hostile - 1,000,000 mutated frames", async () => {
  const before = prototypes();
  const random = randomNumbers(20);
  const recorded = readTranscripts().flatMap(({ frames }) =>
    frames.filter(({ dir }) => dir === "s2c").map(({ text }) => text)
  );
  const frames = [...SEEDS, ...recorded];
  const pieces = [
    ...'{}[]",:\\0-9 ',
    '"event"',
    '"cid"',
    '"rid"',
    '"data"',
    '"channel"',
    '"#publish"',
    '"#subscribe"',
    '"#handshake"',
    '"__proto__"',
    '"constructor"',
    "null",
    "true",
    "1e999",
    "-0",
    "\ud800",
    "\0",
  ];
  const mutate = (frame: string): string => {
    for (let i = random(4); i >= 0; i--) {
      const at = random(frame.length + 1);
      const kind = random(5);
      if (kind === 0) frame = frame.slice(0, at);
      else if (kind === 1) {
        frame = frame.slice(0, at) + frame.slice(at + 1 + random(8));
      } else if (kind === 2) {
        frame = frame.slice(0, at) + pieces[random(pieces.length)] +
          frame.slice(at + random(3));
      } else if (kind === 3) {
        const other = frames[random(frames.length)]!;
        frame = frame.slice(0, at) + other.slice(random(other.length));
      } else frame = `[${frame},${frames[random(frames.length)]}]`;
    }
    return frame;
  };

  const { made, WebSocket } = fakeSockets();
  const socket = create({ WebSocket, ackTimeout: 2 ** 31 - 1 });
  await made[0]!.shakeHands();
  const fake = made[0]!;
  const bounded = { limit: 10 };
  for (const event of ["raw", "error", "message", "authenticate"]) {
    socket.listener(event).createConsumer(bounded);
  }
  for (const name of ["x", "toString", "__proto__"]) {
    socket.receiver(name).createConsumer(bounded);
    socket.procedure(name).createConsumer(bounded);
  }
  socket.subscribe("a").createConsumer(bounded);
  const rejected: unknown[] = [];
  for (let i = 0; i < 1_000_000; i++) {
    fake.receive(mutate(frames[random(frames.length)]!));
    if (i % 10_000 === 0) {
      socket.invoke("call").catch((error) => rejected.push(error));
      socket.subscribe("a");
      fake.sent.length = 0;
      await turn();
    }
  }
  // No frame can disconnect the socket or hang it.
  assertEquals([socket.state, made.length], ["open", 1]);
  assertLess(socket.getBackpressure(), 11);
  fake.sent.length = 0;
  const call = socket.invoke("still there");
  fake.receivePacket({ rid: fake.take().cid, data: "yes" });
  assertEquals(await call, "yes");
  assertEquals([prototypes(), ({} as any).polluted], [before, undefined]);
  for (const error of rejected) {
    assert(typeof error !== "object" || error instanceof Error);
  }
  socket.disconnect();
  socket.killAllListeners();
  socket.killAllReceivers();
  socket.killAllProcedures();
  socket.killAllChannels();
});

Deno.test("hostile - 10,000 hostile answers to the handshake", async () => {
  const random = randomNumbers(21);
  const { made, WebSocket } = fakeSockets();
  const socket = create({
    WebSocket,
    autoConnect: false,
    autoReconnect: false,
  });
  const values = [
    "null",
    "0",
    "-1",
    "1e999",
    '"x"',
    "{}",
    "[]",
    "true",
    '{"pingTimeout":-1}',
    '{"pingTimeout":1000}',
    '{"message":5,"statusCode":"x"}',
    '{"statusCode":1e99}',
    '"text"',
  ];
  const value = () => values[random(values.length)]!;
  for (let i = 0; i < 10_000; i++) {
    socket.connect();
    const fake = made.pop()!;
    fake.open();
    for (let j = 0; j < 10 && fake.sent.length === 0; j++) await null;
    const { cid } = fake.take();
    for (let j = 0; j < 10; j++) {
      const key = random(2) ? "data" : "error";
      fake.receive(`{"rid":${random(3) ? cid : value()},"${key}":${value()}}`);
    }
    if (socket.state === "connecting") {
      assertEquals(fake.closedWith, null);
    } else if (socket.state === "closed") {
      assert(fake.closedWith !== null);
    }
    socket.disconnect();
    assertEquals(socket.state, "closed");
  }
});
