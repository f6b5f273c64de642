/**
 * Handles the requests of clients: performs actions, and opens and closes feeds. The
 * {@linkcode Conversation} of each client decides what the protocol allows; here the
 * application decides, and the response is sent.
 */
import type { Subscription } from "./conversation.ts";
import { type AnyActionDefinition, FeedmeRejection } from "./define.ts";
import type { Feeds } from "./feeds.ts";
import { checkArgs, permit, refusal } from "./refusal.ts";
import { limited } from "./limited.ts";
import type { Limits } from "./options.ts";
import { guarded, type Reporter } from "./report.ts";
import { parse } from "./schema.ts";
import type { Cause, ServedFeed } from "./served_feed.ts";
import type { ServedSocket } from "./served_socket.ts";
import { checkJsonObject, type JsonObject } from "../wire/json.ts";
import { feedKey } from "../wire/feed_key.ts";
import {
  type FeedArgs,
  type LogPosition,
  type ServerMessage,
  writeServerMessage,
} from "../wire/protocol.ts";

/** An action that a client requested. */
export interface ActionCall {
  readonly name: string;
  readonly args: JsonObject;
  readonly callbackId: string;
}

/** The limits of requests. */
type RequestLimits = Pick<Limits, "maxDepth" | "callbackTimeout">;

/** Handles the requests of all clients of one server. */
export class Requests {
  readonly #actions: ReadonlyMap<string, AnyActionDefinition>;
  readonly #feeds: Feeds;
  readonly #reporter: Reporter;
  readonly #limits: RequestLimits;

  constructor(
    actions: ReadonlyMap<string, AnyActionDefinition>,
    feeds: Feeds,
    reporter: Reporter,
    limits: RequestLimits,
  ) {
    this.#actions = actions;
    this.#feeds = feeds;
    this.#reporter = reporter;
    this.#limits = limits;
  }

