/** Views: one call to open, data that stays, optimistic actions, windows that move. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { feedmeClient } from "../../feed/feedme/client/client.ts";
import { FeedmeError } from "../../feed/feedme/client/errors.ts";
import type { FeedmeClientOptions } from "../../feed/feedme/client/options.ts";
import { FakeTransport } from "./fake.ts";
import { OK } from "./stage.ts";
import { settled } from "../kit/wait.ts";

interface Lines {
  actions: { say: { args: { text: string }; data: object } };
  feeds: {
    lines: {
      args: { from?: string };
      data: {
        lines: readonly { id: number; text: string }[];
        other: { n: number };
      };
    };
  };
}

const line = (id: number, text: string) => ({ id, text });

/** A client whose server is the test. */
function begin(options: Partial<FeedmeClientOptions> = {}) {
  const transport = new FakeTransport();
  const client = feedmeClient<Lines>({
    transport,
    connectRetryMs: 0,
    ...options,
  });
  return {
    transport,
    client,
    /** The messages that were sent since the last call. */
    async sent() {
      await settled();
      return transport.sent.splice(0).map((text) => JSON.parse(text));
    },
    async receive(...messages: object[]) {
      for (const message of messages) transport.receive(message);
      await settled();
    },
    async [Symbol.asyncDispose]() {
      await client.close();
      assertEquals(transport.listening, 0);
    },
  };
}

const about = (args = {}) => ({ FeedName: "lines", FeedArgs: args });
const opened = (lines: object[], args = {}) => ({
  MessageType: "FeedOpenResponse",
  ...about(args),
  Success: true,
  FeedData: { lines, other: { n: 1 } },
});
const added = (id: number, text: string, more: object = {}) => ({
  MessageType: "FeedAction",
  ...about(),
  ActionName: "added",
  ActionData: { text },
  FeedDeltas: [{
    Operation: "InsertLast",
    Path: ["lines"],
    Value: line(id, text),
  }],
  ...more,
});
const refused = {
  MessageType: "FeedOpenResponse",
  ...about(),
  Success: false,
  ErrorCode: "NOT_AUTHORIZED",
  ErrorData: {},
};
const done = (id: string) => ({
  MessageType: "ActionResponse",
  CallbackId: id,
  Success: true,
  ActionData: {},
});
const failed = (id: string) => ({
  MessageType: "ActionResponse",
  CallbackId: id,
  Success: false,
  ErrorCode: "FULL",
  ErrorData: {},
});

/** A view of open data. */
async function beginOpen(options: Partial<FeedmeClientOptions> = {}) {
  const all = begin(options);
  const opening = all.client.open("lines");
  await settled();
  await all.receive(OK, opened([line(1, "one")]));
  const view = await opening;
  await all.sent();
  const texts = () => view.data?.lines.map(({ text }) => text).join(" ");
  const say = (text: string, more: object = {}) =>
    all.client.action("say", { text }, {
      feed: "lines",
      optimistic: (data, { text }) => ({
        ...data,
        lines: [...data.lines, line(0, text)],
      }),
      ...more,
    });
  return { ...all, view, texts, say };
}

Deno.test("open(): connects, opens, shares one subscription and closes with the last view", async () => {
  await using all = begin();
  const { client, transport, receive, sent } = all;
  const first = client.open("lines");
  const second = client.open("lines", {});
  const loop = client.feed("lines").changes();
  assertEquals(client.state(), "connecting");
  await settled();
  await receive(OK);
  assertEquals((await sent()).map(({ MessageType }) => MessageType), [
    "Handshake",
    "FeedOpen",
  ]);
  await receive(opened([line(1, "one")]));
  const [one, two] = await Promise.all([first, second]);
  assertStrictEquals(one.data, two.data);
  assertStrictEquals((await loop.next()).value!.data, one.data);
  assertEquals(transport.dials, 1);
  // The feed is already open: no message is needed.
  const third = await client.open("lines");
  one.close();
  one.close();
  third.close();
  await loop.return();
  assertEquals(await sent(), []);
  await two[Symbol.asyncDispose]();
  assertEquals((await sent()).map(({ MessageType }) => MessageType), [
    "FeedClose",
  ]);
  await receive({ MessageType: "FeedCloseResponse", ...about() });
  // And opens again for the next.
  const again = client.view("lines");
  assertEquals(again.getSnapshot(), {
    state: "opening",
    data: undefined,
    stale: false,
    error: undefined,
    pending: 0,
  });
  assertEquals((await sent()).length, 1);
  again.close();
});

