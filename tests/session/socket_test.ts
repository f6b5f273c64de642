/** The cores of a backend's socket: its outbox, where it is dialled, and when it gives up. */
import { assertEquals, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { addressOf, pathBelow } from "../../session/socket/address.ts";
import { Outbox, snapshot } from "../../session/socket/outbox.ts";
import { KeptSocket } from "../../session/socket/socket.ts";

Deno.test("outbox: holds messages up to its bound, in order", () => {
  const outbox = new Outbox(10);
  assertEquals(outbox.hold("ab"), true);
  assertEquals(outbox.hold(new Uint8Array([1, 2, 3]).buffer), true);
  assertEquals(outbox.hold("äöü"), false, "six bytes of UTF-8");
  assertEquals(outbox.hold("äö"), true);
  assertEquals(outbox.heldBytes, 9);
  assertEquals(outbox.take().map((message) => typeof message), [
    "string",
    "object",
    "string",
  ]);
  assertEquals([outbox.heldBytes, outbox.take()], [0, []]);
});

Deno.test("outbox: with a bound of 0, it holds only what has no bytes", () => {
  const outbox = new Outbox(0);
  assertEquals([outbox.hold("a"), outbox.hold("")], [false, true]);
});

Deno.test("outbox: what was not transmitted is lost with the connection", () => {
  const cases: [sent: [string, number][], buffered: number, lost: string[]][] =
    [
      // Nothing waits: everything was transmitted.
      [[["aa", 0], ["bb", 0]], 0, []],
      // A part of a message did not leave: the message did not arrive.
      [[["aa", 2], ["bb", 4], ["cc", 6]], 3, ["bb", "cc"]],
      [[["aa", 2], ["bb", 4]], 4, ["aa", "bb"]],
      // The first left while the second was sent.
      [[["aa", 2], ["bb", 2], ["cc", 2]], 2, ["cc"]],
      // Some platforms count the frames' headers too.
      [[["aa", 2]], 8, ["aa"]],
    ];
  for (const [sent, buffered, lost] of cases) {
    const outbox = new Outbox(100);
    for (const [message, after] of sent) outbox.sent(message, after);
    assertEquals(outbox.lost(buffered), lost);
    assertEquals(outbox.lost(buffered), [], "reported once");
  }
});

Deno.test("outbox: remembers no message that was transmitted", () => {
  const outbox = new Outbox(100);
  for (let index = 0; index < 1_000; index++) outbox.sent("a", 1);
  assertEquals(outbox.lost(1_000), ["a"], "only the last one waited");
});

Deno.test("snapshot: later changes of a buffer do not matter", () => {
  const bytes = new Uint8Array([0, 1, 2, 3]);
  const part = snapshot(bytes.subarray(1, 3));
  const whole = snapshot(bytes.buffer);
  bytes.fill(9);
  assertEquals(new Uint8Array(part as ArrayBuffer), new Uint8Array([1, 2]));
  assertEquals(
    new Uint8Array(whole as ArrayBuffer),
    new Uint8Array([0, 1, 2, 3]),
  );
  assertEquals([snapshot("a"), snapshot(1), snapshot(null)], [
    "a",
    "1",
    "null",
  ]);
});

Deno.test("address: a path is put below the backend's URL", () => {
  const cases: [backend: string, path: string, url: string][] = [
    ["https://a.example/t/", "", "wss://a.example/t/"],
    ["http://a.example/t", "", "ws://a.example/t"],
    ["http://a.example/t", "chat", "ws://a.example/t/chat"],
    ["wss://a.example/t/", "/chat?x=1", "wss://a.example/t/chat?x=1"],
    ["ws://a.example/", "?x=1", "ws://a.example/?x=1"],
    ["ws://a.example/?k=2", "chat?x=1&y=?", "ws://a.example/chat?k=2&x=1&y=?"],
    // A path never leads to another host.
    ["ws://a.example/t/", "//b.example/c", "ws://a.example/t/b.example/c"],
    ["ws://a.example/t/", "ws://b.example", "ws://a.example/t/ws://b.example"],
    ["ws://a.example/t/", "a#b", "ws://a.example/t/a%23b"],
  ];
  for (const [backend, path, url] of cases) {
    assertEquals(addressOf(backend, path), url);
  }
  for (const backend of ["", "/t/SECRET", "ftp://a.example/SECRET"]) {
    const error = assertThrows(() => addressOf(backend, "chat"), TypeError);
    assertEquals(error.message.includes("SECRET"), false);
  }
});

Deno.test("address: the part below the backend's URL is found again", () => {
  const base = "https://a.example/t/";
  const cases: [url: string, path: string | undefined][] = [
    ["wss://a.example/t/chat?x=1", "chat?x=1"],
    ["https://a.example/t/", ""],
    ["wss://a.example/t?x=1", "?x=1"],
    ["ws://a.example/t/chat", undefined],
    ["wss://a.example/token", undefined],
    ["wss://b.example/t/chat", undefined],
    ["nonsense", undefined],
  ];
  for (const [url, path] of cases) assertEquals(pathBelow(base, url), path);
});

Deno.test("socket: without a WebSocket in the runtime, it says so and does not try again", async () => {
  const { WebSocket: platform } = globalThis;
  // As on Node 20.
  Reflect.deleteProperty(globalThis, "WebSocket");
  try {
    using time = new FakeTime();
    const backend = {
      url: "http://a.example/t/",
      ready: () => Promise.resolve(),
      isTerminated: () => false,
      onTerminated: () => () => {},
      destroy() {},
    };
    const { signal } = new AbortController();
    const watch = () => backend;
    const socket = new KeptSocket({ backend, watch, signal });
    const log: unknown[] = [];
    socket.addEventListener("reconnecting", () => log.push("reconnecting"));
    socket.addEventListener("error", ({ error }) => {
      log.push((error as Error).message);
    });
    socket.addEventListener("close", ({ code }) => log.push(code));
    await time.tickAsync(3_600_000);
    await socket.closed;
    assertEquals(log, [
      "this runtime has no WebSocket; pass the option WebSocket, such as the class of the npm package ws",
      1006,
    ]);
  } finally {
    globalThis.WebSocket = platform;
  }
});
