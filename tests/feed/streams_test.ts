import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  ConsumableStream,
  type Consumer,
  type ConsumerStats,
  StreamFamily,
  type StreamSelector,
  TimeoutError,
} from "../../feed/streams.ts";

/** A family, with what a protocol's methods do with its consumers. */
class Family extends StreamFamily {
  close(selector?: StreamSelector): void {
    this.select(selector).forEach((consumer) => consumer.close());
  }

  kill(selector?: StreamSelector): void {
    this.select(selector).forEach((consumer) => consumer.kill());
  }

  count(selector?: StreamSelector): number {
    return this.select(selector).length;
  }

  stats(selector?: StreamSelector): ConsumerStats[] {
    return this.select(selector).map((consumer) => consumer.getStats());
  }

  backpressure(selector?: StreamSelector): number {
    return Math.max(0, ...this.stats(selector).map((it) => it.backpressure));
  }

  find(id: number, selector?: StreamSelector): Consumer<unknown> | undefined {
    return this.select(selector).find((consumer) => consumer.id === id);
  }
}

function setUp(): {
  family: Family;
  stream: ConsumableStream<number>;
  write: (...values: number[]) => void;
} {
  const family = new Family();
  return {
    family,
    stream: new ConsumableStream(family, "a"),
    write: (...values) => values.forEach((value) => family.write("a", value)),
  };
}

