/**
 * The streams of a socket, as its methods show them: receivers, procedures,
 * and of each channel the data (its output) and the events. Each family is one
 * {@linkcode StreamFamily}; nothing here but names.
 */
import {
  ConsumableStream,
  type ConsumerStats,
  StreamFamily,
} from "../streams.ts";
import type { Input, Name, Output, Procedures, Receivers } from "./api.ts";
import { AsyncStreamEmitter } from "./emitter.ts";
import type { AGRequest } from "./request.ts";

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
function inChannel(channelName: string): (key: string) => boolean {
  const prefix = channelPrefix(channelName);
  return (key) => key.startsWith(prefix);
}

/** The streams of receivers and procedures. */
export class CallStreams<A> extends AsyncStreamEmitter {
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
    return new ConsumableStream(this.#families.receivers, receiverName);
  }

  /** The stream of calls of a procedure by the server. */
  procedure<N extends Name<Procedures<A>>>(
    procedureName: N,
  ): ConsumableStream<
    AGRequest<Input<Procedures<A>[N]>, Output<Procedures<A>[N]>>
  > {
    return new ConsumableStream(this.#families.procedures, procedureName);
  }

  /** Ends the loops over a receiver after their backlogs. */
  closeReceiver(receiverName: string): void {
    this.#families.receivers.close(receiverName);
  }

  /** Ends the loops over all receivers after their backlogs. */
  closeAllReceivers(): void {
    this.#families.receivers.close();
  }

  /** Ends the loops over a receiver at once. */
  killReceiver(receiverName: string): void {
    this.#families.receivers.kill(receiverName);
  }

  /** Ends the loops over all receivers at once. */
  killAllReceivers(): void {
    this.#families.receivers.kill();
  }

  /** Ends one loop over a receiver at once. */
  killReceiverConsumer(consumerId: number): void {
    this.#families.receivers.killConsumer(consumerId);
  }

  /** What is known of a consumer of a receiver. */
  getReceiverConsumerStats(consumerId: number): ConsumerStats | undefined {
    return this.#families.receivers.consumerStats(consumerId);
  }

  /** What is known of the consumers of a receiver. */
  getReceiverConsumerStatsList(receiverName: string): ConsumerStats[] {
    return this.#families.receivers.stats(receiverName);
  }

  /** What is known of the consumers of all receivers. */
  getAllReceiversConsumerStatsList(): ConsumerStats[] {
    return this.#families.receivers.stats();
  }

  /** The longest backlog of a receiver. */
  getReceiverBackpressure(receiverName: string): number {
    return this.#families.receivers.backpressure(receiverName);
  }

  /** The longest backlog of all receivers. */
  getAllReceiversBackpressure(): number {
    return this.#families.receivers.backpressure();
  }

  /** The backlog of a consumer of a receiver. */
  getReceiverConsumerBackpressure(consumerId: number): number {
    return this.#families.receivers.consumerBackpressure(consumerId);
  }

  /** Whether a receiver has this consumer. */
  hasReceiverConsumer(receiverName: string, consumerId: number): boolean {
    return this.#families.receivers.hasConsumer(consumerId, receiverName);
  }

  /** Whether any receiver has this consumer. */
  hasAnyReceiverConsumer(consumerId: number): boolean {
    return this.#families.receivers.hasConsumer(consumerId);
  }

  /** Ends the loops over a procedure after their backlogs. */
  closeProcedure(procedureName: string): void {
    this.#families.procedures.close(procedureName);
  }

  /** Ends the loops over all procedures after their backlogs. */
  closeAllProcedures(): void {
    this.#families.procedures.close();
  }

  /** Ends the loops over a procedure at once. */
  killProcedure(procedureName: string): void {
    this.#families.procedures.kill(procedureName);
  }

  /** Ends the loops over all procedures at once. */
  killAllProcedures(): void {
    this.#families.procedures.kill();
  }

  /** Ends one loop over a procedure at once. */
  killProcedureConsumer(consumerId: number): void {
    this.#families.procedures.killConsumer(consumerId);
  }

  /** What is known of a consumer of a procedure. */
  getProcedureConsumerStats(consumerId: number): ConsumerStats | undefined {
    return this.#families.procedures.consumerStats(consumerId);
  }

  /** What is known of the consumers of a procedure. */
  getProcedureConsumerStatsList(procedureName: string): ConsumerStats[] {
    return this.#families.procedures.stats(procedureName);
  }

  /** What is known of the consumers of all procedures. */
  getAllProceduresConsumerStatsList(): ConsumerStats[] {
    return this.#families.procedures.stats();
  }

  /** The longest backlog of a procedure. */
  getProcedureBackpressure(procedureName: string): number {
    return this.#families.procedures.backpressure(procedureName);
  }

  /** The longest backlog of all procedures. */
  getAllProceduresBackpressure(): number {
    return this.#families.procedures.backpressure();
  }

  /** The backlog of a consumer of a procedure. */
  getProcedureConsumerBackpressure(consumerId: number): number {
    return this.#families.procedures.consumerBackpressure(consumerId);
  }

  /** Whether a procedure has this consumer. */
  hasProcedureConsumer(procedureName: string, consumerId: number): boolean {
    return this.#families.procedures.hasConsumer(consumerId, procedureName);
  }

  /** Whether any procedure has this consumer. */
  hasAnyProcedureConsumer(consumerId: number): boolean {
    return this.#families.procedures.hasConsumer(consumerId);
  }
}

/** All streams of a socket. */
export class SocketStreams<A> extends CallStreams<A> {
  readonly #families: Families;

