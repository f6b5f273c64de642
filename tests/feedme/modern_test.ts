/** What no other client has: iteration, streams, waits, stores, types, disposal. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type FeedmeClient,
  feedmeClient,
} from "../../feed/feedme/client/client.ts";
import { isFeedlineError } from "../../net/errors.ts";
import { FeedmeError } from "../../feed/feedme/client/errors.ts";
import type { FeedmeFeed } from "../../feed/feedme/client/feed.ts";
import { FakeTransport } from "./fake.ts";
import { action, BAD, CLOSED, F, OK, opened, start } from "./stage.ts";
import { settled } from "../kit/wait.ts";

const plus = (name: string) =>
  action(name, [{ Operation: "Increment", Path: ["n"], Value: 1 }]);

async function open() {
  const stage = start();
  await stage.up();
  const feed = stage.feed();
  feed.desireOpen();
  stage.transport.receive(opened({ n: 0 }));
  await settled();
  return { ...stage, feed };
}

Deno.test("actions(): iterates over actions, across reconnects", async () => {
  const { feed, transport, end } = await open();
  const abort = new AbortController();
  const seen: unknown[] = [];
  const reader = (async () => {
    for await (const each of feed.actions(abort)) {
      const { gap, name, data, newData, oldData } = each;
      seen.push(gap ? each : [name, data, newData, oldData]);
      if (name === "D") break;
    }
  })();
  transport.receive(plus("A"));
  transport.receive(plus("B"));
  transport.fail();
  await settled();
  transport.receive(OK);
  transport.receive(opened({ n: 7 }));
  transport.receive(plus("D"));
  await reader;
  assertEquals(seen, [
    ["A", {}, { n: 1 }, { n: 0 }],
    ["B", {}, { n: 2 }, { n: 1 }],
    { gap: true, data: { n: 7 } },
    ["D", {}, { n: 8 }, { n: 7 }],
  ]);
  await end();
});

Deno.test("actions(): ends with the signal, the feed, and by overflow", async () => {
  const { feed, transport, end } = await open();
  const abort = new AbortController();
  const aborted = feed.actions({ signal: abort.signal }).next();
  abort.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  await assertRejects(
    () => feed.actions({ signal: abort.signal }).next(),
    Error,
    "enough",
  );

  const slow = feed.actions({ limit: 2 });
  for (const name of ["A", "B", "C", "D"]) transport.receive(plus(name));
  await settled();
  assertEquals((await slow.next()).value!.name, "A");
  assertEquals((await slow.next()).value!.name, "B");
  const error = await assertRejects(() => slow.next(), FeedmeError);
  assertEquals(error.code, "OVERFLOW");
  assertEquals(await slow.next(), { value: undefined, done: true });

  const left = feed.actions();
  await left.return!();
  assertEquals(await left.next(), { value: undefined, done: true });

  const last = feed.actions();
  const [one, two] = [last.next(), last.next()];
  feed.desireClosed();
  feed.destroy();
  assertEquals((await one).done, true);
  assertEquals((await two).done, true);
  await end();
});

Deno.test("readable: the same as a stream, which costs nothing until it is used", async () => {
  const { feed, transport, end } = await open();
  // Were a backlog kept, it would overflow.
  const unused = feed.readable;
  for (let n = 0; n <= 1_000; n++) transport.receive(plus("A"));
  await new Promise((resolve) => setTimeout(resolve));
  assert(feed.readable !== unused);
  const reader = unused.getReader();
  // From the lock on, nothing is missed.
  transport.receive(plus("B"));
  await settled();
  assertEquals((await reader.read()).value!.name, "B");
  await reader.cancel();
  const rest = Array.fromAsync(feed.readable);
  transport.receive(plus("C"));
  await settled();
  const late = feed.readable;
  await feed[Symbol.asyncDispose]();
  assertEquals((await rest).map(({ name }) => name), ["C"]);
  assertEquals(await Array.fromAsync(late), []);
  assertThrows(() => feed.readable, FeedmeError, "DESTROYED");
  await end();
});

Deno.test("actions(): the options that every loop has", async () => {
  const { feed, transport, end } = await open();
  const names = async (loop: AsyncIterable<{ name?: string | undefined }>) =>
    (await Array.fromAsync(loop)).map(({ name }) => name);
  const newest = feed.actions({ limit: 2, overflow: "drop-oldest" });
  const oldest = feed.actions({ limit: 2, overflow: "drop-newest" });
  for (const name of ["A", "B", "C"]) transport.receive(plus(name));
  await settled();
  assertEquals([newest.dropped, oldest.getBackpressure()], [1, 2]);
  newest.close();
  oldest.close();
  assertEquals(await names(newest), ["B", "C"]);
  assertEquals(await names(oldest), ["A", "B"]);
  const patient = feed.actions({ timeout: 1 });
  const error = await assertRejects(() => patient.next());
  assert(isFeedlineError(error, "TIMEOUT"));
  for (const limit of [0, -1, NaN]) {
    assertThrows(() => feed.actions({ limit }), RangeError, "limit");
  }
  {
    await using _unread = feed.actions();
  }
  await end();
});

Deno.test("opened(): waits until the server refuses", async () => {
  const { transport, up, feed: makeFeed, end } = start();
  const feed = makeFeed();
  await assertRejects(() => feed.opened(), FeedmeError, "INVALID_FEED_STATE");
  feed.desireOpen();
  const wait = feed.opened();
  await up();
  transport.receive(opened({ n: 1 }));
  assertEquals(await wait as unknown, { n: 1 });
  assertEquals(await feed.opened() as unknown, { n: 1 });

  transport.receive(BAD);
  const again = feed.opened();
  transport.receive(CLOSED);
  transport.receive(opened({ n: 2 }));
  assertEquals(await again as unknown, { n: 2 });

  transport.receive({
    MessageType: "FeedTermination",
    ...F,
    ErrorCode: "BYE",
    ErrorData: {},
  });
  const error = await assertRejects(() => feed.opened(), FeedmeError);
  assertEquals([error.code, error.serverErrorCode], ["TERMINATED", "BYE"]);

  feed.desireClosed();
  feed.desireOpen();
  const abort = new AbortController();
  const aborted = feed.opened({ signal: abort.signal });
  abort.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  const closed = feed.opened();
  feed.desireClosed();
  await assertRejects(() => closed, FeedmeError, "INVALID_FEED_STATE");
  feed.desireOpen();
  const destroyed = feed.opened();
  await end();
  await assertRejects(() => destroyed, FeedmeError, "DESTROYED");
});

Deno.test("subscribe and snapshot: fit useSyncExternalStore", async () => {
  const { feed, transport, end } = await open();
  const { subscribe, snapshot } = feed;
  let renders = 0;
  const unsubscribe = subscribe(() => renders++);
  const first = snapshot();
  assertStrictEquals(snapshot(), first);
  assertEquals(first as unknown, { n: 0 });
  transport.receive(plus("A"));
  await settled();
  assertEquals(renders, 1);
  assert(snapshot() !== first);
  feed.desireClosed();
  await settled();
  assertEquals(renders, 2);
  assertEquals(snapshot(), undefined);
  unsubscribe();
  feed.desireOpen();
  await settled();
  assertEquals(renders, 2);
  await end();
  assertEquals(snapshot(), undefined);
});

Deno.test("await using: leaves nothing behind", async () => {
  const transport = new FakeTransport();
  let seen: FeedmeClient;
  const told: string[] = [];
  {
    await using client = feedmeClient({ transport });
    seen = client;
    client.on("disconnect", () => told.push("disconnect"));
    client.connect();
    await settled();
    transport.receive(OK);
    await using feed = client.feed("f", {});
    feed.on("close", () => told.push("close"));
    feed.desireOpen();
    client.action("a", {}).catch(() => told.push("action"));
  }
  assert(seen.destroyed());
  assertEquals(told, ["close", "action", "disconnect"]);
  assertEquals(transport.listening, 0);
  await seen[Symbol.asyncDispose]();
});

interface Chat {
  actions: {
    say: { args: { text: string }; data: { id: number } };
  };
  feeds: {
    room: {
      args: { id: string };
      data: { lines: string[] };
      actions: { said: { by: string }; left: { who: string } };
    };
    plain: { args: Record<string, never>; data: { n: number } };
  };
}

Deno.test("types: an API is checked, without one everything is JSON", () => {
  const client = feedmeClient<Chat>({ transport: new FakeTransport() });
  const check = () => {
    client.action("say", { text: "x" }).then(({ id }) => id.toFixed());
    client.action("say", { text: "x" }, (error, data) => {
      if (error) error.outcome satisfies string | undefined;
      else data.id.toFixed();
    });
    // @ts-expect-error: no such action
    client.action("shout", { text: "x" });
    // @ts-expect-error: the argument is a string
    client.action("say", { text: 1 });
    const room: FeedmeFeed<Chat["feeds"]["room"]> = client.feed("room", {
      id: "7",
    });
    // @ts-expect-error: no such feed
    client.feed("hall", {});
    // @ts-expect-error: the argument is missing
    client.feed("room", {});
    room.data().lines.map((line) => line.length);
    room.on("open", ({ lines }) => lines.length);
    room.on("action", (name, data, now, before) => {
      if (name === "said") (data as { by: string }).by.length;
      now.lines.length + before.lines.length;
    });
    (async () => {
      for await (const { gap, name, data, newData } of room.actions()) {
        if (gap) {
          data.lines.length;
          // @ts-expect-error: a mark has the data only
          newData.lines;
          continue;
        }
        if (name === "said") data.by.length;
        // @ts-expect-error: the other has no such property
        else data.by;
        newData.lines.length;
      }
    })();
    client.feed("plain", {}).data().n.toFixed();
    const any = feedmeClient({ transport: new FakeTransport() });
    const value = any.feed("x", { y: "z" }).data().name;
    // @ts-expect-error: it may be any JSON value
    value!.length;
    // @ts-expect-error: the arguments of feeds are strings
    any.feed("x", { y: 1 });
  };
  assert(check);
  client.destroy();
});

Deno.test("client.subscribe() and getSnapshot(): each state of the connection, and no exception after the end", async () => {
  const stage = start();
  const { client, transport } = stage;
  const { subscribe, getSnapshot } = client;
  const seen: string[] = [];
  const unsubscribe = subscribe(() => seen.push(getSnapshot()));
  // The application's own listeners are apart.
  client.off();
  assertEquals(getSnapshot(), "disconnected");
  await stage.up();
  transport.fail();
  await settled();
  assertEquals([...new Set(seen)], ["connecting", "connected"]);
  unsubscribe();
  const count = seen.length;
  await stage.end();
  assertEquals([getSnapshot(), seen.length], ["disconnected", count]);
});
