/**
 * The client: connects, reconnects and performs the effects of its conversation. It
 * holds what the pure conversation must not: the transport, timers and randomness.
 */
import type {
  ActionArgs,
  ActionData,
  AnyApi,
  FeedArgsOf,
  FeedmeApi,
  OptionalArgs,
} from "./types.ts";
import { Conversation } from "./conversation.ts";
import type {
  ActionResult,
  ClientNotice,
  ConversationEvent,
  Effect,
  Timer,
} from "./effects.ts";
import { Emitter } from "./emitter.ts";
import { FeedmeError, invalid, isFeedmeError } from "./errors.ts";
import { type FeedHost, FeedmeFeed, type FeedSink } from "./feed.ts";
import { checkJson } from "../wire/json.ts";
import {
  checkSettings,
  checkTransport,
  type FeedmeClientOptions,
  type Settings,
} from "./options.ts";
import { type FeedArgs, isObject, type JsonObject } from "../wire/protocol.ts";
import { deferred } from "../../../net/deferred.ts";
import { asyncDispose } from "../../../net/dispose.ts";
import { Listeners } from "../../../net/listeners.ts";
import { notify } from "../../../net/report.ts";
import { Queue } from "../../../net/queue.ts";
import { type Attempt, Link } from "../../../net/link.ts";
import { type Ended, retryPolicy } from "./retry.ts";
import { setTimer, type Timer as PlatformTimer } from "../../../net/timer.ts";
import { TransportGuard } from "./transport.ts";
import type { FeedView } from "./view.ts";
import { type ActionOptions, checkFeed, Views } from "./views.ts";
import { checkDuration } from "../../../net/timer.ts";
import type { WaitOptions } from "../../../net/wait.ts";

/** The events of a client and the arguments of their listeners. */
export type ClientEvents = {
  /** An attempt to connect begins. */
  connecting: [];
  /** The handshake has succeeded. */
  connect: [];
  /** The connection or the attempt has ended; without an error if you requested it. */
  disconnect: [error?: FeedmeError];
  /** The server has violated the specification. */
  badServerMessage: [error: FeedmeError];
  /** The server reported that this client has violated the specification. */
  badClientMessage: [diagnostics: JsonObject];
  /** The transport broke a rule; the client is destroyed. */
  transportError: [error: FeedmeError];
};

/**
 * Called with an error, or with `undefined` and the data of the server's response.
 */
export type ActionCallback<Data> = (
  error: FeedmeError | undefined,
  actionData: Data,
) => void;

/** Called when an action has ended. */
type Call = (result: ActionResult) => void;

/** One use of the transport, from the call of `connect()` to the `disconnect` event. */
interface Dial {
  /** The link's attempt. */
  readonly attempt: Attempt<Ended>;
  /** Whether the transport has emitted `connecting`. */
  begun: boolean;
  /** Set once the client has hung up, with the reason. */
  hungUp?: { reason: FeedmeError | undefined };
}

/**
 * A client of one server. See {@linkcode feedmeClient}.
 *
 * Listeners and callbacks are called, and promises settled, in the order of events,
 * and never during a method call. So listeners that you add right after creating the
 * client or feed object miss nothing.
 */
