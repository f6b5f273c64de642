/**
 * The views of a client: finds the subscription that views of one feed share, connects
 * when one is needed, and lays optimistic changes over the feeds that they are for.
 */
import type { ActionResult } from "./effects.ts";
import { type FeedmeError, invalid, isFeedmeError } from "./errors.ts";
import type { FeedHost } from "./host.ts";
import { type FeedLayer, Subscription } from "./subscription.ts";
import type {
  ActionArgs,
  AnyApi,
  FeedAction,
  FeedArgsOf,
  FeedData,
  FeedmeApi,
} from "./types.ts";
import { FeedView, type ViewHost } from "./view.ts";
import { feedKey } from "../wire/feed_key.ts";
import { type FeedArgs, isFeedArgs } from "../wire/protocol.ts";
import type { JsonObject } from "../wire/protocol.ts";
import type { WaitOptions } from "../../../net/wait.ts";

/** What an action will probably do to one feed; see {@linkcode ActionOptions}. */
export type OptimisticChange<
  Api extends FeedmeApi = AnyApi,
  Name extends keyof Api["actions"] = keyof Api["actions"],
> = {
  [Feed in keyof Api["feeds"] & string]: {
    /** The name of the feed. */
    feed: Feed;
    /** The arguments of the feed. @default {{}} */
    args?: FeedArgsOf<Api, Feed> | undefined;
    /**
     * Makes the expected data of the feed from its current data and the arguments of the
     * action, without modifying them. Called again when others change the feed
     * meanwhile, so it must depend on nothing else. Where it throws then, the data stays
     * as it is.
     */
    optimistic(
      data: FeedData<Api["feeds"][Feed]>,
      args: ActionArgs<Api, Name>,
    ): FeedData<Api["feeds"][Feed]>;
    /**
     * Recognizes the action on the feed that this one leads to.
     * @default {the one that the server marks as caused by this call, or else the
     * response}
     */
    reveals?: ((action: FeedAction<Api["feeds"][Feed]>) => boolean) | undefined;
  };
}[keyof Api["feeds"] & string];

/**
 * What an action will probably do to feeds that views show. It is laid over their data
 * until the server reveals the action itself, or the action fails.
 */
export type OptimisticOptions<
  Api extends FeedmeApi = AnyApi,
  Name extends keyof Api["actions"] = keyof Api["actions"],
> =
  | OptimisticChange<Api, Name>
  | {
    /** A list, if the action changes several feeds. */
    optimistic?: readonly OptimisticChange<Api, Name>[] | undefined;
    /** In each item of the list. */
    feed?: undefined;
    /** In each item of the list. */
    args?: undefined;
    /** In each item of the list. */
    reveals?: undefined;
  };

/** Options of `client.action`. */
export type ActionOptions<
  Api extends FeedmeApi = AnyApi,
  Name extends keyof Api["actions"] = keyof Api["actions"],
> = ActionWait & OptimisticOptions<Api, Name>;

/** How long to wait for the response to an action. */
export interface ActionWait extends WaitOptions {
  /**
   * Ends the wait for the response. Before the action has been sent, the promise rejects
   * with the signal's reason. Afterwards it rejects with a `FeedmeError` of code
   * `ABORTED` and outcome `unknown`, because the server may perform the action.
   */
  signal?: AbortSignal | undefined;
  /**
   * How long to wait for the response, in milliseconds; 0 or `Infinity` for no limit.
   * @default {the client's actionTimeoutMs}
   */
  timeout?: number | undefined;
}

/** An {@linkcode OptimisticChange} of any feed. */
interface AnyChange {
  feed: string;
  args?: FeedArgs;
  optimistic(data: JsonObject, args: JsonObject): JsonObject;
  reveals?(action: unknown): boolean;
}

/** What views need from their client. */
export interface ViewsHost extends FeedHost {
  /** Connects, unless the client is connected or will be by itself. */
  connect(): void;
}

