/** The dev platform: from `connect` to `ready`, compared to starting a backend by hand. */
import { fileURLToPath } from "node:url";
import { startDevPlatform } from "../session/dev/mod.ts";
import { Jamsocket } from "../server.ts";
import { byHand } from "./by_hand.ts";
import { compare, printTable } from "./compare.ts";

const BACKEND = fileURLToPath(
  new URL("../tests/dev/echo_backend.ts", import.meta.url),
);

/** Polls a port until something accepts connections there. */
async function untilAccepted(port: number): Promise<void> {
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
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
  const start = await compare(
    spawned,
    () => byHand(BACKEND, untilAccepted),
    21,
  );

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
