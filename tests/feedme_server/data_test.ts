/** The one rule for data, wherever the application or a client hands it over. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { z } from "zod";
import {
  checkJson,
  DataError,
  isJson,
  isNestedDeeper,
} from "../../feed/feedme/wire/json.ts";
import { readClientMessage } from "../../feed/feedme/wire/protocol.ts";
import {
  defineAction,
  defineFeed,
  FeedmeRejection,
  feedmeServer,
  isFeedlineError,
} from "../../feed/feedme/server/server.ts";
import { randomValue, rng } from "../feedme/random.ts";
import { FakeSocket } from "./fake_socket.ts";
import { actionOf, openOf } from "../kit/feedme_messages.ts";
import { settled } from "../kit/wait.ts";

/** `levels` arrays, one in the other. */
function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

function cyclic(): object {
  const value: { me?: unknown; list: unknown[] } = { list: [] };
  value.list.push({ value });
  return value;
}

/** 2^60 values in 60 objects. */
function bomb(): object {
  let value: unknown = 1;
  for (let level = 0; level < 60; level++) value = { a: value, b: value };
  return value as object;
}

class Point {
  x = 1;
}
class List extends Array<number> {}

/** What is not data, and how the error describes it. */
const NOT_DATA: [value: unknown, description: string][] = [
  [new Date(), "an instance of Date"],
  [new URL("http://a"), "an instance of URL"],
  [new Map([[1, 2]]), "an instance of Map"],
  [new Point(), "an instance of Point"],
  [List.from([1]), "an instance of List"],
  [new Uint8Array(1), "an instance of Uint8Array"],
  [{ toJSON: () => 1 }, "a function"],
  [undefined, "undefined"],
  [NaN, "NaN"],
  [-Infinity, "-Infinity"],
  [1n, "a bigint"],
  [Symbol("s"), "a symbol"],
  [() => {}, "a function"],
  [[, 1], "undefined"],
  [cyclic(), "circular reference"],
  [nested(300), "nested too deeply"],
  [bomb(), "longer than"],
];

const anything = z.any() as unknown as z.ZodType<Record<string, unknown>>;
const board = defineFeed({ data: anything, initial: () => ({ v: 1 }) });
const echo = defineAction({
  args: anything,
  data: anything,
  handler: (args) => args,
});
const give = defineAction({
  data: anything,
  handler: (): Record<string, unknown> => ({ v: given }),
});
const reject = defineAction({
  handler() {
    throw new FeedmeRejection("NO", { v: given });
  },
});
const store = defineAction({
  args: anything,
  handler: (args, { feed }) => feed(board).update("stored", {}, { v: args }),
});
let given: unknown;

function start(options = {}) {
  const errors: unknown[] = [];
  const server = feedmeServer(
    {
      feeds: {
        board,
        asked: defineFeed({ data: anything, initial: () => ({ v: given }) }),
        late: defineFeed({
          data: anything,
          initial: () => Promise.resolve({ v: given }),
        }),
      },
      actions: { echo, give, reject, store },
    },
    { onError: (error) => errors.push(error), ...options },
  );
  const join = async () => {
    const socket = new FakeSocket();
    server.accept(socket);
    return await socket.shake();
  };
  return { server, errors, join };
}

Deno.test("data: the same values are refused everywhere, each with its place", async () => {
  const { server, errors, join } = start({ maxMessage: Infinity });
  const socket = await join();
  await socket.ask(openOf("board"));
  const live = server.feed(board);
  for (const [value, description] of NOT_DATA) {
    given = value;
    const v = value as never;
    const changes: [call: () => unknown, at: (string | number)[]][] = [
      [() => live.update("x", {}, { v }), ["v"]],
      [() => live.update("x", {}, (data) => ({ ...data, w: [v] })), ["w", 0]],
      [() => live.update("x", { v }, { v: 2 }), ["v"]],
      [() => live.apply("x", { v }, []), ["v"]],
      [
        () =>
          live.apply("x", {}, [{ Operation: "Set", Path: ["v"], Value: v }]),
        [
          "v",
        ],
      ],
      [
        () =>
          live.apply("x", {}, [{ Operation: "Set", Path: [], Value: { v } }]),
        ["v"],
      ],
      [() => live.terminate("END", { v }), ["v"]],
    ];
    for (const [change, at] of changes) {
      const error = assertThrows(change, DataError, description);
      assertEquals(error.path.slice(0, at.length), at);
      assert(isFeedlineError(error, "INVALID_DATA"));
    }
    for (
      const request of [
        openOf("asked"),
        openOf("late"),
        actionOf("give"),
        actionOf("reject"),
      ]
    ) {
      const [answer, ...more] = await socket.ask(request);
      assertEquals([answer.ErrorCode, more], ["INTERNAL_ERROR", []]);
      const error = errors.pop() as DataError;
      assert(error instanceof DataError, `${error}`);
      assert(error.message.includes(description), error.message);
      assertEquals(error.path[0], "v");
    }
    assertEquals([live.data, socket.sent, errors], [{ v: 1 }, [], []]);
  }
  // A newcomer gets what the others have.
  const [{ FeedData }] = await (await join()).ask(openOf("board"));
  assertEquals(FeedData, { v: 1 });
  await server.close();
});