/** Iterates in the background; `got` grows, `ended` settles with the loop. */
function loop<T>(
  consumer: AsyncIterable<T>,
): { got: T[]; ended: Promise<void> } {
  const got: T[] = [];
  const run = async () => {
    for await (const value of consumer) got.push(value);
  };
  return { got, ended: run() };
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("streams - each consumer receives the values written after its creation", async () => {
  const { family, stream, write } = setUp();
  write(1);
  const early = loop(stream);
  write(2);
  const late = loop(stream);
  write(3);
  await turn();
  write(4);
  family.close("a");
  write(5);
  await Promise.all([early.ended, late.ended]);
  assertEquals([early.got, late.got], [[2, 3, 4], [3, 4]]);
  assertEquals(family.count(), 0);
});

Deno.test("streams - a new loop starts a new life after close and kill", async () => {
  const { family, stream, write } = setUp();
  family.close("a");
  family.kill("a");
  const again = loop(stream);
  write(1);
  family.close("a");
  await again.ended;
  assertEquals(again.got, [1]);
});

Deno.test("streams - kill discards values written in the same turn", async () => {
  const { family, stream, write } = setUp();
  const { got, ended } = loop(stream);
  await turn();
  write(1, 2, 3);
  family.kill("a");
  await ended;
  assertEquals(got, []);
});

Deno.test("streams - kill ends a loop whose body is running", async () => {
  const { family, stream, write } = setUp();
  const got: number[] = [];
  let go = () => {};
  const ended = (async () => {
    for await (const value of stream) {
      got.push(value);
      await new Promise<void>((resolve) => go = resolve);
    }
  })();
  write(1, 2);
  await turn();
  family.kill();
  go();
  await ended;
  assertEquals(got, [1]);
});

Deno.test("streams - backpressure counts from the write to the take", async () => {
  const { family, stream, write } = setUp();
  let go = () => {};
  const ended = (async () => {
    for await (const _ of stream) {
      await new Promise<void>((resolve) => go = resolve);
    }
  })();
  write(1, 2, 3, 4, 5);
  assertEquals(family.backpressure("a"), 5);
  await turn();
  assertEquals(family.backpressure("a"), 4);
  family.close("a");
  assertEquals(family.stats(), [{ id: 1, backpressure: 5, stream: "a" }]);
  for (let i = 0; i < 5; i++) {
    go();
    await turn();
  }
  await ended;
  assertEquals([family.backpressure(), family.backpressure("b")], [0, 0]);
});

Deno.test("streams - break, return, throw, dispose, kill and abort leave no consumer", async () => {
  const { family, stream, write } = setUp();
  const controller = new AbortController();
  let removed = 0;
  const { removeEventListener } = controller.signal;
  controller.signal.removeEventListener = (...args: unknown[]) => {
    removed++;
    // deno-lint-ignore no-explicit-any
    removeEventListener.apply(controller.signal, args as any);
  };
  const options = { signal: controller.signal };
  const ends: ((consumer: Consumer<number>) => unknown)[] = [
    async (consumer) => {
      for await (const _ of consumer) break;
    },
    (consumer) => consumer.return(),
    (consumer) => consumer.throw(new Error("x")).catch(() => {}),
    (consumer) => consumer[Symbol.asyncDispose](),
    (consumer) => family.find(consumer.id)!.kill(),
    () => family.kill(),
    () => controller.abort(),
  ];
  for (const end of ends) {
    const consumer = stream.createConsumer(options);
    assertEquals(family.count(), 1);
    write(1);
    await end(consumer);
    assertEquals(family.count(), 0);
    consumer.write(2);
    assertEquals(consumer.getBackpressure(), 0);
  }
  assertEquals(removed, ends.length);
});

Deno.test("streams - a consumer that ended stays ended", async () => {
  const { stream, write } = setUp();
  const consumer = stream.createConsumer();
  const done = { value: undefined, done: true } as const;
  assertEquals(await consumer.return(), done);
  write(1);
  assertEquals(await consumer.next(), done);
  assertEquals(await consumer.next(), done);
});

Deno.test("streams - concurrent calls of next() are served in their order", async () => {
  const { family, stream, write } = setUp();
  const consumer = stream.createConsumer();
  const calls = [consumer.next(), consumer.next(), consumer.next()];
  write(1, 2);
  family.close("a");
  assertEquals((await Promise.all(calls)).map(({ value }) => value), [
    1,
    2,
    undefined,
  ]);
});

Deno.test("streams - a signal ends a loop with its reason", async () => {
  const { family, stream, write } = setUp();
  const controller = new AbortController();
  const { got, ended } = loop(
    stream.createConsumer({ signal: controller.signal }),
  );
  write(1);
  await turn();
  write(2);
  controller.abort(new Error("enough"));
  await assertRejects(() => ended, Error, "enough");
  assertEquals([got, family.count()], [[1], 0]);
  const late = stream.createConsumer({ signal: controller.signal });
  await assertRejects(() => late.next(), Error, "enough");
  assertEquals((await late.next()).done, true);
  assertEquals(family.count(), 0);
});

Deno.test("streams - timeouts", async () => {
  using time = new FakeTime();
  const { family, stream, write } = setUp();
  const consumer = stream.createConsumer(100);
  assertEquals(consumer.getStats(), {
    id: 1,
    backpressure: 0,
    stream: "a",
    timeout: 100,
  });
  const first = consumer.next();
  await time.tickAsync(99);
  write(1);
  assertEquals((await first).value, 1);
  const late = assertRejects(
    () => consumer.next(),
    TimeoutError,
    "Stream consumer iteration timed out",
  );
  await time.tickAsync(100);
  await late;
  assertEquals((await consumer.next()).done, true);
  assertEquals(family.count(), 0);
  const once = assertRejects(() => stream.once(100), TimeoutError);
  await time.tickAsync(100);
  await once;
  const early = assertRejects(
    () => stream.once(100),
    TimeoutError,
    "timed out early because stream ended",
  );
  family.kill("a");
  await early;
  assertEquals(family.count(), 0);
});

Deno.test("streams - once and next", async () => {
  const { family, stream, write } = setUp();
  const once = stream.once();
  const next = stream.next({ timeout: 1000 });
  write(1, 2);
  assertEquals(await once, 1);
  assertEquals(await next, { value: 1, done: false });
  const controller = new AbortController();
  const aborted = stream.once({ signal: controller.signal });
  family.kill("a");
  await turn();
  controller.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  assertEquals(family.count(), 0);
});

Deno.test("streams - overflow pause leaves one gap", async () => {
  const { stream, write } = setUp();
  const consumer = stream.createConsumer({
    limit: 4,
    overflow: "pause",
  });
  write(1, 2, 3, 4, 5, 6);
  const take = async () => (await consumer.next()).value;
  assertEquals(await take(), 1);
  write(7); // still more than half full
  assertEquals(await take(), 2);
  write(8, 9);
  assertEquals([await take(), await take(), await take(), await take()], [
    3,
    4,
    8,
    9,
  ]);
  assertEquals(consumer.dropped, 3);
});

Deno.test("streams - a slow consumer of 1,000,000 values keeps its bound", () => {
  const { stream, family } = setUp();
  const consumer = stream.createConsumer({ limit: 1000 });
  for (let i = 0; i < 1_000_000; i++) family.write("a", i);
  assertEquals([consumer.getBackpressure(), consumer.dropped], [1000, 999_000]);
});

Deno.test("streams - long backlogs keep their order", async () => {
  const { family, stream, write } = setUp();
  const consumer = stream.createConsumer();
  let written = 0;
  let read = 0;
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 1000 * (round % 5 + 1); i++) write(written++);
    for (let i = 0; i < 2000 && consumer.getBackpressure() > 0; i++) {
      assertEquals((await consumer.next()).value, read++);
    }
  }
  family.close("a");
  for await (const value of consumer) assertEquals(value, read++);
  assertEquals(read, written);
});

