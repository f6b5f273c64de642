/** Views: a feed that one reader keeps open, with what pages need around its data. */
import { Consumer } from "../../../net/consumer.ts";
import { asyncDispose } from "../../../net/dispose.ts";
import { Listeners, type Store } from "../../../net/listeners.ts";
import type { WaitOptions } from "../../../net/wait.ts";
import { FeedmeError } from "./errors.ts";
import type { FeedSnapshot, Subscription } from "./subscription.ts";
import type { AnyFeed, ArgsOfFeed, FeedAction, FeedData } from "./types.ts";
import type { FeedArgs, JsonObject } from "../wire/protocol.ts";

/** Options of `changes()`. */
export interface ChangesOptions extends WaitOptions {
  /** How long the loop waits for a change, in milliseconds. @default {Infinity} */
  timeout?: number | undefined;
}

/** What a loop over `changes()` gets. */
export interface FeedChange<Data> {
  /** The data, with optimistic changes over it. */
  readonly data: Data;
  /** Whether the data may be out of date, because the connection is lost. */
  readonly stale: boolean;
  /** How many optimistic changes are laid over the data. */
  readonly pending: number;
}

/** What a view needs from the views of its client. */
export interface ViewHost {
  /** Finds or opens the feed, for one more user. */
  acquire(
    name: string,
    args: FeedArgs,
    like?: JsonObject,
  ): Subscription;
  /** One user less; the last closes the feed. */
  release(subscription: Subscription): void;
}

/**
 * A feed that is kept open until you call `close()`. All views of a feed share one
 * subscription at the server, and the same data.
 *
 * Unlike a `FeedmeFeed`, a view keeps its data while the connection is lost, and says
 * that it is `stale`. After the feed has been opened again, parts that are equal are
 * still the same objects. Optimistic changes (see `client.action`) are laid over the
 * data.
 *
 * ```ts
 * import { feedmeClient, webSocketTransport } from "@feedline/feedline/feed/feedme";
 *
 * const client = feedmeClient({
 *   transport: webSocketTransport({ url: "ws://localhost:1" }),
 * });
 * const board = client.view("board");
 * const unsubscribe = board.subscribe(() => console.log(board.getSnapshot().state));
 * console.log(board.getSnapshot().state, board.data); // opening undefined
 * unsubscribe();
 * board.close();
 * await client.close();
 * ```
 */
export class FeedView<F = AnyFeed> implements Store<FeedSnapshot<FeedData<F>>> {
  readonly #host: ViewHost;
  #current: Subscription;
  #closed = false;
  /** Counts calls of `move()`, because only the last one decides. */
  #moves = 0;
  /** Ends the pending move. */
  #next: AbortController | undefined;
  readonly #listeners = new Listeners();
  readonly #actions = new Listeners<[FeedAction<F>]>();
  /** Stops listening to the current subscription. */
  #unlisten: () => void;

  /**
   * Created by `client.view()` and `client.open()`.
   * @ignore
   */
  constructor(host: ViewHost, name: string, args: FeedArgs) {
    this.#host = host;
    this.#current = host.acquire(name, args);
    this.#unlisten = this.#listen();
  }

