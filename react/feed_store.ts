/**
 * The feeds that components have open: one view for each name and arguments, shared by
 * any number of components, on one client after the other.
 */
import type {
  AnyFeed,
  FeedAction,
  FeedArgs,
  FeedmeClient,
  FeedmeError,
  FeedSnapshot,
  JsonObject,
} from "../feed/feedme/mod.ts";
import { Listeners } from "../net/listeners.ts";
import { Held } from "./held.ts";

/** A feed that no component has open. */
export const UNOPENED: FeedSnapshot<JsonObject> = {
  state: "opening",
  data: undefined,
  stale: false,
  error: undefined,
  pending: 0,
};

/** How long (ms) a feed is kept open for a suspended component. */
const SUSPENDED = 10_000;

/** One feed of {@linkcode Feeds}. */
class OpenFeed {
  snapshot: FeedSnapshot<JsonObject> = UNOPENED;
  readonly held: Held;
  /** Runs while components follow its actions. */
  readonly actions: Held;
  readonly followers = new Listeners<[FeedAction<AnyFeed>]>();
  readonly #feeds: Feeds;
  readonly #name: string;
  readonly #args: FeedArgs;
  #close = () => {};
  #unfollow = () => {};
  /** What suspended components wait for, and what ends that. */
  #loading: Promise<void> | undefined;
  #loaded = () => {};

  constructor(feeds: Feeds, name: string, args: FeedArgs, end: () => void) {
    this.#feeds = feeds;
    this.#name = name;
    this.#args = args;
    this.held = new Held(() => this.open(), () => {
      this.#close();
      end();
    });
    this.actions = new Held(() => this.#follow(), () => this.#unfollow());
  }

  /** Opens it on the current client, and closes it on the one before. */
  open(): void {
    this.#close();
    this.#close = () => {};
    const { client } = this.#feeds;
    if (!client) return this.#tell(UNOPENED);
    try {
      const view = client.view(this.#name, this.#args);
      const look = () => this.#tell(view.getSnapshot());
      view.subscribe(look);
      this.#close = () => view.close();
      look();
    } catch (error) {
      // The client was destroyed, or an argument is not text.
      this.#tell({
        state: "closed",
        data: undefined,
        stale: false,
        error: error as FeedmeError,
        pending: 0,
      });
    }
    if (this.actions.running) this.#follow();
  }

  /** Data of the client before stays until there is newer data. */
  #tell(next: FeedSnapshot<JsonObject>): void {
    const { data } = this.snapshot;
    if (next === this.snapshot) return;
    this.snapshot = next.state === "opening" && next.data === undefined && data
      ? { ...next, data, stale: true }
      : next;
    this.held.notify();
  }

  #follow(): void {
    this.#unfollow();
    const { client } = this.#feeds;
    if (!client || client.destroyed()) return;
    const feed = client.feed(this.#name, this.#args);
    feed.on(
      "action",
      (name, data, newData, oldData) =>
        this.followers.notify({ name, data, newData, oldData }),
    );
    feed.desireOpen();
    this.#unfollow = () => {
      this.#unfollow = () => {};
      if (feed.destroyed()) return;
      feed.desireClosed();
      feed.destroy();
    };
  }

  /**
   * Keeps it open until there is something to show, and then until a component holds
   * it. Settles early if that takes long: React renders a component that is still
   * suspended again, and it asks once more. Nothing is kept for one that is gone.
   */
  load(): Promise<void> {
    return this.#loading ??= new Promise<void>((resolve) => {
      const look = () => {
        const { data, state } = this.snapshot;
        if (data === undefined && state !== "closed") return;
        clearTimeout(timer);
        timer = setTimeout(end, SUSPENDED);
        resolve();
      };
      const release = this.held.hold(look);
      const end = this.#loaded = () => {
        clearTimeout(timer);
        this.#loading = undefined;
        this.#loaded = () => {};
        release();
        resolve();
      };
      let timer = setTimeout(end, SUSPENDED);
    });
  }

  /** Holds it for a component. */
  show(listener: () => void): () => void {
    const release = this.held.hold(listener);
    this.#loaded();
    return release;
  }
}

/** All open feeds of one provider or client. */
export class Feeds {
  readonly #open = new Map<string, OpenFeed>();
  readonly #clients = new Listeners();
  #client: FeedmeClient | null;

  constructor(client: FeedmeClient | null = null) {
    this.#client = client;
  }

  /** The client; `null` while there is none. */
  get client(): FeedmeClient | null {
    return this.#client;
  }

  readonly subscribeClient: (listener: () => void) => () => void =
    this.#clients.add;

  readonly getClient = (): FeedmeClient | null => this.#client;

  /** Goes on with another client: feeds keep their data until they are open there. */
  use(client: FeedmeClient | null): void {
    this.#client = client;
    for (const feed of this.#open.values()) feed.open();
    this.#clients.notify();
  }

  /** What is known of a feed. */
  snapshot(key: string): FeedSnapshot<JsonObject> {
    return this.#open.get(key)?.snapshot ?? UNOPENED;
  }

  /** Holds a feed open, and calls `listener` after each change. */
  subscribe(
    key: string,
    name: string,
    args: FeedArgs,
    listener: () => void,
  ): () => void {
    return this.#get(key, name, args).show(listener);
  }

  /** Holds a feed open, and calls `listener` with each action. */
  follow(
    key: string,
    name: string,
    args: FeedArgs,
    listener: (action: FeedAction<AnyFeed>) => void,
  ): () => void {
    const feed = this.#get(key, name, args);
    const ends = [
      feed.followers.add(listener),
      feed.held.hold(),
      feed.actions.hold(),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  /** Resolves when a feed has data, or is refused. */
  load(key: string, name: string, args: FeedArgs): Promise<void> {
    return this.#get(key, name, args).load();
  }

  #get(key: string, name: string, args: FeedArgs): OpenFeed {
    let feed = this.#open.get(key);
    if (!feed) {
      const made = feed = new OpenFeed(this, name, args, () => {
        if (this.#open.get(key) === made) this.#open.delete(key);
      });
      this.#open.set(key, feed);
    }
    return feed;
  }
}

const known = new WeakMap<object, Feeds>();

/** The feeds of a client that the application made: the same for all providers. */
export function feedsOf(client: FeedmeClient): Feeds {
  let feeds = known.get(client);
  if (!feeds) known.set(client, feeds = new Feeds(client));
  return feeds;
}
