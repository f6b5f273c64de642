/** What the Feedme server of each runtime serves. */
import {
  defineAction,
  defineFeed,
  FeedmeRejection,
} from "@feedline/feedline/feed/feedme/server";
import { z } from "zod";

/** A counter for each `{ id }`. */
export const counter = defineFeed({
  args: z.object({ id: z.string() }),
  data: z.object({ n: z.number(), by: z.array(z.string()) }),
  initial: () => ({ n: 0, by: [] }),
  retain: false,
});

export const application = {
  feeds: {
    counter,
    staff: defineFeed({
      data: z.object({ secret: z.string() }),
      authorize: ({ client }) => client.auth.role === "staff",
      initial: () => ({ secret: "of the staff" }),
    }),
  },
  actions: {
    add: defineAction({
      args: z.object({ id: z.string(), n: z.number() }),
      data: z.object({ by: z.string() }),
      handler({ id, n }, { client, feed }) {
        const by = client.user ?? "nobody";
        feed(counter, { id }).update("added", { n }, (data) => ({
          n: data.n + n,
          by: [...data.by, by],
        }));
        return { by };
      },
    }),
    refuse: defineAction({
      handler() {
        throw new FeedmeRejection("FULL", { seats: 12 });
      },
    }),
    leave: defineAction({
      handler: (_args, { client }) => client.close(4001, "as you wish"),
    }),
  },
};
