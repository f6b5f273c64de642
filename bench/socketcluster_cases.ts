/**
 * The SocketCluster client compared to npm's socketcluster-client, in one runtime:
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

/** Both clients have the same API. */
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

/** Receives frames, and delivers their data. */
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

/** The minimum that any client does: parses, reads the channel, stores, delivers. */
function bareFeed(consumed: boolean, channel = "c"): Feed {
  let queue: unknown[] = [];
  let head = 0;
  let wake = () => {};
  return {
    say(frame) {
      const { event, data } = JSON.parse(frame);
      if (event !== "#publish" || data.channel !== channel || !consumed) return;
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

/** Feeds all frames, a number per macrotask, to one loop; returns the time until it got all. */
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

/** Feeds all frames without a consumer. */
function dispatch({ say, end }: Feed): number {
  const frames = Array.from({ length: 1000 }, (_, i) => frame(i));
  const start = performance.now();
  for (let i = 0; i < FRAMES; i++) say(frames[i % 1000]!);
  const time = performance.now() - start;
  end();
  return time;
}

/** How many times as fast as the peer our client is, and a bare loop. */
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

/** The bytes that 1,000,000 unread messages take. */
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

/** A client that is connected to the real server. */
interface Session {
  subscribe(channel: string): Promise<AsyncIterable<unknown>>;
  invoke(procedure: string, data: unknown): Promise<unknown>;
  end(): void;
}

async function sessionOf(
  client: Create,
  options: Record<string, unknown>,
): Promise<Session> {
  const socket = client({ hostname: "127.0.0.1", ...options });
  await socket.listener("connect").once();
  return {
    async subscribe(name) {
      const channel = socket.subscribe(name);
      await socket.listener("subscribe").once();
      return channel;
    },
    invoke: (procedure, data) =>
      socket.invoke(procedure, data, { ackTimeout: 60_000 }),
    end: () => socket.disconnect(),
  };
}

/** The minimum again: calls by number, and the data of one channel in a queue. */
async function bareSession(
  WebSocket: any,
  port: number,
): Promise<Session> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socketcluster/`);
  const calls = new Map<number, (data: unknown) => void>();
  const { say, data } = bareFeed(true, "flood");
  let cid = 0;
  socket.onmessage = ({ data: frame }: { data: string }) => {
    if (frame === "") return socket.send("");
    if (frame.startsWith('{"event"')) return say(frame);
    const { rid, data } = JSON.parse(frame);
    calls.get(rid)!(data);
    calls.delete(rid);
  };
  const invoke = (event: string, data: unknown) =>
    new Promise((resolve) => {
      calls.set(++cid, resolve);
      socket.send(JSON.stringify({ event, data, cid }));
    });
  await new Promise((resolve) => socket.onopen = resolve);
  await invoke("#handshake", { authToken: null });
  return {
    invoke,
    subscribe: async (channel) => {
      await invoke("#subscribe", { channel });
      return data;
    },
    end: () => socket.close(),
  };
}

type Opener = () => Promise<Session>;

/** Receives `count` messages; returns the time in ms, and the CPU time `used`. */
async function flood(open: Opener, count: number) {
  const session = await open();
  const messages = await session.subscribe("flood");
  let got = 0;
  const start = performance.now();
  const before = process.cpuUsage();
  const flooding = session.invoke("control", {
    what: "flood",
    data: { channel: "flood", count },
  });
  for await (const _ of messages) {
    if (++got === count) break;
  }
  const time = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  await flooding;
  session.end();
  return { time, used: user + system };
}

/** Makes `count` calls, 64 at a time; returns the time in ms. */
async function call(open: Opener, count: number): Promise<number> {
  const session = await open();
  const start = performance.now();
  await Promise.all(Array.from({ length: 64 }, async () => {
    while (count-- > 0) await session.invoke("echo", { id: count, text: "x" });
  }));
  const time = performance.now() - start;
  session.end();
  return time;
}

/** Compares a client to the peer: times, and CPU time of messages. */
async function against(peer: Opener, open: Opener) {
  const cpu = new Map<Opener, number[]>([[peer, []], [open, []]]);
  const flooded = (of: Opener) => async () => {
    const { time, used } = await flood(of, 50_000);
    cpu.get(of)!.push(used);
    return time;
  };
  const messages = await compare(flooded(peer), flooded(open), 5);
  const called = (of: Opener) => () => call(of, 20_000);
  const calls = await compare(called(peer), called(open), 7);
  // As in `compare`, the first round is for warming up.
  const used = (of: Opener) => median(cpu.get(of)!.slice(1));
  return {
    messages: messages.ratio,
    cpu: used(open) / used(peer),
    calls: calls.ratio,
  };
}

/** Over loopback against the real server: our client and a bare loop, compared to the peer. */
async function loopback(port: number, options: Record<string, unknown>) {
  const peer = () => sessionOf(clients.peer, { port });
  const ours = await against(
    peer,
    () => sessionOf(clients.ours, { port, ...options }),
  );
  const bare = await against(
    peer,
    () => bareSession(options.WebSocket ?? globalThis.WebSocket, port),
  );
  return { ours, bare };
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