  /** Performs an action and sends the response. */
  async act(
    client: ServedSocket,
    { name, args, callbackId }: ActionCall,
  ): Promise<void> {
    // Only a client that understands the mark has its changes marked.
    const cause = client.conversation.alive
      ? { client, callbackId, answered: false }
      : undefined;
    let outcome;
    try {
      const ActionData = await this.#perform(client, name, args, cause);
      outcome = { Success: true as const, ActionData };
    } catch (error) {
      outcome = this.#reporter.refuse(error, {
        during: "action",
        name,
        client,
      });
    }
    if (cause) cause.answered = true;
    client.conversation.answered(callbackId);
    send(client, {
      MessageType: "ActionResponse",
      CallbackId: callbackId,
      ...outcome,
    });
  }

  async #perform(
    client: ServedSocket,
    name: string,
    args: JsonObject,
    cause: Cause | undefined,
  ): Promise<JsonObject> {
    const definition = this.#actions.get(name);
    if (!definition) throw new FeedmeRejection("UNKNOWN_ACTION");
    const checked = checkArgs(parse(definition.args, args));
    const feed = this.#feeds.finder(client, cause);
    const request = { args: checked, client, feed };
    const within = this.#limit(client, `Action ${JSON.stringify(name)}`);
    const permitted = permit(
      within("authorize", definition.authorize?.(request)),
    );
    if (permitted) await permitted;
    const result = await within(
      "handler",
      definition.handler(checked, request),
    );
    const data = parse(definition.data, result ?? {});
    if (!data.success) {
      throw new TypeError(
        `The result of action ${
          JSON.stringify(name)
        } does not match its schema`,
        { cause: data.error },
      );
    }
    return checkJsonObject(
      data.data,
      `The result of action ${JSON.stringify(name)}`,
      { maxDepth: this.#limits.maxDepth },
    );
  }

  /** Limits how long callbacks for a client may take. */
  #limit(client: ServedSocket, title: string) {
    const { callbackTimeout: ms } = this.#limits;
    const { signal } = client;
    return <T>(
      callback: string,
      result: T | PromiseLike<T>,
      late?: () => unknown,
    ): T | PromiseLike<T> =>
      limited(result, { what: `${title}: ${callback}()`, ms, signal, late });
  }

  /** Rejects an action because too many wait for a response. */
  refuseAction(client: ServedSocket, callbackId: string): void {
    send(client, {
      MessageType: "ActionResponse",
      CallbackId: callbackId,
      ...refusal(new FeedmeRejection("TOO_MANY_ACTIONS")),
    });
  }

  /** Rejects a feed because too many are open. */
  refuseFeed(client: ServedSocket, name: string, args: FeedArgs): void {
    send(client, {
      MessageType: "FeedOpenResponse",
      FeedName: name,
      FeedArgs: args,
      ...refusal(new FeedmeRejection("TOO_MANY_FEEDS")),
    });
  }

  /** Opens a feed, or resumes it after the actions `from`, or rejects it. */
  async open(
    client: ServedSocket,
    subscription: Subscription,
    from?: LogPosition,
  ): Promise<void> {
    const { name, args, key } = subscription;
    let held: ServedFeed | undefined;
    try {
      const definition = this.#feeds.definition(name);
      if (!definition) throw new FeedmeRejection("UNKNOWN_FEED");
      const checked = checkArgs(parse(definition.args, args)) as FeedArgs;
      // A schema that drops or changes arguments would merge two feeds into one.
      if (feedKey(name, checked) !== key) {
        throw new FeedmeRejection("INVALID_ARGUMENTS", { issues: [] });
      }
      const request = {
        args: checked,
        client,
        live: this.#feeds.handle(definition, name, checked, client),
        feed: this.#feeds.finder(client),
      };
      const within = this.#limit(client, `Feed ${JSON.stringify(name)}`);
      const permitted = permit(
        within("authorize", definition.authorize?.(request)),
      );
      if (permitted) await permitted;
      if (!isOpening(subscription)) return;
      const owner = definition.private ? client : undefined;
      const feed = held = this.#feeds.hold(name, args, owner);
      if (feed.loading) await feed.loading;
      if (!isOpening(subscription)) return;
      const leave = () =>
        guarded(
          () => within("onClose", definition.onClose?.(request)),
          (error) =>
            this.#reporter.report(error, { during: "close", name, client }),
        );
      // An `onOpen` that finishes too late needs its `onClose` too.
      await within("onOpen", definition.onOpen?.(request), leave);
      let entered = false;
      try {
        if (!isOpening(subscription)) return;
        // Serialized first, so that a failure rejects the feed.
        const { texts, bytes } = feed.opening(client.conversation.alive, from);
        client.conversation.opened(subscription);
        this.#enter(client, subscription, feed, bytes, leave);
        entered = true;
        for (const text of texts) client.send(text);
      } finally {
        // `onOpen` was called, so `onClose` must be called too.
        if (!entered) await leave();
      }
    } catch (error) {
      const outcome = this.#reporter.refuse(error, {
        during: "open",
        name,
        client,
      });
      if (client.conversation.refused(subscription)) {
        send(client, {
          MessageType: "FeedOpenResponse",
          FeedName: name,
          FeedArgs: args,
          ...outcome,
        });
      }
    } finally {
      if (held) this.#feeds.letGo(held);
    }
  }

  /** Subscribes the client until its entry in `leaving` is called. */
  #enter(
    client: ServedSocket,
    subscription: Subscription,
    feed: ServedFeed,
    bytes: number,
    leave: () => void | PromiseLike<void>,
  ): void {
    client.allow(bytes);
    feed.subscribers.add(client);
    client.leaving.set(subscription, () => {
      client.allow(-bytes);
      feed.subscribers.delete(client);
      const left = leave();
      this.#feeds.dropIdle(feed);
      return left;
    });
  }

  /** Closes a feed at the client's request. */
  async close(client: ServedSocket, subscription: Subscription): Promise<void> {
    const left = this.leave(client, subscription);
    if (left) await left;
    if (client.conversation.closed(subscription)) {
      send(client, {
        MessageType: "FeedCloseResponse",
        FeedName: subscription.name,
        FeedArgs: subscription.args,
      });
    }
  }

  /** Terminates a feed for a client at the application's request. */
  terminate(
    client: ServedSocket,
    key: string,
    ErrorCode: string,
    ErrorData: JsonObject,
  ): void {
    const ended = client.conversation.terminate(key, performance.now());
    if (!ended) return;
    const { name, args } = ended.subscription;
    this.#feeds.known(name, args)?.forgetActions();
    const about = { FeedName: name, FeedArgs: args, ErrorCode, ErrorData };
    send(
      client,
      ended.was === "open"
        ? { MessageType: "FeedTermination", ...about }
        : { MessageType: "FeedOpenResponse", Success: false, ...about },
    );
    this.leave(client, ended.subscription);
  }

  /** Unsubscribes the client, if it was subscribed. */
  leave(
    { leaving }: ServedSocket,
    subscription: Subscription,
  ): void | PromiseLike<void> {
    const leave = leaving.get(subscription);
    leaving.delete(subscription);
    return leave?.();
  }
}

/** Must be checked again after each wait, because the state may change. */
function isOpening({ state }: Subscription): boolean {
  return state.kind === "opening";
}

/** Sends a message to one client, unless it has disconnected. */
export function send(client: ServedSocket, message: ServerMessage): void {
  if (!client.ended) client.send(writeServerMessage(message));
}
