/** Feeds of the Feedme client, as `feedme-server-core` from npm serves them. */
import type {
  FeedArgs,
  FeedmeClient,
  JsonObject,
} from "../../../../feed/feedme/mod.ts";
import { assert, assertEquals, assertRejects } from "../../../kit/assert.ts";
import { until } from "../../../kit/wait.ts";
import type { Area } from "../../suite.ts";
import { clientLog, connect, connected, feedLog } from "../feedme.ts";

/** The server publishes an action on a board, which then has `data`. */
export async function reveal(
  client: FeedmeClient,
  id: string,
  what: {
    args?: FeedArgs;
    name?: string;
    actionData?: JsonObject;
    deltas?: object[];
    data: object;
    md5?: boolean;
  },
): Promise<void> {
  const { name = "revealed", actionData = {}, deltas = [] } = what;
  const args = { ...what, id, name, actionData, deltas };
  await client.action("reveal", args as object as JsonObject);
}

/** The same for a board's `n`. */
export const set = (client: FeedmeClient, id: string, n: number, more = {}) =>
  reveal(client, id, {
    name: "set",
    deltas: [{ Operation: "Set", Path: ["n"], Value: n }],
    data: { n, list: [] },
    ...more,
  });

/** Data for all operations, and what they make of it in this order. */
const BEFORE = {
  set: 1,
  gone: 1,
  same: { a: [1], b: [2], c: [1] },
  text: "b",
  up: 1,
  down: 1,
  flag: false,
  list: [2, 4],
  ends: [1, 2, 3],
};
const OPERATIONS = [
  { Operation: "Set", Path: ["set"], Value: { "é😀": null } },
  { Operation: "Delete", Path: ["gone"] },
  { Operation: "DeleteValue", Path: ["same"], Value: [1] },
  { Operation: "Prepend", Path: ["text"], Value: "ä" },
  { Operation: "Append", Path: ["text"], Value: "€" },
  { Operation: "Increment", Path: ["up"], Value: 0.5 },
  { Operation: "Decrement", Path: ["down"], Value: 2 },
  { Operation: "Toggle", Path: ["flag"] },
  { Operation: "InsertFirst", Path: ["list"], Value: 1 },
  { Operation: "InsertLast", Path: ["list"], Value: 6 },
  { Operation: "InsertBefore", Path: ["list", 2], Value: 3 },
  { Operation: "InsertAfter", Path: ["list", 3], Value: 5 },
  { Operation: "DeleteFirst", Path: ["ends"] },
  { Operation: "DeleteLast", Path: ["ends"] },
];
const AFTER = {
  set: { "é😀": null },
  same: { b: [2] },
  text: "äb€",
  up: 1.5,
  down: -1,
  flag: true,
  list: [1, 2, 3, 4, 5, 6],
  ends: [2],
};