Deno.test("open(): rejects with the refusal, the signal, or the reason for giving up", async () => {
  await using all = begin({ connectRetryMs: -1 });
  const { client, transport, receive } = all;
  const abort = new AbortController();
  const aborted = client.open("lines", {}, { signal: abort.signal });
  const refusal = client.open("lines");
  abort.abort(new Error("left"));
  await assertRejects(() => aborted, Error, "left");
  await assertRejects(
    () => client.open("lines", {}, { signal: abort.signal }),
    Error,
    "left",
  );
  await receive(OK, refused);
  const error = await assertRejects(() => refusal, FeedmeError, "REJECTED");
  assertEquals(error.serverErrorCode, "NOT_AUTHORIZED");

  transport.fail();
  await settled();
  transport.fail();
  await settled();
  transport.plans.push(new Error("FAILURE: refused"));
  await assertRejects(
    () => client.open("lines"),
    FeedmeError,
    "TRANSPORT_FAILURE",
  );
  // The next call tries again.
  const last = client.open("lines");
  await settled();
  await receive(OK, opened([]));
  (await last).close();
  assertThrows(
    () => client.view("lines", { from: 1 as unknown as string }),
    FeedmeError,
    "INVALID_ARGUMENT",
  );
  const view = client.view("lines");
  await client.close();
  assertEquals(view.getSnapshot().error?.code, "DESTROYED");
  await assertRejects(() => client.open("lines"), FeedmeError, "DESTROYED");
});

Deno.test("changes(): gives the data, then the newest after each change, until it ends", async () => {
  await using all = begin();
  const { client, receive, transport } = all;
  const abort = new AbortController();
  const seen: unknown[] = [];
  const loop = (async () => {
    for await (
      const { data, stale } of client.feed("lines").changes(abort)
    ) seen.push([data.lines.length, stale]);
  })();
  await settled();
  await receive(OK, opened([]));
  await receive(added(1, "one"));
  // Two at once: a slow loop gets the newest.
  transport.receive(added(2, "two"));
  transport.receive(added(3, "three"));
  await settled();
  transport.fail();
  await settled();
  await receive(OK, opened([line(1, "one")]));
  abort.abort(new Error("enough"));
  await assertRejects(() => loop, Error, "enough");
  assertEquals(seen, [
    [0, false],
    [1, false],
    [2, false],
    [3, false],
    [3, true],
    [1, false],
  ]);

  const view = client.view("lines");
  const slow = view.changes();
  await receive({ MessageType: "FeedCloseResponse", ...about() });
  await receive(opened([]), added(1, "one"), added(2, "two"));
  assertEquals((await slow.next()).value!.data.lines.length, 2);
  const waiting = slow.next();
  await receive({
    MessageType: "FeedTermination",
    ...about(),
    ErrorCode: "MOVED",
    ErrorData: {},
  });
  await assertRejects(() => waiting, FeedmeError, "TERMINATED");
  assertEquals(view.data, undefined);

  const closing = client.view("lines");
  assertEquals(closing.getSnapshot().state, "opening");
  const last = closing.changes().next();
  closing.close();
  assertEquals((await last).done, true);
  const left = view.changes().next();
  await client.close();
  assertEquals((await left).done, true);
});

