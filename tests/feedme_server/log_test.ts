/** The log of a feed, what resumes from it, and clients that disappear. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import {
  type AcceptOptions,
  defineFeed,
  feedmeServer,
  type FeedmeServerOptions,
} from "../../feed/feedme/server/server.ts";
import { ActionLog } from "../../feed/feedme/server/log.ts";
import { closeOf, HANDSHAKE, openOf } from "../kit/feedme_messages.ts";
import { settled } from "../kit/wait.ts";
import { FakeSocket } from "./fake_socket.ts";

/** A log with so many actions of one byte each: "0", "1", … */
function logOf(count: number, limits = { actions: 5 }): ActionLog {
  const log = new ActionLog(limits);
  for (let index = 0; index < count; index++) log.add(`${index % 10}`);
  return log;
}

Deno.test("log: what a client is missing, and nothing where something was dropped", () => {
  const log = logOf(0);
  const LogId = log.id();
  assertEquals(log.since({ LogId, LogCount: 0 }), { texts: [], bytes: 0 });
  for (const text of ["a", "bc", "é"]) log.add(text);
  const missing = (LogCount: number) => log.since({ LogId, LogCount })?.texts;
  assertEquals(log.since({ LogId, LogCount: 1 }), {
    texts: ["bc", "é"],
    bytes: 4,
  });
  assertEquals(missing(3), []);
  assertEquals(missing(4), undefined, "more than there were");
  for (const text of ["d", "e", "f"]) log.add(text);
  assertEquals(missing(0), undefined, "the first was dropped");
  assertEquals(missing(1), ["bc", "é", "d", "e", "f"]);
  // A client whose data began later.
  const late = { LogId: log.id(), LogCount: 0 };
  log.add("g");
  assertEquals(log.since(late)?.texts, ["g"]);
});

Deno.test("log: both limits hold, for very many actions too", () => {
  const log = new ActionLog({ actions: 1_000, bytes: 10 });
  const ids: string[] = [];
  for (let index = 0; index < 5_000; index++) {
    ids.push(log.id());
    log.add("xyz");
  }
  const size = (from: number) =>
    log.since({ LogId: ids[from]!, LogCount: 0 })?.texts.length;
  assertEquals([4_996, 4_997, 4_999].map(size), [undefined, 3, 1]);
  // One that is longer than the limit leaves nothing.
  log.add("x".repeat(11));
  assertEquals(size(4_999), undefined);
  assertEquals(log.since({ LogId: log.id(), LogCount: 0 })?.texts, []);
  for (const limits of [{ actions: -1 }, { actions: 1, bytes: NaN }]) {
    assertThrows(() => new ActionLog(limits), RangeError, "log.");
  }
});

Deno.test("log: a position that the log did not issue is worth nothing", () => {
  const log = logOf(3);
  const LogId = log.id();
  log.add("x");
  const [, signature] = LogId.split(/\.(.*)/s);
  const forged = [
    "",
    ".",
    "3",
    "3.",
    `2.${signature}`,
    `03.${signature}`,
    `3.${signature} `,
    `3.${signature!.toLowerCase()}`,
    `-1.${signature}`,
    `1e1.${signature}`,
    `${"9".repeat(400)}.${signature}`,
    "__proto__",
    logOf(3).id(),
    "3".repeat(60_000),
  ];
  for (const LogId of forged) {
    assertEquals(log.since({ LogId, LogCount: 0 }), undefined, LogId);
  }
  for (const LogCount of [2, -1, -3, 0.5, NaN, Infinity, 2 ** 53]) {
    assertEquals(log.since({ LogId, LogCount }), undefined, `${LogCount}`);
  }
  assertEquals(log.since({ LogId, LogCount: 0 })?.texts, ["x"]);
  log.clear();
  assertEquals(log.since({ LogId, LogCount: 1 }), undefined);
});

const args = z.object({ id: z.string() });
const data = z.object({ n: z.number() });
const banned = new Set<string>();
const board = defineFeed({
  args,
  data,
  initial: () => ({ n: 0 }),
  authorize: ({ client }) => !banned.has(client.user ?? ""),
  log: { actions: 3 },
});
const plain = defineFeed({ data, initial: () => ({ n: 0 }) });

function start(options: FeedmeServerOptions = {}) {
  const server = feedmeServer({ feeds: { board, plain } }, options);
  const join = (
    more: AcceptOptions = { subprotocols: "feedme,feedme+alive" },
  ) => {
    const socket = new FakeSocket();
    const client = server.accept(socket, more);
    return { socket, client };
  };
  const live = server.feed(board, { id: "1" });
  const add = () => live.update("added", {}, ({ n }) => ({ n: n + 1 }));
  return { server, join, live, add };
}

const OPEN = openOf("board", { id: "1" });
const at = (LogId: string, LogCount: number) => ({ ...OPEN, LogId, LogCount });

/** What came, shortly: kinds of messages, the data and the count in actions. */
// deno-lint-ignore no-explicit-any
const kinds = (messages: any[]) =>
  messages.map(({ MessageType, FeedData, FeedDeltas, ErrorCode }) =>
    [MessageType, FeedData?.n ?? FeedDeltas?.[0].Value ?? ErrorCode]
      .filter((each) => each !== undefined).join(" ")
  );

Deno.test("resume: the missing actions follow, or else a snapshot", async () => {
  const { server, join, add } = start();
  const first = await join().socket.shake();
  const [{ LogId }] = await first.ask(OPEN);
  for (let index = 0; index < 3; index++) add();
  first.close();
  add();
  const again = async (LogCount: number) =>
    kinds(await (await join().socket.shake()).ask(at(LogId, LogCount)));
  assertEquals(await again(1), [
    "FeedResumeResponse",
    "FeedAction 2",
    "FeedAction 3",
    "FeedAction 4",
  ]);
  assertEquals(await again(4), ["FeedResumeResponse"]);
  assertEquals(await again(0), ["FeedOpenResponse 4"]);
  assertEquals(await again(5), ["FeedOpenResponse 4"]);
  await server.close();
});

