/** What a backend, a held key and an idle WebSocket cost the platform, in one process. */
import { Jamsocket } from "../server.ts";
import { config } from "../tests/kit/config.ts";
import { printTable, type Row } from "./compare.ts";
import { processorTime, residentMemory } from "./process.ts";

const AT_ONCE = 20;
const SERVER = new URL("platform_server.ts", import.meta.url);

/** Does a job for each number below `count`, some at once. */
async function each(count: number, job: (number: number) => Promise<unknown>) {
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < count) await job(next++);
  }));
}

/** Prints a row for each of them. */
export async function benchPlatform(): Promise<void> {
  const backend = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      if (!request.headers.has("upgrade")) return new Response("ok");
      return Deno.upgradeWebSocket(request).response;
    },
  );
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--unstable-no-legacy-abort",
      `--config=${config}`,
      SERVER.href,
      `127.0.0.1:${backend.addr.port}`,
    ],
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const port = Number((await lines.read()).value);
  const jamsocket = new Jamsocket({ dev: true, port });
  const spawn = (key: string) => jamsocket.connect({ key });
  const rows: Row[] = [];
  /** Runs what costs, and then waits for a moment in which nothing happens. */
  const measure = async (
    what: string,
    count: number,
    job: (number: number) => Promise<unknown>,
  ) => {
    const memory = residentMemory(child.pid);
    const processor = processorTime(child.pid);
    await each(count, job);
    const spent = processorTime(child.pid) - processor;
    const idle = processorTime(child.pid);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    rows.push({
      what,
      measured: `${
        ((residentMemory(child.pid) - memory) / count / 1024).toFixed(1)
      } kB, ${(spent / count).toFixed(2)} ms of CPU to begin; at rest ${
        ((processorTime(child.pid) - idle) / 50).toFixed(1)
      } % of a core for all`,
      target: "report",
    });
  };
  await each(500, (number) => spawn(`warm-${number}`));
  await measure(
    "Each of 1,000 backends",
    1_000,
    (number) => spawn(`backend-${number}`),
  );
  await measure(
    "Each of 10,000 keys held",
    10_000,
    (number) => spawn(`key-${number}`),
  );
  const sockets: WebSocket[] = [];
  const { url } = await spawn("backend-0");
  await measure(
    "Each of 5,000 idle WebSockets through the gate",
    5_000,
    () =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(url.replace("http", "ws"));
        socket.onopen = resolve;
        socket.onerror = reject;
        sockets.push(socket);
      }),
  );
  printTable("One platform", rows);
  child.kill("SIGKILL");
  await child.status;
  await lines.cancel();
  for (const socket of sockets) socket.close();
  await backend.shutdown();
}

if (import.meta.main) await benchPlatform();
