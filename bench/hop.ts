/**
 * What one hop through the edge costs, on each runtime that serves: the backend
 * itself, the least that a proxy can be, the edge route, the floor of any edge route, and Hono's
 * own proxy helper.
 * All of them in turn within one run, before the same backend.
 */
import { bundle } from "../tests/kit/bundle.ts";
import { folder, startProgram } from "../tests/kit/program.ts";
import { runtime } from "../tests/kit/runtimes.ts";
import { median, printTable, quantile, type Row } from "./compare.ts";
import { listener, processorTime } from "./process.ts";

const CONNECTIONS = 64;
const ROUNDS = Number(Deno.env.get("HOP_ROUNDS") ?? 9);
const ROUND_MS = Number(Deno.env.get("HOP_MS") ?? 1_000);
const RUNTIMES = (Deno.env.get("HOP_ON") ?? "deno bun node").split(" ");
const WAYS = ["direct", "bare", "ours", "floor", "hono"] as const;

/** One measurement of one way. */
interface Sample {
  /** Requests a second. */
  rate: number;
  /** Milliseconds from a request to its response. */
  p50: number;
  p99: number;
  /** Microseconds of processor time of the program for each request. */
  cpu: number;
}

interface Server {
  port: number;
  pid: number;
}

/** Does one exchange after another until it is stopped. */
type Exchange = { next(): Promise<void>; close(): void };

/** The headers of a page's `fetch`. */
const FIELDS = [
  "host: edge.example",
  "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
  "accept: */*",
  "accept-language: en-GB,en;q=0.9",
  "cookie: session=0123456789abcdef0123456789abcdef",
];

const REQUEST = new TextEncoder().encode(
  `GET /rooms/doc/backend/file?x=1 HTTP/1.1\r\n${FIELDS.join("\r\n")}\r\n\r\n`,
);

/** Plain HTTP over a connection of its own: `fetch` would cost more than the proxy. */
async function openHttp(port: number): Promise<Exchange> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const buffer = new Uint8Array(16 * 1024);
  const decoder = new TextDecoder("latin1");
  return {
    async next() {
      await connection.write(REQUEST);
      let seen = "";
      for (;;) {
        const count = await connection.read(buffer);
        if (count === null) throw new Error("the server closed");
        seen += decoder.decode(buffer.subarray(0, count));
        if (isWhole(seen)) break;
      }
      if (!seen.startsWith("HTTP/1.1 200")) throw new Error(seen.slice(0, 300));
    },
    close: () => connection.close(),
  };
}

/** Whether `text` is a complete response of HTTP/1.1. */
function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end));
  return length
    ? text.length >= end + 4 + Number(length[1])
    : text.endsWith("0\r\n\r\n");
}

/** One message after another over a WebSocket, each echoed by the backend. */
async function openSocket(port: number): Promise<Exchange> {
  const socket = new WebSocket(
    `ws://127.0.0.1:${port}/rooms/doc/backend/ws`,
  );
  socket.binaryType = "arraybuffer";
  const message = new Uint8Array(1024);
  let got: () => void;
  let lost: (error: Error) => void;
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    lost = reject;
    socket.onerror = () => lost(new Error("the socket failed"));
  });
  socket.onmessage = () => got();
  return {
    next: () =>
      new Promise((resolve, reject) => {
        got = resolve;
        lost = reject;
        socket.send(message);
      }),
    close: () => socket.close(),
  };
}

/** Keeps one exchange in flight on each connection for a while. */
async function measure(
  server: Server,
  exchanges: Exchange[],
  ms: number,
): Promise<Sample> {
  const took: number[] = [];
  const start = performance.now();
  const cpu = processorTime(server.pid);
  const end = start + ms;
  await Promise.all(exchanges.map(async (exchange) => {
    for (let now = start; now < end;) {
      await exchange.next();
      const then = performance.now();
      took.push(then - now);
      now = then;
    }
  }));
  const seconds = (performance.now() - start) / 1000;
  const spent = processorTime(server.pid) - cpu;
  took.sort((a, b) => a - b);
  return {
    rate: took.length / seconds,
    p50: quantile(took, 0.5),
    p99: quantile(took, 0.99),
    cpu: 1000 * spent / took.length,
  };
}

