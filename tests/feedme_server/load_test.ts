/**
 * What hostile and unlucky clients do, on real sockets: read nothing, send
 * without end, come and go. Only the fuzzed messages are handed over in memory.
 */
import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { z } from "zod";
import {
  defineAction,
  defineFeed,
  feedmeServer,
  type FeedmeServerOptions,
  type ServedClient,
} from "../../feed/feedme/server/server.ts";
import {
  pick,
  type Random,
  randomObject,
  randomValue,
  rng,
} from "../feedme/random.ts";
import { connectRaw } from "../kit/raw_websocket.ts";
import { FakeSocket } from "./fake_socket.ts";
import {
  actionOf,
  closeOf,
  HANDSHAKE,
  openOf,
} from "../kit/feedme_messages.ts";
import { until } from "../kit/wait.ts";

const list = defineFeed({
  args: z.record(z.string(), z.string()),
  data: z.object({ lines: z.array(z.string()) }),
  initial: () => ({ lines: [] as string[] }),
});
const add = defineAction({
  args: z.object({ text: z.string() }),
  handler: ({ text }, { feed }) =>
    feed(list, {}).update("added", {}, ({ lines }) => ({
      lines: [...lines.slice(-20), text],
    })),
});

function serve(options: FeedmeServerOptions = {}) {
  const gone: (string | undefined)[] = [];
  const visitors: WeakRef<ServedClient>[] = [];
  const server = feedmeServer({ feeds: { list }, actions: { add } }, {
    onDisconnect: ({ user }) => gone.push(user),
    ...options,
  });
  const http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      const user = new URL(request.url).pathname.slice(1);
      const { socket, response } = Deno.upgradeWebSocket(request);
      visitors.push(new WeakRef(server.accept(socket, { user })));
      return response;
    },
  );
  const { port } = http.addr as Deno.NetAddr;
  return {
    server,
    gone,
    visitors,
    port,
    url: `ws://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      await server.close();
      await http.shutdown();
    },
  };
}

async function join(url: string): Promise<WebSocket & { texts: string[] }> {
  const socket = Object.assign(new WebSocket(url), { texts: [] as string[] });
  socket.onmessage = ({ data }) => socket.texts.push(data);
  await new Promise((resolve) => socket.onopen = resolve);
  socket.send(JSON.stringify(HANDSHAKE));
  socket.send(JSON.stringify(openOf("list")));
  await until(() => socket.texts.length === 2, "the feed is open");
  return socket;
}

/** A masked text frame; the mask is zero. */
function frame(text: string): Uint8Array {
  const body = new TextEncoder().encode(text);
  const head = body.length < 126
    ? [0x81, 0x80 | body.length, 0, 0, 0, 0]
    : [0x81, 0xfe, body.length >> 8, body.length & 0xff, 0, 0, 0, 0];
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

/** A client that never reads more than the answer to its upgrade. */
async function joinDeaf(port: number, user: string): Promise<Deno.TcpConn> {
  const connection = await connectRaw(port, `/${user}`);
  await connection.write(frame(JSON.stringify(HANDSHAKE)));
  return connection;
}

Deno.test("load: a client that does not read is disconnected, the others get everything", async () => {
  await using test = serve({ maxBuffered: 200_000 });
  const { server, gone, port, url } = test;
  const reader = await join(`${url}reader`);
  using deaf = await joinDeaf(port, "deaf");
  await deaf.write(frame(JSON.stringify(openOf("list"))));
  const live = server.feed(list, {});
  await until(() => live.subscribers === 2, "both have it open");
  const before = Deno.memoryUsage().rss;
  let sent = 0;
  const text = "x".repeat(50_000);
  while (gone.length === 0 && sent < 2_000) {
    live.update("added", { n: ++sent }, ({ lines }) => ({
      lines: [...lines.slice(-5), text + sent],
    }));
    await delay(1);
  }
  assertEquals(gone, ["deaf"]);
  assertEquals(live.subscribers, 1);
  await until(() => reader.texts.length === sent + 2, "all changes");
  assertEquals(
    reader.texts.slice(2).map((text) => JSON.parse(text).ActionData.n),
    Array.from({ length: sent }, (_, index) => index + 1),
  );
  // The kernel's buffers apart, what was kept for him is within the bound.
  assert(Deno.memoryUsage().rss - before < 150e6);
  reader.close();
  await until(() => gone.length === 2, "the reader has left");
});

Deno.test("load: a flood from a client that does not read ends with its connection", async () => {
  await using test = serve({ maxBuffered: 200_000 });
  const { gone, port, url } = test;
  const reader = await join(`${url}reader`);
  const before = Deno.memoryUsage().rss;
  const flood = await joinDeaf(port, "flood");
  const one = [
    frame("not json".padEnd(900)),
    frame(JSON.stringify(actionOf("add", { text: "y".repeat(500) }, "1"))),
    frame(JSON.stringify(actionOf("nope", {}, "2"))),
  ];
  const chunk = new Uint8Array(
    await new Blob(
      Array.from({ length: 100 }, () => one as BlobPart[]).flat(),
    ).arrayBuffer(),
  );
  try {
    for (let round = 0; round < 2_000 && gone.length === 0; round++) {
      await flood.write(chunk);
    }
  } catch {
    // It was closed under the flood.
  }
  flood.close();
  await until(() => gone.includes("flood"), "the flood was cut off");
  // The others are served as before.
  const count = reader.texts.length;
  reader.send(JSON.stringify(actionOf("add", { text: "still here" }, "9")));
  await until(
    () => reader.texts.slice(count).some((text) => text.includes("still here")),
    "an answer",
  );
  assert(Deno.memoryUsage().rss - before < 200e6);
  reader.close();
  await until(() => gone.includes("reader"), "the reader has left");
});

// Left to itself the collector may wait for longer than a test does.
setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

Deno.test("load: 10,000 come and go, and nothing of them stays", async () => {
  await using test = serve();
  const { server, gone, visitors, url } = test;
  const live = server.feed(list, {});
  const visit = async () => {
    const socket = await join(url);
    socket.close();
    await new Promise((resolve) => socket.onclose = resolve);
  };
  for (let round = 0; round < 100; round++) {
    await Promise.all(Array.from({ length: 100 }, visit));
  }
  await until(() => gone.length === 10_000, "all have left");
  assertEquals([[...server.clients].length, live.subscribers], [0, 0]);
  // Whatever is still there of one would hold its connection.
  const remaining = () => visitors.filter((ref) => ref.deref()).length;
  assertEquals(visitors.length, 10_000);
  await until(() => {
    collectGarbage();
    return remaining() === 0;
  }, "the last is forgotten");
});

const NAMES = ["list", "nope", "__proto__", "constructor", "toString", ""];

/** A message that the schema allows, mostly. */
function message(random: Random): unknown {
  const args = random(3) ? {} : { a: pick(random, NAMES) };
  switch (random(10)) {
    case 0:
      return { ...HANDSHAKE, Versions: random(2) ? ["0.1"] : ["9"] };
    case 1:
    case 2:
      return closeOf(pick(random, NAMES), args);
    case 3:
    case 4:
    case 5:
      return openOf(pick(random, NAMES), args);
    case 6:
      return { ...openOf("list", args), [pick(random, NAMES)]: 1 };
    case 7:
      return randomValue(random, 6);
    default:
      return actionOf(
        pick(random, ["add", ...NAMES]),
        random(2) ? { text: "x" } : randomObject(random, 4),
        pick(random, NAMES),
      );
  }
}

function mangle(random: Random, text: string): string {
  const at = random(text.length + 1);
  switch (random(12)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + pick(random, ['"', "{", "]", ",", "\\", "9"]) +
        text.slice(at);
    case 2:
      return text.replace(/"MessageType"/, '"__proto__"');
    case 3:
      return "[".repeat(random(5_000));
    default:
      return text;
  }
}

/** A turn of the event loop; a timer would take a millisecond. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

Deno.test("load: 1,000,000 fuzzed messages, each answered once", async () => {
  const random = rng(5);
  const prototype = Object.getOwnPropertyNames(Object.prototype).join();
  const errors: unknown[] = [];
  const server = feedmeServer({ feeds: { list }, actions: { add } }, {
    onError: (error) => errors.push(error),
  });
  let sent = 0;
  for (let client = 0; client < 100; client++) {
    let answers = 0;
    const socket = new FakeSocket();
    socket.send = (text) => {
      if (!text.startsWith('{"MessageType":"FeedAction"')) answers++;
    };
    server.accept(socket);
    for (let index = 0; index < 10_000; index++) {
      socket.receive(mangle(random, JSON.stringify(message(random))));
      sent++;
      if (index % 50 === 0) await nextTurn();
    }
    await delay(5);
    assertEquals(answers, 10_000);
    socket.close();
  }
  assertEquals([sent, errors], [1_000_000, []]);
  assertEquals(Object.getOwnPropertyNames(Object.prototype).join(), prototype);
  await delay(0);
  assertEquals([...server.clients], []);
  await server.close();
});
