/**
 * Cold starts: a first request through the edge to a backend that does not run yet, beside
 * the same program started by hand until it answers.
 */
import { Jamsocket } from "../server.ts";
import { servePlatform, startDevPlatform } from "../session/dev/mod.ts";
import { sessionProxy } from "../session/edge/proxy.ts";
import { startDockerd } from "../tests/kit/dockerd.ts";
import { folder } from "../tests/kit/program.ts";
import type { SessionEngine } from "../types.ts";
import { byHand } from "./by_hand.ts";
import { compare, printTable, type Row, type Way } from "./compare.ts";

const PROGRAM =
  `Deno.serve({ port: Number(Deno.env.get("PORT")), onListen() {} }, () => new Response("ok"));`;

let starts = 0;

/** From the first request to its first byte, through the edge. */
function throughEdge(engine: SessionEngine): Way {
  const app = sessionProxy({ engine, authorize: () => ({ user: "ada" }) });
  return async () => {
    const key = `cold-${++starts}`;
    const start = performance.now();
    const answer = await app.request(`http://edge/${key}/backend/`);
    await answer.body!.getReader().read();
    const took = performance.now() - start;
    const { backend_id } = await engine.connect({ key, spawn: false });
    await engine.terminate(backend_id, { hard: true });
    for await (const _ of engine.statuses(backend_id)) {
      // Its end is not part of the next start.
    }
    return took;
  };
}

/** Asks until a program answers. */
async function untilAnswered(origin: string): Promise<void> {
  for (;;) {
    try {
      const answer = await fetch(origin);
      await answer.body!.getReader().read();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

function processByHand(main: string): Promise<number> {
  return byHand(main, (port) => untilAnswered(`http://127.0.0.1:${port}`));
}

/** Runs Docker's own command. */
async function docker(host: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("docker", {
    args: ["--host", host, ...args],
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(text.decode(stderr));
  return text.decode(stdout).trim();
}

/** Prints a row for each platform that this machine has. */
export async function benchCold(): Promise<void> {
  const rows: Row[] = [];
  const add = async (what: string, edge: Way, hand: Way, target: string) => {
    const { ratio, a, b } = await compare(edge, hand, 11);
    rows.push({
      what,
      measured: `${ratio.toFixed(2)}× (${a.toFixed(0)} and ${b.toFixed(0)} ms)`,
      target,
    });
  };
  await using program = await folder({ "main.js": PROGRAM });
  const main = `${program.path}/main.js`;
  {
    await using dev = await startDevPlatform({
      module: main,
      port: 0,
      proxyPort: 0,
    });
    const port = Number(new URL(dev.apiUrl).port);
    await add(
      "First byte through the edge, process / by hand",
      throughEdge(new Jamsocket({ dev: true, port })),
      () => processByHand(main),
      "≤ 1.2×",
    );
  }
  const daemon = await startDockerd();
  if ("missing" in daemon) console.error(`Docker: ${daemon.missing}`);
  else {
    await using _ = daemon;
    await daemon.importImage("cold:1", PROGRAM);
    await using state = await folder();
    await using served = await servePlatform({
      image: "cold:1",
      state: state.path,
      dockerHost: daemon.host,
      networks: [daemon.network],
      token: "bench",
      port: 0,
      proxyPort: 0,
    });
    const run = [
      ...["run", "--detach", "--network", daemon.network],
      ...["--publish", "127.0.0.1::8080", "--env", "PORT=8080", "cold:1"],
    ];
    await add(
      "First byte through the edge, Docker / docker run",
      throughEdge(new Jamsocket({ apiUrl: served.apiUrl, token: "bench" })),
      async () => {
        const start = performance.now();
        const id = await docker(daemon.host, ...run);
        const address = await docker(daemon.host, "port", id, "8080/tcp");
        await untilAnswered(`http://${address}`);
        const took = performance.now() - start;
        await docker(daemon.host, "rm", "--force", id);
        return took;
      },
      "≤ 1.15×",
    );
  }
  printTable("Cold start", rows);
}

if (import.meta.main) await benchCold();
