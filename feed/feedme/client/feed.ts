/** Feed objects: how an application opens, reads and watches a feed. */
import {
  Consumer,
  type ConsumerOptions,
  toReadable,
} from "../../../net/consumer.ts";
import type { FeedNotice, Member } from "./effects.ts";
import { Emitter } from "./emitter.ts";
import { FeedmeError } from "./errors.ts";
import type { FeedHost, FeedSink } from "./host.ts";
import type { AnyFeed, FeedAction, FeedData, FeedGap } from "./types.ts";
import { asyncDispose } from "../../../net/dispose.ts";
import { notify } from "../../../net/report.ts";
import type { WaitOptions } from "../../../net/wait.ts";
import type { ChangesOptions, FeedChange, FeedView } from "./view.ts";
import type { FeedArgs } from "../wire/protocol.ts";

/** The events of a feed object and the arguments of their listeners. */
export type FeedEvents<F = AnyFeed> = {
  /** The feed is being opened. */
  opening: [];
  /** The feed is open. */
  open: [feedData: FeedData<F>];
  /** The feed is closed; without an error if the application closed it. */
  close: [error?: FeedmeError];
  /** The server revealed an action. */
  action: ActionArguments<FeedAction<F>>;
};

const EVENTS = ["opening", "open", "close", "action"] as const;

/** The arguments of an `action` listener, one tuple for each action name. */
export type ActionArguments<A> = A extends {
  name: infer Name;
  data: infer ActionData;
  newData: infer Data;
} ? [
    actionName: Name,
    actionData: ActionData,
    newFeedData: Data,
    oldFeedData: Data,
  ]
  : never;

/** Options of `feed.actions()`: those of every consumer, with different defaults. */
export interface ActionsOptions extends ConsumerOptions {
  /** How many actions may wait for the loop, 1 or more. @default {1_000} */
  limit?: number | undefined;
  /**
   * What happens to an action that arrives while `limit` others wait. A server cannot
   * be slowed down, so by default the loop ends rather than lose an action silently:
   * after those that wait, it throws a {@linkcode FeedmeError} of code `OVERFLOW`.
   * @default {"error"}
   */
  overflow?: ConsumerOptions["overflow"];
}

/** Opens a view of a feed of type `F`; see `client.view()`. */
export type OpenView<F> = (name: string, args: FeedArgs) => FeedView<F>;

/**
 * A feed object. Several may share a feed of the server, which is open as long as one
 * of them is desired open.
 *
 * Data is never changed in place: a snapshot that a listener received stays as it is,
 * and branches that an action did not touch are the same objects before and after. Do
 * not modify it.
 *
 * ```ts
 * import { feedmeClient, webSocketTransport } from "@feedline/feedline/feed/feedme";
 *
 * const client = feedmeClient({
 *   transport: webSocketTransport({ url: "ws://localhost:1" }),
 * });
 * const feed = client.feed("room", { id: "7" });
 * feed.on("open", (data) => console.log("open", data));
 * feed.on("action", (name, data, now, before) => {
 *   console.log(name, data, now === before);
 * });
 * feed.on("close", (error) => console.log("closed", error?.code));
 * feed.desireOpen();
 * console.log(feed.desiredState(), feed.state()); // open closed
 * await client.close();
 * ```
 */
export class FeedmeFeed<F = AnyFeed> extends Emitter<FeedEvents<F>> {
  readonly #host: FeedHost;
  readonly #sink: FeedSink;
  #member: Member<FeedSink>;
  /** Whether the conversation knows it; see `#retire()`. */
  #joined = true;
  #destroyed = false;
  readonly #subscribers = new Set<() => void>();
  readonly #consumers = new Set<Consumer<FeedAction<F> | FeedGap<F>>>();
  readonly #view: OpenView<F>;

