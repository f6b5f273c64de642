/** Our Feedme server: in memory, and on the sockets of this runtime. */
import { feedmeClient, webSocketTransport } from "../../../feed/feedme/mod.ts";
import { same } from "../check.ts";
import type { Area } from "../suite.ts";

export const feedmeServerArea: Area = {
  name: "Feedme server",
  cases: {
    async "it serves a feed on this runtime's sockets"(t) {
      await using client = feedmeClient({
        transport: webSocketTransport({ url: t.feedmeServer }),
      });
      client.connect();
      const id = t.name("counter");
      const feed = client.feed("counter", { id });
      feed.desireOpen();
      same(await feed.opened(), { n: 0, by: [] });
      same(await client.action("add", { id, n: 2 }), { by: "ada" });
      same(feed.data(), { n: 2, by: ["ada"] });
    },
  },
};