Deno.test("changes(): an object made for one loop can be used again, and ends with the client", async () => {
  await using all = begin();
  const { client, receive, sent } = all;
  const view = client.view("lines");
  await settled();
  await receive(OK, opened([]));
  const used = client.feed("lines");
  used.on("action", () => {});
  const feeds = Array.from({ length: 1_000 }, () => client.feed("lines"));
  for (const feed of feeds) {
    for await (const { data } of feed.changes()) {
      assertEquals(data.lines.length, 0);
      break;
    }
  }
  await used.changes().return();
  assertEquals((await sent()).length, 2);
  // An object that was forgotten can still be used, and destroyed.
  const [first, second] = feeds;
  first!.desireOpen();
  assertEquals(first!.state(), "open");
  const seen: string[] = [];
  first!.on("action", (name) => seen.push(name));
  await receive(added(1, "one"));
  assertEquals(seen, ["added"]);
  second!.destroy();
  await receive(added(2, "two"));
  assertEquals(seen, ["added", "added"]);
  view.close();
  await client.close();
  for (const feed of [used, ...feeds]) assert(feed.destroyed());
  assertThrows(() => feeds[2]!.desireOpen(), FeedmeError, "DESTROYED");
});

Deno.test("a view keeps its data while the connection is lost, and what is equal keeps its identity", async () => {
  await using all = await beginOpen();
  const { view, transport, receive } = all;
  const { other, lines } = view.data!;
  const seen: unknown[] = [];
  view.subscribe(() => {
    const { state, stale, error, data } = view.getSnapshot();
    seen.push([state, stale, error?.code, data?.lines.length]);
  });
  transport.fail();
  await settled();
  assertEquals(view.data!.lines, lines);
  await receive(OK, opened([line(1, "one"), line(2, "two")]));
  assertEquals(seen, [
    ["opening", true, "NOT_CONNECTED", 1],
    ["opening", true, undefined, 1],
    ["open", false, undefined, 2],
  ]);
  assertStrictEquals(view.data!.other, other);
  assertStrictEquals(view.data!.lines[0], lines[0]);
  // It stays so with what comes next.
  await receive(added(3, "three"));
  assertStrictEquals(view.data!.other, other);
  assertStrictEquals(view.data!.lines[0], lines[0]);
});

Deno.test("onAction(): each action once the data shows it, without optimistic changes, until the view is closed", async () => {
  await using all = await beginOpen();
  const { view, texts, say, receive } = all;
  const seen: unknown[] = [];
  const stop = view.onAction(({ name, data, newData, oldData }) =>
    seen.push([name, data, oldData.lines.length, newData.lines.length, texts()])
  );
  view.onAction(({ name }) => seen.push(name));
  const mine = say("mine");
  await receive(added(2, "two"));
  assertEquals(seen.splice(0), [
    ["added", { text: "two" }, 1, 2, "one two mine"],
    "added",
  ]);
  stop();
  await receive(added(3, "three"));
  assertEquals(seen.splice(0), ["added"]);
  view.close();
  await receive(added(4, "four"), done("1"));
  await mine;
  assertEquals(seen, []);
});

Deno.test("optimistic: laid over the data until the server reveals the action itself", async () => {
  await using all = await beginOpen();
  const { view, texts, say, receive, sent } = all;
  const before = view.data!;
  const [two, three] = [say("two"), say("three")];
  assertEquals(texts(), "one two three");
  assertEquals(view.getSnapshot().pending, 2);
  assertStrictEquals(view.data!.other, before.other);
  assertEquals((await sent()).map(({ CallbackId }) => CallbackId), ["1", "2"]);
  await receive(added(7, "theirs"));
  assertEquals(texts(), "one theirs two three");
  // Never twice, not for a moment, although the response follows later.
  await receive(added(8, "three", { CallbackId: "2" }));
  assertEquals(texts(), "one theirs three two");
  await receive(added(9, "two", { CallbackId: "1" }));
  assertEquals(texts(), "one theirs three two");
  assertEquals(view.data!.lines.map(({ id }) => id), [1, 7, 8, 9]);
  assertEquals(view.getSnapshot().pending, 0);
  await receive(done("2"), done("1"));
  await Promise.all([two, three]);
  assertEquals(texts(), "one theirs three two");
});

Deno.test("optimistic: without the server's word, until the response", async () => {
  await using all = await beginOpen();
  const { texts, say, receive } = all;
  const two = say("two");
  await receive(added(2, "two"));
  assertEquals(texts(), "one two two");
  await receive(done("1"));
  await two;
  assertEquals(texts(), "one two");
});