export class FeedmeClient<Api extends FeedmeApi = AnyApi>
  extends Emitter<ClientEvents> {
  readonly #settings: Settings;
  readonly #guard: TransportGuard;
  readonly #queue = new Queue();
  readonly #core: Conversation<FeedSink, Call>;
  /** The running timers of the conversation. */
  readonly #timers = new Map<Timer, PlatformTimer | undefined>();
  /** Effects still to be performed; empty unless some are being performed. */
  #effects: Effect<FeedSink, Call>[] = [];
  /** A violation detected while effects were being performed; handled when they are done. */
  #breach: FeedmeError | undefined;
  /** Uses of the transport that have not ended; the last is the current one. */
  readonly #dials: Dial[] = [];
  #connectTimer: PlatformTimer | undefined;
  readonly #link: Link<Ended>;
  readonly #views: Views;
  /** How the transport broke the rules. */
  #violation: FeedmeError | undefined;
  #destroyed = false;
  readonly #changes = new Listeners();

  /**
   * The same as {@linkcode feedmeClient}.
   *
   * @throws {FeedmeError} `INVALID_ARGUMENT` or `TRANSPORT_ERROR`
   */
  constructor(options: FeedmeClientOptions) {
    super();
    const transport = checkTransport(options);
    this.#guard = new TransportGuard(transport, {
      connecting: () => this.#onConnecting(),
      connect: () => this.#onConnect(),
      message: (text) => this.#onMessage(text),
      disconnect: (error) => this.#onDisconnect(error),
      violation: (error) => this.#onViolation(error),
    });
    try {
      this.#settings = checkSettings(options);
    } catch (error) {
      this.#guard.detach();
      throw error;
    }
    this.#core = new Conversation(this.#settings);
    this.#views = new Views({
      ...this.#feedHost(),
      connect: () => {
        const idle = this.#link.state.kind === "idle";
        if (idle && this.state() === "disconnected") this.connect();
      },
    });
    this.#link = new Link({
      policy: retryPolicy(this.#settings),
      begin: (attempt) => {
        this.#dials.push({ attempt, begun: false });
        this.#unattended(() => this.#guard.connect());
        // Nothing to free: the connection ends when the transport emits `disconnect`.
        return () => {};
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
    const state = this.#guard.state();
    return state === "connected" && !this.#shaken() ? "connecting" : state;
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
    this.#link.reset();
    this.#dial();
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
    this.#hangUp(undefined);
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
    if (this.#link.state.kind !== "waiting") return false;
    this.#link.stop();
    this.#tell("disconnect");
    return true;
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
   * Like the other overload, with options: a signal, a timeout of its own, and optimistic
   * changes.
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
      const { maxDepth } = this.#settings;
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
      this.#handle({ type: "abandon", call, cause: signal!.reason });
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
      this.#feedHost(),
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
    // The transport may not have emitted `disconnect` for a connection yet.
    while (this.#dials.length > 0) {
      const { begun, hungUp } = this.#dials[0]!;
      if (!begun) this.#onConnecting();
      this.#ended(hungUp ? hungUp.reason : destroyed());
    }
    this.#end();
  }

  /** Whether the client has been destroyed. */
  destroyed(): boolean {
    return this.#destroyed;
  }

  /**
   * Disconnects if necessary, destroys the client and its feed objects, and waits
   * until your listeners have been called and the transport has freed its resources.
   * May be called again.
   */
  async close(): Promise<void> {
    if (!this.#destroyed) {
      if (this.state() !== "disconnected") this.#hangUp(undefined);
      this.destroy();
    }
    await this.#guard.dispose();
    await new Promise<void>((resolve) => this.#queue.add(resolve));
  }

  /** {@linkcode FeedmeClient.close}, for `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close();
  }

  #feedHost(): FeedHost {
    return {
      core: this.#core,
      live: () => this.#live(),
      handle: (event) => this.#handle(event),
    };
  }

  #check(): void {
    if (this.#destroyed) throw destroyed();
  }

  /** Whether the handshake belongs to the current connection. */
  #shaken(): boolean {
    return this.#core.up && this.#dials.length === 1 &&
      !this.#dials[0]!.hungUp;
  }

  /** Whether a message can be sent now. May throw `TRANSPORT_ERROR`. */
  #live(): boolean {
    return this.#shaken() && this.#guard.state() === "connected";
  }

  /** Returns what identifies the action. */
  #act(
    name: string,
    args: JsonObject,
    options: ActionOptions,
    settle: Call,
  ): Call {
    const timeoutMs = timeoutOf(options);
    const live = this.#live();
    // If this throws, the caller gets the exception and no callback follows.
    let thrown = false;
    let takeBack: Call = () => {};
    const call: Call = (result) => {
      if (thrown) return;
      takeBack(result);
      settle(result);
    };
    const { optimistic } = options;
    if (live && optimistic) takeBack = this.#views.lay(optimistic, args, call);
    try {
      this.#handle({ type: "act", call, name, args, live, timeoutMs });
      return call;
    } catch (error) {
      thrown = true;
      takeBack({ error: error as FeedmeError });
      if (isFeedmeError(error)) throw error;
      throw invalid("Action arguments must be JSON-expressible.", error);
    }
  }

  // From one connection to the next.

  /** Starts an attempt now. */
  #dial(): void {
    this.#link.connect();
    if (this.#violation) throw this.#violation;
  }

  #hangUp(reason: FeedmeError | undefined): void {
    this.#stopConnecting();
    this.#dials.at(-1)!.hungUp = { reason };
    this.#guard.disconnect();
  }

  #onConnecting(): void {
    const dial = this.#dials[0]!;
    dial.begun = true;
    this.#tell("connecting");
    if (dial.hungUp) return;
    const { connectTimeoutMs: ms } = this.#settings;
    if (ms === 0) return;
    this.#connectTimer = setTimer(
      () => this.#unattended(() => this.#late()),
      ms,
    );
  }

  /** The attempt to connect has taken too long. */
  #late(): void {
    // If it has failed in the meantime, its `disconnect` is on the way.
    if (this.#guard.state() === "disconnected") return;
    this.#hangUp(
      new FeedmeError("TIMEOUT", "The connection attempt timed out."),
    );
  }

  #onConnect(): void {
    if (!this.#dials[0]!.hungUp) this.#handle({ type: "connected" });
  }

  #onMessage(text: string): void {
    // The client has hung up, so late messages are dropped.
    if (this.#dials[0]!.hungUp) return;
    this.#handle({ type: "message", text });
    if (this.#core.up && this.#link.state.kind === "connecting") {
      this.#stopConnecting();
      this.#dials[0]!.attempt.opened();
    }
  }

  #onDisconnect(transportError: Error | undefined): void {
    const { attempt, hungUp } = this.#dials[0]!;
    const wasUp = this.#core.up;
    const reason = hungUp ? hungUp.reason : new FeedmeError(
      "TRANSPORT_FAILURE",
      "The transport connection failed.",
      { transportError },
    );
    this.#ended(reason);
    // The application may have reconnected before this event was delivered.
    if (!attempt.current) return;
    // After a lost connection, the first retry is immediate.
    if (!hungUp && wasUp && this.#settings.reconnect) this.#dial();
    else attempt.end({ reason, wasUp });
    if (reason && this.#link.state.kind === "idle") {
      this.#queue.add(() => this.#views.gaveUp(reason));
    }
  }

  #stopConnecting(): void {
    // Only if needed: the first use of a timer function makes Deno run microtasks.
    if (this.#connectTimer !== undefined) clearTimeout(this.#connectTimer);
    this.#connectTimer = undefined;
  }

  /** The oldest use has ended: notifies feeds and actions first, then the client. */
  #ended(reason: FeedmeError | undefined): void {
    this.#stopConnecting();
    this.#dials.shift();
    this.#handle({ type: "disconnected" });
    if (reason) this.#tell("disconnect", reason);
    else this.#tell("disconnect");
  }

  // Performing the conversation's effects, and notifying the application.

  /**
   * Passes an event to the conversation and performs the resulting effects. If the
   * transport throws, the error is rethrown only after all effects, so that the
   * application receives every notification.
   */
  #handle(event: ConversationEvent<FeedSink, Call>): void {
    const nested = this.#effects.length > 0;
    for (const effect of this.#core.handle(event)) this.#effects.push(effect);
    // Some platforms run microtasks, and listeners in them, within a call.
    if (nested) return;
    let failure: { reason: unknown } | undefined;
    for (const effect of this.#effects) {
      try {
        this.#perform(effect);
      } catch (reason) {
        failure ??= { reason };
      }
    }
    this.#effects = [];
    if (this.#breach) this.#collapse(this.#breach);
    if (failure) throw failure.reason;
  }

  #perform(effect: Effect<FeedSink, Call>): void {
    switch (effect.do) {
      case "send":
        if (!this.#breach && this.#guard.state() === "connected") {
          this.#guard.send(effect.text);
        }
        return;
      case "hangUp":
        if (!this.#breach && this.#guard.state() === "connected") {
          this.#hangUp(effect.reason);
        }
        return;
      case "startTimer": {
        const { timer, ms } = effect;
        const expire = () => {
          this.#timers.delete(timer);
          this.#unattended(() => this.#handle({ type: "expired", timer }));
        };
        this.#timers.set(timer, setTimer(expire, ms));
        return;
      }
      case "stopTimer":
        clearTimeout(this.#timers.get(effect.timer));
        this.#timers.delete(effect.timer);
        return;
      case "tellClient":
        return this.#tellNotice(effect.notice);
      case "tellFeed": {
        const { owner, notice } = effect;
        return this.#queue.add(() => owner.deliver(notice));
      }
      case "settle": {
        const { call, result } = effect;
        return this.#queue.add(() => call(result));
      }
      default:
        effect satisfies never;
    }
  }

  #tellNotice(notice: ClientNotice): void {
    switch (notice.event) {
      case "connect":
        return this.#tell("connect");
      case "badServerMessage":
        return this.#tell("badServerMessage", notice.error);
      case "badClientMessage":
        return this.#tell("badClientMessage", notice.diagnostics);
      default:
        notice satisfies never;
    }
  }

  /**
   * Runs a job that was not started by a method call. If the transport breaks a rule
   * in it, no caller can catch the error; `transportError` reports it.
   */
  #unattended(job: () => void): void {
    try {
      job();
    } catch (error) {
      if (!this.#destroyed) throw error;
    }
  }

  #tell<E extends keyof ClientEvents>(
    event: E,
    ...args: ClientEvents[E]
  ): void {
    this.#queue.add(() => {
      this.emit(event, ...args);
      this.#changes.notify();
    });
  }

  /** The transport broke a rule, perhaps while effects were being performed. */
  #onViolation(error: FeedmeError): void {
    this.#violation = error;
    if (this.#effects.length > 0) this.#breach = error;
    else this.#collapse(error);
  }

  /** Destroys the client, because the transport is unreliable. */
  #collapse(transportError: FeedmeError): void {
    this.#breach = undefined;
    if (this.#destroyed) return;
    while (this.#dials.length > 0) {
      this.#ended(
        new FeedmeError(
          "DESTROYED",
          "The transport violated a library requirement.",
          { transportError },
        ),
      );
    }
    this.#tell("transportError", transportError);
    this.#end();
  }

  #end(): void {
    this.#destroyed = true;
    this.#link.stop();
    this.#stopConnecting();
    this.#guard.detach();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    for (const { owner } of this.#core.members) owner.destroy();
    this.#views.end();
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

function destroyed(): FeedmeError {
  return new FeedmeError(
    "DESTROYED",
    "The client instance has been destroyed.",
  );
}
