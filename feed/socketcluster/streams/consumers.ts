/** Selects the consumers for the methods of a socket and a channel, and operates on them. */
import type { Consumer, ConsumerStats, StreamFamily } from "../../streams.ts";
import { channelEventKey, type Families, inChannel } from "./families.ts";

/** Consumers of any data. */
export type Consumers = readonly Consumer<unknown>[];

/** The consumers of the stream with a name. */
export function one(family: StreamFamily, name: string): Consumers {
  return family.select(String(name));
}

/** The consumers of one event of a channel. */
export function oneEvent(
  { channelListeners }: Families,
  channelName: string,
  eventName: string,
): Consumers {
  return channelListeners.select(channelEventKey(channelName, eventName));
}

/** The consumers of all events of a channel. */
export function events(
  { channelListeners }: Families,
  channelName: string,
): Consumers {
  return channelListeners.select(inChannel(channelName));
}

/** The consumers of a channel's data and events. */
export function channel(families: Families, channelName: string): Consumers {
  return [
    ...one(families.outputs, channelName),
    ...events(families, channelName),
  ];
}

/** The consumers of all channels' data and events. */
export function allChannels(
  { outputs, channelListeners }: Families,
): Consumers {
  return [...outputs.select(), ...channelListeners.select()];
}

/** Ends consumers after their backlogs. */
export function close(consumers: Consumers): void {
  for (const consumer of consumers) consumer.close();
}

/** Ends consumers at once. */
export function kill(consumers: Consumers): void {
  for (const consumer of consumers) consumer.kill();
}

/** The longest backlog. */
export function backpressure(consumers: Consumers): number {
  return consumers.reduce(
    (longest, consumer) => Math.max(longest, consumer.getBackpressure()),
    0,
  );
}

/** The statistics of each consumer. */
export function statsList(consumers: Consumers): ConsumerStats[] {
  return consumers.map((consumer) => consumer.getStats());
}

/** The consumer with an id, if it is among these. */
export function byId(
  consumers: Consumers,
  consumerId: number,
): Consumer<unknown> | undefined {
  return consumers.find(({ id }) => id === consumerId);
}

/** Whether the consumer with an id is among these. */
export function has(consumers: Consumers, consumerId: number): boolean {
  return byId(consumers, consumerId) !== undefined;
}