  #listen(): () => void {
    const { listeners, actions } = this.#current;
    const ends = [
      listeners.add(() => this.#listeners.notify()),
      actions.add((action) => this.#actions.notify(action as FeedAction<F>)),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  /** The name of the feed. */
  get name(): string {
    return this.#current.name;
  }

  /** The arguments of the feed that it shows. */
  get args(): ArgsOfFeed<F> {
    return this.#current.args as ArgsOfFeed<F>;
  }

  /** The data, if there is any; see {@linkcode FeedSnapshot}. */
  get data(): FeedData<F> | undefined {
    return this.getSnapshot().data;
  }

  /** Whether the data may be out of date. */
  get stale(): boolean {
    return this.getSnapshot().stale;
  }

  /**
   * The feed at this moment. Needs no `this`, and returns the same object until
   * something changes, so you can pass it to React's `useSyncExternalStore`.
   */
  readonly getSnapshot = (): FeedSnapshot<FeedData<F>> =>
    this.#current.snapshot as FeedSnapshot<FeedData<F>>;

  /**
   * Calls `listener`, without arguments, after each change of the snapshot, until you
   * call the returned function. Needs no `this`.
   */
  readonly subscribe = (listener: () => void): () => void =>
    this.#listeners.add(listener);

  /**
   * Calls `listener` with each action that the server reveals on the feed from now on,
   * after the data has changed, until you call the returned function or close the view.
   * `newData` and `oldData` are what the server said, without optimistic changes. Actions
   * may be missing where a lost connection could not be resumed; a feed's `actions()`
   * marks such gaps.
   */
  readonly onAction = (
    listener: (action: FeedAction<F>) => void,
  ): () => void => this.#actions.add(listener);

  /**
   * Resolves with the data as soon as it is current. Keeps waiting while the connection
   * is lost.
   *
   * @throws {FeedmeError} `REJECTED` or `TERMINATED` if the server refuses the feed, the
   * reason why the client gave up connecting, or `DESTROYED`. If the signal aborts,
   * throws its reason
   */
  opened(options: WaitOptions = {}): Promise<FeedData<F>> {
    return opened(this.#current, options.signal) as Promise<FeedData<F>>;
  }

  /**
   * Iterates over the data: first the current data, then after each change. A loop that is
   * slower than the changes gets the newest data and skips what was between; use a
   * feed's `actions()` if you need every action.
   *
   * The loop ends when the view or the client is closed, and throws if the server
   * refuses or terminates the feed.
   *
   * @throws {RangeError} if an option is out of range
   */
  changes(options: ChangesOptions = {}): Consumer<FeedChange<FeedData<F>>> {
    return this.consume(options, () => {});
  }

  /**
   * `changes()`, and what to do when the loop ends.
   * @ignore
   */
  consume(
    { signal, timeout }: ChangesOptions,
    ended: () => void,
  ): Consumer<FeedChange<FeedData<F>>> {
    let last: FeedSnapshot<FeedData<F>> | undefined;
    const unsubscribe = this.subscribe(() => look());
    const consumer = new Consumer<FeedChange<FeedData<F>>>({
      stream: this.name,
      detach() {
        unsubscribe();
        ended();
      },
    }, { limit: 1, overflow: "drop-oldest", signal, timeout });
    const look = () => {
      const now = this.getSnapshot();
      if (this.#closed) return consumer.close();
      const { data, stale, pending } = now;
      if (now.state === "closed") {
        return now.error.code === "DESTROYED"
          ? consumer.close()
          : consumer.close({ reason: now.error });
      }
      const same = data === last?.data && stale === last?.stale &&
        pending === last?.pending;
      last = now;
      if (data !== undefined && !same) consumer.write({ data, stale, pending });
    };
    look();
    return consumer;
  }

  /**
   * Shows the same feed with other arguments, for example the next part of a long list.
   * The view keeps its data until the new feed is open, and then closes the old one.
   * What both have stays the same object. If it is called again meanwhile, the
   * last call decides.
   *
   * @throws {FeedmeError} as `opened()`; then the view still shows the old feed. Also
   * `INVALID_STATE` if the view is closed
   */
  async move(args: ArgsOfFeed<F>, options: WaitOptions = {}): Promise<void> {
    this.#check();
    const move = ++this.#moves;
    this.#next?.abort();
    const abort = this.#next = new AbortController();
    const { signal } = options;
    const forward = () => abort.abort(signal!.reason);
    signal?.throwIfAborted();
    signal?.addEventListener("abort", forward);
    const old = this.#current;
    const next = this.#host.acquire(
      this.name,
      args as FeedArgs,
      old.snapshot.data,
    );
    try {
      await opened(next, abort.signal);
    } catch (error) {
      this.#host.release(next);
      if (move !== this.#moves) return;
      throw error;
    } finally {
      signal?.removeEventListener("abort", forward);
    }
    if (move !== this.#moves) return this.#host.release(next);
    this.#next = undefined;
    this.#unlisten();
    this.#current = next;
    this.#unlisten = this.#listen();
    this.#host.release(old);
    this.#listeners.notify();
  }

  /** Closes the view; the last view of a feed closes the feed. May be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#moves++;
    this.#next?.abort();
    this.#unlisten();
    this.#host.release(this.#current);
    this.#listeners.notify();
    this.#listeners.clear();
    this.#actions.clear();
  }

  /** {@linkcode FeedView.close}, for `await using`. */
  // deno-lint-ignore require-await
  async [asyncDispose](): Promise<void> {
    this.close();
  }

  #check(): void {
    if (this.#closed) {
      throw new FeedmeError("INVALID_STATE", "The view is closed.");
    }
  }
}

/** Waits until the data of a subscription is current. */
function opened(
  subscription: Subscription,
  signal: AbortSignal | undefined,
): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      unlisten();
      signal?.removeEventListener("abort", look);
      settle();
    };
    const look = () => {
      if (signal?.aborted) return end(() => reject(signal.reason));
      const { state, data, error } = subscription.snapshot;
      if (state === "open") end(() => resolve(data));
      else if (state === "closed") end(() => reject(error));
    };
    const unlisten = subscription.listeners.add(look);
    signal?.addEventListener("abort", look);
    look();
  });
}
