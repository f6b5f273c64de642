/**
 * The SocketCluster client beside npm's socketcluster-client, in one runtime:
 * `socketcluster.ts` bundles this program and runs it in Deno and in Node.
 * It prints one line of JSON.
 */
// deno-lint-ignore-file no-explicit-any
import { MemoryWebSocket } from "./socketcluster_memory.ts";
import process from "node:process";
import { setImmediate } from "node:timers";
// @ts-ignore the package has no types
import * as peer from "socketcluster-client";
import * as ws from "ws";
import { create } from "../feed/socketcluster/mod.ts";
import { compare, median } from "./compare.ts";

const FRAMES = 500_000;

/** Both clients have the same interface; that is the point. */
type Create = (options: Record<string, unknown>) => any;
const clients: Record<"ours" | "peer", Create> = {
  ours: create as Create,
  peer: (peer as any).create ?? (peer as any).default.create,
};

const frame = (i: number) =>
  `{"event":"#publish","data":{"channel":"c","data":{"id":${i},"user":"user ${
    i % 100
  }","text":"some text of a chat message","tags":["a","b"]}}}`;

const macrotask = () => new Promise<void>((resolve) => setImmediate(resolve));

async function subscribed(client: Create): Promise<any> {
  const socket = client({ hostname: "x", port: 80, authTokenName: "t" });
  socket.subscribe("c");
  await socket.listener("subscribe").once();
  return socket;
}

/** What frames are said to, and where their data comes out. */
interface Feed {
  say(frame: string): void;
  data: AsyncIterable<unknown>;
  end(): void;
}

async function feedOf(client: Create): Promise<Feed> {
  const socket = await subscribed(client);
  const { last } = MemoryWebSocket;
  return {
    say: (frame) => last.say(frame),
    data: socket.channel("c"),
    end: () => socket.disconnect(),
  };
}

/** The least that any client does: parse, look at the channel, keep, hand on. */
function bareFeed(consumed: boolean): Feed {
  let queue: unknown[] = [];
  let head = 0;
  let wake = () => {};
  return {
    say(frame) {
      const { event, data } = JSON.parse(frame);
      if (event !== "#publish" || data.channel !== "c" || !consumed) return;
      if (queue.push(data.data) === 1) wake();
    },
    data: {
      [Symbol.asyncIterator]: () => ({
        next() {
          if (head === queue.length) [queue, head] = [[], 0];
          const result = () => ({ value: queue[head++], done: false });
          return queue.length > 0
            ? Promise.resolve(result())
            : new Promise<void>((resolve) => wake = resolve).then(result);
        },
      }),
    },
    end() {},
  };
}

/** Feeds all frames, so many in a macrotask, to one loop; the time until it got all. */
async function consume(
  { say, data, end }: Feed,
  burst: number,
): Promise<number> {
  const frames = Array.from({ length: 1000 }, (_, i) => frame(i));
  let got = 0;
  const loop = (async () => {
    for await (const _ of data) {
      if (++got === FRAMES) break;
    }
  })();
  await macrotask();
  const start = performance.now();
  for (let i = 0; i < FRAMES;) {
    for (const end = i + burst; i < end; i++) say(frames[i % 1000]!);
    if (i < FRAMES) await macrotask();
  }
  await loop;
  const time = performance.now() - start;
  end();
  return time;
}

/** Feeds all frames to nobody. */
function dispatch({ say, end }: Feed): number {
  const frames = Array.from({ length: 1000 }, (_, i) => frame(i));
  const start = performance.now();
  for (let i = 0; i < FRAMES; i++) say(frames[i % 1000]!);
  const time = performance.now() - start;
  end();
  return time;
}

/** How many times as fast as the peer ours is, and a bare loop. */
async function faster(
  run: (feed: Feed) => number | Promise<number>,
  consumed = true,
): Promise<{ ours: number; bare: number }> {
  const peer = async () => run(await feedOf(clients.peer));
  const ours = async () => run(await feedOf(clients.ours));
  const bare = () => run(bareFeed(consumed));
  return {
    ours: (await compare(peer, ours, 7)).ratio,
    bare: (await compare(peer, bare, 7)).ratio,
  };
}

/** Bytes that 1,000,000 messages take which nobody has read. */
async function memory(client: Create): Promise<number> {
  const gc = (globalThis as any).gc as () => void;
  const socket = await subscribed(client);
  const consumer = socket.channel("c").createConsumer();
  gc();
  const before = process.memoryUsage().heapUsed;
  const text = '{"event":"#publish","data":{"channel":"c","data":"hi"}}';
  for (let i = 0; i < 1_000_000; i++) MemoryWebSocket.last.say(text);
  gc();
  const after = process.memoryUsage().heapUsed;
  if (consumer.getBackpressure() !== 1_000_000) throw new Error("lost some");
  return after - before;
}

/** Over loopback against the real server: time and CPU of messages and calls. */
async function loopback(
  port: number,
  options: Record<string, unknown>,
): Promise<Record<string, number>> {
  const messages = 20_000;
  const calls = 20_000;
  const cpu: Record<string, number[]> = { ours: [], peer: [] };
  const connected = async (name: "ours" | "peer") => {
    const socket = clients[name]({
      hostname: "127.0.0.1",
      port,
      ...name === "ours" ? options : {},
    });
    await socket.listener("connect").once();
    return socket;
  };
  const flood = async (name: "ours" | "peer") => {
    const socket = await connected(name);
    socket.subscribe("flood");
    await socket.listener("subscribe").once();
    let got = 0;
    const start = performance.now();
    const { user, system } = process.cpuUsage();
    const flooding = socket.invoke("control", {
      what: "flood",
      data: { channel: "flood", count: messages },
    }, { ackTimeout: 60_000 });
    for await (const _ of socket.channel("flood")) {
      if (++got === messages) break;
    }
    const time = performance.now() - start;
    const used = process.cpuUsage();
    cpu[name]!.push(used.user + used.system - user - system);
    await flooding;
    socket.disconnect();
    return time;
  };
  const call = async (name: "ours" | "peer") => {
    const socket = await connected(name);
    let left = calls;
    const start = performance.now();
    await Promise.all(Array.from({ length: 64 }, async () => {
      while (left-- > 0) await socket.invoke("echo", { id: left, text: "x" });
    }));
    const time = performance.now() - start;
    socket.disconnect();
    return time;
  };
  const flooded = await compare(() => flood("peer"), () => flood("ours"), 5);
  const called = await compare(() => call("peer"), () => call("ours"), 5);
  return {
    messages: flooded.ratio,
    cpu: median(cpu.peer!) / median(cpu.ours!),
    calls: called.ratio,
  };
}

const [what, argument, constructor] = process.argv.slice(2);
const cases: Record<string, () => unknown> = {
  burst: () => faster((feed) => consume(feed, FRAMES)),
  hundred: () => faster((feed) => consume(feed, 100)),
  one: () => faster((feed) => consume(feed, 1)),
  nobody: () => faster(dispatch, false),
  memory: () => memory(clients[argument as "ours" | "peer"]),
  loopback: () =>
    loopback(
      Number(argument),
      constructor === "ws" ? { WebSocket: ws.WebSocket } : {},
    ),
};
const result = await cases[what!]!();
console.log(JSON.stringify(result));
process.exit(0);