  /** `families` holds the streams. */
  constructor(families: Families) {
    super(families);
    this.#families = families;
  }

  /** Ends the loops over a channel and its events after their backlogs. */
  closeChannel(channelName: string): void {
    this.channelCloseOutput(channelName);
    this.channelCloseAllListeners(channelName);
  }

  /** Ends the loops over all channels and their events after their backlogs. */
  closeAllChannels(): void {
    this.closeAllChannelOutputs();
    this.closeAllChannelListeners();
  }

  /** Ends the loops over a channel and its events at once. */
  killChannel(channelName: string): void {
    this.channelKillOutput(channelName);
    this.channelKillAllListeners(channelName);
  }

  /** Ends the loops over all channels and their events at once. */
  killAllChannels(): void {
    this.killAllChannelOutputs();
    this.killAllChannelListeners();
  }

  /** The longest backlog of a channel and its events. */
  getChannelBackpressure(channelName: string): number {
    return Math.max(
      this.channelGetOutputBackpressure(channelName),
      this.channelGetAllListenersBackpressure(channelName),
    );
  }

  /** The longest backlog of all channels and their events. */
  getAllChannelsBackpressure(): number {
    return Math.max(
      this.getAllChannelOutputsBackpressure(),
      this.getAllChannelListenersBackpressure(),
    );
  }

  /** Ends the loops over a channel's data after their backlogs. */
  channelCloseOutput(channelName: string): void {
    this.#families.outputs.close(channelName);
  }

  /** Ends the loops over all channels' data after their backlogs. */
  closeAllChannelOutputs(): void {
    this.#families.outputs.close();
  }

  /** Ends the loops over a channel's data at once. */
  channelKillOutput(channelName: string): void {
    this.#families.outputs.kill(channelName);
  }

  /** Ends the loops over all channels' data at once. */
  killAllChannelOutputs(): void {
    this.#families.outputs.kill();
  }

  /** Ends one loop over a channel's data at once. */
  killChannelOutputConsumer(consumerId: number): void {
    this.#families.outputs.killConsumer(consumerId);
  }

  /** What is known of a consumer of a channel's data. */
  getChannelOutputConsumerStats(consumerId: number): ConsumerStats | undefined {
    return this.#families.outputs.consumerStats(consumerId);
  }

  /** What is known of the consumers of a channel's data. */
  channelGetOutputConsumerStatsList(channelName: string): ConsumerStats[] {
    return this.#families.outputs.stats(channelName);
  }

  /** What is known of the consumers of all channels' data. */
  getAllChannelOutputsConsumerStatsList(): ConsumerStats[] {
    return this.#families.outputs.stats();
  }

  /** The longest backlog of a channel's data. */
  channelGetOutputBackpressure(channelName: string): number {
    return this.#families.outputs.backpressure(channelName);
  }

  /** The longest backlog of all channels' data. */
  getAllChannelOutputsBackpressure(): number {
    return this.#families.outputs.backpressure();
  }

  /** The backlog of a consumer of a channel's data. */
  getChannelOutputConsumerBackpressure(consumerId: number): number {
    return this.#families.outputs.consumerBackpressure(consumerId);
  }

