/**
 * The client as applications see it: methods that check their arguments, and events.
 * The shell (`shell.ts`) has the connection and the conversation.
 */
import type {
  ActionArgs,
  ActionData,
  AnyApi,
  FeedArgsOf,
  FeedmeApi,
  OptionalArgs,
} from "./types.ts";
import type { ActionResult } from "./effects.ts";
import { Emitter } from "./emitter.ts";
import { destroyed, FeedmeError, invalid, isFeedmeError } from "./errors.ts";
import { FeedmeFeed } from "./feed.ts";
import type { FeedmeClientOptions } from "./options.ts";
import { type ClientEvents, Shell } from "./shell.ts";
import type { FeedView } from "./view.ts";
import { type ActionOptions, checkFeed, Views } from "./views.ts";
import { checkJson } from "../wire/json.ts";
import { type FeedArgs, isObject, type JsonObject } from "../wire/protocol.ts";
import { deferred } from "../../../net/deferred.ts";
import { asyncDispose } from "../../../net/dispose.ts";
import { Listeners } from "../../../net/listeners.ts";
import { notify } from "../../../net/report.ts";
import { checkDuration } from "../../../net/timer.ts";
import type { WaitOptions } from "../../../net/wait.ts";

/**
 * Called with an error, or with `undefined` and the data of the server's response.
 */
export type ActionCallback<Data> = (
  error: FeedmeError | undefined,
  actionData: Data,
) => void;

/** Called when an action has ended. */
type Call = (result: ActionResult) => void;

/**
 * A client of one server. See {@linkcode feedmeClient}.
 *
 * Listeners and callbacks are called, and promises settled, in the order of events,
 * and never during a method call. So listeners that you add right after creating the
 * client or feed object miss nothing.
 */
