/** The Feedme client with servers whose messages are wrong, hostile or of another dialect. */
import { assert, assertEquals } from "../../../kit/assert.ts";
import { delay, until } from "../../../kit/wait.ts";
import type { Step } from "../../far/script.ts";
import type { Area } from "../../suite.ts";
import {
  acted,
  clientLog,
  closed,
  complaints,
  connect,
  feedLog,
  HANDSHAKE,
  message,
  opened,
} from "../feedme.ts";

/** The digest of other data. */
const WRONG = "AAAAAAAAAAAAAAAAAAAAAA==";

const increment = (Value: number) => ({
  Operation: "Increment",
  Path: ["n"],
  Value,
});

/** What no server may send, and what the client calls it. */
const JUNK: [text: string, code: string][] = [
  "",
  "not JSON",
  "[".repeat(10_000),
].map((text) => [text, "INVALID_MESSAGE: Invalid JSON."]);
for (
  const text of [
    "null",
    "5",
    '"x"',
    "{}",
    "[".repeat(10_000) + "]".repeat(10_000),
    '{"MessageType":null}',
    '{"MessageType":"__proto__"}',
    '{"MessageType":"toString"}',
    '{"__proto__":{"MessageType":"ViolationResponse","Diagnostics":{}}}',
    '{"MessageType":"ViolationResponse","Diagnostics":[]}',
    '{"MessageType":"HandshakeResponse","Success":"true","Version":"0.1"}',
    '{"MessageType":"FeedTermination","FeedName":"f","FeedArgs":{"a":1},"ErrorCode":"","ErrorData":{}}',
    '{"MessageType":"ActionResponse","CallbackId":"1","Success":true,"ActionData":{},"more":1}',
    '{"MessageType":"ActionResponse","CallbackId":1,"Success":true,"ActionData":{}}',
  ]
) JUNK.push([text, "INVALID_MESSAGE: Schema violation."]);
for (
  const deltas of [
    [{ Operation: "Nope", Path: [] }],
    [{ Operation: "Set", Path: ["n"] }],
    [{ Operation: "Delete", Path: [-1] }],
    [{ Operation: "Delete", Path: "n" }],
    [increment(1), { Operation: "Append", Path: ["n"], Value: 1 }],
  ]
) JUNK.push([textOf(acted(deltas)), "INVALID_MESSAGE: Schema violation."]);
JUNK.push([
  textOf(acted([], { FeedMd5: "short" })),
  "INVALID_MESSAGE: Schema violation.",
]);
for (
  const step of [
    message("HandshakeResponse", { Success: true, Version: "0.1" }),
    message("ActionResponse", {
      CallbackId: "__proto__",
      Success: true,
      ActionData: {},
    }),
    opened({ n: 0 }),
    closed,
    acted([], { FeedName: "toString" }),
    acted([], { FeedArgs: { other: "one" } }),
  ]
) {
  const text = textOf(step);
  const type = JSON.parse(text).MessageType;
  JUNK.push([text, `UNEXPECTED_MESSAGE: Unexpected ${type}.`]);
}

function textOf(step: Step): string {
  return "send" in step ? step.send : "";
}

/** Names that mean something to JavaScript, in an object as JSON makes it. */
const NAMES = '{"__proto__":{"x":[1]},"constructor":"é😀","length":2,' +
  '"toString":true,"hasOwnProperty":{"length":0,"a":1}}';