Deno.test("streams - bad options are refused", () => {
  const { stream, family } = setUp();
  assertThrows(() => stream.createConsumer({ limit: 0 }), RangeError);
  assertThrows(() => stream.createConsumer({ limit: NaN }), RangeError);
  assertThrows(() => stream.createConsumer(-1), RangeError);
  assertEquals(family.count(), 0);
});

Deno.test("streams - as a ReadableStream", async () => {
  const { family, stream, write } = setUp();
  const readable = stream.readable;
  // Merely reading the property costs nothing.
  write(-1, 0);
  assertEquals(family.count(), 0);
  const reader = readable.getReader();
  assertEquals(family.count(), 1);
  assertThrows(() => readable.getReader(), TypeError);
  write(1, 2);
  assertEquals((await reader.read()).value, 1);
  assertEquals(family.backpressure("a"), 1);
  await reader.cancel();
  assertEquals(family.count(), 0);
  const ending = Array.fromAsync(stream.toReadable({ limit: 1 }));
  await turn();
  write(3, 4);
  family.close("a");
  assertEquals(await ending, [4]);
  const unread = stream.readable;
  await unread.cancel();
  assertEquals(family.count(), 0);
  const [one, other] = stream.readable.tee();
  await turn();
  write(5);
  family.close("a");
  assertEquals(await Array.fromAsync(one), [5]);
  assertEquals(await Array.fromAsync(other), [5]);
  assertThrows(() => stream.toReadable({ limit: 0 }), RangeError);
});

Deno.test("streams - families: selection by key, ids, hostile keys", () => {
  const family = new Family();
  const keys = ["x/1", "x/2", "y/1", "__proto__", "constructor", "toString"];
  for (const key of keys) new ConsumableStream(family, key).createConsumer();
  assertEquals(family.count(), 6);
  assertEquals(
    family.stats((key) => key.startsWith("x/")).map(({ id }) => id),
    [
      1,
      2,
    ],
  );
  for (const key of keys) family.write(key, key);
  assertEquals(family.stats().map(({ backpressure }) => backpressure), [
    1,
    1,
    1,
    1,
    1,
    1,
  ]);
  assert(family.find(4) && family.find(4, "__proto__"));
  assert(!family.find(4, "x/1") && !family.find(7));
  assertEquals(family.find(5)?.getStats().stream, "constructor");
  assertEquals(family.stats("hasOwnProperty"), []);
  family.kill((key) => key.startsWith("x/"));
  assertEquals(family.count(), 4);
  family.kill();
  assertEquals(family.count(), 0);
});