export class FeedmeClient<Api extends FeedmeApi = AnyApi>
  extends Emitter<ClientEvents> {
  readonly #shell: Shell;
  readonly #views: Views;
  readonly #changes = new Listeners();

  /**
   * The same as {@linkcode feedmeClient}.
   *
   * @throws {FeedmeError} `INVALID_ARGUMENT` or `TRANSPORT_ERROR`
   */
  constructor(options: FeedmeClientOptions) {
    super();
    const shell = this.#shell = new Shell(options, {
      onEvent: (event, ...args) => {
        this.emit(event, ...args);
        this.#changes.notify();
      },
      onGaveUp: (reason) => this.#views.gaveUp(reason),
      onEnd: () => this.#views.end(),
    });
    this.#views = new Views({
      core: shell.core,
      live: () => shell.live(),
      get destroyed() {
        return shell.destroyed;
      },
      handle: (event) => shell.handle(event),
      connect: () => {
        if (shell.idle) this.connect();
      },
    });
  }

  /**
   * The current state. It changes before listeners are called.
   *
   * @throws {FeedmeError} `TRANSPORT_ERROR` or `DESTROYED`
   */
  state(): "disconnected" | "connecting" | "connected" {
    this.#check();
    return this.#shell.state();
  }

  /**
   * The state of the connection; `disconnected` once the client is destroyed. Never
   * throws and needs no `this`, so page frameworks can take it as it is.
   */
  readonly getSnapshot = (): "disconnected" | "connecting" | "connected" => {
    try {
      return this.state();
    } catch {
      return "disconnected";
    }
  };

  /**
   * Calls `listener`, without arguments, after each change of the state, until you call
   * the returned function. Needs no `this`.
   */
  readonly subscribe = (listener: () => void): () => void =>
    this.#changes.add(listener);

  /**
   * Connects.
   *
   * @throws {FeedmeError} `INVALID_STATE` unless disconnected, `TRANSPORT_ERROR` or
   * `DESTROYED`
   */
  connect(): void {
    if (this.state() !== "disconnected") {
      throw new FeedmeError(
        "INVALID_STATE",
        "Already connecting or connected.",
      );
    }
    this.#shell.connect();
  }

  /**
   * Disconnects.
   *
   * @throws {FeedmeError} `INVALID_STATE` if already disconnected, even if a retry is
   * pending (see {@linkcode FeedmeClient.cancelRetry}); `TRANSPORT_ERROR` or
   * `DESTROYED`
   */
  disconnect(): void {
    if (this.state() === "disconnected") {
      throw new FeedmeError("INVALID_STATE", "Already disconnected.");
    }
    this.#shell.hangUp();
  }

  /**
   * Cancels the pending retry, if there is one. The client then emits `disconnect`
   * without an error, because it is now disconnected at your request.
   *
   * @returns whether a retry was pending
   * @throws {FeedmeError} `DESTROYED`
   */
  cancelRetry(): boolean {
    this.#check();
    return this.#shell.cancelRetry();
  }

  /**
   * Invokes an action on the server, once: the client never repeats it.
   *
   * Arguments must consist of strings, finite numbers, booleans, `null`, arrays and
   * plain objects. Other values, such as a `Date`, `undefined` or `NaN`, would arrive
   * changed, so they are rejected with `INVALID_ARGUMENT`; its `cause` gives the path.
   *
   * The promise rejects with a {@linkcode FeedmeError} of code `REJECTED` (with
   * `serverErrorCode` and `serverErrorData`), `TIMEOUT` or `NOT_CONNECTED`. Its
   * `outcome` is `rejected`, `timed_out`, `not_sent`, or `unknown` if the connection
   * was lost before the response arrived or the response is nested too deeply.
   *
   * @throws {FeedmeError} synchronously: `INVALID_ARGUMENT`, `TRANSPORT_ERROR` or
   * `DESTROYED`
   */
  action<Name extends keyof Api["actions"] & string>(
    actionName: Name,
    actionArgs: ActionArgs<Api, Name>,
  ): Promise<ActionData<Api, Name>>;
  /**
   * Like the other overload, with options: a signal, a timeout of its own, and an
   * optimistic change of a feed.
   *
   * @throws {RangeError} synchronously, if `timeout` is not a duration
   */
  action<Name extends keyof Api["actions"] & string>(
    actionName: Name,
    actionArgs: ActionArgs<Api, Name>,
    options: ActionOptions<Api, Name>,
  ): Promise<ActionData<Api, Name>>;
  /** Like the other overloads, with a callback instead of a promise. */
  action<Name extends keyof Api["actions"] & string>(
    actionName: Name,
    actionArgs: ActionArgs<Api, Name>,
    callback: ActionCallback<ActionData<Api, Name>>,
  ): void;
  action(
    actionName: string,
    actionArgs: unknown,
    // An explicit `undefined` is an invalid callback, not a request for a promise.
    ...rest: unknown[]
  ): Promise<unknown> | void {
    const [last] = rest;
    const callback = typeof last === "function"
      ? last as (...result: unknown[]) => void
      : undefined;
    const options = isObject(last) ? last as ActionOptions : {};
    if (rest.length > 0 && !callback && !isObject(last)) {
      throw invalid("Invalid callback.");
    }
    this.#check();
    if (typeof actionName !== "string") throw invalid("Invalid action name.");
    if (!isObject(actionArgs)) {
      throw invalid("Invalid action arguments object.");
    }
    try {
      const { maxDepth } = this.#shell.settings;
      checkJson(actionArgs, "Action arguments", { maxDepth });
    } catch (cause) {
      throw invalid("Action arguments must be JSON-expressible.", cause);
    }
    const args = actionArgs as JsonObject;
    if (callback) {
      this.#act(actionName, args, {}, ({ error, data }) => {
        if (error) notify(callback, error);
        else notify(callback, undefined, data);
      });
      return;
    }
    const { promise, resolve, reject } = deferred<JsonObject>();
    const { signal } = options;
    if (signal?.aborted) {
      reject(signal.reason);
      return promise;
    }
    const abandon = () =>
      this.#shell.handle({ type: "abandon", call, cause: signal!.reason });
    const call = this.#act(actionName, args, options, ({ error, data }) => {
      signal?.removeEventListener("abort", abandon);
      if (error) reject(error);
      else resolve(data);
    });
    signal?.addEventListener("abort", abandon, { once: true });
    return promise;
  }

  /**
   * Creates a feed object, which is initially desired closed. The client need not be
   * connected.
   *
   * @throws {FeedmeError} `INVALID_ARGUMENT` or `DESTROYED`
   */
  feed<Name extends keyof Api["feeds"] & string>(
    feedName: Name,
    ...rest: OptionalArgs<FeedArgsOf<Api, Name>>
  ): FeedmeFeed<Api["feeds"][Name]> {
    this.#check();
    // An explicit `undefined` is invalid, as in feedme-client.
    const feedArgs: unknown = rest.length === 0 ? {} : rest[0];
    checkFeed(feedName, feedArgs);
    return new FeedmeFeed(
      this.#shell,
      feedName,
      { ...feedArgs as FeedArgs },
      (name, args) => this.#views.view(name, args),
    );
  }

  /**
   * Shows a feed: connects if necessary, and keeps the feed open until you close the
   * view. All views of a feed share one subscription. Returns at once;
   * {@linkcode FeedmeClient.open} waits until the feed is open.
   *
   * @throws {FeedmeError} `INVALID_ARGUMENT`, `TRANSPORT_ERROR` or `DESTROYED`
   */
  view<Name extends keyof Api["feeds"] & string>(
    feedName: Name,
    ...rest: OptionalArgs<FeedArgsOf<Api, Name>>
  ): FeedView<Api["feeds"][Name]> {
    this.#check();
    return this.#views.view(feedName, rest[0]);
  }

  /**
   * Opens a feed: connects if necessary, and resolves with a view of the feed as soon as
   * its data is there. Close the view when you no longer need it, or declare it with
   * `await using`; the last view of a feed closes the feed.
   *
   * @throws {FeedmeError} `REJECTED` or `TERMINATED` if the server refuses the feed, the
   * reason why the client gave up connecting, `INVALID_ARGUMENT`, `TRANSPORT_ERROR` or
   * `DESTROYED`. If the signal aborts, throws its reason
   */
  // deno-lint-ignore require-await
  async open<Name extends keyof Api["feeds"] & string>(
    feedName: Name,
    ...rest: Record<string, never> extends FeedArgsOf<Api, Name>
      ? [feedArgs?: FeedArgsOf<Api, Name>, options?: WaitOptions]
      : [feedArgs: FeedArgsOf<Api, Name>, options?: WaitOptions]
  ): Promise<FeedView<Api["feeds"][Name]>> {
    this.#check();
    const [feedArgs, options = {}] = rest;
    return this.#views.open(feedName, feedArgs, options);
  }

  /**
   * Destroys the client, which must be disconnected, and its feed objects. Pending
   * listeners and callbacks are still called, but nothing after that.
   *
   * @throws {FeedmeError} `INVALID_STATE` or `DESTROYED`
   */
  destroy(): void {
    if (this.state() !== "disconnected") {
      throw new FeedmeError(
        "INVALID_STATE",
        "Not disconnected. Call disconnect() first, or close() instead.",
      );
    }
    this.#shell.destroy();
  }

  /** Whether the client has been destroyed. */
  destroyed(): boolean {
    return this.#shell.destroyed;
  }

  /**
   * Disconnects if necessary, destroys the client and its feed objects, and waits
   * until your listeners have been called and the transport has freed its resources.
   * May be called again.
   */
  async close(): Promise<void> {
    if (!this.destroyed()) {
      if (this.state() !== "disconnected") this.#shell.hangUp();
      this.destroy();
    }
    await this.#shell.dispose();
  }

  /** {@linkcode FeedmeClient.close}, for `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(): void {
    if (this.destroyed()) throw destroyed();
  }

  /** Returns what identifies the action. */
  #act(
    name: string,
    args: JsonObject,
    options: ActionOptions,
    settle: Call,
  ): Call {
    const timeoutMs = timeoutOf(options);
    const live = this.#shell.live();
    // If this throws, the caller gets the exception and no callback follows.
    let thrown = false;
    let takeBack: Call = () => {};
    const call: Call = (result) => {
      if (thrown) return;
      takeBack(result);
      settle(result);
    };
    if (live) takeBack = this.#views.lay(options, args, call);
    try {
      this.#shell.handle({ type: "act", call, name, args, live, timeoutMs });
      return call;
    } catch (error) {
      thrown = true;
      takeBack({ error: error as FeedmeError });
      if (isFeedmeError(error)) throw error;
      throw invalid("Action arguments must be JSON-expressible.", error);
    }
  }
}

