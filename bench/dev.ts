/** The dev platform: from `connect` to `ready`, compared to starting a backend by hand. */
import { fileURLToPath } from "node:url";
import { startDevPlatform } from "../session/dev/mod.ts";
import { Jamsocket } from "../server.ts";
import { compare, printTable } from "./compare.ts";

const BACKEND = fileURLToPath(
  new URL("../tests/dev/echo_backend.ts", import.meta.url),
);

/** Starts the backend and polls its port until it responds. */
async function byHand(): Promise<number> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const start = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", BACKEND],
    env: { PORT: String(port) },
    stdout: "null",
    stderr: "null",
  }).spawn();
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  const took = performance.now() - start;
  child.kill("SIGKILL");
  await child.status;
  return took;
}

/** Prints the time that the platform adds to a start. */
export async function benchDev(): Promise<void> {
  await using platform = await startDevPlatform({
    module: BACKEND,
    port: 0,
    proxyPort: 0,
  });
  const port = Number(new URL(platform.apiUrl).port);
  const jamsocket = new Jamsocket({ dev: true, port });

  const spawned = async () => {
    const start = performance.now();
    const { backend_id } = await jamsocket.connect();
    let took = 0;
    for await (const { status } of jamsocket.statuses(backend_id)) {
      if (status === "ready") {
        took = performance.now() - start;
        await jamsocket.terminate(backend_id, { hard: true });
      }
    }
    return took;
  };
  const start = await compare(spawned, byHand, 21);

  // The cost for every later connection to a key.
  const { backend_id } = await jamsocket.connect({ key: "held" });
  for await (const { status } of jamsocket.statuses(backend_id)) {
    if (status === "ready") break;
  }
  const again = await compare(
    async () => void await jamsocket.connect({ key: "held" }),
    async () => void await jamsocket.status(backend_id),
    51,
  );
  printTable("Dev platform", [
    {
      what: "connect until ready / the same backend by hand until it answers",
      measured: `${start.ratio.toFixed(2)}×`,
      target: "≤ 1.3×",
    },
    {
      what: "connect to a held key / reading a status",
      measured: `${again.ratio.toFixed(2)}×`,
      target: "report",
    },
  ]);
}

if (import.meta.main) await benchDev();