/** The milliseconds that a successful action may take to be revealed. */
const REVEAL_PATIENCE = 10_000;

/** All views of a client. */
export class Views implements ViewHost {
  readonly #host: ViewsHost;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(host: ViewsHost) {
    this.#host = host;
  }

  /** @throws {FeedmeError} `INVALID_ARGUMENT` */
  view<F>(name: unknown, args: unknown = {}): FeedView<F> {
    checkFeed(name, args);
    return new FeedView<F>(this, name as string, { ...args as FeedArgs });
  }

  async open<F>(
    name: unknown,
    args: unknown,
    options: WaitOptions,
  ): Promise<FeedView<F>> {
    options.signal?.throwIfAborted();
    const view = this.view<F>(name, args);
    try {
      await view.opened(options);
    } catch (error) {
      view.close();
      throw error;
    }
    return view;
  }

  acquire(name: string, args: FeedArgs, like?: JsonObject): Subscription {
    checkFeed(name, args);
    const key = feedKey(name, args);
    let subscription = this.#subscriptions.get(key);
    if (subscription) {
      subscription.users++;
      subscription.retry();
    } else {
      subscription = new Subscription(this.#host, name, { ...args });
      subscription.users++;
      this.#subscriptions.set(key, subscription);
      subscription.enter(like);
    }
    try {
      this.#host.connect();
    } catch (error) {
      this.release(subscription);
      throw error;
    }
    return subscription;
  }

  release(subscription: Subscription): void {
    if (--subscription.users > 0) return;
    if (this.#subscriptions.get(subscription.key) === subscription) {
      this.#subscriptions.delete(subscription.key);
      subscription.leave();
    }
  }

  /** The client has ended its last attempt to connect, for this reason. */
  gaveUp(error: FeedmeError): void {
    for (const each of this.#subscriptions.values()) each.fail(error);
  }

  /** The client has been destroyed; its core tells the subscriptions. */
  end(): void {
    this.#subscriptions.clear();
  }

  /**
   * Lays the expected changes of the action `call` over the feeds that have views.
   * Returns a function to call when the action has ended.
   *
   * @throws {FeedmeError} `INVALID_ARGUMENT` if one of the changes is invalid or throws;
   * then nothing has changed
   */
  lay(
    options: OptimisticOptions,
    actionArgs: JsonObject,
    call: unknown,
  ): (result: ActionResult) => void {
    const { optimistic = [] } = options;
    const changes = (Array.isArray(optimistic) ? optimistic : [options]) as (
      AnyChange | undefined
    )[];
    const laid: [Subscription, FeedLayer][] = [];
    const settle = (succeeded: boolean) => {
      for (const [subscription, layer] of laid) {
        subscription.settle(layer, succeeded, REVEAL_PATIENCE);
      }
    };
    try {
      for (const each of changes) {
        const { feed, args = {} } = each ?? {};
        if (typeof each?.optimistic !== "function") {
          throw invalid("An optimistic change must be a function.");
        }
        if (feed === undefined) {
          throw invalid("An optimistic change needs the name of its feed.");
        }
        checkFeed(feed, args);
        const key = feedKey(feed, args);
        const subscription = this.#subscriptions.get(key);
        if (!subscription) continue;
        const layer: FeedLayer = {
          call,
          change: (data) => each.optimistic(data, actionArgs),
          reveals: each.reveals && ((action) => each.reveals!(action)),
        };
        subscription.lay(layer);
        laid.push([subscription, layer]);
      }
    } catch (error) {
      settle(false);
      throw isFeedmeError(error)
        ? error
        : invalid("An optimistic change could not be made.", error);
    }
    return ({ error }) => settle(error === undefined);
  }
}

/** @throws {FeedmeError} `INVALID_ARGUMENT` */
export function checkFeed(name: unknown, args: unknown): void {
  if (typeof name !== "string") throw invalid("Invalid feed name.");
  if (!isFeedArgs(args)) throw invalid("Invalid feed arguments object.");
}