  /**
   * Created by `client.feed()`.
   * @ignore
   */
  constructor(
    host: FeedHost,
    name: string,
    args: FeedArgs,
    view: OpenView<F>,
  ) {
    super();
    this.#host = host;
    this.#view = view;
    this.#sink = {
      deliver: (notice) => this.#deliver(notice),
      destroy: () => this.#end(),
    };
    this.#member = host.core.join(this.#sink, name, args);
  }

  /**
   * Requests that the feed be open, now and after each reconnect.
   *
   * @throws {FeedmeError} `INVALID_FEED_STATE`, `TRANSPORT_ERROR` or `DESTROYED`
   */
  desireOpen(): void {
    this.#desire(true);
  }

  /**
   * Requests that the feed be closed.
   *
   * @throws {FeedmeError} `INVALID_FEED_STATE`, `TRANSPORT_ERROR` or `DESTROYED`
   */
  desireClosed(): void {
    this.#desire(false);
  }

  /**
   * The state that the application requested.
   *
   * @throws {FeedmeError} `DESTROYED`
   */
  desiredState(): "open" | "closed" {
    this.#check();
    return this.#member.desired ? "open" : "closed";
  }

  /**
   * The actual state. It changes before listeners are called.
   *
   * @throws {FeedmeError} `TRANSPORT_ERROR` or `DESTROYED`
   */
  state(): "closed" | "opening" | "open" {
    this.#check();
    return this.#host.live() ? this.#member.told.state : "closed";
  }

  /**
   * The feed data. The same object is returned until the next action.
   *
   * @throws {FeedmeError} `INVALID_FEED_STATE` if the feed is not open,
   * `TRANSPORT_ERROR` or `DESTROYED`
   */
  data(): FeedData<F> {
    if (this.state() !== "open") {
      throw invalidState("The feed object is not open.");
    }
    return this.#host.core.data(this.#member) as FeedData<F>;
  }

  /**
   * The feed data; `undefined` before the feed has been open, and once it is closed at
   * your request or the server's. While it is closed for another reason, for example
   * because the connection was lost, returns the last data (see `stale`), unless the
   * client's option `keepData` is `false`. Never throws and needs no `this`, so you can
   * pass it as the second argument of React's `useSyncExternalStore`.
   */
  readonly snapshot = (): FeedData<F> | undefined => {
    if (this.#destroyed) return undefined;
    const { core } = this.#host;
    const data = this.#member.told.state === "open"
      ? core.data(this.#member)
      : undefined;
    return (data ?? core.kept(this.#member)) as FeedData<F> | undefined;
  };

  /**
   * Whether `snapshot()` returns the data of a feed that is not open now, so that the
   * server may have changed it since. It is `false` while there is no data.
   */
  get stale(): boolean {
    return !this.#destroyed && this.#host.core.kept(this.#member) !== undefined;
  }

  /**
   * Calls `listener`, without arguments, after each change of state or data, until you
   * call the returned function. Needs no `this`, so you can pass it as the first
   * argument of React's `useSyncExternalStore`.
   *
   * ```tsx ignore
   * const data = useSyncExternalStore(feed.subscribe, feed.snapshot);
   * ```
   */
  readonly subscribe = (listener: () => void): () => void => {
    const subscriber = () => listener();
    this.#subscribers.add(subscriber);
    return () => void this.#subscribers.delete(subscriber);
  };

  /**
   * Resolves with the data as soon as the feed is open. Keeps waiting while the
   * connection is lost, the server is slow or a bad action has closed the feed.
   *
   * @throws {FeedmeError} `REJECTED` or `TERMINATED` if the server refuses the feed,
   * `INVALID_FEED_STATE` if it is desired closed, or `DESTROYED`. If the signal
   * aborts, throws its reason
   */
  opened(options: WaitOptions = {}): Promise<FeedData<F>> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      const look = () => {
        try {
          const data = this.#look(signal);
          if (data === undefined) return;
          resolve(data);
        } catch (error) {
          reject(error);
        }
        unsubscribe();
        signal?.removeEventListener("abort", look);
      };
      const unsubscribe = this.subscribe(look);
      signal?.addEventListener("abort", look);
      look();
    });
  }

  /**
   * Iterates over the actions that the server reveals from now on, across reconnects,
   * until the feed object is destroyed.
   *
   * Where actions may be missing, because the feed was closed in the meantime and the
   * server could not resume it, the loop gets a mark instead: `{ gap: true, data }` with
   * the data of the feed after the gap.
   *
   * @throws {FeedmeError} `DESTROYED`
   * @throws {RangeError} if an option is out of range
   */
  actions(
    options: ActionsOptions = {},
  ): Consumer<FeedAction<F> | FeedGap<F>> {
    this.#check();
    return this.#consume(options);
  }

  /**
   * Iterates over the feed's data: first the current data, then the data after each
   * change. Connects and opens the feed on its own, and closes it when the last reader
   * has left, whatever this object desires:
   * `for await (const { data } of feed.changes()) …`. Uses `FeedView.changes()`.
   *
   * @throws {FeedmeError} `DESTROYED` or `TRANSPORT_ERROR`
   * @throws {RangeError} if an option is out of range
   */
  changes(options: ChangesOptions = {}): Consumer<FeedChange<FeedData<F>>> {
    this.#check();
    const { feed: { name }, args } = this.#member;
    const view = this.#view(name, args);
    try {
      return view.consume(options, () => {
        view.close();
        this.#retire();
      });
    } catch (error) {
      view.close();
      throw error;
    }
  }

  /**
   * The actions as a `ReadableStream`; each access returns a new one. A stream collects
   * actions only from the moment you first read or lock it. Read it to its end or
   * `cancel()` it.
   *
   * @throws {FeedmeError} `DESTROYED`
   */
  get readable(): ReadableStream<FeedAction<F> | FeedGap<F>> {
    this.#check();
    return toReadable(() => this.#consume({}));
  }

  /**
   * Destroys the feed object, which must be desired closed.
   *
   * @throws {FeedmeError} `INVALID_FEED_STATE` or `DESTROYED`
   */
  destroy(): void {
    this.#check();
    if (this.#member.desired) {
      throw invalidState("Only feeds desired closed can be destroyed.");
    }
    this.#leave();
    this.#end();
  }

  /** Whether the feed object, or its client, has been destroyed. */
  destroyed(): boolean {
    // The client does not destroy an object that its conversation has forgotten.
    return this.#destroyed || (!this.#joined && this.#host.destroyed);
  }

  /** Closes and destroys the feed object. */
  // deno-lint-ignore require-await
  async [asyncDispose](): Promise<void> {
    if (this.destroyed()) return;
    if (this.#member.desired) this.desireClosed();
    this.destroy();
  }

  #leave(): void {
    if (!this.#joined) return;
    this.#joined = false;
    this.#host.handle({ type: "leave", member: this.#member });
  }

  /**
   * A loop over `changes()` has ended. If the object was made for it alone, as in
   * `client.feed("board").changes()`, the conversation forgets it, or a page that begins
   * such loops again and again would fill its memory. It is known again when desired.
   */
  #retire(): void {
    const used = this.#destroyed || this.#member.desired ||
      this.#subscribers.size > 0 || this.#consumers.size > 0 ||
      EVENTS.some((event) => this.hasListeners(event));
    if (!used) this.#leave();
  }

  #check(): void {
    if (this.destroyed()) {
      throw new FeedmeError(
        "DESTROYED",
        "The feed object has been destroyed.",
      );
    }
  }

  #desire(open: boolean): void {
    if ((this.desiredState() === "open") === open) {
      throw invalidState(
        `The feed is already desired ${open ? "open" : "closed"}.`,
      );
    }
    if (!this.#joined) {
      const { feed: { name }, args } = this.#member;
      this.#member = this.#host.core.join(this.#sink, name, args);
      this.#joined = true;
    }
    this.#host.handle({
      type: open ? "desireOpen" : "desireClosed",
      member: this.#member,
      live: this.#host.live(),
    });
  }

  #deliver(notice: FeedNotice): void {
    switch (notice.event) {
      case "opening":
        this.emit("opening");
        break;
      case "open":
        this.emit("open", notice.data as FeedData<F>);
        if (notice.gap) {
          this.#write({ gap: true, data: notice.data as FeedData<F> });
        }
        break;
      case "close":
        // Without a reason, the listener gets no argument, not even `undefined`.
        if (notice.error) this.emit("close", notice.error);
        else this.emit("close");
        break;
      case "action": {
        const { name, data, newData, oldData } = notice;
        this.emit(
          "action",
          ...[name, data, newData, oldData] as FeedEvents<F>["action"],
        );
        this.#write({ name, data, newData, oldData } as FeedAction<F>);
        break;
      }
      default:
        notice satisfies never;
    }
    this.#notify();
  }

  #write(value: FeedAction<F> | FeedGap<F>): void {
    for (const consumer of this.#consumers) consumer.write(value);
  }

  #notify(): void {
    for (const subscriber of this.#subscribers) {
      notify(subscriber);
    }
  }

  /** The data that `opened()` waits for, if it is available. Throws if it never will be. */
  #look(signal: AbortSignal | undefined): FeedData<F> | undefined {
    this.#check();
    signal?.throwIfAborted();
    const { desired, told } = this.#member;
    if (!desired) throw invalidState("The feed is desired closed.");
    const error = told.state === "closed" ? told.error : undefined;
    if (error?.code === "REJECTED" || error?.code === "TERMINATED") throw error;
    return this.stale ? undefined : this.snapshot();
  }

  #consume(options: ActionsOptions): Consumer<FeedAction<F> | FeedGap<F>> {
    // Read one by one: a spread would lose the `signal` of an `AbortController`,
    // which is its prototype's, and `limit: undefined` would lift the limit.
    const { limit = 1_000, overflow = "error", timeout, signal } = options;
    const consumer = new Consumer<FeedAction<F> | FeedGap<F>>({
      stream: this.#member.feed.name,
      detach: (ended) => this.#consumers.delete(ended),
      overflowError: (limit) =>
        new FeedmeError(
          "OVERFLOW",
          `More than ${limit} actions are waiting to be read.`,
        ),
    }, { limit, overflow, timeout, signal });
    // A stream may be read for the first time after the feed object was destroyed.
    if (this.#destroyed) consumer.close();
    else if (consumer.open) this.#consumers.add(consumer);
    return consumer;
  }

  #end(): void {
    this.#destroyed = true;
    for (const consumer of this.#consumers) consumer.close();
    // Makes a pending `opened()` reject.
    this.#notify();
    this.#subscribers.clear();
  }
}

function invalidState(text: string): FeedmeError {
  return new FeedmeError("INVALID_FEED_STATE", text);
}
