/**
 * What a board is: the feeds and actions that its backend serves. The page
 * takes its types from here.
 *
 * The platform runs one backend for each board. Everybody who opens the board
 * reaches the same process, so the feeds are the shared state: no database, no
 * locks.
 */
import {
  type ApiOf,
  defineAction,
  defineFeed,
} from "../../feed/feedme/server/server.ts";
import { z } from "zod";

const MAX_NOTES = 200;

/** The place of something's middle, from 0 to 1; what lies outside is moved in. */
const place = z.number().transform((value) => Math.min(1, Math.max(0, value)));

const noteId = z.uuid();
const written = z.object({
  x: place,
  y: place,
  text: z.string().max(280),
  color: z.int().min(0).max(5),
});

/** All notes, by id. */
export const board = defineFeed({
  data: z.object({
    notes: z.record(noteId, written.extend({ by: z.string() })),
  }),
  initial: () => ({ notes: {} }),
});

/** Who is here, and where they point. */
export const people = defineFeed({
  data: z.object({
    people: z.record(
      z.string(),
      z.object({
        name: z.string(),
        at: z.nullable(z.object({ x: place, y: place })),
      }),
    ),
  }),
  initial: () => ({ people: {} }),
  onOpen({ client, live }) {
    const person = { name: client.user ?? "somebody", at: null };
    live.update("came", {}, (data) => ({
      people: { ...data.people, [client.id]: person },
    }));
  },
  onClose({ client, live }) {
    live.update("left", {}, (data) => {
      const { [client.id]: _, ...people } = data.people;
      return { people };
    });
  },
});

/** A note is put there for the first time, moved or written on. */
const put = defineAction({
  args: written.extend({ id: noteId }),
  handler({ id, ...note }, { client, feed }) {
    const live = feed(board);
    const { notes } = live.data;
    const known = notes[id];
    if (!known && Object.keys(notes).length >= MAX_NOTES) return;
    // Who asks was verified by the platform, not told by the message.
    const by = known?.by ?? client.user ?? "somebody";
    live.update("put", {}, { notes: { ...notes, [id]: { ...note, by } } });
  },
});

const remove = defineAction({
  args: z.object({ id: noteId }),
  handler({ id }, { feed }) {
    const live = feed(board);
    const { [id]: gone, ...notes } = live.data.notes;
    if (gone) live.update("remove", {}, { notes });
  },
});

const point = defineAction({
  args: z.object({ x: place, y: place }),
  handler(at, { client, feed }) {
    const live = feed(people);
    const person = live.data.people[client.id];
    if (!person) return;
    live.update("point", {}, (data) => ({
      people: { ...data.people, [client.id]: { ...person, at } },
    }));
  },
});

/** Which of the people the client is. */
const me = defineAction({
  data: z.object({ id: z.string() }),
  handler: (_args, { client }) => ({ id: client.id }),
});

/** All of it. */
export const application = {
  feeds: { board, people },
  actions: { put, remove, point, me },
};

/** What the page may ask for. */
export type BoardApi = ApiOf<typeof application>;