Deno.test("resume: authorization runs as for any open, and losing access ends it", async () => {
  const { server, join, add, live } = start();
  const offer = { subprotocols: "feedme+alive", user: "eve" };
  const eve = join(offer);
  const [{ LogId }] = await (await eve.socket.shake()).ask(OPEN);
  eve.socket.close();
  add();
  banned.add("eve");
  const barred = await join(offer).socket.shake();
  assertEquals(kinds(await barred.ask(at(LogId, 0))), [
    "FeedOpenResponse NOT_AUTHORIZED",
  ]);
  banned.clear();
  // A feed that was terminated, for this client or another, is not resumed.
  live.terminate("MOVED", {});
  const back = await join(offer).socket.shake();
  const [answer] = await back.ask(at(LogId, 0));
  assertEquals(kinds([answer]), ["FeedOpenResponse 1"]);
  // Nor can a client go back to before its own beginning.
  const [began] = answer.LogId.split(".");
  back.close();
  const other = await join(offer).socket.shake();
  const forged = answer.LogId.replace(began, `${Number(began) - 1}`);
  assertEquals(kinds(await other.ask(at(forged, 0))), ["FeedOpenResponse 1"]);
  await server.close();
});

Deno.test("extension: only for clients that offered it", async () => {
  const { server, join, add } = start();
  const OK = {
    MessageType: "HandshakeResponse",
    Success: true,
    Version: "0.1",
  };
  const offers: [AcceptOptions, boolean][] = [
    [{ subprotocols: "feedme, feedme+alive" }, true],
    [{ subprotocols: "feedme+alive" }, true],
    [{ subprotocols: "feedme" }, false],
    [{ subprotocols: null }, false],
    [{}, false],
    [{ subprotocols: "xfeedme+alive" }, false],
    [{ subprotocols: "feedme+alive", dialect: "npm" }, false],
  ];
  for (const [offer, alive] of offers) {
    const { socket } = join(offer);
    const [{ ClientId: _, ...answer }] = await socket.ask(HANDSHAKE);
    assertEquals(answer, alive ? { ...OK, Alive: true } : OK);
    const [opened] = await socket.ask(OPEN);
    assertEquals("LogId" in opened, alive);
    await socket.ask(closeOf("board", { id: "1" }));
    const [sign] = await socket.ask({ MessageType: "Alive" });
    assertEquals(
      sign.MessageType,
      alive ? "AliveResponse" : "ViolationResponse",
    );
    // What is not understood is a violation.
    const resumed = await socket.ask(at("0.x", 0));
    assertEquals(
      kinds(resumed)[0],
      alive ? "FeedOpenResponse 0" : "ViolationResponse",
    );
    socket.close();
  }
  const { socket } = join();
  await socket.shake();
  const halves = [{ LogId: "0.x" }, { LogCount: 0 }, { LogId: 1, LogCount: 0 }];
  for (const half of halves) {
    assertEquals(kinds(await socket.ask({ ...OPEN, ...half })), [
      "ViolationResponse",
    ]);
  }
  // The subprotocol that was chosen counts too, when it is known at the handshake.
  const chosen = Object.assign(new FakeSocket(), { protocol: "" });
  server.accept(chosen);
  chosen.protocol = "feedme+alive";
  assertEquals((await chosen.ask(HANDSHAKE))[0].Alive, true);
  // A feed without a log has no position.
  const [opened] = await chosen.ask(openOf("plain"));
  assertEquals("LogId" in opened, false);
  add();
  await server.close();
});

Deno.test("silence: a client that disappears is asked, then leaves its feeds", async () => {
  using time = new FakeTime();
  const { server, join, live } = start();
  const { socket, client } = join();
  await socket.shake();
  await socket.ask(OPEN);
  const plain = join({});
  await plain.socket.shake();
  const pass = async (ms: number) => {
    time.tick(ms);
    await settled();
    return kinds(socket.sent.splice(0));
  };
  // One that answers stays for ever.
  for (let round = 0; round < 5; round++) {
    assertEquals(await pass(14_999), []);
    assertEquals(await pass(1), ["Alive"]);
    await socket.ask({ MessageType: "AliveResponse" });
  }
  assertEquals(live.subscribers, 1);
  assertEquals(await pass(15_000), ["Alive"]);
  assertEquals(await pass(9_999), []);
  assertEquals([client.signal.aborted, live.subscribers], [false, 1]);
  await pass(1);
  assertEquals(socket.closed, [1008, "no sign of life"]);
  assertEquals([client.signal.aborted, live.subscribers], [true, 0]);
  // One that never offered the extension is not judged.
  await pass(1e6);
  assertEquals([plain.socket.closed, plain.socket.sent], [undefined, []]);
  await server.close();
});

Deno.test("silence: the limit is an option", async () => {
  using time = new FakeTime();
  for (const silenceTimeout of [0, Infinity]) {
    const { server, join } = start({ silenceTimeout });
    const { socket } = join();
    await socket.shake();
    time.tick(1e9);
    await settled();
    assertEquals(socket.sent, []);
    await server.close();
  }
  assertThrows(
    () => feedmeServer({ feeds: { x: { ...plain, log: { actions: 0.5 } } } }),
    RangeError,
    "log.actions",
  );
  assert(feedmeServer({ feeds: { x: { ...plain, log: { actions: 0 } } } }));
});
