/** Calls and messages, in both directions. */
// deno-lint-ignore-file no-explicit-any
import { assert, assertEquals, assertRejects } from "../../../kit/assert.ts";
import { block, delay, until } from "../../../kit/wait.ts";
import type { Area } from "../../suite.ts";
import { control, handshake, log, open, openScripted, packet } from "./far.ts";

/** The case that blocks the event loop. */
export const BLOCKED =
  "a call that was answered while the event loop was blocked does not time out";

export const calls: Area["cases"] = {
  async "a call is answered"(t) {
    await using socket = open(t);
    assertEquals(await socket.invoke("echo", { text: "ä€", n: [1, null] }), {
      text: "ä€",
      n: [1, null],
    });
    assertEquals(await socket.invoke("echo"), undefined);
    assertEquals(await socket.invoke("echo", null), null);
  },

  async "a call that the server refuses has the server's error"(t) {
    await using socket = open(t);
    const failure = await assertRejects(() => socket.invoke("fail"));
    assert(failure instanceof Error, "it is an Error");
    assertEquals(
      [failure.name, failure.message, (failure as any).code],
      ["CustomFailure", "it failed", 42],
    );
    const blocked = await assertRejects(() => socket.invoke("forbidden"));
    assertEquals([blocked.name, blocked.level], ["ForbiddenError", 3]);
    assertEquals(
      await assertRejects(() => socket.invoke("failAs", "just text")),
      "just text",
    );
    assertEquals(await socket.invoke("failAs", null), undefined);
  },

  async [BLOCKED](t) {
    await using socket = open(t);
    await socket.listener("connect").once(30_000);
    const answers = Array.from(
      { length: 50 },
      () => socket.invoke("wait", 100, { ackTimeout: 200 }),
    );
    // Long enough for the calls to be on their way.
    await delay(50);
    block(500);
    await Promise.all(answers);
    assertEquals(socket.state, "open");
  },

  async "a call without an answer says whether it was sent"(t) {
    await using socket = open(t);
    await socket.listener("connect").once(30_000);
    const late = await assertRejects(() =>
      socket.invoke("wait", 500, { ackTimeout: 10 })
    );
    assertEquals([late.name, late.message, late.sent], [
      "TimeoutError",
      "Event response for wait event timed out",
      true,
    ]);

    // Here the handshake is never answered.
    const peer = await t.script({ sockets: [[]] });
    await using waiting = openScripted(peer);
    const unsent = await assertRejects(() =>
      waiting.invoke("echo", 1, { ackTimeout: 100 })
    );
    assertEquals([unsent.name, unsent.sent], ["TimeoutError", false]);
    const { sockets: [seen] } = await peer.seen();
    assertEquals(
      seen!.messages.map((text) => JSON.parse(text as string).event),
      ["#handshake"],
    );
  },

  async "a call in flight when the connection breaks off was sent"(t) {
    const peer = await t.script({
      sockets: [[...handshake(), { received: 2 }, { cut: true }]],
    });
    await using socket = openScripted(peer, { autoReconnect: false });
    const { name, type, code, sent } = await assertRejects(() =>
      socket.invoke("echo")
    );
    assertEquals([name, type, code, sent], [
      "BadConnectionError",
      "disconnect",
      1006,
      true,
    ]);
  },

  async "messages before the connection wait, in order"(t) {
    await using socket = open(t, { autoConnect: false });
    const passed = log(socket, "error");
    const got: unknown[] = [];
    (async () => {
      for await (const data of socket.receiver("passed")) got.push(data);
    })();
    socket.transmit("pass", 1);
    const answer = socket.invoke("echo", 2);
    socket.transmit("pass", 3);
    assertEquals(await answer, 2);
    await until(() => got.length === 2, "both messages came");
    assertEquals([got, passed], [[1, 3], []]);
  },

  async "the queue is bounded; a call that finds it full fails"(t) {
    const peer = await t.script({ sockets: [[]] });
    await using socket = openScripted(peer, { queueLimit: 1 });
    const first = assertRejects(() => socket.invoke("echo", 1));
    const { name, sent } = await assertRejects(() => socket.invoke("echo", 2));
    assertEquals([name, sent], ["ResourceLimitError", false]);
    const errors = log(socket, "error");
    socket.transmit("pass", 3);
    await until(() => errors.length === 1, "the message is reported");
    assertEquals(errors[0]![1].error.name, "ResourceLimitError");
    socket.disconnect();
    assertEquals((await first).sent, false);
  },

  async "a value that cannot be encoded fails at once, and only its own call"(
    t,
  ) {
    await using socket = open(t);
    await socket.listener("connect").once(30_000);
    const errors = log(socket, "error");
    const passed = socket.receiver("passed").once(30_000);
    socket.startBatch();
    socket.transmit("pass", "first");
    const bad = assertRejects(() => socket.invoke("echo", { n: 1n }));
    const good = socket.invoke("echo", "good");
    socket.flushBatch();
    const { name, sent, cause } = await bad;
    assertEquals([name, sent], ["InvalidMessageError", false]);
    assert(cause instanceof TypeError, `the encoder's own error, not ${cause}`);
    assertEquals([await good, await passed], ["good", "first"]);
    await socket.transmit("pass", 1n);
    await until(() => errors.length === 1, "it is reported");
    assertEquals(errors[0]![1].error.sent, false);
  },

  async "bytes travel as base64, in calls and in answers"(t) {
    await using socket = open(t);
    const bytes = new Uint8Array([9, 0, 1, 2, 250, 255, 9]).subarray(1, 6);
    const expected = { base64: true, data: "AAEC+v8=" };
    for (
      const data of [
        bytes,
        bytes.slice().buffer,
        new DataView(bytes.slice().buffer),
      ]
    ) {
      assertEquals(await socket.invoke("echo", { a: [data] }), {
        a: [expected],
      });
    }
    // And in an answer of the client.
    (async () => {
      for await (const request of socket.procedure("bytes")) request.end(bytes);
    })();
    assertEquals(await control(socket, "invoke", { event: "bytes" }), expected);
  },

  async "a binary frame is a raw message on every runtime"(t) {
    const peer = await t.script({
      sockets: [[...handshake(), { received: 2 }, { bytes: [1, 2, 255] }]],
    });
    await using socket = openScripted(peer);
    const raw = socket.listener("raw").once(30_000);
    await socket.listener("connect").once(30_000);
    socket.send(new Uint8Array([7, 8]));
    const { message } = await raw;
    assert(message instanceof ArrayBuffer, "it is an ArrayBuffer");
    assertEquals([...new Uint8Array(message)], [1, 2, 255]);
    assertEquals((await peer.seen()).sockets[0]!.messages[1], [7, 8]);
  },

  async "the server calls procedures and sends messages"(t) {
    await using socket = open(t);
    const news = socket.receiver("news").once(30_000);
    (async () => {
      for await (const request of socket.procedure("add")) {
        const { a, b } = request.data as any;
        if (b === undefined) {
          request.error(Object.assign(new Error("no b"), { name: "NoB" }));
        } else request.end(a + b);
        // Each is answered once.
        try {
          request.end(0);
        } catch (error) {
          socket.emit("again", (error as Error).name);
        }
      }
    })();
    const again = socket.listener("again").once(30_000);
    await control(socket, "transmit", { event: "news", data: 7 });
    assertEquals(await news, 7);
    const add = (data: unknown) =>
      control(socket, "invoke", { event: "add", data });
    assertEquals(await add({ a: 1, b: 2 }), 3);
    assertEquals(await again, "InvalidActionError");
    const error = await assertRejects(() => add({ a: 1 }));
    assertEquals([error.name, error.message], ["NoB", "no b"]);
  },

  async "a batch travels as one frame, a cancelled one not at all"(t) {
    const peer = await t.script({
      sockets: [[
        ...handshake(),
        { received: 2 },
        packet([{ rid: 2, data: "a" }, { rid: 3, data: "b" }]),
      ]],
    });
    await using socket = openScripted(peer);
    await socket.listener("connect").once(30_000);
    socket.startBatch();
    const answers = [socket.invoke("echo", 1), socket.invoke("echo", 2)];
    socket.transmit("note", 3);
    assert(socket.isBufferingBatch, "it collects");
    socket.flushBatch();
    assertEquals(await Promise.all(answers), ["a", "b"]);

    socket.startBatch();
    const cancelled = assertRejects(() => socket.invoke("echo", 4));
    socket.transmit("note", 5);
    socket.cancelBatch();
    const { name, sent } = await cancelled;
    assertEquals([name, sent], ["InvalidActionError", false]);

    // At intervals: the next batch leaves by itself.
    socket.startBatching();
    socket.transmit("note", 6);
    await until(
      async () => (await peer.seen()).sockets[0]!.messages.length === 3,
      "the interval sent a batch",
    );
    socket.stopBatching();
    const { sockets: [seen] } = await peer.seen();
    assertEquals(
      seen!.messages.slice(1).map((text) => JSON.parse(text as string)),
      [
        [
          { event: "echo", data: 1, cid: 2 },
          { event: "echo", data: 2, cid: 3 },
          { event: "note", data: 3 },
        ],
        [{ event: "note", data: 6 }],
      ],
    );
  },
};