Deno.test("optimistic: a server that responds first is waited for, if its action can be recognized", async () => {
  using time = new FakeTime();
  {
    await using all = await beginOpen();
    const { texts, say, receive } = all;
    const reveals = ({ name, data }: { name: string; data: object }) =>
      name === "added" && (data as { text: string }).text === "two";
    const two = say("two", { reveals });
    await receive(done("1"));
    await two;
    assertEquals(texts(), "one two");
    await receive(added(2, "theirs"));
    assertEquals(texts(), "one theirs two");
    await receive(added(3, "two"));
    assertEquals(texts(), "one theirs two");
    // One that is never revealed goes by itself, or when the feed is opened again.
    const lost = say("two", { reveals });
    await receive(done("2"));
    await lost;
    assertEquals(texts(), "one theirs two two");
    time.tick(10_000);
    assertEquals(texts(), "one theirs two");
    const reopened = say("two", { reveals });
    await receive(done("3"));
    await reopened;
    all.transport.fail();
    await settled();
    assertEquals(texts(), "one theirs two two");
    await receive(OK, opened([line(1, "one")]));
    assertEquals(texts(), "one");
  }
});

Deno.test("optimistic: taken back when the action fails, is aborted or cannot be sent", async () => {
  using time = new FakeTime();
  await using all = await beginOpen({ actionTimeoutMs: 1_000 });
  const { client, view, texts, say, receive, transport } = all;
  const before = view.data;
  const two = say("two");
  const three = say("three");
  await receive(failed("1"));
  await assertRejects(() => two, FeedmeError, "REJECTED");
  assertEquals(texts(), "one three");
  time.tick(1_000);
  await assertRejects(() => three, FeedmeError, "TIMEOUT");
  assertStrictEquals(view.data, before);

  const invalid: [options: object, message: string][] = [
    [
      { optimistic: () => assert(false) },
      "An optimistic change could not be made.",
    ],
    [
      { optimistic: () => 7 },
      "An optimistic change could not be made.",
    ],
    [{ optimistic: {} }, "An optimistic change must be a function."],
    [
      { feed: undefined },
      "An optimistic change needs the name of its feed.",
    ],
    [{ feed: 7 }, "Invalid feed name."],
  ];
  for (const [options, message] of invalid) {
    const error = assertThrows(() => say("x", options), FeedmeError);
    assertEquals(
      [error.code, error.message],
      ["INVALID_ARGUMENT", `INVALID_ARGUMENT: ${message}`],
    );
    assertStrictEquals(view.data, before);
  }
  // A feed without a view has nothing to lay it over.
  const elsewhere = say("x", { args: { from: "9" } });
  assertStrictEquals(view.data, before);
  await receive(done("3"));
  await elsewhere;

  const four = say("four");
  transport.fail();
  await assertRejects(() => four, FeedmeError, "NOT_CONNECTED");
  assertEquals([texts(), view.stale], ["one", true]);
  const offline = say("five");
  assertEquals(texts(), "one");
  const error = await assertRejects(() => offline, FeedmeError);
  assertEquals(error.outcome, "not_sent");
  view.close();
  await client.close();
});

Deno.test("optimistic: a list changes several feeds, all or none", async () => {
  await using all = await beginOpen();
  const { client, receive, texts } = all;
  const other = client.view("lines", { from: "9" });
  await receive(opened([line(9, "nine")], { from: "9" }));
  const add = (more: object = {}) => ({
    feed: "lines" as const,
    optimistic: (
      data: Lines["feeds"]["lines"]["data"],
      { text }: { text: string },
    ) => ({ ...data, lines: [...data.lines, line(0, text)] }),
    ...more,
  });
  const act = (...optimistic: ReturnType<typeof add>[]) =>
    client.action("say", { text: "two" }, { optimistic });
  const both = () => [texts(), other.data!.lines.length];
  assertThrows(
    () => act(add(), add({ args: { from: "9" }, optimistic: () => 7 })),
    FeedmeError,
    "INVALID_ARGUMENT",
  );
  assertEquals(both(), ["one", 1]);
  const acting = act(add(), add({ args: { from: "9" } }));
  assertEquals(both(), ["one two", 2]);
  await receive(added(2, "two", { CallbackId: "1" }));
  assertEquals(both(), ["one two", 2]);
  await receive(done("1"));
  await acting;
  assertEquals(both(), ["one two", 1]);
  other.close();
});

