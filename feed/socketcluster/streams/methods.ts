/**
 * A socket and a channel have the same methods for each family of their streams,
 * under names that follow a pattern: `closeReceiver`, `channelCloseOutput`,
 * `closeAllListeners` … They are declared where they belong and made here.
 */
import type { Consumer, StreamFamily, StreamSelector } from "../../streams.ts";

/** What a method does with consumers; `one` is that whose id is its last argument. */
type Action = (
  consumers: Consumer<unknown>[],
  one: Consumer<unknown> | undefined,
) => unknown;

/** Verb, what the name ends with, and what it means. */
type Pattern = readonly [verb: string, ending: string, action: Action];

/** The longest backlog of consumers. */
export function backpressure(consumers: Consumer<unknown>[]): number {
  return consumers.reduce(
    (longest, consumer) => Math.max(longest, consumer.getBackpressure()),
    0,
  );
}

/** For all consumers. */
export const ALL: readonly Pattern[] = [
  ["close", "", (all) => all.forEach((consumer) => consumer.close())],
  ["kill", "", (all) => all.forEach((consumer) => consumer.kill())],
  ["get", "Backpressure", backpressure],
];

/** For all consumers of one family. */
export const STREAMS: readonly Pattern[] = [
  ...ALL,
  [
    "get",
    "ConsumerStatsList",
    (all) => all.map((consumer) => consumer.getStats()),
  ],
];

/** For one consumer, by its id. */
export const CONSUMER: readonly Pattern[] = [
  ["kill", "Consumer", (_, one) => one?.kill()],
  ["get", "ConsumerStats", (_, one) => one?.getStats()],
  ["get", "ConsumerBackpressure", (_, one) => one?.getBackpressure() ?? 0],
];

/** Whether there is a consumer with this id. */
export const HAS: readonly Pattern[] = [
  ["has", "Consumer", (_, one) => one !== undefined],
];

/** Methods of a class: after which patterns, for which consumers. */
export type Methods<Self> = [
  patterns: readonly Pattern[],
  /** The consumers that the arguments of the method say. */
  select: (self: Self, ...names: string[]) => Consumer<unknown>[],
  /** Their names, where `%` stands for the verb. */
  name: string,
];

/** Which streams the arguments of a method say. */
type Selecting<Self> = (self: Self, ...names: string[]) => StreamSelector;

/**
 * The methods of a family, called `name`, and those for the streams that
 * arguments `select`, called `one`. The family ends where `all` does.
 */
export function named<Self>(
  family: (self: Self) => StreamFamily,
  name: string,
  one: string = `%${name}`,
  select: Selecting<Self> = (_, streamName) => streamName!,
  all?: Selecting<Self>,
): Methods<Self>[] {
  const some: Methods<Self>[1] = (self, ...names) =>
    family(self).select(select(self, ...names));
  const whole: Methods<Self>[1] = (self) => family(self).select(all?.(self));
  return [
    [STREAMS, some, one],
    [STREAMS, whole, `%All${name}s`],
    [CONSUMER, whole, `%${name}`],
    [HAS, some, one],
    [HAS, whole, `%Any${name}`],
  ];
}

/** Adds methods to a class. */
export function addMethods<Self extends object>(
  prototype: Self,
  list: Methods<Self>[],
): void {
  for (const [patterns, select, name] of list) {
    for (const [verb, ending, action] of patterns) {
      const key = name.replace(
        "%",
        name[0] === "%" ? verb : verb[0]!.toUpperCase() + verb.slice(1),
      ) + ending;
      const value = function (this: Self, ...args: unknown[]): unknown {
        const consumers = select(this, ...args as string[]);
        return action(
          consumers,
          consumers.find(({ id }) => id === args.at(-1)),
        );
      };
      Object.defineProperty(prototype, key, {
        value,
        writable: true,
        configurable: true,
      });
    }
  }
}
