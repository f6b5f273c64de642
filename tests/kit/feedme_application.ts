/** The application behind both suites' Feedme servers: rooms, a counter, and failures. */
import { z } from "zod";
import * as mini from "zod/mini";
import {
  defineAction,
  defineFeed,
  FeedmeRejection,
} from "../../feed/feedme/server/server.ts";

export const room = defineFeed({
  args: z.object({ id: z.string().max(3) }),
  data: z.object({ lines: z.array(z.string()) }),
  authorize: ({ client, args }) => client.user !== "mallory" && args.id !== "x",
  initial: ({ id }) => ({ lines: [`welcome to ${id}`] }),
});
export const count = defineFeed({
  data: mini.object({ n: mini.number() }),
  actions: { added: mini.object({ n: mini.number() }) },
  initial: () => ({ n: 0 }),
  digest: true,
});
const say = defineAction({
  args: z.object({ id: z.string(), text: z.string().max(10) }),
  data: z.object({ count: z.number() }),
  authorize: async ({ client }) => {
    await Promise.resolve();
    return client.auth.role === "writer";
  },
  handler({ id, text }, { client, feed }) {
    if (text === "reject") throw new FeedmeRejection("FULL", { seats: 12 });
    if (text === "throw") throw new Error("the password is 1234");
    if (text === "wrong") return { count: "1" as unknown as number };
    const live = feed(room, { id });
    live.update("said", { by: client.user ?? null }, ({ lines }) => ({
      lines: [...lines, text],
    }));
    return { count: live.data.lines.length };
  },
});
const hang = defineAction({ handler: () => new Promise<void>(() => {}) });

/** What the server serves. */
export const application = { feeds: { room, count }, actions: { say, hang } };
