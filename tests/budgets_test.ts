/**
 * What a page or a worker loads for each entry point: bundled for browsers,
 * minified, gzipped. One list, so that a kilobyte or a new dependency is seen.
 */
import { assert } from "@std/assert";
import { bundledSize } from "./kit/bundle.ts";

/**
 * Bytes at most, some 5 % above what the code takes: an alarm on growth, not a
 * target. Readable code may cost some; the peers take 82 kB (Feedme) and 25 kB
 * (SocketCluster).
 */
const BUDGETS: Record<string, number> = {
  // 1.6 kB parse events, 1.1 kB are the loop that all streams share, 1.2 kB keep a
  // connection alive, 3 kB are the socket that follows its backend.
  "client.ts": 13_200,
  // The same, with both engines: their orders, and what they refuse.
  "server.ts": 12_500,
  "types.ts": 8_000,
  "mod.ts": 41_000,
  // 1.1 kB are the shared loop, 0.8 kB name the place in an argument that is not JSON.
  "feed/feedme/mod.ts": 15_200,
  "session/edge/proxy.ts": 24_000,
  "examples/edge/worker.ts": 34_500,
  // Its 125 methods for streams are written out, so that each can be found.
  "feed/socketcluster/mod.ts": 15_300,
};

for (const [entry, budget] of Object.entries(BUDGETS)) {
  Deno.test(`${entry} stays within ${budget} bytes`, async () => {
    const size = await bundledSize(entry);
    console.log(`${entry}: ${size} of ${budget} bytes`);
    assert(size <= budget, `${entry} takes ${size} bytes, allowed ${budget}`);
  });
}
