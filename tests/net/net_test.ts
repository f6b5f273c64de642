import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { backoff } from "../../net/backoff.ts";
import { dial } from "../../net/dial.ts";
import { onWake } from "../../net/lifecycle.ts";
import {
  formatServerEvent,
  isEventStream,
  readServerEvents,
} from "../../net/sse.ts";
import { wait } from "../../net/wait.ts";

Deno.test("backoff doubles its window up to the cap, for any attempt", () => {
  const highest = () => 1;
  assertEquals(
    [0, 1, 2, 5, 6, 1000, 1e9].map((n) => backoff(n, {}, highest)),
    [500, 1000, 2000, 16_000, 20_000, 20_000, 20_000],
  );
  assertEquals(backoff(3, {}, () => 0), 0);
  assertEquals(backoff(5000, { base: 0 }, highest), 0);
  assertEquals(backoff(1, { base: 10, cap: 15 }, highest), 15);
});

Deno.test("10,000 clients that lost one server spread out", () => {
  // A fixed generator: the assertion is about the spread, not about luck.
  let seed = 1;
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const buckets = new Map<number, number>();
  for (let client = 0; client < 10_000; client++) {
    let at = 0;
    for (let attempt = 0; attempt < 8; attempt++) {
      at += backoff(attempt, {}, random);
      const bucket = Math.floor(at / 100);
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
    }
  }
  // The first attempts of all fall into half a second: 2,000 in each tenth.
  const first = [0, 1, 2, 3, 4].map((bucket) => buckets.get(bucket)!);
  for (const count of first) assert(count < 3 * 2_000, `${first}`);
});

Deno.test("wait ends by time, by wake-up and by abort, and leaves nothing", async () => {
  using time = new FakeTime();
  let done = 0;
  const count = () => done++;
  wait(100).then(count);
  await time.tickAsync(99);
  assertEquals(done, 0);
  await time.tickAsync(1);
  assertEquals(done, 1);

  let cut!: () => void;
  let stopped = 0;
  wait(1e6, {
    wake: (fn) => {
      cut = fn;
      return () => stopped++;
    },
  }).then(count);
  cut();
  await time.tickAsync(0);
  assertEquals([done, stopped], [2, 1]);

  const reason = new Error("enough");
  const controller = new AbortController();
  const waiting = wait(1e6, { signal: controller.signal });
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => waiting), reason);
  assertStrictEquals(
    await assertRejects(() => wait(5, { signal: controller.signal })),
    reason,
  );
});

Deno.test("onWake listens to the page's events until stopped", () => {
  let woken = 0;
  const stop = onWake(() => woken++);
  globalThis.dispatchEvent(new Event("online"));
  globalThis.dispatchEvent(new Event("pageshow"));
  assertEquals(woken, 2);
  stop();
  globalThis.dispatchEvent(new Event("online"));
  assertEquals(woken, 2);
});

Deno.test("formatServerEvent and readServerEvents agree on hostile data", async () => {
  const events = [
    { data: "one" },
    { data: "two\nlines\r\nand\rmore", id: "7" },
    { data: "", event: "empty" },
    { data: ": no comment\ndata: no field", retry: 20 },
  ];
  const text = events.map(formatServerEvent).join("");
  for (const size of [1, 2, 3, 1000]) {
    const bytes = new TextEncoder().encode(text);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let i = 0; i < bytes.length; i += size) {
          controller.enqueue(bytes.subarray(i, i + size));
        }
        controller.close();
      },
    });
    const data: string[] = [];
    const ids: string[] = [];
    const retries: number[] = [];
    await readServerEvents(body, {
      onEvent: (event) => data.push(event.data),
      onId: (id) => ids.push(id),
      onRetry: (ms) => retries.push(ms),
    });
    assertEquals(
      data,
      events.map(({ data }) => data.replaceAll(/\r\n|\r/g, "\n")),
    );
    assertEquals([ids, retries], [["7"], [20]]);
  }
});

