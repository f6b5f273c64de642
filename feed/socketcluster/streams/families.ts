/**
 * The streams of a socket, as its methods show them: receivers, procedures,
 * and of each channel the data (its output) and the events. Each family is one
 * {@linkcode StreamFamily}; nothing here but names.
 */
import {
  ConsumableStream,
  type Consumer,
  type ConsumerStats,
  StreamFamily,
} from "../../streams.ts";
import type { Input, Name, Output, Procedures, Receivers } from "../types.ts";
import { AsyncStreamEmitter } from "./emitter.ts";
import {
  addMethods,
  ALL,
  backpressure,
  HAS,
  named,
  STREAMS,
} from "./methods.ts";
import type { AGRequest } from "../request.ts";

/** The streams of a socket. */
export interface Families {
  /** The socket's events. */
  listeners: StreamFamily;
  /** Messages from the server. */
  receivers: StreamFamily;
  /** Calls by the server. */
  procedures: StreamFamily;
  /** Data published to channels. */
  outputs: StreamFamily;
  /** The channels' events, see {@linkcode channelEventKey}. */
  channelListeners: StreamFamily;
}

/** Families without streams. */
export function createFamilies(): Families {
  return {
    listeners: new StreamFamily(),
    receivers: new StreamFamily(),
    procedures: new StreamFamily(),
    outputs: new StreamFamily(),
    channelListeners: new StreamFamily(),
  };
}

/**
 * The stream of a name. The key is text, as on the wire, even where a program
 * passes a number.
 */
function streamOf<T>(family: StreamFamily, name: string): ConsumableStream<T> {
  return new ConsumableStream(family, name, String(name));
}

function channelPrefix(channelName: string): string {
  // The length keeps "a" with event "b/c" apart from "a/b" with event "c".
  return `${channelName.length}:${channelName}/`;
}

/** The key of an event of a channel. */
export function channelEventKey(
  channelName: string,
  eventName: string,
): string {
  return channelPrefix(channelName) + eventName;
}

/** Selects the events of a channel. */
export function inChannel(channelName: string): (key: string) => boolean {
  const prefix = channelPrefix(channelName);
  return (key) => key.startsWith(prefix);
}

/** The consumers of a channel's data and events. */
export function channelConsumers(
  { outputs, channelListeners }: Families,
  channelName: string,
): Consumer<unknown>[] {
  return [
    ...outputs.select(channelName),
    ...channelListeners.select(inChannel(channelName)),
  ];
}

