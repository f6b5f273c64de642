/** What the Feedme server of each runtime serves. */
import {
  type AcceptOptions,
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
  digest: true,
});

/** Lines for each `{ id }`. */
const page = defineFeed({
  args: z.object({ id: z.string() }),
  data: z.object({ lines: z.array(z.string()) }),
  initial: () => ({ lines: [] as string[] }),
  retain: false,
});

/** The same as `counter`, with a log. */
const logged = defineFeed({
  args: z.object({ id: z.string() }),
  data: z.object({ n: z.number() }),
  initial: () => ({ n: 0 }),
  log: { actions: 100 },
});

const id = z.object({ id: z.string() });

/** Who connects. */
export const visitor = ({ headers }: Request): AcceptOptions => ({
  user: "ada",
  subprotocols: headers.get("sec-websocket-protocol"),
});

export const application = {
  feeds: {
    counter,
    logged,
    page,
    staff: defineFeed({
      data: z.object({ secret: z.string() }),
      authorize: ({ client }) => client.auth.role === "staff",
      initial: () => ({ secret: "of the staff" }),
    }),
    large: defineFeed({
      data: z.object({ lines: z.array(z.string()) }),
      initial: () => ({ lines: Array(10_000).fill("é".repeat(50)) }),
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
    /** By deltas: who counted is somebody else. */
    sign: defineAction({
      args: z.object({ id: z.string(), by: z.string() }),
      handler: ({ id, by }, { feed }) =>
        feed(counter, { id }).apply("signed", {}, [
          { Operation: "InsertLast", Path: ["by"], Value: by },
        ]),
    }),
    count: defineAction({
      args: z.object({ id: z.string(), times: z.number() }),
      handler({ id, times }, { feed }) {
        const live = feed(logged, { id });
        for (let index = 0; index < times; index++) {
          const n = live.data.n + 1;
          live.update("counted", { n }, { n });
        }
      },
    }),
    end: defineAction({
      args: id,
      handler: ({ id }, { feed }) =>
        feed(counter, { id }).terminate("ENDED", { id }),
    }),
    /** How many have a counter open. */
    watchers: defineAction({
      args: id,
      data: z.object({ n: z.number() }),
      handler: ({ id }, { feed }) => ({
        n: feed(counter, { id }).subscribers,
      }),
    }),
    /** Much in one turn: `times` texts of `size` characters. */
    burst: defineAction({
      args: z.object({ id: z.string(), times: z.number(), size: z.number() }),
      handler({ id, times, size }, { feed }) {
        for (let index = 0; index < times; index++) {
          const line = `${index}`.padEnd(size);
          feed(page, { id }).update("said", {}, { lines: [line] });
        }
      },
    }),
    echo: defineAction({
      args: z.looseObject({}),
      data: z.looseObject({}),
      handler: (args) => args,
    }),
    refuse: defineAction({
      handler() {
        throw new FeedmeRejection("FULL", { seats: 12 });
      },
    }),
    leave: defineAction({
      args: z.object({ reason: z.optional(z.string()) }),
      handler: ({ reason = "as you wish" }, { client }) =>
        client.close(4001, reason),
    }),
  },
};
