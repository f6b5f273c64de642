/** The feeds and actions of the server that the pages of these tests talk to. */
import {
  type ApiOf,
  defineAction,
  defineFeed,
  FeedmeRejection,
} from "../../feed/feedme/server/server.ts";
import { z } from "zod";

/** How many items the feed `items` has. */
export const ITEMS = 1_000;

export const items = defineFeed({
  data: z.object({ items: z.array(z.object({ n: z.int() })) }),
  actions: { added: z.object({ index: z.int() }) },
  initial: () => ({ items: Array.from({ length: ITEMS }, () => ({ n: 0 })) }),
});

/** What waits until the test lets it go on. */
export class Gate {
  /** How many wait. */
  waiting = 0;
  #opened = Promise.withResolvers<void>();

  async pass(): Promise<void> {
    this.waiting++;
    await this.#opened.promise;
  }

  /** Lets those go on that wait now. */
  open(): void {
    this.waiting = 0;
    this.#opened.resolve();
    this.#opened = Promise.withResolvers();
  }
}

/** The room `held` and the action `sayLate` wait here. */
export const gate = new Gate();

export const room = defineFeed({
  args: z.object({ id: z.string() }),
  data: z.object({ id: z.string(), lines: z.array(z.string()) }),
  actions: { said: z.object({ text: z.string() }) },
  initial: async ({ id }) => {
    if (id === "secret") throw new FeedmeRejection("NOT_ALLOWED");
    if (id === "held") await gate.pass();
    return { id, lines: [] };
  },
});

const add = defineAction({
  args: z.object({ index: z.int() }),
  handler: ({ index }, { feed }) =>
    feed(items).update("added", { index }, ({ items }) => ({
      items: items.with(index, { n: items[index]!.n + 1 }),
    })),
});

const say = defineAction({
  args: z.object({ id: z.string(), text: z.string() }),
  data: z.object({ lines: z.int() }),
  async handler({ id, text }, { feed }) {
    if (text === "") throw new FeedmeRejection("EMPTY");
    const live = feed(room, { id });
    await live.loaded();
    live.update("said", { text }, (data) => ({
      ...data,
      lines: [...data.lines, text],
    }));
    return { lines: live.data.lines.length };
  },
});

/** Says something when the test lets it, or refuses then. */
const sayLate = defineAction({
  args: z.object({ text: z.string() }),
  async handler({ text }, { feed }) {
    await gate.pass();
    if (text === "no") throw new FeedmeRejection("NO");
    feed(room, { id: "a" }).update("said", { text }, (data) => ({
      ...data,
      lines: [...data.lines, text],
    }));
  },
});

export const application = {
  feeds: { items, room },
  actions: { add, say, sayLate },
};

export type Api = ApiOf<typeof application>;
