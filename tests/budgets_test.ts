/**
 * What a page or a worker loads for each entry point: bundled for browsers,
 * minified, gzipped. One list, so that a kilobyte or a new dependency is seen.
 */
import { assert } from "@std/assert";
import { bundledSize } from "./kit/bundle.ts";
import { folder } from "./kit/program.ts";

/**
 * Bytes at most, some 5 % above what the code takes: an alarm on growth, not a
 * target. Decision record 9 lists what each kilobyte pays for. The peers take 82 kB
 * (Feedme) and 25 kB (SocketCluster).
 */
const BUDGETS: Record<string, number> = {
  // 1.6 kB parse events, 1.1 kB are the loop that all streams share, 1.2 kB keep a
  // connection alive, 3 kB are the socket that follows its backend.
  "client.ts": 13_450,
  // The same, with both engines: their orders, and what they refuse.
  "server.ts": 13_700,
  "types.ts": 8_050,
  "mod.ts": 47_600,
  // 1.1 kB are the shared loop, 2.5 kB are views and optimistic actions, 1.2 kB find
  // dead connections and resume feeds.
  "feed/feedme/mod.ts": 20_400,
  // 0.4 kB wait until a backend is ready, before its first request.
  "session/edge/proxy.ts": 26_000,
  "examples/edge/worker.ts": 36_600,
  // Its 125 methods for streams are written out, so that each can be found.
  "feed/socketcluster/mod.ts": 15_700,
};

for (const [entry, budget] of Object.entries(BUDGETS)) {
  Deno.test(`${entry} stays within ${budget} bytes`, async () => {
    const size = await bundledSize(entry);
    console.log(`${entry}: ${size} of ${budget} bytes`);
    assert(size <= budget, `${entry} takes ${size} bytes, allowed ${budget}`);
  });
}

/**
 * The hooks beside what they bind: the three clients, which an application loads in any
 * case. Bytes that React itself takes are not counted.
 */
const HOOKS = 3_700;

Deno.test(`react/mod.ts adds at most ${HOOKS} bytes to the clients`, async () => {
  const entries = [
    "client.ts",
    "feed/feedme/mod.ts",
    "feed/socketcluster/mod.ts",
  ];
  const size = async (...entries: string[]) => {
    await using files = await folder({
      "all.ts": entries.map((entry, index) =>
        `export * as entry${index} from ${
          JSON.stringify(new URL(`../${entry}`, import.meta.url).href)
        };\n`
      ).join(""),
    });
    return await bundledSize(
      `${files.path}/all.ts`,
      "--external=npm:react@^19",
    );
  };
  const added = await size(...entries, "react/mod.ts") - await size(...entries);
  console.log(`react/mod.ts: ${added} of ${HOOKS} bytes`);
  assert(added > 500 && added <= HOOKS, `${added} bytes`);
});