export const clientFeeds: Area["cases"] = {
  async "all fourteen operations change the data, as the server's digest confirms"(
    t,
  ) {
    await using client = connect(t.feedme);
    const log = clientLog(client);
    const id = t.name("board");
    await connected(client);
    await reveal(client, id, { data: BEFORE });
    const feed = client.feed("board", { id });
    feed.desireOpen();
    const before = await feed.opened();
    await reveal(client, id, { deltas: OPERATIONS, data: AFTER, md5: true });
    assertEquals(feed.data(), AFTER);
    // What was told before stays as it was.
    assertEquals(before, BEFORE);
    await reveal(client, id, {
      deltas: [{ Operation: "Set", Path: [], Value: {} }],
      data: {},
      md5: true,
    });
    assertEquals(feed.data(), {});
    assert(!log.join().includes("bad"), `no complaint: ${log}`);
  },

  async "a feed that the server refuses is closed with its reason"(t) {
    await using client = connect(t.feedme);
    await connected(client);
    const feed = client.feed("nothing", {});
    const log = feedLog(feed);
    feed.desireOpen();
    const error = await assertRejects(() => feed.opened());
    assertEquals([error.code, error.serverErrorCode, error.serverErrorData], [
      "REJECTED",
      "UNKNOWN_FEED",
      {},
    ]);
    assertEquals(
      error.message,
      'REJECTED: Server rejected the feed open request: "nothing" (UNKNOWN_FEED).',
    );
    assertEquals(log, ["opening", "close REJECTED"]);
    assertEquals([feed.desiredState(), feed.state()], ["open", "closed"]);
    assertEquals(feed.snapshot(), undefined);
  },

  async "two feed objects share a feed, whatever the order of their arguments"(
    t,
  ) {
    await using client = connect(t.feedme);
    await connected(client);
    const id = t.name("board");
    const first = client.feed("board", { id, of: "é" });
    const second = client.feed("board", { of: "é", id });
    const other = client.feed("board", { id, of: "e" });
    const logs = [first, second, other].map(feedLog);
    first.desireOpen();
    await first.opened();
    second.desireOpen();
    assertEquals([second.state(), second.snapshot()], ["open", {
      n: 0,
      list: [],
    }]);
    assert(second.data() === first.data(), "one object for both");
    other.desireOpen();
    await other.opened();
    const count = (n: number) => set(client, id, n, { args: { of: "é" } });
    await count(1);
    first.desireClosed();
    await count(2);
    const begin = ["opening", 'open {"n":0,"list":[]}'];
    const [one, two] = [1, 2].map((n) => `set {"n":${n},"list":[]}`);
    assertEquals(logs, [[...begin, one, "close"], [...begin, one, two], begin]);
    second.desireClosed();
    first.desireOpen();
    assertEquals(await first.opened(), { n: 2, list: [] }, "opened again");
  },

  async "a feed that is reopened has current data"(t) {
    await using client = connect(t.feedme);
    await connected(client);
    const id = t.name("board");
    const feed = client.feed("board", { id });
    const log = feedLog(feed);
    feed.desireOpen();
    await feed.opened();
    feed.desireClosed();
    assertEquals([feed.desiredState(), feed.state()], ["closed", "closed"]);
    assertEquals(
      (await assertRejects(() => feed.opened())).code,
      "INVALID_FEED_STATE",
    );
    await set(client, id, 5);
    feed.desireOpen();
    await feed.opened();
    // And without waiting for anything in between.
    feed.desireClosed();
    feed.desireOpen();
    await feed.opened();
    await set(client, id, 6);
    const open = (n: number) => ["opening", `open {"n":${n},"list":[]}`];
    assertEquals(log, [
      ...open(0),
      "close",
      ...open(5),
      "close",
      ...open(5),
      'set {"n":6,"list":[]}',
    ]);
  },

  async "a feed that the server ends says why, and can be opened again"(t) {
    await using client = connect(t.feedme);
    await connected(client);
    const id = t.name("board");
    const feed = client.feed("board", { id });
    const log = feedLog(feed);
    feed.desireOpen();
    await feed.opened();
    await client.action("terminate", { id, code: "MOVED", data: { to: "x" } });
    const error = await assertRejects(() => feed.opened());
    assertEquals([error.code, error.serverErrorCode, error.serverErrorData], [
      "TERMINATED",
      "MOVED",
      { to: "x" },
    ]);
    assertEquals(
      error.message,
      'TERMINATED: The server terminated the feed: "board" (MOVED).',
    );
    feed.desireClosed();
    feed.desireOpen();
    await feed.opened();
    const open = ["opening", 'open {"n":0,"list":[]}'];
    assertEquals(log, [...open, "close TERMINATED", "close", ...open]);
  },

  async "a store reads the data and is notified of each change"(t) {
    await using client = connect(t.feedme);
    const id = t.name("board");
    await using feed = client.feed("board", { id });
    const { subscribe, snapshot } = feed;
    const seen: unknown[] = [];
    const stop = subscribe(() => seen.push(snapshot()));
    feed.desireOpen();
    await feed.opened();
    await set(client, id, 1);
    stop();
    feed.desireClosed();
    assertEquals(seen.slice(-2), [{ n: 0, list: [] }, { n: 1, list: [] }]);
    await until(() => snapshot() === undefined, "closed");
  },
};
