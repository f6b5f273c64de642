/** What the hooks keep between renders, without React. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { BackendStore, type Connect } from "../../react/backend_store.ts";
import { feedsOf } from "../../react/feed_store.ts";
import { Held } from "../../react/held.ts";
import { feedmeClient, webSocketTransport } from "../../feed/feedme/mod.ts";
import type { ConnectResponse } from "../../types.ts";
import { settled } from "../kit/wait.ts";

const RESPONSE: ConnectResponse = {
  backend_id: "b1",
  spawned: true,
  status: "ready",
  token: "",
  url: "http://127.0.0.1:1/b1/",
  secret_token: null,
  status_url: "http://127.0.0.1:1/b1/status",
  ready_url: "http://127.0.0.1:1/b1/ready",
};
/** A platform that never answers; a request ends with its signal. */
const silent: typeof fetch = (_, init) =>
  new Promise((_, reject) =>
    init!.signal!.addEventListener(
      "abort",
      () => reject(init!.signal!.reason),
    )
  );

Deno.test("held - runs from the first holder to the last, and through one that lets go and takes hold again", async () => {
  const log: string[] = [];
  const held = new Held(() => log.push("start"), () => log.push("stop"));
  let told = 0;
  const first = held.hold(() => told++);
  const second = held.hold();
  assertEquals([log, held.running], [["start"], true]);
  held.notify();
  first();
  first();
  await settled();
  assertEquals([log, told], [["start"], 1]);
  // As StrictMode does.
  second();
  const third = held.hold();
  await settled();
  assertEquals(log, ["start"]);
  third();
  await settled();
  held.notify();
  assertEquals([log, held.running, told], [["start", "stop"], false, 1]);
  held.hold()();
  await settled();
  assertEquals(log, ["start", "stop", "start", "stop"]);
});

Deno.test("a given backend - rests until somebody subscribes, and is made anew after the end", async () => {
  let requests = 0;
  const options = {
    fetch: ((...args) => (requests++, silent(...args))) as typeof fetch,
  };
  const store = new BackendStore({ connectResponse: RESPONSE, options });
  const backend = store.getBackend()!;
  assert(store.owns(backend));
  assertEquals(store.getSnapshot(), { phase: "ready" });
  await settled();
  assertEquals(requests, 0);
  store.subscribe(() => {})();
  await settled();
  assertEquals(store.getSnapshot().phase, "destroyed");
  const stop = store.subscribe(() => {});
  assertEquals(store.getSnapshot(), { phase: "ready" });
  assert(store.getBackend() !== backend);
  stop();
  await settled();
  assertEquals(store.getServerSnapshot(), { phase: "ready" });
  assertThrows(
    () => new BackendStore({ connectResponse: {} as ConnectResponse }),
    TypeError,
    "SessionBackend needs a connect response",
  );
});

Deno.test("connect - the state says why it failed; without respawn it does not try again", async () => {
  const failure = new Error("HTTP 503");
  const connect: Connect = () => Promise.reject(failure);
  const store = new BackendStore({ connect });
  assertEquals(store.getSnapshot(), { phase: "connecting" });
  const stop = store.subscribe(() => {});
  await settled();
  assertEquals(store.getSnapshot(), { phase: "failed", error: failure });
  assertEquals(store.getBackend(), null);
  stop();
});

Deno.test("connect with respawn - tries again after growing delays, and keeps the error until then", async () => {
  using time = new FakeTime();
  let calls = 0;
  const failure = new Error("HTTP 503");
  const signals: AbortSignal[] = [];
  const store = new BackendStore({
    respawn: true,
    options: { fetch: silent },
    connect: ({ signal }) => {
      signals.push(signal);
      return ++calls < 3 ? Promise.reject(failure) : RESPONSE;
    },
  });
  const stop = store.subscribe(() => {});
  await time.tickAsync(0);
  assertEquals([calls, store.getSnapshot()], [
    1,
    { phase: "connecting", error: failure },
  ]);
  // Full jitter: below 0.5 s, then below 1 s.
  await time.tickAsync(500);
  assertEquals(calls >= 2, true);
  await time.tickAsync(1_000);
  assertEquals([calls, store.getSnapshot()], [3, { phase: "ready" }]);
  stop();
  await time.tickAsync(0);
  assertEquals(signals.map(({ aborted }) => aborted), [true, true, true]);
  await time.tickAsync(60_000);
  assertEquals([calls, store.getSnapshot()], [3, { phase: "connecting" }]);
});

Deno.test("connect - what answers after the last has gone is dropped", async () => {
  const answer = Promise.withResolvers<ConnectResponse>();
  let signal: AbortSignal | undefined;
  const store = new BackendStore({
    connect: (options) => {
      signal = options.signal;
      return answer.promise;
    },
    options: { fetch: () => Promise.reject(new Error("a request")) },
  });
  store.subscribe(() => {})();
  await settled();
  assertEquals(signal!.aborted, true);
  answer.resolve(RESPONSE);
  await settled();
  assertEquals([store.getBackend(), store.getSnapshot()], [
    null,
    { phase: "connecting" },
  ]);
});

Deno.test("feeds - a feed of a client that was destroyed says so, and keeps nothing", async () => {
  const client = feedmeClient({
    transport: webSocketTransport({ url: "ws://127.0.0.1:1" }),
  });
  const feeds = feedsOf(client);
  assert(feedsOf(client) === feeds);
  await client.close();
  const feed = feeds.feed("board", {});
  const stop = feed.subscribe(() => {});
  const { state, error } = feed.getSnapshot();
  assertEquals([state, error?.code], ["closed", "DESTROYED"]);
  feed.follow(() => {})();
  stop();
  await settled();
  assertEquals(feed.getSnapshot().state, "opening");
});

Deno.test("feeds - the data of the client before stays until there is newer data", () => {
  const client = (snapshot: object) => ({
    view: () => ({
      getSnapshot: () => snapshot,
      subscribe: () => {},
      onAction: () => {},
      close() {},
    }),
  });
  const data = { n: 1 };
  const open = { state: "open", data, stale: false };
  const opening = { state: "opening", data: undefined, stale: false };
  const feeds = feedsOf(client(open) as never);
  const feed = feeds.feed("board", {});
  const stop = feed.subscribe(() => {});
  feeds.use(client(opening) as never);
  assertEquals<object>(feed.getSnapshot(), {
    ...opening,
    data,
    stale: true,
  });
  const newer = { ...open, data: { n: 2 } };
  feeds.use(client(newer) as never);
  assertEquals<object>(feed.getSnapshot(), newer);
  stop();
});
