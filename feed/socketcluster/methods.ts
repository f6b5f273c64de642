/**
 * A socket and a channel have the same methods for each family of their streams,
 * under names that follow a pattern: `closeReceiver`, `channelCloseOutput`,
 * `closeAllListeners` … They are declared where they belong and made here.
 */
import type { StreamFamily, StreamSelector } from "../streams.ts";

/** Verb, what the name ends with, and the method of the family. */
type Pattern = readonly [
  verb: string,
  ending: string,
  method: keyof StreamFamily,
];

/** For the streams that the arguments name. */
export const STREAMS: readonly Pattern[] = [
  ["close", "", "close"],
  ["kill", "", "kill"],
  ["get", "ConsumerStatsList", "stats"],
  ["get", "Backpressure", "backpressure"],
];

/** For one consumer, by its id. */
export const CONSUMER: readonly Pattern[] = [
  ["kill", "Consumer", "killConsumer"],
  ["get", "ConsumerStats", "consumerStats"],
  ["get", "ConsumerBackpressure", "consumerBackpressure"],
];

/** Whether streams have a consumer; its id is the last argument. */
export const HAS: readonly Pattern[] = [["has", "Consumer", "hasConsumer"]];

/** Methods of a class: after which patterns, for which family. */
export type Methods<Self> = [
  patterns: readonly Pattern[],
  family: (self: Self) => StreamFamily,
  /** Their names, where `%` stands for the verb. */
  name: string,
  /** The streams that the arguments name; all of them without. */
  select?: ((self: Self, ...names: string[]) => StreamSelector) | undefined,
];

/**
 * The methods of a family, called `name`, and those for the streams that
 * arguments `select`, called `one`. The family ends where `all` does.
 */
export function named<Self>(
  family: (self: Self) => StreamFamily,
  name: string,
  one: string = `%${name}`,
  select: Methods<Self>[3] = (_: Self, streamName: string) => streamName,
  all?: Methods<Self>[3],
): Methods<Self>[] {
  return [
    [STREAMS, family, one, select],
    [STREAMS, family, `%All${name}s`, all],
    [CONSUMER, family, `%${name}`, all],
    [HAS, family, one, select],
    [HAS, family, `%Any${name}`, all],
  ];
}

/** Adds methods to a class. */
export function addMethods<Self extends object>(
  prototype: Self,
  list: Methods<Self>[],
): void {
  for (const [patterns, family, name, select] of list) {
    for (const [verb, ending, method] of patterns) {
      const key = name.replace(
        "%",
        name[0] === "%" ? verb : verb[0]!.toUpperCase() + verb.slice(1),
      ) + ending;
      const value = function (this: Self, ...args: unknown[]): unknown {
        const selector = select?.(this, ...args as string[]);
        const streams = family(this) as unknown as Record<
          string,
          (...args: unknown[]) => unknown
        >;
        return patterns === STREAMS
          ? streams[method]!(selector)
          : streams[method]!(args.at(-1), selector);
      };
      Object.defineProperty(prototype, key, {
        value,
        writable: true,
        configurable: true,
      });
    }
  }
}