  /** Whether a channel's data has this consumer. */
  channelHasOutputConsumer(channelName: string, consumerId: number): boolean {
    return this.#families.outputs.hasConsumer(consumerId, channelName);
  }

  /** Whether any channel's data has this consumer. */
  hasAnyChannelOutputConsumer(consumerId: number): boolean {
    return this.#families.outputs.hasConsumer(consumerId);
  }

  /** Ends the loops over an event of a channel after their backlogs. */
  channelCloseListener(channelName: string, eventName: string): void {
    this.#families.channelListeners.close(
      channelEventKey(channelName, eventName),
    );
  }

  /** Ends the loops over a channel's events after their backlogs. */
  channelCloseAllListeners(channelName: string): void {
    this.#families.channelListeners.close(inChannel(channelName));
  }

  /** Ends the loops over all channels' events after their backlogs. */
  closeAllChannelListeners(): void {
    this.#families.channelListeners.close();
  }

  /** Ends the loops over an event of a channel at once. */
  channelKillListener(channelName: string, eventName: string): void {
    this.#families.channelListeners.kill(
      channelEventKey(channelName, eventName),
    );
  }

  /** Ends the loops over a channel's events at once. */
  channelKillAllListeners(channelName: string): void {
    this.#families.channelListeners.kill(inChannel(channelName));
  }

  /** Ends the loops over all channels' events at once. */
  killAllChannelListeners(): void {
    this.#families.channelListeners.kill();
  }

  /** Ends one loop over a channel's event at once. */
  killChannelListenerConsumer(consumerId: number): void {
    this.#families.channelListeners.killConsumer(consumerId);
  }

  /** What is known of a consumer of a channel's event. */
  getChannelListenerConsumerStats(
    consumerId: number,
  ): ConsumerStats | undefined {
    return this.#families.channelListeners.consumerStats(consumerId);
  }

  /** What is known of the consumers of a channel's event. */
  channelGetListenerConsumerStatsList(
    channelName: string,
    eventName: string,
  ): ConsumerStats[] {
    return this.#families.channelListeners.stats(
      channelEventKey(channelName, eventName),
    );
  }

  /** What is known of the consumers of a channel's events. */
  channelGetAllListenersConsumerStatsList(
    channelName: string,
  ): ConsumerStats[] {
    return this.#families.channelListeners.stats(inChannel(channelName));
  }

  /** What is known of the consumers of all channels' events. */
  getAllChannelListenersConsumerStatsList(): ConsumerStats[] {
    return this.#families.channelListeners.stats();
  }

  /** The longest backlog of a channel's event. */
  channelGetListenerBackpressure(
    channelName: string,
    eventName: string,
  ): number {
    return this.#families.channelListeners.backpressure(
      channelEventKey(channelName, eventName),
    );
  }

  /** The longest backlog of a channel's events. */
  channelGetAllListenersBackpressure(channelName: string): number {
    return this.#families.channelListeners.backpressure(inChannel(channelName));
  }

  /** The longest backlog of all channels' events. */
  getAllChannelListenersBackpressure(): number {
    return this.#families.channelListeners.backpressure();
  }

  /** The backlog of a consumer of a channel's event. */
  getChannelListenerConsumerBackpressure(consumerId: number): number {
    return this.#families.channelListeners.consumerBackpressure(consumerId);
  }

  /** Whether a channel's event has this consumer. */
  channelHasListenerConsumer(
    channelName: string,
    eventName: string,
    consumerId: number,
  ): boolean {
    return this.#families.channelListeners.hasConsumer(
      consumerId,
      channelEventKey(channelName, eventName),
    );
  }

  /** Whether any event of a channel has this consumer. */
  channelHasAnyListenerConsumer(
    channelName: string,
    consumerId: number,
  ): boolean {
    return this.#families.channelListeners.hasConsumer(
      consumerId,
      inChannel(channelName),
    );
  }

  /** Whether any event of any channel has this consumer. */
  hasAnyChannelListenerConsumer(consumerId: number): boolean {
    return this.#families.channelListeners.hasConsumer(consumerId);
  }

  /** The longest backlog of all streams of this socket. */
  getBackpressure(): number {
    return Math.max(
      this.getAllListenersBackpressure(),
      this.getAllReceiversBackpressure(),
      this.getAllProceduresBackpressure(),
      this.getAllChannelsBackpressure(),
    );
  }
}
