/** How connections begin, break off, come back and end; and frames that err. */
// deno-lint-ignore-file no-explicit-any
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../../../kit/assert.ts";
import { asyncDispose } from "../../../kit/dispose.ts";
import { delay, until } from "../../../kit/wait.ts";
import type { Area } from "../../suite.ts";
import {
  control,
  doom,
  handshake,
  hungUp,
  log,
  open,
  openScripted,
  packet,
  published,
} from "./far.ts";

export const connections: Area["cases"] = {
  async "a lost connection is restored with its token and subscriptions"(t) {
    const socket = open(t);
    const closes = log(socket, "close");
    const channel = socket.subscribe(t.name("room"));
    const got: unknown[] = [];
    const loop = (async () => {
      for await (const data of channel) got.push(data);
      return "ended";
    })();
    await channel.listener("subscribe").once(30_000);
    await channel.invokePublish("one");
    await control(socket, "login", { payload: { username: "ann" } });

    const pending = assertRejects(() => socket.invoke("wait", 60_000));
    const again = socket.listener("connect").once(30_000);
    const subscribed = channel.listener("subscribe").once(30_000);
    doom(socket, "terminate");
    const { name, sent } = await pending;
    assertEquals([name, sent], ["BadConnectionError", true]);
    assertEquals((await again).isAuthenticated, true);
    await subscribed;
    await channel.invokePublish("two");

    await socket[asyncDispose]();
    assertEquals([await loop, got], ["ended", ["one", "two"]]);
    assertEquals(closes.map(([, { code }]) => code), [1006, 1000]);
    assertEquals(socket.state, "closed");
  },

  async "receivers and procedures opened on connect miss nothing"(t) {
    const peer = await t.script({
      sockets: [[
        ...handshake(),
        packet({ event: "hello", data: 1 }),
        packet({ event: "ask", data: 2, cid: 1 }),
        packet({ event: "hello", data: 3 }),
      ]],
    });
    await using socket = openScripted(peer);
    const got: unknown[] = [];
    await socket.listener("connect").once(30_000);
    (async () => {
      for await (const data of socket.receiver("hello")) got.push(data);
    })();
    (async () => {
      for await (const { data } of socket.procedure("ask")) got.push(data);
    })();
    await until(() => got.length === 3, "all three are there");
    assertEquals(got.toSorted(), [1, 2, 3]);
  },

  async "wsOptions prevent no platform from connecting"(t) {
    const peer = await t.script({ sockets: [handshake()] });
    await using socket = openScripted(peer, {
      wsOptions: { headers: { "x-test": "1" } },
    });
    const { id } = await socket.listener("connect").once(30_000);
    assertEquals([id, socket.state], ["s", "open"]);
  },

  async "an eager socket reconnects soon, and keeps trying while refused"(t) {
    const peer = await t.script({
      sockets: [
        [{ received: 1 }, { cut: true }],
        [{ received: 1 }, { close: [4321, "not now"] }],
        handshake({}, 3),
      ],
    });
    await using socket = openScripted(peer);
    const events = log(socket, "connectAbort", "connect");
    const delays: (number | null)[] = [];
    (async () => {
      for await (const _ of socket.listener("close")) {
        // The attempt is scheduled in the turn of the event.
        delays.push(socket.pendingReconnectTimeout);
      }
    })();
    await until(() => events.some(([name]) => name === "connect"), "connected");
    assertEquals(
      events.slice(0, 2).map(([name, { code, reason }]) => [
        name,
        code,
        reason,
      ]),
      [
        ["connectAbort", 1006, hungUp(t)],
        ["connectAbort", 4321, "not now"],
      ],
    );
    assert(
      delays.length === 2 && delays[0]! < 500 && delays[1]! < 1000,
      `delays ${delays}`,
    );
    assertEquals((await peer.seen()).sockets.length, 3);
  },

  async "the server's close codes are reported unchanged"(t) {
    await using socket = open(t, {
      autoConnect: false,
      autoReconnect: false,
    });
    for (
      const [what, code, reason, told, error] of [
        ["disconnect", 1000, "bye", "bye", undefined],
        ["disconnect", 4321, "", "", 4321],
        ["disconnect", 4500, "grüße", "grüße", 4500],
        [
          "disconnect",
          4006,
          "",
          "Failed to bind socket to message broker",
          4006,
        ],
        [
          "closeWithoutCode",
          1005,
          "",
          "Socket closed without status code",
          1005,
        ],
        ["terminate", 1006, "", hungUp(t), 1006],
      ] as const
    ) {
      const closed = socket.listener("disconnect").once(30_000);
      const errors = log(socket, "error");
      const connected = socket.listener("connect").once(30_000);
      socket.connect();
      await connected;
      doom(socket, what, { code, reason });
      assertEquals(await closed, { code, reason: told }, `${what} ${code}`);
      await delay(0);
      assertEquals(
        errors.map(([, { error }]) => error.code),
        error ? [error] : [],
        `the error of ${code}`,
      );
      socket.closeListener("error");
    }
  },

  async "the application's close codes reach the server"(t) {
    const peer = await t.script({ sockets: [handshake(), handshake({}, 2)] });
    await using socket = openScripted(peer);
    await socket.listener("connect").once(30_000);
    const events = log(socket, "disconnect", "close", "error");
    for (const [code, reason] of [[5000], [1001], [12], [1000, 5]] as any[]) {
      const { name } = assertThrows(() => socket.disconnect(code, reason));
      assertEquals([name, socket.state], ["InvalidArgumentsError", "open"]);
    }
    socket.disconnect(4444, "grüße");
    assertEquals([socket.state, socket.id, socket.pendingReconnect], [
      "closed",
      null,
      false,
    ]);
    await until(() => events.length === 3, "it is reported");
    const told = { code: 4444, reason: "grüße" };
    assertEquals(events.slice(0, 2), [["disconnect", told], ["close", told]]);
    assertEquals(
      [events[2]![1].error.name, events[2]![1].error.code],
      ["SocketProtocolError", 4444],
    );
    const connected = socket.listener("connect").once(30_000);
    socket.connect();
    await connected;
    // A close frame carries 123 bytes of it.
    const ended = socket.listener("disconnect").once(30_000);
    socket.disconnect(4000, "ä".repeat(100));
    assertEquals(await ended, { code: 4000, reason: "ä".repeat(100) });
    await until(
      async () => (await peer.seen()).sockets[1]!.closed !== undefined,
      "both are closed",
    );
    assertEquals((await peer.seen()).sockets.map(({ closed }) => closed), [
      [4444, "grüße"],
      [4000, "ä".repeat(61)],
    ]);
  },

  async "connect, disconnect and connect at once leave one connection"(t) {
    const peer = await t.script({ sockets: [handshake()] });
    await using socket = openScripted(peer, { autoConnect: false });
    const events = log(
      socket,
      "connecting",
      "connectAbort",
      "disconnect",
      "close",
      "connect",
      "error",
    );
    socket.connect();
    socket.connect();
    socket.disconnect();
    socket.connect();
    await until(() => events.some(([name]) => name === "connect"), "connected");
    assertEquals(events.map(([name]) => name), [
      "connecting",
      "connectAbort",
      "close",
      "connecting",
      "connect",
    ]);
    await until(
      async () =>
        (await peer.seen()).sockets.filter(({ closed }) => !closed).length ===
          1,
      "one is open",
    );
    assertEquals(socket.state, "open");
  },

  async "a refused handshake gives the server's reason"(t) {
    for (
      const [block, code] of [["default", 4008], ["4501", 4501]] as const
    ) {
      await using socket = open(t, {
        query: { block },
        autoConnect: false,
      });
      const events = log(socket, "error", "connectAbort", "connect");
      socket.connect();
      await until(() => events.length === 3, "it is reported");
      assertEquals(events.map(([name]) => name), [
        "error",
        "connectAbort",
        "error",
      ]);
      assertEquals(events[0]![1].error.name, "NoEntryError");
      assertEquals(events[1]![1], { code, reason: "NoEntryError: no entry" });
      assertEquals(
        [events[2]![1].error.name, events[2]![1].error.code],
        ["SocketProtocolError", code],
      );
      assertEquals(socket.pendingReconnect, code < 4500);
    }
  },

  async "without a server, a call fails and was not sent"(t) {
    const peer = await t.script({});
    await using socket = openScripted(peer, { autoReconnect: false });
    const events = log(socket, "connectAbort", "error");
    const { name, type, code, sent } = await assertRejects(() =>
      socket.invoke("echo")
    );
    assertEquals([name, type, code, sent], [
      "BadConnectionError",
      "connectAbort",
      1006,
      false,
    ]);
    await until(() => events.length === 2, "it is reported");
    assertEquals(events.map(([name]) => name), ["connectAbort", "error"]);
  },

  async "pings of both protocol versions are answered"(t) {
    for (
      const [protocolVersion, ping, pong] of [[1, "#1", "#2"], [
        2,
        "",
        "",
      ]] as const
    ) {
      const peer = await t.script({
        sockets: [[...handshake(), { send: ping }]],
      });
      await using socket = openScripted(peer, { protocolVersion });
      const events = log(socket, "raw", "error");
      await until(
        async () => (await peer.seen()).sockets[0]?.messages.length === 2,
        `it answered ${JSON.stringify(ping)}`,
      );
      assertEquals((await peer.seen()).sockets[0]!.messages[1], pong);
      assertEquals([socket.state, events], ["open", []]);
    }
  },

  async "a silent server's connection is closed"(t) {
    const peer = await t.script({
      sockets: [handshake({ pingTimeout: 60 }), handshake({}, 2)],
    });
    await using socket = openScripted(peer);
    await socket.listener("connect").once(30_000);
    const connected = socket.listener("connect").once(30_000);
    assertEquals(await socket.listener("disconnect").once(30_000), {
      code: 4000,
      reason: "Server ping timed out",
    });
    await connected;
  },

  async "malformed frames change nothing, and calls go on"(t) {
    const hostile = [
      "{",
      "null",
      "17",
      "[]",
      "[[],null,{}]",
      '{"rid":99,"data":1}',
      '{"rid":{}}',
      '{"event":"#publish"}',
      '{"event":"#publish","data":{"channel":{}}}',
      '{"event":"#kickOut","data":null}',
      '{"__proto__":{"polluted":1},"event":"x"}',
      "\u0000\ud83d\ude00",
    ];
    const peer = await t.script({
      sockets: [[
        ...handshake(),
        { received: 2 },
        packet({ rid: 2 }),
        ...hostile.map((send) => ({ send })),
        // Without a token; it is an error, and does not log in.
        packet({ event: "#setAuthToken", data: {} }),
        packet(published("room", "sound")),
        { received: 3 },
        packet({ rid: 3, data: "there" }),
      ]],
    });
    await using socket = openScripted(peer);
    const raw = log(socket, "raw");
    const wrong = socket.listener("error").once(30_000);
    assertEquals(await socket.subscribe("room").once(30_000), "sound");
    assertEquals((await wrong).error.name, "InvalidMessageError");
    assertEquals(await socket.invoke("still", null), "there");
    assertEquals([socket.state, socket.authState], ["open", "unauthenticated"]);
    assertEquals(({} as any).polluted, undefined);
    // Frames that are not packets are reported unchanged.
    assertEquals(
      raw.map(([, { message }]) => message),
      [
        "{",
        "null",
        "17",
        "[[],null,{}]",
        "[[],null,{}]",
        "[[],null,{}]",
        '{"rid":{}}',
        "\u0000\ud83d\ude00",
      ],
    );
  },
};
