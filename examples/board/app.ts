/**
 * A board: the feeds and actions that its backend serves. The page imports its
 * types from here.
 *
 * The platform runs one backend for each board. All users of a board reach the
 * same process, so the feeds are their shared state, without locks.
 */
import {
  type ApiOf,
  defineAction,
  defineFeed,
  definePresence,
  FeedmeRejection,
} from "../../feed/feedme/server/server.ts";
import { z } from "zod";
import { TextHistory } from "./text.ts";

/** The largest number of notes on a board. */
export const MAX_NOTES = 200;
/** Longest text of a note. Pages stop earlier: two people may write at once. */
const MAX_TEXT = 1000;

/** The coordinate of an object's center, clamped to the range from 0 to 1. */
const place = z.number().transform((value) => Math.min(1, Math.max(0, value)));

const noteId = z.uuid();
const note = z.object({
  x: place,
  y: place,
  color: z.int().min(0).max(5),
  by: z.string(),
  text: z.string(),
  /** How many changes led to the text. */
  revision: z.int().min(0),
});
/** A change of a text, in the form described in `text.ts`. */
const change = z.array(
  z.union([z.int(), z.string().min(1).max(MAX_TEXT)]),
).max(2 * MAX_TEXT);

/** All notes, by id. */
export const notesSchema = z.record(noteId, note);
/** All notes, by id. */
export type Notes = z.infer<typeof notesSchema>;

/** The notes. Each action describes the change, so that pages can follow it. */
export const board = defineFeed({
  data: z.object({ notes: notesSchema }),
  actions: {
    came_back: z.object({}),
    added: z.object({ id: noteId }),
    moved: z.object({ id: noteId }),
    /** `from` is the id of the page that made the change. */
    edited: z.object({ id: noteId, change, from: z.string() }),
    removed: z.object({ id: noteId }),
  },
  initial: () => ({ notes: {} }),
});

/** The users who have the board open, and where they point. */
export const people = definePresence({
  data: z.object({ at: z.nullable(z.object({ x: place, y: place })) }),
  initial: () => ({ at: null }),
});

const add = defineAction({
  args: z.object({ id: noteId, x: place, y: place, color: note.shape.color }),
  handler({ id, ...where }, { client, feed }) {
    const live = feed(board);
    const { notes } = live.data;
    if (notes[id]) return;
    if (Object.keys(notes).length >= MAX_NOTES) {
      throw new FeedmeRejection("BOARD_FULL", { notes: MAX_NOTES });
    }
    // The platform has verified the user; the message could claim anything.
    const by = client.user ?? "somebody";
    const added = { ...where, by, text: "", revision: 0 };
    live.update("added", { id }, { notes: { ...notes, [id]: added } });
  },
});

const move = defineAction({
  args: z.object({ id: noteId, x: place, y: place }),
  handler({ id, x, y }, { feed }) {
    const live = feed(board);
    const { notes } = live.data;
    const known = notes[id];
    if (!known) return;
    live.update("moved", { id }, {
      notes: { ...notes, [id]: { ...known, x, y } },
    });
  },
});

/** The last changes of each text, against which late changes are transformed. */
const histories = new Map<string, TextHistory>();

/** Changes the text of a note, as it was in `revision`. */
const edit = defineAction({
  args: z.object({
    id: noteId,
    revision: z.int().min(0),
    change,
    from: z.string().max(64),
  }),
  handler({ id, revision, change, from }, { feed }) {
    const live = feed(board);
    const { notes } = live.data;
    const known = notes[id];
    if (!known) return;
    let history = histories.get(id);
    if (history?.revision !== known.revision) {
      history = new TextHistory(known.text, known.revision);
      histories.set(id, history);
    }
    const made = history.change(revision, change, MAX_TEXT);
    if (!made) throw new FeedmeRejection("OUT_OF_DATE");
    live.update("edited", { id, change: [...made], from }, {
      notes: {
        ...notes,
        [id]: { ...known, text: history.text, revision: history.revision },
      },
    });
  },
});

const remove = defineAction({
  args: z.object({ id: noteId }),
  handler({ id }, { feed }) {
    const live = feed(board);
    const { [id]: gone, ...notes } = live.data.notes;
    histories.delete(id);
    if (gone) live.update("removed", { id }, { notes });
  },
});

/** All feeds and actions. */
export const application = {
  feeds: { board, people: people.feed },
  actions: { add, move, edit, remove, point: people.action },
};

/** The API that the page uses. */
export type BoardApi = ApiOf<typeof application>;
