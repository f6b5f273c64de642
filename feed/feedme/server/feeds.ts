/** The feeds of a server, by definition and arguments; those in use are loaded. */
import type {
  AnyFeedDefinition,
  FeedDefinition,
  FeedFinder,
  LiveFeed,
  ServedClient,
  Snapshot,
} from "./define.ts";
import { ActionLog } from "./log.ts";
import { type Cause, type FeedRules, ServedFeed } from "./served_feed.ts";
import { checkJsonObject } from "../wire/json.ts";
import { feedKey } from "../wire/feed_key.ts";
import {
  type Delta,
  type FeedArgs,
  isFeedArgs,
  type JsonObject,
} from "../wire/protocol.ts";
import { parse } from "./schema.ts";

/** How many feeds are kept that the application used but no client opened. */
const MOST_IDLE = 1_000;

/**
 * The definitions of an application, by name.
 *
 * @throws {TypeError} if a definition lacks its required method
 */
export function definitionsOf<T extends object>(
  what: "Feed" | "Action",
  definitions: Record<string, T> = {},
  method: keyof T & string,
): Map<string, T> {
  const byName = new Map(Object.entries(definitions));
  for (const [name, definition] of byName) {
    if (typeof definition?.[method] !== "function") {
      throw new TypeError(`${what} ${JSON.stringify(name)} has no ${method}()`);
    }
  }
  return byName;
}

/** Terminates a feed for all clients, or one. */
type Terminate = (
  key: string,
  errorCode: string,
  errorData: JsonObject,
  client?: ServedClient,
) => void;

/** All feeds of one server. */
export class Feeds {
  readonly #rule: FeedRules;
  readonly #definitions: ReadonlyMap<string, AnyFeedDefinition>;
  readonly #names: ReadonlyMap<AnyFeedDefinition, string>;
  readonly #live = new Map<string, ServedFeed>();
  /** The private feeds of each client. */
  readonly #private = new Map<ServedClient, Set<ServedFeed>>();
  /** The feeds that no client has opened yet. */
  readonly #unopened = new Set<ServedFeed>();
  readonly terminate: Terminate;

