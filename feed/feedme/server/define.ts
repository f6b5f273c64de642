/**
 * How an application says which feeds and actions it serves: schemas, who may,
 * and what happens. Nothing happens here; `server.ts` does what is said.
 */
import { FeedlineError, isFeedlineError } from "../../../net/errors.ts";
import type { Delta, FeedArgs, JsonObject } from "../wire/protocol.ts";

/**
 * A zod schema (of `zod` or `zod/mini`), or anything else with its
 * `safeParse`. It must not be asynchronous.
 */
export interface Schema<Out> {
  /** Checks `value` and tells what it is, or what is wrong with it. */
  safeParse(value: unknown):
    | { success: true; data: Out }
    | { success: false; error: { readonly issues: readonly SchemaIssue[] } };
}

/** What is wrong with a value, and where. */
export interface SchemaIssue {
  /** Names and indexes that lead to it. */
  readonly path: readonly PropertyKey[];
  /** What is wrong. */
  readonly message: string;
}

/**
 * Feed data as it may be used: never changed in place, so that what did not
 * change is the same object before and after.
 */
export type Snapshot<T> = T extends readonly (infer E)[]
  ? readonly Snapshot<E>[]
  : T extends object ? { readonly [K in keyof T]: Snapshot<T[K]> }
  : T;

/** A client that is connected. */
export interface ServedClient {
  /** Tells connections apart; made by the server. */
  readonly id: string;
  /** Who it is, as verified by the code that accepted the socket. */
  readonly user: string | undefined;
  /** What else is known of the user, from the same source. */
  readonly auth: Readonly<Record<string, unknown>>;
  /** Aborted when the connection has ended. */
  readonly signal: AbortSignal;
  /** Ends all its feeds, those that are opening too. */
  terminate(errorCode: string, errorData?: object): void;
  /**
   * Closes the connection, with 1000 unless another code is given. A reason of
   * more than 123 bytes, which no close frame can carry, is cut.
   *
   * @throws {RangeError} if the code is not 1000 or from 3000 to 4999
   */
  close(code?: number, reason?: string): void;
}

/** One feed: its data, and the ways to change it. */
export interface LiveFeed<
  Args extends object = FeedArgs,
  Data extends object = JsonObject,
  Actions extends object = Record<string, object>,
> {
  /** The name under which it is served. */
  readonly name: string;
  /** Its arguments. */
  readonly args: Args;
  /**
   * What the data is now. The first mention loads it.
   * @throws {Error} if it is still being loaded; see `loaded`
   */
  readonly data: Snapshot<Data>;
  /** How many clients have it open. */
  readonly subscribers: number;
  /** Waits until asynchronous initial data is there. */
  loaded(): Promise<Snapshot<Data>>;
  /**
   * Changes the data and tells all who have the feed open: what happened
   * (`action`, with what is to be said about it), and the deltas, which are made
   * by comparing the data before and after. `change` is the new data or makes
   * it from the old, without touching that.
   *
   * @throws {DataError} if the new data or `actionData` is not JSON; nothing has
   * changed then
   * @throws {TypeError} if `change` is asynchronous, or `actionData` does not fit
   * its schema; nothing has changed then
   */
  update<Name extends keyof Actions & string>(
    action: Name,
    actionData: Actions[Name],
    change: Snapshot<Data> | ((data: Snapshot<Data>) => Snapshot<Data>),
  ): void;
  /**
   * The same with deltas that were written by hand.
   *
   * @throws {TypeError} if they do not fit the data; nothing has changed then
   * @throws {DataError} if one of their values is not JSON
   */
  apply<Name extends keyof Actions & string>(
    action: Name,
    actionData: Actions[Name],
    deltas: readonly Delta[],
  ): void;
  /** Ends it for all clients, or for one. The data stays. */
  terminate(errorCode: string, errorData?: object, client?: ServedClient): void;
  /** Forgets the data as soon as no client has the feed open; then it is loaded again. */
  release(): void;
}

/**
 * Finds the live feed that a definition and arguments stand for. Throws a
 * `TypeError` if the server has no such feed or the arguments do not fit.
 */