export const clientMessages: Area["cases"] = {
  async "invalid server messages are reported and change nothing"(t) {
    const peer = await t.script({
      sockets: [[
        ...HANDSHAKE,
        { received: 2 },
        opened({ n: 1 }),
        ...JUNK.map(([send]) => ({ send })),
        acted([increment(1)]),
      ]],
    });
    await using client = connect(peer.ws);
    const errors = complaints(client);
    const feed = client.feed("f", {});
    const log = feedLog(feed);
    feed.desireOpen();
    await until(() => log.at(-1) === 'acted {"n":2}', "the good action");
    assertEquals(
      errors.map((error) => error.message),
      JUNK.map(([, code]) => code),
    );
    const about = (index: number) => errors[index]!;
    assertEquals(about(1).serverMessage, "not JSON");
    assert(about(1).parseError instanceof SyntaxError, "parseError");
    assert(about(1).cause === about(1).parseError, "it is the cause");
    assertEquals(about(6).serverMessage, {});
    assertEquals(about(6).schemaViolation, "MessageType > Missing or invalid.");
    assertEquals(log, [
      "close NOT_CONNECTED",
      "opening",
      'open {"n":1}',
      'acted {"n":2}',
    ]);
    assertEquals((await peer.seen()).sockets.length, 1);
  },

  async "data nested deeper than maxDepth is refused, and the feed reopens"(t) {
    const deep = "[".repeat(10_000) + "]".repeat(10_000);
    const action = (delta: string, rest = "") => ({
      send:
        `{"MessageType":"FeedAction","FeedName":"f","FeedArgs":{},"ActionName":"deep",` +
        `"ActionData":{},"FeedDeltas":[${delta}]${rest}}`,
    });
    const set = `{"Operation":"Set","Path":["deep"],"Value":${deep}}`;
    const peer = await t.script({
      sockets: [[
        ...HANDSHAKE,
        { received: 2 },
        opened({ list: [] }),
        action(set),
        action(`{"Operation":"InsertLast","Path":["list"],"Value":${deep}}`),
        action(`{"Operation":"DeleteValue","Path":["list"],"Value":${deep}}`),
        action(set, `,"FeedMd5":"${WRONG}"`),
        { received: 3 },
        closed,
        { received: 4 },
        opened({ fine: true }),
      ]],
    });
    await using client = connect(peer.ws);
    const errors = complaints(client);
    const feed = client.feed("f", {});
    const actions: unknown[] = [];
    feed.on("action", (_name, _data, now) => actions.push(now.list));
    feed.desireOpen();
    await until(() => feed.snapshot()?.fine === true, "reopened");
    // The first closes the feed; what follows belongs to none.
    assertEquals(errors.map(({ code }) => code), ["INVALID_DATA"]);
    assertEquals(actions, []);
  },

  async "names such as __proto__ are ordinary names"(t) {
    const set = (Path: unknown[], Value: unknown) => ({
      Operation: "Set",
      Path,
      Value,
    });
    const peer = await t.script({
      sockets: [[
        ...HANDSHAKE,
        { received: 2 },
        {
          send:
            `{"MessageType":"FeedOpenResponse","FeedName":"__proto__","FeedArgs":{"constructor":"1"},"Success":true,"FeedData":{}}`,
        },
        acted([
          set(["__proto__"], {}),
          set(["__proto__", "x"], []),
          { Operation: "InsertLast", Path: ["__proto__", "x"], Value: 1 },
          set(["constructor"], "é"),
          { Operation: "Append", Path: ["constructor"], Value: "😀" },
          set(["length"], 0),
          { Operation: "Increment", Path: ["length"], Value: 2 },
          set(["toString"], false),
          { Operation: "Toggle", Path: ["toString"] },
          set(["hasOwnProperty"], { length: 0, a: 1, b: 2 }),
          { Operation: "DeleteValue", Path: ["hasOwnProperty"], Value: 2 },
        ], {
          FeedName: "__proto__",
          FeedArgs: { constructor: "1" },
          FeedMd5: "cpoDJHOdwLYfn4pM0puFcg==",
        }),
        // What is not there cannot be deleted.
        acted([{ Operation: "Delete", Path: ["valueOf"] }], {
          FeedName: "__proto__",
          FeedArgs: { constructor: "1" },
        }),
      ]],
    });
    await using client = connect(peer.ws);
    const errors = complaints(client);
    const feed = client.feed("__proto__", { constructor: "1" });
    feed.desireOpen();
    const { value } = await feed.actions().next();
    assertEquals(JSON.stringify(value?.newData), NAMES);
    await until(() => errors.length > 0, "the second action");
    assertEquals(
      errors.map(({ code, deltaViolation }) => [code, deltaViolation]),
      [[
        "INVALID_DELTA",
        "Path references a non-existent object property.",
      ]],
    );
    assertEquals(({} as { x?: unknown }).x, undefined, "Object.prototype");
  },

  async "an action that does not fit closes the feed, which reopens"(t) {
    const bad = acted([increment(1), increment(1), {
      Operation: "Toggle",
      Path: ["n"],
    }]);
    const peer = await t.script({
      sockets: [[
        ...HANDSHAKE,
        { received: 2 },
        opened({ n: 1 }),
        bad,
        // On its way when the client closes: not even looked at.
        bad,
        { received: 3 },
        closed,
        { received: 4 },
        opened({ n: 5 }),
        acted([increment(1)]),
      ]],
    });
    await using client = connect(peer.ws);
    const errors = complaints(client);
    const feed = client.feed("f", {});
    const log = feedLog(feed);
    feed.desireOpen();
    await until(() => log.at(-1) === 'acted {"n":6}', "opened anew");
    assertEquals(log, [
      "close NOT_CONNECTED",
      "opening",
      'open {"n":1}',
      "close BAD_FEED_ACTION",
      "opening",
      'open {"n":5}',
      'acted {"n":6}',
    ]);
    assertEquals(
      errors.map(({ message, deltaViolation }) => [message, deltaViolation]),
      [
        [
          "INVALID_DELTA: Received FeedAction with contextually invalid feed delta.",
          "Path must reference a boolean.",
        ],
      ],
    );
    assertEquals(errors[0]!.serverMessage, JSON.parse(textOf(bad)));
    const [socket] = (await peer.seen()).sockets;
    assertEquals(
      socket!.messages.map((text) => JSON.parse(`${text}`).MessageType),
      ["Handshake", "FeedOpen", "FeedClose", "FeedOpen"],
    );
  },

  async "a digest mismatch closes and reopens the feed, within its limit"(t) {
    const wrong = [
      opened({ a: "é😀", b: 1 }),
      acted([{ Operation: "Increment", Path: ["b"], Value: 1 }], {
        FeedMd5: "atR9eklJ1Um8MAC+Hag1bw==",
      }),
      acted([], { FeedMd5: WRONG }),
    ];
    const peer = await t.script({
      sockets: [[
        ...HANDSHAKE,
        { received: 2 },
        ...wrong,
        { received: 3 },
        closed,
        { received: 4 },
        ...wrong,
        { received: 5 },
        closed,
      ]],
    });
    await using client = connect(peer.ws, { reopenMaxAttempts: 1 });
    const log = clientLog(client);
    const feed = client.feed("f", {});
    const told = feedLog(feed);
    feed.desireOpen();
    const round = [
      "opening",
      'open {"a":"é😀","b":1}',
      'acted {"a":"é😀","b":2}',
      "close BAD_FEED_ACTION",
    ];
    await until(() => told.length === 9, "closed twice");
    await delay(30);
    assertEquals(told, ["close NOT_CONNECTED", ...round, ...round]);
    assertEquals(log, [
      "connecting",
      "connect",
      "bad INVALID_HASH",
      "bad INVALID_HASH",
    ]);
    assertEquals((await peer.seen()).sockets[0]!.messages.length, 5);
    assertEquals(feed.desiredState(), "open");
  },

  async "both dialects are understood"(t) {
    const about = { FeedName: "f", FeedArgs: {}, ActionData: {} };
    const act = (type: string, name: string) =>
      message(type, {
        ...about,
        ActionName: name,
        FeedDeltas: [increment(1)],
        FeedMd5: "CCwmyKa8dSJqMdpUlcySkg==",
      });
    for (
      const [type, client] of [
        ["FeedAction", {}],
        ["ActionRevelation", { ClientId: "c1" }],
      ] as const
    ) {
      const peer = await t.script({
        sockets: [[
          { received: 1 },
          message("HandshakeResponse", {
            Success: true,
            Version: "0.1",
            ...client,
          }),
          { received: 2 },
          opened({ n: 0 }),
          act(type, "added"),
        ]],
      });
      await using feedme = connect(peer.ws);
      const errors = complaints(feedme);
      const feed = feedme.feed("f", {});
      feed.desireOpen();
      const actions = feed.actions();
      assertEquals((await actions.next()).value, {
        name: "added",
        data: {},
        oldData: { n: 0 },
        newData: { n: 1 },
      }, type);
      assertEquals(errors, []);
      const [socket] = (await peer.seen()).sockets;
      assertEquals(JSON.parse(`${socket!.messages[0]}`), {
        MessageType: "Handshake",
        Versions: ["0.1"],
      });
    }
  },

  async "a violation that the server reports reaches the application"(t) {
    const peer = await t.script({
      sockets: [[
        ...HANDSHAKE,
        message("ViolationResponse", {
          Diagnostics: { Problem: "p", at: [1] },
        }),
      ]],
    });
    await using client = connect(peer.ws);
    const told = new Promise((resolve) =>
      client.on("badClientMessage", resolve)
    );
    assertEquals(await told, { Problem: "p", at: [1] });
    assertEquals(client.state(), "connected");
  },
};
