/**
 * What a page or a worker loads for each entry point: bundled for browsers,
 * minified, gzipped. One list, so that a kilobyte or a new dependency is seen.
 */
import { assert } from "@std/assert";
import { bundledSize } from "./bundle.ts";

/** Bytes at most. */
const BUDGETS: Record<string, number> = {
  "client.ts": 6_000,
  "server.ts": 12_000,
  "types.ts": 8_000,
  "mod.ts": 29_000,
  "feed/feedme/mod.ts": 10_000,
  // The goal is 9,000: `deno task bench socketcluster` shows it beside the peer's.
  "feed/socketcluster/mod.ts": 11_700,
  "session/edge/proxy.ts": 25_000,
  "examples/edge/worker.ts": 25_000,
};

for (const [entry, budget] of Object.entries(BUDGETS)) {
  Deno.test(`${entry} stays within ${budget} bytes`, async () => {
    const size = await bundledSize(entry);
    console.log(`${entry}: ${size} of ${budget} bytes`);
    assert(size <= budget, `${entry} takes ${size} bytes, allowed ${budget}`);
  });
}