export type FeedFinder = <
  Args extends object,
  Data extends object,
  Actions extends object,
>(
  definition: FeedDefinition<Args, Data, Actions>,
  ...args: Record<string, never> extends Args ? [args?: Args] : [args: Args]
) => LiveFeed<Args, Data, Actions>;

/** A client's wish to open a feed, or its leaving. */
export interface FeedRequest<
  Args extends object,
  Data extends object,
  Actions extends object,
> {
  /** The arguments that the client named. */
  readonly args: Args;
  /** Who asks. */
  readonly client: ServedClient;
  /** The feed itself. */
  readonly live: LiveFeed<Args, Data, Actions>;
  /** Finds other feeds. */
  readonly feed: FeedFinder;
}

/** What {@linkcode defineFeed} takes. */
export interface FeedDefinition<
  Args extends object,
  Data extends object,
  Actions extends object,
> {
  /** The arguments, all strings; left out where there are none. */
  args?: Schema<Args>;
  /** The data. It is checked when it is loaded, and not at each change. */
  data: Schema<Data>;
  /** What is said of actions on the feed, by name; any if left out. */
  actions?: { [Name in keyof Actions]: Schema<Actions[Name]> };
  /** The data when the feed is first needed. */
  initial(args: Args): NoInfer<Data> | PromiseLike<NoInfer<Data>>;
  /** Whether a client may open the feed. @default {everybody may} */
  authorize?(
    request: FeedRequest<Args, Data, Actions>,
  ): boolean | PromiseLike<boolean>;
  /** Before a client gets the data. What it throws refuses the feed. */
  onOpen?(request: FeedRequest<Args, Data, Actions>): void | PromiseLike<void>;
  /**
   * A client for which `onOpen` was called has left the feed, for whatever
   * reason. Where the client asked for that, it is answered after.
   */
  onClose?(request: FeedRequest<Args, Data, Actions>): void | PromiseLike<void>;
  /** Whether clients get a digest of the data with each action. @default {false} */
  digest?: boolean;
  /**
   * Whether data that was changed is kept while no client has the feed open. If
   * not, `initial` must bring it back. Data that was never changed is not kept.
   * @default {true}
   */
  retain?: boolean;
}

/**
 * Any feed definition. Its parameters stand where a definition both takes and
 * gives them, so no type but `any` fits all.
 */
// deno-lint-ignore no-explicit-any
export type AnyFeedDefinition = FeedDefinition<any, any, any>;

/** Any action definition; the same holds as for {@linkcode AnyFeedDefinition}. */
// deno-lint-ignore no-explicit-any
export type AnyActionDefinition = ActionDefinition<any, any>;

/** A client's request to have something done. */
export interface ActionRequest<Args extends object> {
  /** What the client sent, checked. */
  readonly args: Args;
  /** Who asks. */
  readonly client: ServedClient;
  /** Finds feeds. */
  readonly feed: FeedFinder;
}

/** What {@linkcode defineAction} takes. */
export interface ActionDefinition<Args extends object, Result extends object> {
  /** The arguments; left out where there are none. */
  args?: Schema<Args>;
  /** What the client is answered; left out where that is nothing. */
  data?: Schema<Result>;
  /** Whether a client may do this. @default {everybody may} */
  authorize?(request: ActionRequest<Args>): boolean | PromiseLike<boolean>;
  /**
   * Does it. To refuse, throw a {@linkcode FeedmeRejection}; any other error
   * reaches the client as `INTERNAL_ERROR` without its text.
   */
  handler(
    args: Args,
    request: ActionRequest<Args>,
  ): NoInfer<Result> | void | PromiseLike<NoInfer<Result> | void>;
}

/**
 * Defines a feed, with types from its schemas.
 *
 * ```ts
 * import { defineFeed } from "@feedline/feedline/feed/feedme/server";
 * import { z } from "zod";
 *
 * const room = defineFeed({
 *   args: z.object({ id: z.string().max(40) }),
 *   data: z.object({ lines: z.array(z.string()) }),
 *   authorize: ({ client }) => client.user !== undefined,
 *   initial: () => ({ lines: [] }),
 * });
 * console.log(room.initial({ id: "7" }));
 * ```
 */