Deno.test("action(): a signal and a timeout of its own", async () => {
  using time = new FakeTime();
  await using all = await beginOpen();
  const { client, receive, sent, texts } = all;
  const abort = new AbortController();
  const act = (options: object) =>
    client.action("say", { text: "two" }, {
      feed: "lines",
      optimistic: (data) => ({
        ...data,
        lines: [...data.lines, line(2, "two")],
      }),
      ...options,
    });
  const aborted = act({ signal: abort.signal });
  assertEquals(texts(), "one two");
  assertEquals((await sent()).length, 1);
  abort.abort(new Error("left"));
  const error = await assertRejects(() => aborted, FeedmeError, "ABORTED");
  assertEquals([error.code, error.outcome], ["ABORTED", "unknown"]);
  assertEquals((error.cause as Error).message, "left");
  assertEquals(texts(), "one");
  // The response is still expected, and ignored.
  client.on("badServerMessage", () => assert(false));
  await receive(done("1"));

  await assertRejects(() => act({ signal: abort.signal }), Error, "left");
  assertEquals(await sent(), []);
  const short = act({ timeout: 5 });
  const long = act({ timeout: Infinity });
  time.tick(5);
  await assertRejects(() => short, FeedmeError, "TIMEOUT");
  time.tick(100_000);
  await receive(done("3"));
  await long;
  for (const timeout of [NaN, -1]) {
    assertThrows(() => act({ timeout }), RangeError, "timeout must be");
  }
  assertEquals(texts(), "one");
});

Deno.test("move(): the new window opens before the old one closes, and shares what both have", async () => {
  await using all = await beginOpen();
  const { view, client, receive, sent, transport } = all;
  await receive(added(2, "two"), added(3, "three"));
  const { lines, other } = view.data!;
  const seen: string[] = [];
  view.subscribe(() => {
    const { data, stale } = view.getSnapshot();
    seen.push(`${data?.lines.map(({ id }) => id)}${stale ? " stale" : ""}`);
  });
  const loop = view.changes();
  await loop.next();
  const from = { from: "2" };
  const moving = view.move(from);
  assertEquals((await sent()).map(({ MessageType }) => MessageType), [
    "FeedOpen",
  ]);
  assertEquals(seen, []);
  await receive(
    opened([line(2, "two"), line(3, "three"), line(4, "four")], from),
  );
  await moving;
  assertEquals((await sent()).map(({ MessageType }) => MessageType), [
    "FeedClose",
  ]);
  assertEquals(seen, ["2,3,4"]);
  assertEquals((await loop.next()).value!.data.lines.length, 3);
  assertEquals(view.args, from);
  assertStrictEquals(view.data!.lines[0], lines[1]);
  assertStrictEquals(view.data!.lines[1], lines[2]);
  assertStrictEquals(view.data!.other, other);
  await receive({ MessageType: "FeedCloseResponse", ...about() });

  // Of several moves, the last decides; a failed one leaves everything as it is.
  const [early, late] = [view.move({ from: "3" }), view.move({ from: "4" })];
  await early;
  await receive(opened([line(3, "three")], { from: "3" }));
  await receive(opened([line(4, "four")], { from: "4" }));
  await late;
  assertEquals(seen, ["2,3,4", "4"]);
  const failing = view.move({ from: "5" });
  await receive({ ...refused, ...about({ from: "5" }) });
  await assertRejects(() => failing, FeedmeError, "REJECTED");
  assertEquals(view.args, { from: "4" });
  const abort = new AbortController();
  const aborted = view.move({ from: "6" }, abort);
  abort.abort(new Error("left"));
  await assertRejects(() => aborted, Error, "left");
  assertEquals(seen, ["2,3,4", "4"]);
  view.close();
  await assertRejects(() => view.move({}), FeedmeError, "INVALID_STATE");
  await client.close();
  assertEquals(transport.listening, 0);
});
