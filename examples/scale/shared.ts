/**
 * Feeds that several processes serve: every change is an entry of an ordered log, and
 * each process applies the entries of the feeds that its clients have open.
 *
 * A process never relays what it computed: two processes that change a feed at the same
 * time would send each other deltas for data that neither has. The log decides the order,
 * so that the same function of the same entries gives the same data everywhere.
 */
import {
  defineFeed,
  type FeedDefinition,
  type FeedmeServer,
  type JsonObject,
  type Schema,
  type ServedChange,
} from "../../feed/feedme/server/server.ts";

/** One change of a feed. */
export interface Entry {
  /** Grows with each entry of a feed; 0 is before the first. */
  readonly seq: number;
  readonly action: string;
  readonly data: JsonObject;
}

/** An ordered log of the changes of all feeds, for example in a database. */
export interface ActionLog {
  /** Appends an entry; resolves with its number when it is certain. */
  append(feed: string, action: string, data: JsonObject): Promise<number>;
  /**
   * Passes on the entries after `seq`, those that exist and those to come, one after the
   * other, until the signal aborts. Resolves when the existing ones have been passed on.
   */
  follow(
    feed: string,
    seq: number,
    listener: (entry: Entry) => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Data as it is after entry `seq`, so that a load need not begin at entry 1. */
  load?(feed: string): Promise<{ seq: number; data: JsonObject } | undefined>;
  save?(feed: string, seq: number, data: JsonObject): Promise<void>;
}

/** A feed's data is saved after entries whose number is a multiple of this. */
const SAVE_EVERY = 100;

/** A feed that this process follows. */
interface Follower {
  seq: number;
  /** Called after each entry. */
  readonly waiting: Set<() => void>;
}

/** The feeds of one process that a log keeps equal to those of all others. */
export class SharedFeeds {
  readonly #log: ActionLog;
  readonly #followers = new Map<string, Follower>();
  /** Set it as soon as the server exists. */
  server!: FeedmeServer;

  constructor(log: ActionLog) {
    this.#log = log;
  }

  /** How many feeds this process follows. */
  get following(): number {
    return this.#followers.size;
  }

  /** Defines a feed. `reduce` makes the new data; it must depend on nothing else. */
  define<Data extends object, Args extends object>(definition: {
    name: string;
    args: Schema<Args>;
    data: Schema<Data>;
    empty: Data;
    reduce: (data: Data, entry: Entry) => Data;
  }): FeedDefinition<Args, Data, Record<string, object>> {
    const { name, args, data: schema, empty, reduce } = definition;
    const feed = defineFeed<Data, Args>({
      args,
      data: schema,
      retain: false,
      initial: async (args, { signal }) => {
        const key = keyOf(name, args);
        const saved = await this.#log.load?.(key);
        let data = saved ? saved.data as Data : structuredClone(empty);
        const follower: Follower = { seq: saved?.seq ?? 0, waiting: new Set() };
        let live = false;
        await this.#log.follow(key, follower.seq, async (entry) => {
          if (live) {
            const served = this.server.feed(feed, args);
            await served.loaded();
            if (signal.aborted) return;
            follower.seq = entry.seq;
            served.update(
              entry.action,
              entry.data,
              (data) => reduce(data as Data, entry) as typeof data,
            );
          } else {
            follower.seq = entry.seq;
            data = reduce(data, entry);
          }
          for (const listener of follower.waiting) listener();
        }, signal);
        // From here on, entries wait until the server has taken the data.
        live = true;
        signal.throwIfAborted();
        this.#followers.set(key, follower);
        signal.addEventListener("abort", () => {
          if (this.#followers.get(key) === follower) {
            this.#followers.delete(key);
          }
          for (const listener of follower.waiting) listener();
        });
        return data;
      },
    });
    return feed;
  }

  /**
   * Changes a feed in all processes. Resolves when the change is certain and, if this
   * process serves the feed, its clients have been notified.
   */
  async act(
    name: string,
    args: object,
    action: string,
    data: JsonObject,
  ): Promise<void> {
    const key = keyOf(name, args);
    const seq = await this.#log.append(key, action, data);
    const follower = this.#followers.get(key);
    if (!follower || !this.server.isLive(name, args)) return;
    await new Promise<void>((resolve) => {
      const look = () => {
        const gone = this.#followers.get(key) !== follower;
        if (follower.seq < seq && !gone) return;
        follower.waiting.delete(look);
        resolve();
      };
      follower.waiting.add(look);
      look();
    });
  }

  /** For the server's `onChange`: saves the data now and then. */
  readonly changed = ({ feed, args, data }: ServedChange): void => {
    const key = keyOf(feed, args);
    const seq = this.#followers.get(key)?.seq ?? 0;
    if (seq === 0 || seq % SAVE_EVERY > 0) return;
    this.#log.save?.(key, seq, data).catch(console.error);
  };
}

/** Identifies a feed in the log. */
function keyOf(name: string, args: object): string {
  return JSON.stringify([name, ...Object.entries(args).sort()]);
}

/** 40 letters and digits that stand for a feed where names are restricted. */
export async function hashOf(feed: string): Promise<string> {
  const text = new TextEncoder().encode(feed);
  const hash = await crypto.subtle.digest("SHA-256", text);
  return new Uint8Array(hash).toHex().slice(0, 40);
}
