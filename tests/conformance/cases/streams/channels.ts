/** The streams of a SocketCluster socket: backlogs and their bounds, and how loops end. */
// deno-lint-ignore-file no-explicit-any
import type {
  AGChannel,
  AGClientSocket,
  ConsumerOptions,
} from "../../../../feed/socketcluster/mod.ts";
import { assert, assertEquals, assertRejects } from "../../../kit/assert.ts";
import { asyncDispose } from "../../../kit/dispose.ts";
import { collect } from "../../../kit/wait.ts";
import type { Step } from "../../far/script.ts";
import type { Area, Test } from "../../suite.ts";
import {
  handshake,
  openScripted,
  packet,
  published,
} from "../socketcluster/far.ts";
import { range, take } from "./values.ts";

/** Publishes numbers to the channel in one frame, so that no loop runs between them. */
const burst = (from: number, to: number): Step =>
  packet([
    ...range(from, to).map((n) => published("numbers", n)),
    { event: "sent", data: to },
  ]);

/**
 * A socket whose peer publishes 1 to 10 at once as soon as it subscribes, and
 * 11 to 20 when it says `more`.
 */
async function numbers(t: Test) {
  const peer = await t.script({
    sockets: [[
      ...handshake(),
      { received: 2 },
      packet({ rid: 2 }),
      burst(1, 10),
      { received: 3 },
      burst(11, 20),
    ]],
  });
  const socket = openScripted(peer);
  const channel: AGChannel<number> = socket.channel("numbers");
  const told = (socket: AGClientSocket<any>) =>
    socket.receiver("sent").once(30_000);
  return {
    channel,
    /** Subscribes; resolves when the first numbers are there. */
    async begin() {
      const sent = told(socket);
      channel.subscribe();
      await sent;
    },
    async more() {
      const sent = told(socket);
      socket.transmit("more");
      await sent;
    },
    [asyncDispose]: () => socket[asyncDispose](),
  };
}

/** What a stream of the platform gives until its end. */
async function read<T>(readable: ReadableStream<T>): Promise<T[]> {
  const got: T[] = [];
  const reader = readable.getReader();
  while (true) {
    const { value, done } = await reader.read();
    if (done) return got;
    got.push(value);
  }
}

/** What a bounded consumer has left of 1 to 10, and how many it dropped. */
async function bounded(
  t: Test,
  overflow: ConsumerOptions["overflow"],
): Promise<[number[], number]> {
  await using source = await numbers(t);
  const consumer = source.channel.createConsumer({
    limit: 3,
    overflow,
  });
  await source.begin();
  assertEquals(consumer.getStats(), {
    id: consumer.id,
    backpressure: 3,
    stream: "numbers",
    dropped: 7,
  });
  consumer.close();
  return [await collect(consumer), consumer.dropped];
}

