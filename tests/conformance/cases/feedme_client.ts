/** The Feedme client, with `feedme-server-core` from npm and with a peer that errs. */
import { feedmeClient, webSocketTransport } from "../../../feed/feedme/mod.ts";
import { same } from "../check.ts";
import type { Area } from "../suite.ts";

export const feedmeClientArea: Area = {
  name: "Feedme client",
  cases: {
    async "a feed opens and follows its actions"(t) {
      await using client = feedmeClient({
        transport: webSocketTransport({ url: t.feedme }),
      });
      client.connect();
      const id = t.name("board");
      const feed = client.feed("board", { id });
      feed.desireOpen();
      same(await feed.opened(), { n: 0, list: [] });
      const actions = feed.actions();
      await client.action("reveal", {
        id,
        name: "counted",
        actionData: { by: "us" },
        deltas: [{ Operation: "Increment", Path: ["n"], Value: 2 }],
        data: { n: 2, list: [] },
        md5: true,
      });
      const { value } = await actions.next();
      same([value?.name, value?.newData], ["counted", { n: 2, list: [] }]);
      await actions.return!();
    },
  },
};