/** The streams of a socket. */
export interface SocketStreams<A> {
  /** Ends the loops over a receiver after their backlogs. */
  closeReceiver(receiverName: string): void;
  /** Ends the loops over all receivers after their backlogs. */
  closeAllReceivers(): void;
  /** Ends the loops over a receiver at once. */
  killReceiver(receiverName: string): void;
  /** Ends the loops over all receivers at once. */
  killAllReceivers(): void;
  /** Ends one loop over a receiver at once. */
  killReceiverConsumer(consumerId: number): void;
  /** What is known of a consumer of a receiver. */
  getReceiverConsumerStats(consumerId: number): ConsumerStats | undefined;
  /** What is known of the consumers of a receiver. */
  getReceiverConsumerStatsList(receiverName: string): ConsumerStats[];
  /** What is known of the consumers of all receivers. */
  getAllReceiversConsumerStatsList(): ConsumerStats[];
  /** The longest backlog of a receiver. */
  getReceiverBackpressure(receiverName: string): number;
  /** The longest backlog of all receivers. */
  getAllReceiversBackpressure(): number;
  /** The backlog of a consumer of a receiver. */
  getReceiverConsumerBackpressure(consumerId: number): number;
  /** Whether a receiver has this consumer. */
  hasReceiverConsumer(receiverName: string, consumerId: number): boolean;
  /** Whether any receiver has this consumer. */
  hasAnyReceiverConsumer(consumerId: number): boolean;
  /** Ends the loops over a procedure after their backlogs. */
  closeProcedure(procedureName: string): void;
  /** Ends the loops over all procedures after their backlogs. */
  closeAllProcedures(): void;
  /** Ends the loops over a procedure at once. */
  killProcedure(procedureName: string): void;
  /** Ends the loops over all procedures at once. */
  killAllProcedures(): void;
  /** Ends one loop over a procedure at once. */
  killProcedureConsumer(consumerId: number): void;
  /** What is known of a consumer of a procedure. */
  getProcedureConsumerStats(consumerId: number): ConsumerStats | undefined;
  /** What is known of the consumers of a procedure. */
  getProcedureConsumerStatsList(procedureName: string): ConsumerStats[];
  /** What is known of the consumers of all procedures. */
  getAllProceduresConsumerStatsList(): ConsumerStats[];
  /** The longest backlog of a procedure. */
  getProcedureBackpressure(procedureName: string): number;
  /** The longest backlog of all procedures. */
  getAllProceduresBackpressure(): number;
  /** The backlog of a consumer of a procedure. */
  getProcedureConsumerBackpressure(consumerId: number): number;
  /** Whether a procedure has this consumer. */
  hasProcedureConsumer(procedureName: string, consumerId: number): boolean;
  /** Whether any procedure has this consumer. */
  hasAnyProcedureConsumer(consumerId: number): boolean;
  /** Ends the loops over a channel's data after their backlogs. */
  channelCloseOutput(channelName: string): void;
  /** Ends the loops over all channels' data after their backlogs. */
  closeAllChannelOutputs(): void;
  /** Ends the loops over a channel's data at once. */
  channelKillOutput(channelName: string): void;
  /** Ends the loops over all channels' data at once. */
  killAllChannelOutputs(): void;
  /** Ends one loop over a channel's data at once. */
  killChannelOutputConsumer(consumerId: number): void;
  /** What is known of a consumer of a channel's data. */
  getChannelOutputConsumerStats(consumerId: number): ConsumerStats | undefined;
  /** What is known of the consumers of a channel's data. */
  channelGetOutputConsumerStatsList(channelName: string): ConsumerStats[];
  /** What is known of the consumers of all channels' data. */
  getAllChannelOutputsConsumerStatsList(): ConsumerStats[];
  /** The longest backlog of a channel's data. */
  channelGetOutputBackpressure(channelName: string): number;
  /** The longest backlog of all channels' data. */
  getAllChannelOutputsBackpressure(): number;
  /** The backlog of a consumer of a channel's data. */
  getChannelOutputConsumerBackpressure(consumerId: number): number;
  /** Whether a channel's data has this consumer. */
  channelHasOutputConsumer(channelName: string, consumerId: number): boolean;
  /** Whether any channel's data has this consumer. */
  hasAnyChannelOutputConsumer(consumerId: number): boolean;
  /** Ends the loops over an event of a channel after their backlogs. */
  channelCloseListener(channelName: string, eventName: string): void;
  /** Ends the loops over a channel's events after their backlogs. */
  channelCloseAllListeners(channelName: string): void;
  /** Ends the loops over all channels' events after their backlogs. */
  closeAllChannelListeners(): void;
  /** Ends the loops over an event of a channel at once. */
  channelKillListener(channelName: string, eventName: string): void;
  /** Ends the loops over a channel's events at once. */
  channelKillAllListeners(channelName: string): void;
  /** Ends the loops over all channels' events at once. */
  killAllChannelListeners(): void;
  /** Ends one loop over a channel's event at once. */
  killChannelListenerConsumer(consumerId: number): void;
  /** What is known of a consumer of a channel's event. */
  getChannelListenerConsumerStats(
    consumerId: number,
  ): ConsumerStats | undefined;
  /** What is known of the consumers of a channel's event. */
  channelGetListenerConsumerStatsList(
    channelName: string,
    eventName: string,
  ): ConsumerStats[];
  /** What is known of the consumers of a channel's events. */
  channelGetAllListenersConsumerStatsList(channelName: string): ConsumerStats[];
  /** What is known of the consumers of all channels' events. */
  getAllChannelListenersConsumerStatsList(): ConsumerStats[];
  /** The longest backlog of a channel's event. */
  channelGetListenerBackpressure(
    channelName: string,
    eventName: string,
  ): number;
  /** The longest backlog of a channel's events. */
  channelGetAllListenersBackpressure(channelName: string): number;
  /** The longest backlog of all channels' events. */
  getAllChannelListenersBackpressure(): number;
  /** The backlog of a consumer of a channel's event. */
  getChannelListenerConsumerBackpressure(consumerId: number): number;
  /** Whether a channel's event has this consumer. */
  channelHasListenerConsumer(
    channelName: string,
    eventName: string,
    consumerId: number,
  ): boolean;
  /** Whether any event of a channel has this consumer. */
  channelHasAnyListenerConsumer(
    channelName: string,
    consumerId: number,
  ): boolean;
  /** Whether any event of any channel has this consumer. */
  hasAnyChannelListenerConsumer(consumerId: number): boolean;
  /** Ends the loops over a channel and its events after their backlogs. */
  closeChannel(channelName: string): void;
  /** Ends the loops over all channels and their events after their backlogs. */
  closeAllChannels(): void;
  /** Ends the loops over a channel and its events at once. */
  killChannel(channelName: string): void;
  /** Ends the loops over all channels and their events at once. */
  killAllChannels(): void;
  /** The longest backlog of a channel and its events. */
  getChannelBackpressure(channelName: string): number;
  /** The longest backlog of all channels and their events. */
  getAllChannelsBackpressure(): number;
}

