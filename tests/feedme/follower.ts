/**
 * A reader of `actions()` that checks what it is told: each action takes the counter `n`
 * of the feed one further, and only a mark may skip some.
 */
import { assertEquals } from "@std/assert";
import type { FeedmeFeed } from "../../feed/feedme/client/feed.ts";

export interface Follower {
  /** The `n` that the reader knows of; `undefined` before the feed was first open. */
  readonly n: number | undefined;
  /** How many marks there were. */
  readonly gaps: number;
  /** Ends the loop; rejects if something was doubled, or missing without a mark. */
  end(): Promise<void>;
}

export function follow(feed: FeedmeFeed, about = ""): Follower {
  const state: { n: number | undefined; gaps: number } = {
    n: undefined,
    gaps: 0,
  };
  feed.once("open", ({ n }) => state.n ??= n as number);
  const actions = feed.actions({ limit: 10_000 });
  const loop = (async () => {
    for await (const { gap, data, newData } of actions) {
      if (gap) {
        state.gaps++;
        state.n = data.n as number;
      } else {
        assertEquals([data.n, newData.n], [state.n! + 1, state.n! + 1], about);
        state.n = newData.n as number;
      }
    }
  })();
  return {
    get n() {
      return state.n;
    },
    get gaps() {
      return state.gaps;
    },
    async end() {
      actions.close();
      await loop;
    },
  };
}
