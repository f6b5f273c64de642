/**
 * What a page or a worker loads for each entry point: bundled for browsers,
 * minified, gzipped. One list, so that a kilobyte or a new dependency is seen.
 */
import { assert } from "@std/assert";
import { bundledSize } from "./kit/bundle.ts";

/**
 * Bytes at most: an alarm on growth, not a target. Readable code may cost some; the
 * peers take 82 kB (Feedme) and 25 kB (SocketCluster).
 */
const BUDGETS: Record<string, number> = {
  "client.ts": 10_500,
  "server.ts": 12_500,
  "types.ts": 8_500,
  "mod.ts": 39_000,
  "feed/feedme/mod.ts": 15_000,
  "session/edge/proxy.ts": 30_000,
  "examples/edge/worker.ts": 34_000,
  // Its 125 methods for streams are written out, so that each can be found.
  "feed/socketcluster/mod.ts": 14_700,
};

for (const [entry, budget] of Object.entries(BUDGETS)) {
  Deno.test(`${entry} stays within ${budget} bytes`, async () => {
    const size = await bundledSize(entry);
    console.log(`${entry}: ${size} of ${budget} bytes`);
    assert(size <= budget, `${entry} takes ${size} bytes, allowed ${budget}`);
  });
}