/** The streams of a socket. */
export class SocketStreams<A> extends AsyncStreamEmitter {
  static {
    type Self = SocketStreams<unknown>;
    const events = (self: Self) => self.#families.channelListeners;
    const byEvent = (_: Self, channel: string, event: string) =>
      channelEventKey(channel, event);
    const ofChannel = (self: Self, channel: string) =>
      events(self).select(inChannel(channel));
    const whole = (self: Self, channel: string) =>
      channelConsumers(self.#families, channel);
    const all = (self: Self) => [
      ...self.#families.outputs.select(),
      ...events(self).select(),
    ];
    addMethods<Self>(this.prototype, [
      ...named((self: Self) => self.#families.receivers, "Receiver"),
      ...named((self: Self) => self.#families.procedures, "Procedure"),
      ...named(
        (self: Self) => self.#families.outputs,
        "ChannelOutput",
        "channel%Output",
      ),
      ...named(events, "ChannelListener", "channel%Listener", byEvent),
      [STREAMS, ofChannel, "channel%AllListeners"],
      [HAS, ofChannel, "channel%AnyListener"],
      [ALL, whole, "%Channel"],
      [ALL, all, "%AllChannels"],
    ]);
  }

  readonly #families: Families;

  /** `families` holds the streams. */
  constructor(families: Families) {
    super(families.listeners);
    this.#families = families;
  }

  /** The stream of what the server transmits under a name. */
  receiver<N extends Name<Receivers<A>>>(
    receiverName: N,
  ): ConsumableStream<Receivers<A>[N]> {
    return streamOf(this.#families.receivers, receiverName);
  }

  /** The stream of calls of a procedure by the server. */
  procedure<N extends Name<Procedures<A>>>(
    procedureName: N,
  ): ConsumableStream<
    AGRequest<Input<Procedures<A>[N]>, Output<Procedures<A>[N]>>
  > {
    return streamOf(this.#families.procedures, procedureName);
  }

  /** The longest backlog of all streams of this socket. */
  getBackpressure(): number {
    const families: StreamFamily[] = Object.values(this.#families);
    return backpressure(families.flatMap((family) => family.select()));
  }
}