export function defineFeed<
  Data extends object,
  Args extends object = Record<string, never>,
  Actions extends object = Record<string, object>,
>(
  definition: FeedDefinition<Args, Data, Actions>,
): FeedDefinition<Args, Data, Actions> {
  return definition;
}

/**
 * Defines an action, with types from its schemas.
 *
 * ```ts
 * import { defineAction } from "@feedline/feedline/feed/feedme/server";
 * import { z } from "zod";
 *
 * const add = defineAction({
 *   args: z.object({ a: z.number(), b: z.number() }),
 *   data: z.object({ sum: z.number() }),
 *   handler: ({ a, b }) => ({ sum: a + b }),
 * });
 * console.log(add.data?.safeParse({ sum: 3 }).success); // true
 * ```
 */
export function defineAction<
  Args extends object = Record<string, never>,
  Result extends object = Record<string, never>,
>(
  definition: ActionDefinition<Args, Result>,
): ActionDefinition<Args, Result> {
  return definition;
}

/** All that a server serves, by name. */
export interface FeedmeApplication {
  /** Feeds, by name. */
  // deno-lint-ignore no-explicit-any
  feeds?: Record<string, FeedDefinition<any, any, any>>;
  /** Actions, by name. */
  // deno-lint-ignore no-explicit-any
  actions?: Record<string, ActionDefinition<any, any>>;
}

/**
 * The types of an application as its clients see them: the parameter of
 * `feedmeClient`.
 *
 * ```ts
 * import { type ApiOf, defineFeed } from "@feedline/feedline/feed/feedme/server";
 * import { feedmeClient, webSocketTransport } from "@feedline/feedline/feed/feedme";
 * import { z } from "zod";
 *
 * const application = {
 *   feeds: {
 *     count: defineFeed({ data: z.object({ n: z.number() }), initial: () => ({ n: 0 }) }),
 *   },
 *   actions: {},
 * };
 * const client = feedmeClient<ApiOf<typeof application>>({
 *   transport: webSocketTransport({ url: "ws://localhost:1" }),
 * });
 * client.feed("count", {}).on("open", ({ n }) => console.log(n + 1));
 * client.destroy();
 * ```
 */
export type ApiOf<App extends FeedmeApplication> = {
  actions: {
    [Name in keyof App["actions"]]: App["actions"][Name] extends
      ActionDefinition<infer args, infer data> ? { args: args; data: data }
      : never;
  };
  feeds: {
    [Name in keyof App["feeds"]]: App["feeds"][Name] extends
      FeedDefinition<infer args, infer data, infer actions>
      ? { args: args; data: Snapshot<data>; actions: actions }
      : never;
  };
};

/**
 * Thrown by a handler, `authorize`, `initial` or `onOpen` to refuse with a
 * reason that the client sees.
 *
 * ```ts
 * import { FeedmeRejection } from "@feedline/feedline/feed/feedme/server";
 *
 * const error = new FeedmeRejection("ROOM_FULL", { seats: 12 });
 * console.log(error.errorCode); // ROOM_FULL
 * ```
 */
export class FeedmeRejection extends FeedlineError<"REJECTED"> {
  /** The name of the class. */
  override readonly name = "FeedmeRejection";
  /** The reason, for programs. */
  readonly errorCode: string;
  /** More of it; JSON. */
  readonly errorData: object;

  /** Both go to the client as they are. */
  constructor(errorCode: string, errorData: object = {}) {
    super("REJECTED", `Rejected: ${errorCode}`);
    this.errorCode = errorCode;
    this.errorData = errorData;
  }
}

/** Whether `error` is a {@linkcode FeedmeRejection}, of whichever copy of this module. */
export function isRejection(error: unknown): error is FeedmeRejection {
  return isFeedlineError(error, "REJECTED") && "errorData" in error;
}