Deno.test("data: values that look the same but are not data are refused", () => {
  const plain = { empty: {}, point: { x: 1 }, list: [{ x: 1 }, null] };
  const feed = defineFeed({ data: anything, initial: () => plain });
  const live = feedmeServer({ feeds: { feed } }).feed(feed);
  for (
    const change of [
      { empty: new Date() },
      { point: new Point() },
      { list: [new Point(), null] },
      { list: Object.assign(new List(), { 0: { x: 1 }, 1: null }) },
      { list: [{ x: 1 }, undefined] },
      { list: [{ x: 1 }, ,] },
    ]
  ) {
    assertThrows(
      () => live.update("x", {}, (data) => ({ ...data, ...change })),
      DataError,
    );
  }
  assertEquals(live.data, plain);
});

Deno.test("data: 60 kB of brackets are a violation, and the feed stays as it was", async () => {
  const { server, errors, join } = start();
  const socket = await join();
  const args = (levels: number) =>
    JSON.stringify({ ...actionOf("echo"), ActionArgs: {} })
      .replace(
        `"ActionArgs":{}`,
        () => `"ActionArgs":{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`,
      );
  for (const action of ["echo", "store"]) {
    const message = args(30_000).replace('"echo"', `"${action}"`);
    const [{ MessageType, Diagnostics }] = await socket.ask(message);
    assertEquals([MessageType, Diagnostics.Problem], [
      "ViolationResponse",
      "Nested too deeply.",
    ]);
  }
  // The object and 199 arrays are 200 levels.
  const [answer] = await socket.ask(args(199));
  assertEquals(answer.Success, true);
  assertEquals(
    (await socket.ask(args(200)))[0].MessageType,
    "ViolationResponse",
  );
  // What comes in may be too deep where it is put.
  const [stored] = await socket.ask(args(199).replace('"echo"', '"store"'));
  assertEquals(stored.ErrorCode, "INTERNAL_ERROR");
  assertEquals((errors.pop() as DataError).fault, "TOO_DEEP");
  const [{ FeedData }] = await socket.ask(openOf("board"));
  assertEquals(FeedData, { v: 1 });
  await server.close();
});

Deno.test("data: maxDepth bounds updates and deltas where they end up", async () => {
  const { server } = start({ maxDepth: 4 });
  const live = server.feed(board);
  const at = (Path: string[], Value: unknown, Operation = "Set") => () =>
    live.apply("x", {}, [{ Operation, Path, Value } as never]);
  live.update("x", {}, { v: nested(3) } as never);
  assertThrows(
    () => live.update("x", {}, { v: nested(4) } as never),
    DataError,
  );
  at(["v"], nested(3))();
  assertThrows(at(["v"], nested(4)), DataError);
  at(["v"], [], "Set")();
  at(["v"], nested(2), "InsertLast")();
  for (const operation of ["InsertFirst", "InsertLast"]) {
    assertThrows(at(["v"], nested(3), operation), DataError);
  }
  assertThrows(
    () => live.update("x", {}, { v: [nested(3)] } as never),
    DataError,
  );
  for (const maxDepth of [0, 1.5, NaN, 1_001, Infinity]) {
    assertThrows(() => feedmeServer({}, { maxDepth }), RangeError, "maxDepth");
  }
  await server.close();
});

Deno.test("data: sums that overflow are refused", () => {
  const { server } = start();
  const live = server.feed(board);
  live.update("x", {}, { v: 1e308, list: [1e308] });
  for (const Path of [["v"], ["list", 0]]) {
    for (
      const [Operation, Value] of [["Increment", 1e308], ["Decrement", -1e308]]
    ) {
      assertThrows(
        () => live.apply("x", {}, [{ Operation, Path, Value } as never]),
        DataError,
      );
    }
  }
  assertEquals(live.data, { v: 1e308, list: [1e308] });
});

Deno.test("data: an error while writing never leaves a feed half changed", async () => {
  const { server, join } = start();
  const [one, two] = [await join(), await join()];
  await one.ask(openOf("board"));
  const live = server.feed(board);
  live.update("x", {}, { v: 2 });
  one.sent.splice(0);
  const { stringify } = JSON;
  try {
    JSON.stringify = () => {
      throw new RangeError("Invalid string length");
    };
    assertThrows(() => live.update("x", {}, { v: 3 }), RangeError);
    assertThrows(
      () => live.apply("x", {}, [{ Operation: "Delete", Path: ["v"] }]),
      RangeError,
    );
  } finally {
    JSON.stringify = stringify;
  }
  assertEquals([live.data, one.sent], [{ v: 2 }, []]);
  assertEquals((await two.ask(openOf("board")))[0].FeedData, { v: 2 });
  await server.close();
});