/** A WebSocket server; what it does with an upgrade is up to the test. */
function serve(handler: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen() {},
  }, handler);
  return {
    url: `ws://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("dial opens with subprotocols and headers", async () => {
  let seen: (string | null)[] = [];
  await using peer = serve((request) => {
    seen = ["x-test", "sec-websocket-protocol"].map((name) =>
      request.headers.get(name)
    );
    const { socket, response } = Deno.upgradeWebSocket(request, {
      protocol: "b",
    });
    socket.onopen = () => socket.send("hello");
    return response;
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = await dial(peer.url, {
    protocols: ["a", "b"],
    init: { headers: { "x-test": "1" } },
    onOpen: (socket) => socket.onmessage = ({ data }) => resolve(data),
  });
  assertEquals(await promise, "hello");
  assertEquals(socket.protocol, "b");
  assertEquals(socket.binaryType, "arraybuffer");
  assertEquals(seen, ["1", "a, b"]);
  const closed = Promise.withResolvers<void>();
  socket.onclose = () => closed.resolve();
  socket.close();
  await closed.promise;
});

Deno.test("a message that comes with the handshake is not missed", async () => {
  await using peer = serve((request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => socket.send("first");
    return response;
  });
  for (let i = 0; i < 100; i++) {
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = await dial(peer.url, {
      onOpen: (socket) => socket.onmessage = ({ data }) => resolve(data),
    });
    assertEquals(await promise, "first");
    const closed = Promise.withResolvers<void>();
    socket.onclose = () => closed.resolve();
    socket.close();
    await closed.promise;
  }
});

Deno.test("dial fails once, clearly: refused, unreachable, too slow, aborted", async () => {
  await using refusing = serve(() => new Response(null, { status: 403 }));
  await assertRejects(() => dial(refusing.url), Error, "before it opened");
  await assertRejects(
    () => dial("ws://127.0.0.1:1/"),
    Error,
    "before it opened",
  );
  const { promise: never, resolve } = Promise.withResolvers<Response>();
  {
    await using silent = serve(() => never);
    await assertRejects(
      () => dial(silent.url, { timeout: 10 }),
      Error,
      "WebSocket did not open within 10 ms",
    );
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 5);
    await assertRejects(
      () => dial(silent.url, { signal: controller.signal }),
      Error,
      "enough",
    );
    await assertRejects(
      () => dial(silent.url, { signal: controller.signal }),
      Error,
      "enough",
    );
    resolve(new Response(null, { status: 500 }));
  }
});

Deno.test("dial fails on an error without a close event, as on Node 22", async () => {
  class Refused extends EventTarget {
    onerror: ((event: Event) => void) | null = null;
    binaryType = "blob";
    constructor() {
      super();
      queueMicrotask(() => this.onerror?.(new Event("error")));
    }
    close() {}
  }
  await assertRejects(
    () =>
      dial("ws://127.0.0.1:1/", {
        WebSocket: Refused as unknown as typeof WebSocket,
      }),
    Error,
    "WebSocket closed before it opened",
  );
});

Deno.test("server-sent events - the content types that mean them", () => {
  for (
    const type of [
      "text/event-stream",
      "Text/Event-Stream",
      "text/event-stream;charset=utf-8",
      "text/event-stream ; charset=UTF-8; x=1",
      "text/event-stream, text/event-stream",
      "text/html, text/event-stream; charset=utf-8",
      "text/event-stream, ",
    ]
  ) assert(isEventStream(type), type);
  for (
    const type of [
      null,
      "",
      "text/html",
      "text/event-stream-2",
      "application/text/event-stream",
      "text/event-stream, text/html",
    ]
  ) assert(!isEventStream(type), `${type}`);
});

Deno.test("server-sent events - the standard's lines, ends and fields, in chunks of any size", async () => {
  const text = "\uFEFF: comment\rdata: a\rdata: b\r\rretry: 12\r\nretry: 1x\n" +
    "retry: -4\nretry\nid: 7\ndata: c\r\n\r\nid: x\0y\ndata\n\n" +
    "event: none\n\nDATA: upper\n\ndata:  two spaces\n\ndata: never ended\n";
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 2, 3, 5, bytes.length]) {
    const seen: unknown[] = [];
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) {
          controller.enqueue(bytes.slice(at, at + size));
        }
        controller.close();
      },
    });
    await readServerEvents(body, {
      onEvent: ({ data }) => seen.push(data),
      onRetry: (ms) => seen.push(ms),
      onId: (id) => seen.push(`id ${id}`),
    });
    assertEquals(seen, ["a\nb", 12, "id 7", "c", "", "  two spaces".slice(1)]);
  }
});