type Way = typeof WAYS[number];

/** Measures each way in turn, several times: the median of each figure. */
async function alternate(
  servers: ReadonlyMap<Way, Server>,
  open: (port: number) => Promise<Exchange>,
  connections: number,
): Promise<Map<Way, Sample>> {
  const samples = new Map<Way, Sample[]>();
  for (let round = -1; round < ROUNDS; round++) {
    const order = [...servers];
    // So that no way always follows the same other one.
    if (round % 2 === 0) order.reverse();
    for (const [way, server] of order) {
      const exchanges = await Promise.all(
        Array.from({ length: connections }, () => open(server.port)),
      );
      const sample = await measure(server, exchanges, ROUND_MS);
      for (const exchange of exchanges) exchange.close();
      if (round >= 0) samples.set(way, [...samples.get(way) ?? [], sample]);
    }
  }
  return new Map([...samples].map(([way, all]) => {
    const of = (name: keyof Sample) => median(all.map((one) => one[name]));
    return [way, {
      rate: of("rate"),
      p50: of("p50"),
      p99: of("p99"),
      cpu: of("cpu"),
    }];
  }));
}

/** Prints what a hop costs on each runtime. */
export async function benchHop(): Promise<void> {
  if (Deno.build.os !== "linux") {
    return console.log("\nOne hop: only Linux reports processor time");
  }
  const program = await bundle("bench/hop_server.ts", "--platform=deno");
  await using files = await folder({ "hop.mjs": program });
  await using programs = new AsyncDisposableStack();
  const start = async (command: string[], way: Way, backend = 0) => {
    const [path, ...args] = command as [string, ...string[]];
    const { said } = programs.use(
      await startProgram(path, [
        ...args,
        `${files.path}/hop.mjs`,
        way,
        String(backend),
      ]),
    );
    const port = Number(/\d+$/.exec(said)![0]);
    return { port, pid: await listener(port) };
  };
  const deno = [Deno.execPath(), "run", "-A", "--no-config"];
  const direct = await start(deno, "direct");
  for (const name of RUNTIMES as ("deno" | "bun" | "node")[]) {
    let command = deno;
    if (name !== "deno") {
      const found = await runtime(name);
      if ("missing" in found) {
        console.log(`\nOne hop on ${name}: ${found.missing}`);
        continue;
      }
      command = [found.path];
    }
    const servers = new Map<Way, Server>([["direct", direct]]);
    for (const way of WAYS.slice(1)) {
      servers.set(way, await start(command, way, direct.port));
    }
    print(
      `One hop on ${name}: HTTP, one request at a time`,
      await alternate(servers, openHttp, 1),
    );
    print(
      `One hop on ${name}: HTTP, ${CONNECTIONS} connections`,
      await alternate(servers, openHttp, CONNECTIONS),
    );
    // These two only forward HTTP.
    servers.delete("floor");
    servers.delete("hono");
    print(
      `One hop on ${name}: WebSocket, ${CONNECTIONS} connections`,
      await alternate(servers, openSocket, CONNECTIONS),
    );
  }
}

function print(title: string, samples: Map<Way, Sample>): void {
  const bare = samples.get("bare")!;
  const beside = (value: number, other: number, digits: number) =>
    `${value.toFixed(digits)} (${(value / other).toFixed(2)}×)`;
  const rows = [...samples].map(([way, sample]): Row => ({
    what: way,
    measured: [
      `p50 ${beside(sample.p50, bare.p50, 2)} ms`,
      `p99 ${beside(sample.p99, bare.p99, 2)} ms`,
      `${beside(sample.rate, bare.rate, 0)} a second`,
      `${beside(sample.cpu, bare.cpu, 0)} µs of processor time`,
    ].join(", "),
    target: way === "ours" ? "p50 ≤ 1.2×, ≥ 0.85× a second" : "report",
  }));
  printTable(title, rows);
}

if (import.meta.main) await benchHop();