/**
 * Creates a client for a Feedme server. It stays disconnected until you call
 * `connect()`.
 *
 * Pass the types of the server's actions and feeds as `Api` to have the compiler check
 * arguments and data; without it, all are JSON.
 *
 * ```ts
 * import { feedmeClient, webSocketTransport } from "@feedline/feedline/feed/feedme";
 *
 * interface Chat {
 *   actions: { say: { args: { text: string }; data: { id: number } } };
 *   feeds: { room: { args: { id: string }; data: { lines: string[] } } };
 * }
 *
 * const client = feedmeClient<Chat>({
 *   transport: webSocketTransport({ url: "ws://localhost:1" }),
 * });
 * client.on("disconnect", (error) => console.log(error?.code));
 * const room = client.feed("room", { id: "7" });
 * room.on("open", ({ lines }) => console.log(lines.length));
 * room.desireOpen();
 * client.action("say", { text: "hello" }, (error) => {
 *   console.log(error?.outcome); // not_sent, as nothing has connected
 * });
 * await client.close();
 * ```
 *
 * @throws {FeedmeError} `INVALID_ARGUMENT` or `TRANSPORT_ERROR`
 */
export function feedmeClient<Api extends FeedmeApi = AnyApi>(
  options: FeedmeClientOptions,
): FeedmeClient<Api> {
  return new FeedmeClient<Api>(options);
}

/** The `actionTimeoutMs` of one action. */
function timeoutOf({ timeout }: ActionOptions): number | undefined {
  if (timeout === undefined) return undefined;
  return checkDuration("timeout", timeout) === Infinity ? 0 : timeout;
}
