/** What an open WebSocket through the edge costs in memory, on each runtime. */
import {
  type Platform,
  signIn,
  startBundled,
  startDeno,
  startPlatform,
  startWorkerd,
} from "../tests/proxy/platform.ts";
import { open, type Server } from "../tests/proxy/support.ts";
import { runtime } from "../tests/kit/runtimes.ts";
import { printTable, type Row } from "./compare.ts";
import { listener, residentMemory } from "./process.ts";

const COUNT = 2_000;
/** Opened before the first look, so that what every edge loads once is loaded. */
const WARM = 100;

/** Bytes of each of `COUNT` WebSockets that have passed one message each way. */
async function eachSocket(start: (platform: Platform) => Promise<Server>) {
  await using platform = startPlatform();
  await using edge = await start(platform);
  const pid = await listener(edge.port);
  const cookie = await signIn(edge);
  await using sockets = new AsyncDisposableStack();
  const enter = async () => {
    const url = `${edge.origin}/rooms/lobby/backend/ws`;
    const client = sockets.use(await open(url, [], { cookie }));
    client.socket.send("hello");
    await client.next();
  };
  for (let index = 0; index < WARM; index++) await enter();
  const before = residentMemory(pid);
  for (let index = 0; index < COUNT; index += 20) {
    await Promise.all(Array.from({ length: 20 }, enter));
  }
  return (residentMemory(pid) - before) / COUNT;
}

/** Prints a row for each runtime. */
export async function benchSockets(): Promise<void> {
  const rows: Row[] = [];
  const add = (name: string, bytes: number) =>
    rows.push({
      what: `Memory of each of ${COUNT} WebSockets through the edge on ${name}`,
      measured: `${(bytes / 1024).toFixed(0)} kB`,
      target: "report",
    });
  add("Deno", await eachSocket(startDeno));
  for (const [name, label] of [["bun", "Bun"], ["node", "Node"]] as const) {
    const found = await runtime(name);
    if ("missing" in found) continue;
    const start = startBundled.bind(undefined, found.path, name);
    add(label, await eachSocket(start));
  }
  add("workerd", await eachSocket(startWorkerd));
  printTable("Open WebSockets", rows);
}

if (import.meta.main) await benchSockets();
