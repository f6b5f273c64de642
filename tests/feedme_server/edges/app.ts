/** A counter, as an application that each runtime serves. */
import {
  defineAction,
  defineFeed,
} from "@feedline/feedline/feed/feedme/server";
import { z } from "zod";

export const count = defineFeed({
  data: z.object({ n: z.number(), by: z.string() }),
  initial: () => ({ n: 0, by: "" }),
});
export const application = {
  feeds: { count },
  actions: {
    add: defineAction({
      args: z.object({ n: z.number() }),
      handler: ({ n }, { client, feed }) =>
        feed(count).update(
          "added",
          {},
          (data) => ({ n: data.n + n, by: `${client.user}` }),
        ),
    }),
  },
};