export const channels: Area["cases"] = {
  async "each reader has a backlog of its own, and sees the same"(t) {
    await using source = await numbers(t);
    const { channel } = source;
    const [slow, quick] = [
      channel.createConsumer(),
      channel.createConsumer(),
    ];
    await source.begin();
    assertEquals(await take(quick, 10), range(1, 10));
    assertEquals(await take(slow, 1), [1]);
    assertEquals([slow.getBackpressure(), quick.getBackpressure()], [9, 0]);
    assertEquals(channel.getOutputBackpressure(), 9);
    assertEquals(
      channel.getOutputConsumerStatsList().map((one) => one.backpressure),
      [
        9,
        0,
      ],
    );
    assertEquals(await take(slow, 9), range(2, 10));
  },

  async "a full backlog drops its oldest values, and counts them"(t) {
    assertEquals(await bounded(t, "drop-oldest"), [[8, 9, 10], 7]);
    assertEquals(await bounded(t, undefined), [[8, 9, 10], 7], "by default");
  },

  async "a full backlog can drop its newest values instead"(t) {
    assertEquals(await bounded(t, "drop-newest"), [[1, 2, 3], 7]);
  },

  async "a full backlog can fail after the values that it holds"(t) {
    await using source = await numbers(t);
    const consumer = source.channel.createConsumer({
      limit: 3,
      overflow: "error",
    });
    await source.begin();
    assertEquals(await take(consumer, 3), [1, 2, 3]);
    const { name, message } = await assertRejects(() => consumer.next());
    assertEquals([name, consumer.dropped], ["OverflowError", 1]);
    assert(message.includes('"numbers" fell 3 values behind'), message);
    assertEquals((await consumer.next()).done, true);
    assertEquals(source.channel.getOutputConsumerStatsList(), []);
  },

  async "a full backlog can pause, which leaves one gap"(t) {
    await using source = await numbers(t);
    const consumer = source.channel.createConsumer({
      limit: 4,
      overflow: "pause",
    });
    await source.begin();
    assertEquals([consumer.getBackpressure(), consumer.dropped], [4, 6]);
    assertEquals(await take(consumer, 2), [1, 2]);
    // At the half it takes values again, until it is full.
    await source.more();
    assertEquals([consumer.getBackpressure(), consumer.dropped], [4, 14]);
    assertEquals(await take(consumer, 4), [3, 4, 11, 12]);
  },

  async "a loop that ends frees its consumer, others go on"(t) {
    await using source = await numbers(t);
    const { channel } = source;
    const stays = channel.createConsumer();
    const begun = source.begin();
    for await (const n of channel) {
      assertEquals(n, 1);
      assertEquals(channel.getOutputConsumerStatsList().length, 2);
      break;
    }
    await begun;
    assertEquals(channel.getOutputConsumerStatsList().map(({ id }) => id), [
      stays.id,
    ]);
    assertEquals(await take(stays, 10), range(1, 10));
  },

  async "close ends a loop after its backlog, kill at once"(t) {
    for (
      const [end, expected] of [["close", range(1, 10)], [
        "kill",
        [],
      ]] as const
    ) {
      await using source = await numbers(t);
      const consumer = source.channel.createConsumer();
      await source.begin();
      source.channel[end]();
      assertEquals(await collect(consumer), expected, end);
      assertEquals(source.channel.getBackpressure(), 0);
    }
  },

  async "once gives the next value, or fails in time"(t) {
    await using source = await numbers(t);
    const { channel } = source;
    const late = await assertRejects(() => channel.once(10));
    assertEquals(late.name, "TimeoutError");
    const next = channel.once(30_000);
    await source.begin();
    assertEquals(await next, 1);
    const ended = assertRejects(() => channel.once({ timeout: 5000 }));
    channel.kill();
    assertEquals((await ended).name, "TimeoutError");
    assertEquals(channel.getOutputConsumerStatsList(), []);
  },

  async "a channel is a stream of the platform, read as fast as its reader"(
    t,
  ) {
    await using source = await numbers(t);
    const { channel } = source;
    const reader = channel.readable.getReader();
    await source.begin();
    // Nothing is read ahead.
    assertEquals(channel.getOutputBackpressure(), 10);
    assertEquals(await reader.read(), { value: 1, done: false });
    assertEquals(channel.getOutputBackpressure(), 9);
    await reader.cancel();
    assertEquals(channel.getOutputConsumerStatsList(), []);
  },

  async "it can be piped and teed, and its end reaches the reader"(t) {
    await using source = await numbers(t);
    const { channel } = source;
    const doubled = channel.readable.pipeThrough(
      new TransformStream<number, number>({
        transform: (n, controller) => controller.enqueue(2 * n),
      }),
    );
    const [left, right] = channel.readable.tee();
    await source.begin();
    channel.close();
    assertEquals(await read(doubled), range(1, 10).map((n) => 2 * n));
    assertEquals(await Promise.all([read(left), read(right)]), [
      range(1, 10),
      range(1, 10),
    ]);
  },
};
