/** What an open WebSocket through the edge costs in memory, on each runtime. */
import { startEdge, startPlatform } from "../tests/proxy/platform.ts";
import { open } from "../tests/proxy/support.ts";
import { bundle } from "../tests/kit/bundle.ts";
import { config } from "../tests/kit/config.ts";
import { folder } from "../tests/kit/program.ts";
import { runtime } from "../tests/kit/runtimes.ts";
import { printTable, type Row } from "./compare.ts";
import { listener, residentMemory } from "./process.ts";

const COUNT = 2_000;
/** Opened before the first look, so that what every edge loads once is loaded. */
const WARM = 100;

/** Bytes of each of `COUNT` WebSockets that have passed one message each way. */
async function eachSocket(command: string, args: string[], deno = false) {
  await using platform = startPlatform();
  await using edge = await startEdge(
    command,
    args,
    platform,
    deno ? "stderr" : undefined,
  );
  const pid = await listener(edge.port);
  const signIn = await fetch(`${edge.origin}/sign-in/ada`, { method: "POST" });
  await signIn.body?.cancel();
  const cookie = signIn.headers.get("set-cookie")!.split(";")[0]!;
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
  add(
    "Deno",
    await eachSocket(
      Deno.execPath(),
      [
        "run",
        "--allow-net",
        "--allow-env",
        "--unstable-no-legacy-abort",
        `--config=${config}`,
        "examples/edge/deno.ts",
      ],
      true,
    ),
  );
  for (const name of ["bun", "node"] as const) {
    const found = await runtime(name);
    if ("missing" in found) continue;
    await using program = await folder({
      "edge.mjs": await bundle(
        `tests/proxy/edges/${name}.ts`,
        "--platform=deno",
      ),
    });
    add(
      name === "bun" ? "Bun" : "Node",
      await eachSocket(found.path, [`${program.path}/edge.mjs`]),
    );
  }
  printTable("Open WebSockets", rows);
}

if (import.meta.main) await benchSockets();
