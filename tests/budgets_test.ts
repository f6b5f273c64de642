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
  // The same, with both engines: their orders, and what they refuse. 0.6 kB are lists,
  // revocations and platforms of one's own.
  "server.ts": 14_450,
  "types.ts": 8_050,
  "mod.ts": 47_600,
  // 1.1 kB are the shared loop, 2.5 kB are views and optimistic actions, 1.2 kB find
  // dead connections and resume feeds.
  "feed/feedme/mod.ts": 20_400,
  // 0.4 kB wait until a backend is ready, before its first request.
  "session/edge/proxy.ts": 26_000,
  "examples/edge/worker.ts": 37_500,
  // The engine, the gate and what makes objects; 6 kB are zod, 7 kB are Hono.
  "session/cloudflare/mod.ts": 41_500,
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

const BACKEND = "SessionBackendContext, SessionBackendProvider, useReady, " +
  "useBackend, useBackendState, useReconnect";
const FEEDS = "FeedmeProvider, useFeedmeClient, useFeed, useFeedAction, " +
  "useAction, feedmeHooks";
const CHANNELS = "useChannel, useConnectionState";

/**
 * What the hooks add to the clients that they bind, which an application loads in any
 * case. React itself is not counted. Bundlers drop the hooks that a page does not use.
 */
const HOOKS: Record<
  string,
  { names: string; from: string; clients: string[]; most: number }
> = {
  "the names of @jamsocket/react": {
    names: "SessionBackendContext, SessionBackendProvider, useReady",
    from: "react/mod.ts",
    clients: ["client.ts"],
    most: 1_000,
  },
  "feeds and actions, without a backend": {
    names: FEEDS,
    from: "react/mod.ts",
    clients: ["client.ts", "feed/feedme/mod.ts"],
    most: 1_750,
  },
  "a backend, its feeds and actions": {
    names: `${BACKEND}, ${FEEDS}`,
    from: "react/mod.ts",
    clients: ["client.ts", "feed/feedme/mod.ts"],
    most: 2_400,
  },
  "channels": {
    names: CHANNELS,
    from: "react/connection.ts",
    clients: ["feed/socketcluster/mod.ts"],
    most: 850,
  },
  "feedQueryOptions": {
    names: "feedQueryOptions",
    from: "react/query.ts",
    clients: ["feed/feedme/mod.ts"],
    most: 1_000,
  },
  "all hooks but feedQueryOptions": {
    names: `${BACKEND}, ${FEEDS}, ${CHANNELS}`,
    from: "react/mod.ts",
    clients: ["client.ts", "feed/feedme/mod.ts", "feed/socketcluster/mod.ts"],
    most: 3_100,
  },
  "all hooks": {
    names: `${BACKEND}, ${FEEDS}, ${CHANNELS}, feedQueryOptions`,
    from: "react/mod.ts",
    clients: ["client.ts", "feed/feedme/mod.ts", "feed/socketcluster/mod.ts"],
    most: 3_500,
  },
};

for (const [name, { names, from, clients, most }] of Object.entries(HOOKS)) {
  Deno.test(`hooks - ${name} add at most ${most} bytes to the clients`, async () => {
    const url = (path: string) =>
      JSON.stringify(new URL(`../${path}`, import.meta.url).href);
    const without = clients.map((path, index) =>
      `export * as client${index} from ${url(path)};\n`
    ).join("");
    const size = async (code: string) => {
      await using files = await folder({ "page.ts": code });
      const page = `${files.path}/page.ts`;
      return await bundledSize(page, "--external=npm:react@^19");
    };
    const added = await size(
      `${without}export { ${names} } from ${url(from)};`,
    ) - await size(without);
    console.log(`hooks, ${name}: ${added} of ${most} bytes`);
    assert(added > 100 && added <= most, `${added} bytes`);
  });
}
