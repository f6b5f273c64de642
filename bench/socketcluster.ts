/**
 * The SocketCluster client compared to npm's socketcluster-client 20.0.2, in Deno
 * and in Node 24: `deno task bench socketcluster`, or alone
 * `deno run -A --config deno.tests.json bench/socketcluster.ts`.
 */
import { bundle, bundledSize } from "../tests/kit/bundle.ts";
import { requireRuntime } from "../tests/kit/runtimes.ts";
import { SocketClusterServer } from "../tests/kit/socketcluster_server.ts";
import { printTable, type Row } from "./compare.ts";

async function run(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** The cases as one file: a `browser` has no `ws` package, for memory; `deno` has. */
async function cases(
  folder: string,
  platform: "browser" | "deno",
): Promise<string> {
  const path = `${folder}/${platform}.mjs`;
  await Deno.writeFile(
    path,
    await bundle("bench/socketcluster_cases.ts", `--platform=${platform}`),
  );
  return path;
}

const times = (ratio: number) => `${ratio.toFixed(2)}×`;

/** Adds the figure of a bare loop that only parses and stores. */
const beside = ({ ours, bare }: { ours: number; bare: number }) =>
  `${times(ours)} (a bare loop: ${times(bare)})`;

/** Prints the table of ratios. */
export async function benchSocketCluster(): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const memory = await cases(folder, "browser");
    const network = await cases(folder, "deno");
    const runtimes = {
      Deno: [Deno.execPath(), "run", "-A", "--v8-flags=--expose-gc"],
      "Node 24": [await requireRuntime("node24"), "--expose-gc"],
    };
    await using server = await SocketClusterServer.start({
      pingInterval: 1e6,
      pingTimeout: 1e7,
    });
    const rows: Row[] = [];
    for (const [runtime, [command, ...flags]] of Object.entries(runtimes)) {
      const ask = async (program: string, ...args: string[]) =>
        JSON.parse(await run(command!, [...flags, program, ...args]));
      // Each in its own process, so that none inherits another's garbage.
      const burst = await ask(memory, "burst");
      const hundred = await ask(memory, "hundred");
      const one = await ask(memory, "one");
      const nobody = await ask(memory, "nobody");
      const ours = await ask(memory, "memory", "ours");
      const peer = await ask(memory, "memory", "peer");
      const row = (what: string, measured: string, target: string) =>
        rows.push({ what: `${runtime}: ${what}`, measured, target });
      row("one burst of 500,000", beside(burst), "≥ 1.35×");
      row("bursts of 100", beside(hundred), "≥ 1.40×");
      row("one frame a macrotask", beside(one), "≥ 1.20×");
      row("no consumer", beside(nobody), "≥ 1.05×");
      row("memory of 1,000,000 undelivered", times(ours / peer), "≤ 0.60×");
      // The peer uses the package `ws` in both; so can ours, in Node.
      for (const socket of runtime === "Deno" ? ["global"] : ["global", "ws"]) {
        const port = String(server.port);
        const loopback = await ask(network, "loopback", port, socket);
        const besideBare = (what: "messages" | "cpu" | "calls") =>
          beside({ ours: loopback.ours[what], bare: loopback.bare[what] });
        const name = `loopback, ${socket} WebSocket`;
        row(`${name}, messages`, besideBare("messages"), "≥ 1.00×");
        row(`${name}, CPU a message`, besideBare("cpu"), "< 1.00×");
        row(`${name}, 64 calls at a time`, besideBare("calls"), "≥ 1.10×");
      }
    }
    rows.push({
      what: "bundled, minified, gzipped (peer: 25.3 kB)",
      measured: `${
        (await bundledSize("feed/socketcluster/mod.ts") / 1000).toFixed(2)
      } kB`,
      target: "≤ 9 kB",
    });
    printTable("SocketCluster, beside socketcluster-client 20.0.2", rows);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) await benchSocketCluster();