Deno.test("data: an opening that cannot be written is refused, and left again", async () => {
  const calls: string[] = [];
  const feed = defineFeed({
    data: anything,
    initial: () => ({ v: 1 }),
    onOpen: () => void calls.push("open"),
    onClose: () => void calls.push("close"),
  });
  const errors: unknown[] = [];
  const server = feedmeServer({ feeds: { feed } }, {
    onError: (error, { during, name }) =>
      errors.push([during, name, String(error)]),
  });
  const socket = new FakeSocket();
  server.accept(socket);
  await socket.shake();
  const { stringify } = JSON;
  try {
    JSON.stringify = (value: unknown) => {
      if ((value as { Success?: boolean }).Success) {
        throw new RangeError("Invalid string length");
      }
      return stringify(value);
    };
    socket.receive(openOf("feed"));
    await settled();
  } finally {
    JSON.stringify = stringify;
  }
  assertEquals(socket.sent.pop().ErrorCode, "INTERNAL_ERROR");
  assertEquals(calls, ["open", "close"]);
  assertEquals(errors, [["open", "feed", "RangeError: Invalid string length"]]);
  assertEquals((await socket.ask(openOf("feed")))[0].FeedData, { v: 1 });
  await server.close();
});

for (const freeze of [undefined, true]) {
  Deno.test(`data: what is changed in place is refused at that line, freeze ${freeze}`, async () => {
    const { server } = start({ freeze });
    const live = server.feed(board);
    const fill = {
      list: [1, 2, 3],
      deep: { a: [{ n: 1 }] },
      long: Array.from({ length: 51 }, () => ({ n: 1 })),
    };
    live.update("x", {}, fill);
    live.apply("x", {}, [
      { Operation: "InsertLast", Path: ["list"], Value: { n: [1] } },
      { Operation: "Set", Path: ["deep", "b"], Value: { c: {} } },
      { Operation: "Set", Path: ["long", 0, "n"], Value: 2 },
    ]);
    // Equal values that are new objects are data from now on, too.
    live.update("x", {}, (data) => structuredClone(data) as typeof fill);
    live.update(
      "x",
      {},
      (data) => ({ ...data, list: [...data.list as number[]] }),
    );
    const before = JSON.stringify(live.data);
    // deno-lint-ignore no-explicit-any
    const inPlace: ((data: any) => unknown)[] = [
      (data) => (data.list.push(4), data),
      (data) => (data.more = 1, data),
      (data) => (delete data.list, data),
      (data) => (data.deep.a[0].n = 2, { ...data }),
      (data) => (data.list[3].n.length = 0, { ...data }),
      (data) => (data.deep.b.c.d = 1, { ...data }),
      (data) => (data.long[0].n = 1, data),
      (data) => (data.long[50].n = 3, data),
    ];
    if (freeze) inPlace.push((data) => (data.long.push(4), data));
    for (const change of inPlace) {
      assertThrows(() => live.update("x", {}, change as never), TypeError);
      assertEquals(JSON.stringify(live.data), before);
    }
    // What was refused is not frozen; what was taken is.
    const own = { list: [1], bad: NaN };
    assertThrows(() => live.update("x", {}, own), DataError);
    own.list.push(2);
    await server.close();
  });
}

Deno.test("data: with freeze false your objects stay yours", async () => {
  const { server } = start({ freeze: false });
  const data = { list: [1] };
  server.feed(board).update("x", {}, data);
  data.list.push(2);
  await server.close();
});

Deno.test("json: nesting is measured exactly", () => {
  const random = rng(11);
  const depthOf = (value: unknown): number =>
    typeof value === "object" && value !== null
      ? 1 + Math.max(0, ...Object.values(value).map(depthOf))
      : 0;
  for (let round = 0; round < 3_000; round++) {
    const value = [randomValue(random, 30), {}, []];
    const depth = depthOf(value);
    const text = JSON.stringify(value);
    assertEquals(isNestedDeeper(value, depth), false, text);
    assertEquals(isNestedDeeper(value, depth - 1), true, text);
  }
});

Deno.test("json: messages of clients are bounded, with the error of nesting", () => {
  // The client's side is in tests/feedme/depth_test.ts.
  const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  assertEquals(readClientMessage(deep(1_000_000)), {
    problem: "Nested too deeply.",
  });
});

Deno.test("json: plain values of another realm are data", async () => {
  const { runInNewContext } = await import("node:vm");
  const value = runInNewContext(
    "({ list: [1, { a: null }], n: Object.create(null) })",
  );
  assert(isJson(value));
  assert(!isJson(runInNewContext("new Date()")));
  assert(!isJson(runInNewContext("new (class extends Array {})()")));
  await assertRejects(async () => {
    await Promise.resolve();
    checkJson(value, "Data", { maxDepth: 1 });
  }, DataError);
});