  constructor(
    definitions: ReadonlyMap<string, AnyFeedDefinition>,
    rule: FeedRules,
    terminate: Terminate,
  ) {
    this.#rule = rule;
    this.#definitions = definitions;
    this.#names = new Map(
      [...definitions].map(([name, definition]) => [definition, name]),
    );
    this.terminate = terminate;
    // Refuses bad limits now, and not when a client first opens the feed.
    for (const { log } of definitions.values()) if (log) new ActionLog(log);
  }

  definition(name: string): AnyFeedDefinition | undefined {
    return this.#definitions.get(name);
  }

  /**
   * The {@linkcode FeedFinder} for requests of a client, or for none. `cause` is the
   * action that the request is.
   */
  finder(requester?: ServedClient, cause?: Cause): FeedFinder {
    return (<
      Args extends object,
      Data extends object,
      Actions extends object,
    >(
      definition: FeedDefinition<Args, Data, Actions>,
      args?: Args,
      client = requester,
    ): LiveFeed<Args, Data, Actions> => {
      const name = this.#nameOf(definition);
      const handle = this.handle(
        definition,
        name,
        (args ?? {}) as FeedArgs,
        client,
        cause,
      );
      const checked = parse(definition.args, handle.args);
      if (!checked.success) {
        throw new TypeError(
          `The arguments do not match the schema of feed ${
            JSON.stringify(name)
          }`,
          { cause: checked.error },
        );
      }
      // deno-lint-ignore no-explicit-any -- LiveFeed is invariant in its parameters
      return handle as LiveFeed<any, any, any>;
    }) as FeedFinder;
  }

  #nameOf(definition: AnyFeedDefinition): string {
    const name = this.#names.get(definition);
    if (name !== undefined) return name;
    throw new TypeError(
      "This server does not serve the given feed; list its definition under feeds",
    );
  }

  /** Whether a feed is loaded or being loaded. */
  isLive(
    feed: AnyFeedDefinition | string,
    args: FeedArgs = {},
    client?: ServedClient,
  ): boolean {
    const name = typeof feed === "string" ? feed : this.#nameOf(feed);
    return this.known(name, args, client) !== undefined;
  }

  handle(
    definition: AnyFeedDefinition,
    name: string,
    args: FeedArgs,
    client: ServedClient | undefined,
    cause?: Cause,
  ): LiveFeed<FeedArgs, JsonObject> {
    if (!isFeedArgs(args)) {
      throw new TypeError("Feed arguments must be strings");
    }
    if (definition.private && !client) {
      throw new TypeError(
        `Feed ${JSON.stringify(name)} is private; pass its client`,
      );
    }
    const owner = definition.private ? client : undefined;
    return new Handle(this, name, { ...args }, definition, owner, cause);
  }

  /** The live feed, loaded if necessary. `client` is the owner of a private feed. */
  live(name: string, args: FeedArgs, client?: ServedClient): ServedFeed {
    const key = liveKey(name, args, client);
    const present = this.#live.get(key);
    if (present) return present;
    const definition = this.#definitions.get(name)!;
    const live = new ServedFeed(name, args, definition, this.#rule, client);
    if (client) {
      // After the end of its client, it is not kept: nothing would ever drop it.
      if (client.signal.aborted) {
        live.end();
        return live;
      }
      const own = this.#private.get(client);
      if (own) own.add(live);
      else this.#private.set(client, new Set([live]));
    }
    this.#live.set(key, live);
    this.#unopened.add(live);
    live.loading?.then(undefined, () => this.#forget(live));
    for (const oldest of this.#unopened) {
      if (this.#unopened.size <= MOST_IDLE) break;
      if (oldest !== live && oldest.idle) this.#forget(oldest);
      // It is in use.
      else this.#unopened.delete(oldest);
    }
    return live;
  }

  /** The live feed, if it is loaded or being loaded. */
  known(
    name: string,
    args: FeedArgs,
    client?: ServedClient,
  ): ServedFeed | undefined {
    return this.#live.get(liveKey(name, args, client));
  }

  /** Like `live`, and keeps the feed for a client that is about to open it, until `letGo`. */
  hold(name: string, args: FeedArgs, client?: ServedClient): ServedFeed {
    const live = this.live(name, args, client);
    this.#unopened.delete(live);
    live.holds++;
    return live;
  }

  letGo(live: ServedFeed): void {
    live.holds--;
    this.dropIdle(live);
  }

  /** Drops the feed if no client has it open and no change would be lost. */
  dropIdle(live: ServedFeed): void {
    if (live.idle) this.#forget(live);
  }

  /** The client has disconnected and left its feeds: forgets the private ones. */
  drop(client: ServedClient): void {
    for (const live of this.#private.get(client) ?? []) this.#forget(live);
  }

  /** The server has been closed. The data can still be read, for example to save it. */
  end(): void {
    for (const live of this.#live.values()) live.end();
  }

  #forget(live: ServedFeed): void {
    const { name, args, client } = live;
    const key = liveKey(name, args, client);
    if (this.#live.get(key) === live) this.#live.delete(key);
    this.#unopened.delete(live);
    if (client) {
      const own = this.#private.get(client);
      own?.delete(live);
      if (own?.size === 0) this.#private.delete(client);
    }
    live.end();
  }
}

/** Identifies a live feed. */
function liveKey(
  name: string,
  args: FeedArgs,
  client: ServedClient | undefined,
): string {
  const key = feedKey(name, args);
  // A key of a shared feed begins with a digit or a colon.
  return client ? `private ${client.id} ${key}` : key;
}

/** The application's handle of a feed, which looks up the live one on each use. */
class Handle implements LiveFeed<FeedArgs, JsonObject> {
  readonly #feeds: Feeds;
  readonly #definition: AnyFeedDefinition;
  readonly name: string;
  readonly args: FeedArgs;
  /** The owner of a private feed. */
  readonly #client: ServedClient | undefined;
  readonly #cause: Cause | undefined;

  constructor(
    feeds: Feeds,
    name: string,
    args: FeedArgs,
    definition: AnyFeedDefinition,
    client: ServedClient | undefined,
    cause: Cause | undefined,
  ) {
    this.#client = client;
    this.#cause = cause;
    this.#feeds = feeds;
    this.name = name;
    this.args = args;
    this.#definition = definition;
  }

  get #live(): ServedFeed {
    return this.#feeds.live(this.name, this.args, this.#client);
  }

  get #known(): ServedFeed | undefined {
    return this.#feeds.known(this.name, this.args, this.#client);
  }

  get data(): Snapshot<JsonObject> {
    return this.#live.data as Snapshot<JsonObject>;
  }

  get subscribers(): number {
    return this.#known?.subscribers.size ?? 0;
  }

  async loaded(): Promise<Snapshot<JsonObject>> {
    const live = this.#live;
    if (live.loading) await live.loading;
    return live.data as Snapshot<JsonObject>;
  }

  update(action: string, actionData: object, change: unknown): void {
    const live = this.#live;
    live.update(action, actionData, change, this.#cause);
    if (this.#definition.retain === false) this.#feeds.dropIdle(live);
  }

  apply(action: string, actionData: object, deltas: readonly Delta[]): void {
    const live = this.#live;
    live.apply(action, actionData, deltas, this.#cause);
    if (this.#definition.retain === false) this.#feeds.dropIdle(live);
  }

  terminate(
    errorCode: string,
    errorData?: object,
    client?: ServedClient,
  ): void {
    this.#feeds.known(this.name, this.args)?.forgetActions();
    this.#feeds.terminate(
      feedKey(this.name, this.args),
      errorCode,
      checkJsonObject(errorData ?? {}, "errorData"),
      this.#client ?? client,
    );
  }

  release(): void {
    const live = this.#known;
    if (!live) return;
    live.changed = false;
    this.#feeds.dropIdle(live);
  }
}
