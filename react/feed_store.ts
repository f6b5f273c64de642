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
  FeedView,
  JsonObject,
} from "../feed/feedme/mod.ts";
import { feedKey } from "../feed/feedme/wire/feed_key.ts";
import { Listeners, type Store } from "../net/listeners.ts";
import { Held } from "./held.ts";

/** A feed as a component sees it. It is open while components subscribe or follow. */
export interface FeedStore extends Store<FeedSnapshot<JsonObject>> {
  /** Calls `listener` with each action until the returned function is called. */
  readonly follow: (
    listener: (action: FeedAction<AnyFeed>) => void,
  ) => () => void;
  /** Resolves when there is something to show; opens the feed for that. */
  readonly load: () => Promise<void>;
}

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
  readonly actions = new Listeners<[FeedAction<AnyFeed>]>();
  readonly #open: () => FeedView | undefined;
  #view: FeedView | undefined;
  /** What suspended components wait for, and what ends that. */
  #loading: Promise<void> | undefined;
  #loaded = () => {};

  /**
   * @param open makes a view, if there is a client
   * @param end called when no component needs the feed any more
   */
  constructor(open: () => FeedView | undefined, end: () => void) {
    this.#open = open;
    this.held = new Held(() => this.open(), () => {
      this.#view?.close();
      end();
    });
  }

  /** Opens it on the current client, and closes it on the one before. */
  open(): void {
    this.#view?.close();
    this.#view = undefined;
    try {
      const view = this.#view = this.#open();
      if (!view) return this.#show(UNOPENED);
      const look = () => this.#show(view.getSnapshot());
      view.subscribe(look);
      view.onAction((action) => this.actions.notify(action));
      look();
    } catch (error) {
      // The client was destroyed, or an argument is not text.
      this.#show({
        ...UNOPENED,
        state: "closed",
        data: undefined,
        stale: false,
        error: error as FeedmeError,
      });
    }
  }

  /** Data of the client before stays until there is newer data. */
  #show(next: FeedSnapshot<JsonObject>): void {
    const { data } = this.snapshot;
    if (next === this.snapshot) return;
    this.snapshot = next.state === "opening" && next.data === undefined && data
      ? { ...next, data, stale: true }
      : next;
    this.held.notify();
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
  hold(listener?: () => void): () => void {
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
  readonly client: Store<FeedmeClient | null> = {
    subscribe: this.#clients.add,
    getSnapshot: () => this.#client,
  };

  /** Goes on with another client: feeds keep their data until they are open there. */
  use(client: FeedmeClient | null): void {
    this.#client = client;
    for (const feed of this.#open.values()) feed.open();
    this.#clients.notify();
  }

  /** A feed, which opens when a component needs it. */
  feed(name: string, args: FeedArgs): FeedStore {
    const key = feedKey(name, args);
    const opened = () => {
      let feed = this.#open.get(key);
      if (!feed) {
        feed = new OpenFeed(
          () => this.#client?.view(name, args),
          () => this.#open.delete(key),
        );
        this.#open.set(key, feed);
      }
      return feed;
    };
    return {
      getSnapshot: () => this.#open.get(key)?.snapshot ?? UNOPENED,
      subscribe: (listener) => opened().hold(listener),
      follow: (listener) => {
        const feed = opened();
        const ends = [feed.actions.add(listener), feed.hold()];
        return () => {
          for (const end of ends) end();
        };
      },
      load: () => opened().load(),
    };
  }
}

const known = new WeakMap<object, Feeds>();

/** The feeds of a client that the application made: the same for all providers. */
export function feedsOf(client: FeedmeClient): Feeds {
  let feeds = known.get(client);
  if (!feeds) known.set(client, feeds = new Feeds(client));
  return feeds;
}
