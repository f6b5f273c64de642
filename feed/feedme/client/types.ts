/** Types with which an application describes its actions and feeds. */
import type { FeedArgs, JsonObject } from "../wire/protocol.ts";

/** An action: its arguments, and the data of a successful response. */
export interface ActionType {
  /** The arguments that the client sends. */
  args: object;
  /** The data of a successful response. */
  data: object;
}

/** A feed: its arguments, its data, and the actions revealed on it. */
export interface FeedType {
  /** The arguments: strings only. */
  args: object;
  /** The data; never changed in place. */
  data: object;
  /** The data of each action that the server reveals on the feed, by name. */
  actions?: object;
}

/**
 * The actions and feeds of a server, by name.
 *
 * ```ts
 * interface Chat {
 *   actions: { say: { args: { text: string }; data: { id: number } } };
 *   feeds: {
 *     room: {
 *       args: { id: string };
 *       data: { lines: readonly string[] };
 *       actions: { said: { by: string } };
 *     };
 *   };
 * }
 * ```
 */
export interface FeedmeApi {
  /** Each an {@linkcode ActionType}. */
  actions: object;
  /** Each a {@linkcode FeedType}. */
  feeds: object;
}

/** Any action and any feed, with JSON data: the default if you give no API type. */
export interface AnyApi {
  /** Any action. */
  actions: { [name: string]: { args: JsonObject; data: JsonObject } };
  /** Any feed. */
  feeds: { [name: string]: AnyFeed };
}

/** Any feed, with JSON data. */
export interface AnyFeed {
  /** Any strings. */
  args: FeedArgs;
  /** Any object. */
  data: JsonObject;
}

/** The arguments of the action `Name` of an API. */
export type ActionArgs<
  Api extends FeedmeApi,
  Name extends keyof Api["actions"],
> = Api["actions"][Name] extends { args: infer Args } ? Args : JsonObject;

/** The data of a successful response to the action `Name` of an API. */
export type ActionData<
  Api extends FeedmeApi,
  Name extends keyof Api["actions"],
> = Api["actions"][Name] extends { data: infer Data } ? Data : JsonObject;

/** The arguments of the feed `Name` of an API. */
export type FeedArgsOf<
  Api extends FeedmeApi,
  Name extends keyof Api["feeds"],
> = Api["feeds"][Name] extends { args: infer Args } ? Args : FeedArgs;

/** The data of a feed of type `F`. */
export type FeedData<F> = F extends { data: infer Data } ? Data : JsonObject;

/** The arguments of a feed of type `F`. */
export type ArgsOfFeed<F> = F extends { args: infer Args } ? Args : FeedArgs;

/** Arguments that may be omitted where they may be empty. */
export type OptionalArgs<Args> = Record<string, never> extends Args
  ? [feedArgs?: Args]
  : [feedArgs: Args];

/** An action that the server revealed on a feed of type `F`. */
export type FeedAction<F> = F extends
  { actions: infer Actions; data: infer Data } ? {
    [Name in keyof Actions & string]: FeedActionOf<Name, Actions[Name], Data>;
  }[keyof Actions & string]
  : FeedActionOf<
    string,
    JsonObject,
    F extends { data: infer Data } ? Data : JsonObject
  >;

/** An action that the server revealed on a feed. */
export interface FeedActionOf<Name, ActionData, Data> {
  /** The name of the action. */
  name: Name;
  /** The data that the server reveals with it. */
  data: ActionData;
  /** The feed data after it. */
  newData: Data;
  /** The feed data before it. */
  oldData: Data;
  /** Absent; see {@linkcode FeedGap}. */
  gap?: undefined;
}

/** The mark in a loop over the actions of a feed where actions may be missing. */
export interface FeedGap<F> {
  /** Tells it from an action. */
  gap: true;
  /** The data of the feed after the gap. */
  data: F extends { data: infer Data } ? Data : JsonObject;
  /** Absent. */
  name?: undefined;
  /** Absent. */
  newData?: undefined;
  /** Absent. */
  oldData?: undefined;
}
