/** How deep data may nest: what comes in, and what the application hands over. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FeedmeError } from "../../feed/feedme/client/errors.ts";
import { isFeedlineError } from "../../net/errors.ts";
import type { JsonObject } from "../../feed/feedme/wire/protocol.ts";
import { CLOSED, F, opened, start } from "./stage.ts";
import { settled } from "../kit/wait.ts";

/** `levels` objects, one in the other. */
function nested(levels: number): JsonObject {
  let value: JsonObject = {};
  for (let level = 1; level < levels; level++) value = { a: value };
  return value;
}

const set = (path: string[], value: unknown) => ({
  MessageType: "FeedAction",
  ...F,
  ActionName: "A",
  ActionData: {},
  FeedDeltas: [{ Operation: "Set", Path: path, Value: value }],
});

async function open(maxDepth?: number) {
  const stage = start(maxDepth === undefined ? {} : { maxDepth });
  await stage.up();
  const feed = stage.feed();
  feed.desireOpen();
  stage.transport.receive(opened({}));
  await stage.told();
  stage.sentTypes();
  return { ...stage, feed };
}

Deno.test("depth: 200 levels of feed data are taken, one more closes the feed, which reopens", async () => {
  const { feed, transport, told, sentTypes, end } = await open();
  transport.receive(set([], nested(200)));
  transport.receive(set(["a"], nested(199)));
  assertEquals((await told()).map((line) => line.split(" ")[0]), [
    "feed1.action",
    "feed1.action",
  ]);
  transport.receive(set(["b"], nested(200)));
  assertEquals(feed.state(), "closed");
  const lines = await told();
  assertEquals(lines.map((line) => line.split(" ")[0]), [
    "feed1.close",
    "client.badServerMessage",
  ]);
  assert(lines[0]!.includes("BAD_FEED_ACTION"), lines[0]);
  assert(lines[1]!.includes("INVALID_DATA"), lines[1]);
  transport.receive(CLOSED);
  transport.receive(opened({ n: 1 }));
  assertEquals(sentTypes(), ["FeedClose", "FeedOpen"]);
  assertEquals(feed.data(), { n: 1 });
  await end();
});

Deno.test("depth: deltas cannot add up to more than the limit", async () => {
  const { feed, transport, end } = await open(4);
  const padding = "x".repeat(10);
  transport.receive(set([], { a: { b: { c: {} } }, l: [[[]]] }));
  await settled();
  // Each is within the limit on its own.
  const grow = [
    ["Set", ["a", "b", "c", "d"], { padding }],
    ["InsertLast", ["l", 0, 0], [padding]],
  ];
  for (const [Operation, Path, Value] of grow) {
    assertEquals(feed.state(), "open");
    transport.receive({
      ...set([], {}),
      FeedDeltas: [{ Operation, Path, Value }],
    });
    assertEquals(feed.state(), "closed", `${Operation}`);
    transport.receive(CLOSED);
    transport.receive(opened({ a: { b: { c: {} } }, l: [[[]]] }));
  }
  await end();
});

Deno.test("depth: a feed that opens with too much is closed and reopened, within the limit", async () => {
  const { feed, transport, told, sentTypes, end } = await open();
  feed.desireClosed();
  transport.receive(CLOSED);
  feed.desireOpen();
  await told();
  sentTypes();
  for (let attempt = 0; attempt <= 3; attempt++) {
    transport.receive(opened(nested(201)));
    assertEquals(feed.state(), "closed");
    transport.receive(CLOSED);
  }
  assertEquals(sentTypes().filter((type) => type === "FeedOpen").length, 3);
  await end();
});

Deno.test("depth: an action whose response nests too deep fails, its outcome unknown", async () => {
  const { client, transport, end } = await open();
  const failed = client.action("a", {});
  const rejected = client.action("a", {});
  const answer = { MessageType: "ActionResponse" };
  transport.receive({
    ...answer,
    CallbackId: "1",
    Success: true,
    ActionData: nested(201),
  });
  transport.receive({
    ...answer,
    CallbackId: "2",
    Success: false,
    ErrorCode: "NO",
    ErrorData: nested(201),
  });
  const error = await assertRejects(() => failed, FeedmeError, "maxDepth");
  assertEquals([error.code, error.outcome], ["INVALID_DATA", "unknown"]);
  const refusal = await assertRejects(() => rejected, FeedmeError);
  assertEquals([refusal.code, refusal.serverErrorCode], ["REJECTED", "NO"]);
  assertEquals(refusal.serverErrorData, {});
  await end();
});

Deno.test("depth: refusals and violations are reported without their data", async () => {
  const { feed, transport, told, end } = await open();
  transport.receive({
    MessageType: "ViolationResponse",
    Diagnostics: nested(201),
  });
  transport.receive({
    MessageType: "FeedTermination",
    ...F,
    ErrorCode: "BYE",
    ErrorData: nested(201),
  });
  assertEquals(feed.state(), "closed");
  assertEquals((await told()).map((line) => line.split(" ")[0]), [
    "client.badServerMessage",
    "client.badServerMessage",
    "feed1.close",
  ]);
  await end();
});

Deno.test("data: arguments that would arrive as something else are refused, and the place is named", async () => {
  const { client, end } = await open(3);
  const cycle: { me?: unknown } = {};
  cycle.me = cycle;
  const bad: [unknown, string][] = [
    [{ list: [1, { at: new Date() }] }, '["list",1,"at"]'],
    [{ a: undefined }, '["a"]'],
    [{ a: NaN }, '["a"]'],
    [{ a: new Map() }, '["a"]'],
    // deno-lint-ignore no-sparse-arrays
    [{ a: [1, , 3] }, '["a",1]'],
    [{ a: { b: { c: {} } } }, '["a","b","c"]'],
    [cycle, '["me"]'],
  ];
  for (const [args, place] of bad) {
    const error = assertThrows(
      () => client.action("a", args as JsonObject),
      FeedmeError,
      "INVALID_ARGUMENT: Action arguments must be JSON-expressible.",
    );
    const { cause } = error;
    assert(isFeedlineError(cause, "INVALID_DATA"));
    assert(cause.message.includes(place), cause.message);
  }
  for (const maxDepth of [0, 1_001, 1.5, Infinity, "3"]) {
    assertThrows(
      () => start({ maxDepth: maxDepth as number }),
      FeedmeError,
      "INVALID_ARGUMENT: Invalid options.maxDepth.",
    );
  }
  await end();
});
