/** The Feedme client behind a proxy that swallows bytes, or cuts connections. */
import { webSocketTransport } from "../../../../feed/feedme/mod.ts";
import { assert, assertEquals } from "../../../kit/assert.ts";
import type { Fault } from "../../../kit/tcp_proxy.ts";
import { block, delay, until } from "../../../kit/wait.ts";
import type { Area, Test } from "../../suite.ts";
import { clientLog, connect, connected } from "../feedme.ts";
import { reveal } from "./feeds.ts";

/** In milliseconds, so that no case waits for the default. */
const SILENCE = 600;

/** A client behind a proxy in front of one of the servers. */
async function behind(t: Test, url: string) {
  const proxy = await t.proxy(url);
  const client = connect(
    webSocketTransport({ url: proxy.url, silenceTimeout: SILENCE }),
  );
  await connected(client);
  return { proxy, client };
}

const LOST = ["disconnect TRANSPORT_FAILURE", "connecting", "connect"];
const FAULTS: Fault[] = ["swallow both", "swallow up", "swallow down"];

/** The case for one server. */
function deadLinks(server: "feedmeServer" | "feedme") {
  return async (t: Test) => {
    const { proxy, client } = await behind(t, t[server]);
    await using _ = client;
    await using direct = connect(t[server]);
    await connected(direct);
    const log = clientLog(client);
    const id = t.name("board");
    const feed = client.feed(server === "feedme" ? "board" : "counter", { id });
    feed.desireOpen();
    await feed.opened();
    // Quiet and healthy: several times as long as the limit.
    await delay(4 * SILENCE);
    assertEquals([log, feed.state()], [[], "open"]);
    for (const fault of FAULTS) {
      await proxy.fault(fault);
      // Traffic in both directions, or where the fault lets it through.
      let ended = false;
      const traffic = (async () => {
        for (let n = 1; !ended; n++) {
          client.action("echo", {}).catch(() => {});
          if (server === "feedme") await reveal(direct, id, set(n));
          else await direct.action("add", { id, n: 1 });
          await delay(50);
        }
      })();
      await until(() => log.length > 0, `${fault}: found`);
      ended = true;
      await traffic;
      await proxy.fault("none");
      // An attempt that began before may have been swallowed.
      await proxy.cut();
      await connected(client);
      await feed.opened();
      await until(() => log.at(-1) === "connect", "told");
      assertEquals([log[0], log.at(-1)], [LOST[0], LOST[2]], fault);
      log.splice(0);
    }
  };
}

const set = (n: number) => ({
  name: "set",
  actionData: {},
  deltas: [{ Operation: "Set", Path: ["n"], Value: n }],
  data: { n, list: [] },
});

/** The case that blocks the event loop. */
export const BLOCKED =
  "an action that was answered while the event loop was blocked does not time out";

export const clientLiveness: Area["cases"] = {
  async [BLOCKED](t) {
    await using client = connect(
      webSocketTransport({ url: t.feedme, silenceTimeout: SILENCE }),
      { actionTimeoutMs: 200 },
    );
    await connected(client);
    const log = clientLog(client);
    const actions = Array.from({ length: 50 }, (_, n) => {
      return client.action("echo", { n });
    });
    // Long enough for them to be on their way, too short for the answers to be read.
    await delay(1);
    block(2 * SILENCE);
    assertEquals((await Promise.all(actions)).length, 50);
    assertEquals(log, []);
  },

  "a dead link to our server is found, in each direction, and no healthy one":
    deadLinks("feedmeServer"),
  "a dead link to a server from npm is found, in each direction, and no healthy one":
    deadLinks("feedme"),

  async "a feed with a log resumes after a cut, and misses no action"(t) {
    const { proxy, client } = await behind(t, t.feedmeServer);
    await using _ = client;
    await using direct = connect(t.feedmeServer);
    await connected(direct);
    const id = t.name("logged");
    const feed = client.feed("logged", { id });
    feed.desireOpen();
    await feed.opened();
    const seen: unknown[] = [];
    const loop = (async () => {
      for await (const { gap, data } of feed.actions()) {
        seen.push(gap ? "gap" : data.n);
      }
    })();
    for (let round = 0; round < 5; round++) {
      await direct.action("count", { id, times: 2 });
      await proxy.cut();
      await direct.action("count", { id, times: 3 });
      await until(() => seen.length === 5 * (round + 1), "resumed");
    }
    assertEquals(seen, Array.from({ length: 25 }, (_, index) => index + 1));
    assertEquals(feed.data(), { n: 25 });
    await client.close();
    await loop;
  },

  async "with a server from npm, a cut is marked, and nothing is doubled"(t) {
    const { proxy, client } = await behind(t, t.feedme);
    await using _ = client;
    await using direct = connect(t.feedme);
    await connected(direct);
    const id = t.name("board");
    await reveal(direct, id, set(0));
    const feed = client.feed("board", { id });
    feed.desireOpen();
    await feed.opened();
    const seen: unknown[] = [];
    const loop = (async () => {
      for await (const { gap, data, newData } of feed.actions()) {
        seen.push(gap ? ["gap", data.n] : newData.n);
      }
    })();
    await reveal(direct, id, set(1));
    await until(() => seen.length === 1, "the first");
    const before = feed.snapshot();
    const lost: unknown[] = [];
    feed.on("close", () => lost.push([feed.stale, feed.snapshot() === before]));
    await proxy.fault("refuse");
    await until(() => lost.length > 0, "lost");
    assertEquals(lost, [[true, true]], "the old data stays");
    await reveal(direct, id, set(2));
    await proxy.fault("none");
    await until(() => seen.length === 2, "the mark");
    await reveal(direct, id, set(3));
    await until(() => seen.length === 3, "the last");
    assertEquals(seen, [1, ["gap", 2], 3]);
    assertEquals(feed.stale, false);
    assert(feed.snapshot()!.list === before!.list, "what is equal is the same");
    await client.close();
    await loop;
  },
};
