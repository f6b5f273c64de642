/** The status stream: from bytes to callback, compared to the SSE parser alone. */
import { jamsocketStatus } from "../session/engine/jamsocket.ts";
import process from "node:process";
import { createParser } from "eventsource-parser";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { formatServerEvent } from "../net/sse.ts";
import { followStatus } from "../session/engine/follow.ts";
import { compare, printTable, type Row } from "./compare.ts";

const encoder = new TextEncoder();

/** The chunks in which a body arrives. */
type Chunks = readonly Uint8Array[];

/** A status log as a platform sends it: one chunk per event, as it happens. */
function log(statuses: string[]): Chunks {
  return statuses.map((status, index) =>
    encoder.encode(formatServerEvent({
      data: JSON.stringify({
        status,
        time: new Date(1_767_225_600_000 + index).toISOString(),
      }),
      id: status,
    }))
  );
}

/** The same bytes in chunks of a different size. */
function rechunked(chunks: Chunks, size: number): Chunks {
  const bytes = new Uint8Array(chunks.flatMap((chunk) => [...chunk]));
  return Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, index) => bytes.subarray(index * size, (index + 1) * size),
  );
}

const life = log([
  "scheduled",
  "loading",
  "starting",
  "waiting",
  "ready",
  "terminating",
  "terminated",
]);

/** The longest log that a follower accepts: 100 unknown statuses. */
const longest = log([
  ...Array.from({ length: 100 }, (_, index) => `step ${index}`),
  "ready",
  "terminated",
]);

/** The same response for both sides. */
function answer(chunks: Chunks): Response {
  let at = 0;
  return new Response(
    new ReadableStream<Uint8Array>({
      pull(controller) {
        const chunk = chunks[at++];
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
    }),
    { headers: { "content-type": "text/event-stream" } },
  );
}

/** The response to the one status request that a follower makes besides the stream. */
function asked(): Response {
  return new Response('{"status":"scheduled","time":"2026-01-01T00:00:00Z"}');
}

let heard = 0;

/**
 * eventsource-parser alone, from bytes to text: the pipe that its documentation shows for
 * the body of a response.
 */
async function parserAlone(chunks: Chunks): Promise<void> {
  const events = answer(chunks).body!
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) if (data) heard++;
}

/** Its text parser in a bare loop, without limits or backpressure. */
function bareLoop(chunks: Chunks): Promise<void> {
  return parser(chunks, () => heard++);
}

/** The minimum that yields states: that loop and `JSON.parse`. */
function loopAndJson(chunks: Chunks): Promise<void> {
  return parser(chunks, ({ data }) => {
    if (JSON.parse(data).status) heard++;
  });
}

/** A whole life, followed. */
async function ours(chunks: Chunks): Promise<void> {
  await followStatus({
    statusUrl: "http://platform/status",
    dialect: jamsocketStatus,
    backendId: "b1",
    signal: new AbortController().signal,
    fetch: (url) =>
      Promise.resolve(
        String(url).includes("/stream") ? answer(chunks) : asked(),
      ),
    onState: () => heard++,
  });
}

/** The same bytes through its callback, a chunk decoded after the other. */
async function parser(
  chunks: Chunks,
  onEvent: (event: { data: string }) => void,
): Promise<void> {
  const parser = createParser({ onEvent });
  const decoder = new TextDecoder();
  const fetch = () => Promise.resolve(answer(chunks));
  const reader = (await fetch()).body!.getReader();
  while (true) {
    const { done, value } = await reader.read();
    if (done) break;
    parser.feed(decoder.decode(value, { stream: true }));
  }
}

/** Follows 2,000 quiet streams at once; measures the cost of one. */
async function atOnce(): Promise<Row> {
  const count = 2_000;
  const controllers: ReadableStreamDefaultController<Uint8Array>[] = [];
  const first = rechunked(life, 400)[0]!;
  const server = Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen() {},
  }, ({ url }) =>
    !url.includes("/stream") ? asked() : new Response(
      new ReadableStream({
        start(controller) {
          controllers.push(controller);
          controller.enqueue(first);
        },
      }),
      { headers: { "content-type": "text/event-stream" } },
    ));
  const abort = new AbortController();
  const before = Deno.memoryUsage().rss;
  const cpu = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  const start = cpu();
  let delivered = 0;
  const all = Promise.withResolvers<void>();
  const followed = Array.from({ length: count }, () =>
    followStatus({
      statusUrl: `http://127.0.0.1:${server.addr.port}/status`,
      dialect: jamsocketStatus,
      backendId: "b1",
      signal: abort.signal,
      keepTrying: true,
      onState: () => {
        if (++delivered === count * 4) all.resolve();
      },
    }).catch(() => {}));
  await all.promise;
  const memory = (Deno.memoryUsage().rss - before) / count / 1024;
  const opened = (cpu() - start) / count;
  const quiet = cpu();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const idle = (cpu() - quiet) / 3 / count;
  abort.abort();
  await Promise.all(followed);
  for (const controller of controllers) {
    try {
      controller.close();
    } catch {
      // Cancelled by its reader.
    }
  }
  await server.shutdown();
  return {
    what: "2,000 streams followed at once, each (with the server's side of it)",
    measured: `${memory.toFixed(0)} kB, ${opened.toFixed(2)} ms CPU to open, ${
      (idle * 1000).toFixed(1)
    } µs CPU a second when quiet`,
    target: "report",
  };
}

/** Prints the table of this area. */
export async function benchStatus(): Promise<void> {
  const rows: Row[] = [];
  for (
    const [name, chunks, streams] of [
      ["102 events a stream, a chunk each", longest, 200],
      ["102 events a stream, 64-byte chunks", rechunked(longest, 64), 200],
      ["102 events a stream, one chunk", rechunked(longest, 1e6), 500],
      ["7 events a stream, a chunk each", life, 2_000],
      ["7 events a stream, one chunk", rechunked(life, 1e6), 3_000],
    ] as const
  ) {
    const many = (way: typeof ours) => async () => {
      for (let i = 0; i < streams; i++) await way(chunks);
    };
    const alone = await compare(many(parserAlone), many(ours), 9);
    const loop = await compare(many(bareLoop), many(ours), 9);
    const floor = await compare(many(bareLoop), many(loopAndJson), 9);
    const json = await compare(many(loopAndJson), many(ours), 9);
    const of = ({ ratio }: { ratio: number }) => `${ratio.toFixed(2)}×`;
    rows.push({
      what: `events a second, bytes to callback: ${name}`,
      measured: `${of(alone)} of the parser's own stream; ${
        of(loop)
      } of a bare loop around it (which with JSON.parse has ${
        of(floor)
      }: of that we have ${of(json)})`,
      target: "≥ 0.7×",
    });
  }
  rows.push(await atOnce());
  printTable("Status stream", rows);
}

if (import.meta.main) await benchStatus();
