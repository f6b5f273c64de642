/**
 * What the users of a room share: the lines that they write, and who is here.
 * The backend serves it; the page imports its types.
 */
import {
  type ApiOf,
  defineAction,
  defineFeed,
  definePresence,
} from "@feedline/feedline/feed/feedme/server";
import { z } from "zod";

const room = defineFeed({
  data: z.object({
    lines: z.array(z.object({ by: z.string(), text: z.string() })),
  }),
  initial: () => ({ lines: [] }),
});

const people = definePresence({
  data: z.object({}),
  initial: () => ({}),
});

const write = defineAction({
  args: z.object({ text: z.string().trim().min(1).max(280) }),
  handler({ text }, { client, feed }) {
    // The platform has verified the user; the message could claim anything.
    const by = client.user ?? "somebody";
    feed(room).update("wrote", {}, ({ lines }) => ({
      lines: [...lines, { by, text }].slice(-100),
    }));
  },
});

/** All feeds and actions. */
export const application = {
  feeds: { room, people: people.feed },
  actions: { write, enter: people.action },
};

/** Their types, for the page. */
export type RoomApi = ApiOf<typeof application>;
