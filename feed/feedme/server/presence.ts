/**
 * Presence: who has a feed open, with data that each client says about itself, such as
 * where it points. The other half is `joinPresence` of the client.
 */
import {
  type ActionDefinition,
  defineAction,
  defineFeed,
  type FeedDefinition,
  type FeedRequest,
  type Schema,
  type SchemaIssue,
  type ServedClient,
} from "./define.ts";
import { isObject } from "../../../net/shape.ts";
import { parse } from "./schema.ts";

/** A client that is present. */
export interface Person<Data extends object> {
  /** The user, as verified by the code that accepted the socket. */
  user: string | null;
  /** What it says about itself. */
  data: Data;
}

/** The data of a presence feed. */
export interface PresenceData<Data extends object> {
  /** Those who are present, by the id of their connection. */
  people: Record<string, Person<Data>>;
}

/** The arguments of the action with which a client says something about itself. */
export interface PresenceArgs<Args extends object, Data extends object> {
  /** The arguments of the feed. */
  args: Args;
  /** What it says. */
  data: Data;
}

/** The argument of {@linkcode definePresence}. */
export interface PresenceDefinition<Args extends object, Data extends object> {
  /** The schema of the feed's arguments, all strings; omit it if there are none. */
  args?: Schema<Args>;
  /** The schema of what a client says about itself. */
  data: Schema<Data>;
  /** What is known about a client that has said nothing yet. */
  initial(client: ServedClient): NoInfer<Data>;
  /** Whether a client may see who is present. @default {every client may} */
  authorize?(
    request: FeedRequest<Args, PresenceData<Data>, Record<string, object>>,
  ): boolean | PromiseLike<boolean>;
}

/** A feed of those who are present, and the action for what they say. */
export interface PresenceDefinitions<Args extends object, Data extends object> {
  /** List it under the `feeds` of your application. */
  feed: FeedDefinition<Args, PresenceData<Data>, Record<string, object>>;
  /** List it under the `actions` of your application. */
  action: ActionDefinition<PresenceArgs<Args, Data>, { id: string }>;
}

/**
 * Defines who is present: a client is while it has the feed open. It leaves when it
 * closes the feed or its connection ends.
 *
 * ```ts
 * import { definePresence, feedmeServer } from "@feedline/feedline/feed/feedme/server";
 * import { z } from "zod";
 *
 * const people = definePresence({
 *   data: z.object({ x: z.number(), y: z.number() }),
 *   initial: () => ({ x: 0, y: 0 }),
 * });
 * const server = feedmeServer({
 *   feeds: { people: people.feed },
 *   actions: { point: people.action },
 * });
 * console.log(server.feed(people.feed).data); // { people: {} }
 * ```
 */
export function definePresence<
  Data extends object,
  Args extends object = Record<string, never>,
>(
  { args, data, initial, authorize }: PresenceDefinition<Args, Data>,
): PresenceDefinitions<Args, Data> {
  const feed = defineFeed<PresenceData<Data>, Args>({
    ...args && { args },
    // Only this module writes it, from checked data.
    data: {
      safeParse: (value) => ({
        success: true,
        data: value as PresenceData<Data>,
      }),
    },
    // Those who are present when the last one leaves are none.
    retain: false,
    initial: () => ({ people: {} }),
    ...authorize && { authorize },
    onOpen({ client, live }) {
      const person = { user: client.user ?? null, data: initial(client) };
      live.update(
        "came",
        { id: client.id },
        ({ people }) =>
          ({ people: { ...people, [client.id]: person } }) as typeof live.data,
      );
    },
    onClose({ client, live }) {
      live.update("left", { id: client.id }, ({ people }) => {
        const { [client.id]: _, ...others } = people as Record<string, object>;
        return { people: others } as typeof live.data;
      });
    },
  });
  const action = defineAction<PresenceArgs<Args, Data>, { id: string }>({
    args: both(args, data),
    data: {
      safeParse: (value) => ({ success: true, data: value as { id: string } }),
    },
    handler({ args, data }, { client, feed: find }) {
      const live = (find as (...about: unknown[]) => LivePresence)(feed, args);
      const person = live.data.people[client.id];
      // It has left meanwhile.
      if (person) {
        live.update("said", { id: client.id }, ({ people }) => ({
          people: { ...people, [client.id]: { ...person, data } },
        }));
      }
      return { id: client.id };
    },
  });
  return { feed, action };
}

/** The live feed, with as much of its types as the action needs. */
interface LivePresence {
  data: { people: Record<string, object> };
  update(
    action: string,
    data: object,
    change: (data: LivePresence["data"]) => LivePresence["data"],
  ): void;
}

/** The schema of an object of just `args` and `data`. */
function both<Args extends object, Data extends object>(
  args: Schema<Args> | undefined,
  data: Schema<Data>,
): Schema<PresenceArgs<Args, Data>> {
  return {
    safeParse(value) {
      if (!isObject(value) || Object.keys(value).length !== 2) {
        return failed([{ path: [], message: "Must have args and data only" }]);
      }
      const parsed = {
        args: parse<Args>(args, value.args ?? null),
        data: parse<Data>(data, value.data ?? null),
      };
      if (!parsed.args.success) return within("args", parsed.args.error);
      if (!parsed.data.success) return within("data", parsed.data.error);
      return {
        success: true,
        data: { args: parsed.args.data, data: parsed.data.data },
      };
    },
  };
}

function failed(issues: readonly SchemaIssue[]) {
  return { success: false, error: { issues } } as const;
}

function within(
  name: string,
  { issues }: { issues: readonly SchemaIssue[] },
) {
  return failed(
    issues.map(({ path, message }) => ({ path: [name, ...path], message })),
  );
}
