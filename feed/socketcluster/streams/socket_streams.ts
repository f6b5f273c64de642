/**
 * The streams of a socket and the methods for their consumers: receivers, procedures,
 * and, for each channel, its data (the output) and its events.
 */
import { ConsumableStream, type ConsumerStats } from "../../streams.ts";
import type { AGRequest } from "../request.ts";
import type {
  ProcedureInput,
  ProcedureOutput,
  Procedures,
  Receivers,
} from "../types.ts";
import {
  allChannels,
  backpressure,
  byId,
  channel,
  close,
  events,
  has,
  kill,
  one,
  oneEvent,
  statsList,
} from "./consumers.ts";
import type { Families } from "./families.ts";
import { AsyncStreamEmitter } from "./listeners.ts";

/** The streams of a socket. */
export class SocketStreams<A> extends AsyncStreamEmitter {
  readonly #families: Families;

  /** @ignore */
  constructor(families: Families) {
    super(families.listeners);
    this.#families = families;
  }

  /** The stream of the data that the server transmits to a receiver. */
  receiver<N extends keyof Receivers<A> & string>(
    receiverName: N,
  ): ConsumableStream<Receivers<A>[N]> {
    return new ConsumableStream(
      this.#families.receivers,
      receiverName,
      String(receiverName),
    );
  }

  /** The stream of the server's calls to a procedure. */
  procedure<N extends keyof Procedures<A> & string>(
    procedureName: N,
  ): ConsumableStream<
    AGRequest<
      ProcedureInput<Procedures<A>[N]>,
      ProcedureOutput<Procedures<A>[N]>
    >
  > {
    return new ConsumableStream(
      this.#families.procedures,
      procedureName,
      String(procedureName),
    );
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

  /** Ends the loops over a receiver after their backlogs. */
  closeReceiver(receiverName: string): void {
    close(one(this.#families.receivers, receiverName));
  }

  /** Ends the loops over all receivers after their backlogs. */
  closeAllReceivers(): void {
    close(this.#families.receivers.select());
  }

  /** Ends the loops over a receiver at once. */
  killReceiver(receiverName: string): void {
    kill(one(this.#families.receivers, receiverName));
  }

  /** Ends the loops over all receivers at once. */
  killAllReceivers(): void {
    kill(this.#families.receivers.select());
  }

  /** Ends one loop over a receiver at once. */
  killReceiverConsumer(consumerId: number): void {
    byId(this.#families.receivers.select(), consumerId)?.kill();
  }

  /** The statistics of a consumer of a receiver. */
  getReceiverConsumerStats(consumerId: number): ConsumerStats | undefined {
    return byId(this.#families.receivers.select(), consumerId)?.getStats();
  }

  /** The statistics of the consumers of a receiver. */
  getReceiverConsumerStatsList(receiverName: string): ConsumerStats[] {
    return statsList(one(this.#families.receivers, receiverName));
  }

  /** The statistics of the consumers of all receivers. */
  getAllReceiversConsumerStatsList(): ConsumerStats[] {
    return statsList(this.#families.receivers.select());
  }

  /** The longest backlog of a receiver. */
  getReceiverBackpressure(receiverName: string): number {
    return backpressure(one(this.#families.receivers, receiverName));
  }

  /** The longest backlog of all receivers. */
  getAllReceiversBackpressure(): number {
    return backpressure(this.#families.receivers.select());
  }

  /** The backlog of a consumer of a receiver. */
  getReceiverConsumerBackpressure(consumerId: number): number {
    return byId(this.#families.receivers.select(), consumerId)
      ?.getBackpressure() ?? 0;
  }

  /** Whether a receiver has this consumer. */
  hasReceiverConsumer(receiverName: string, consumerId: number): boolean {
    return has(
      one(this.#families.receivers, receiverName),
      consumerId,
    );
  }

  /** Whether any receiver has this consumer. */
  hasAnyReceiverConsumer(consumerId: number): boolean {
    return has(this.#families.receivers.select(), consumerId);
  }

  /** Ends the loops over a procedure after their backlogs. */
  closeProcedure(procedureName: string): void {
    close(one(this.#families.procedures, procedureName));
  }

  /** Ends the loops over all procedures after their backlogs. */
  closeAllProcedures(): void {
    close(this.#families.procedures.select());
  }

  /** Ends the loops over a procedure at once. */
  killProcedure(procedureName: string): void {
    kill(one(this.#families.procedures, procedureName));
  }

  /** Ends the loops over all procedures at once. */
  killAllProcedures(): void {
    kill(this.#families.procedures.select());
  }

  /** Ends one loop over a procedure at once. */
  killProcedureConsumer(consumerId: number): void {
    byId(this.#families.procedures.select(), consumerId)?.kill();
  }

  /** The statistics of a consumer of a procedure. */
  getProcedureConsumerStats(consumerId: number): ConsumerStats | undefined {
    return byId(this.#families.procedures.select(), consumerId)?.getStats();
  }

  /** The statistics of the consumers of a procedure. */
  getProcedureConsumerStatsList(procedureName: string): ConsumerStats[] {
    return statsList(one(this.#families.procedures, procedureName));
  }

  /** The statistics of the consumers of all procedures. */
  getAllProceduresConsumerStatsList(): ConsumerStats[] {
    return statsList(this.#families.procedures.select());
  }

  /** The longest backlog of a procedure. */
  getProcedureBackpressure(procedureName: string): number {
    return backpressure(
      one(this.#families.procedures, procedureName),
    );
  }

  /** The longest backlog of all procedures. */
  getAllProceduresBackpressure(): number {
    return backpressure(this.#families.procedures.select());
  }

  /** The backlog of a consumer of a procedure. */
  getProcedureConsumerBackpressure(consumerId: number): number {
    return byId(this.#families.procedures.select(), consumerId)
      ?.getBackpressure() ?? 0;
  }

  /** Whether a procedure has this consumer. */
  hasProcedureConsumer(procedureName: string, consumerId: number): boolean {
    return has(
      one(this.#families.procedures, procedureName),
      consumerId,
    );
  }

  /** Whether any procedure has this consumer. */
  hasAnyProcedureConsumer(consumerId: number): boolean {
    return has(this.#families.procedures.select(), consumerId);
  }

  /** Ends the loops over a channel's data after their backlogs. */
  channelCloseOutput(channelName: string): void {
    close(one(this.#families.outputs, channelName));
  }

  /** Ends the loops over all channels' data after their backlogs. */
  closeAllChannelOutputs(): void {
    close(this.#families.outputs.select());
  }

  /** Ends the loops over a channel's data at once. */
  channelKillOutput(channelName: string): void {
    kill(one(this.#families.outputs, channelName));
  }

  /** Ends the loops over all channels' data at once. */
  killAllChannelOutputs(): void {
    kill(this.#families.outputs.select());
  }

  /** Ends one loop over a channel's data at once. */
  killChannelOutputConsumer(consumerId: number): void {
    byId(this.#families.outputs.select(), consumerId)?.kill();
  }

  /** The statistics of a consumer of a channel's data. */
  getChannelOutputConsumerStats(consumerId: number): ConsumerStats | undefined {
    return byId(this.#families.outputs.select(), consumerId)?.getStats();
  }

  /** The statistics of the consumers of a channel's data. */
  channelGetOutputConsumerStatsList(channelName: string): ConsumerStats[] {
    return statsList(one(this.#families.outputs, channelName));
  }

  /** The statistics of the consumers of all channels' data. */
  getAllChannelOutputsConsumerStatsList(): ConsumerStats[] {
    return statsList(this.#families.outputs.select());
  }

  /** The longest backlog of a channel's data. */
  channelGetOutputBackpressure(channelName: string): number {
    return backpressure(one(this.#families.outputs, channelName));
  }

  /** The longest backlog of all channels' data. */
  getAllChannelOutputsBackpressure(): number {
    return backpressure(this.#families.outputs.select());
  }

  /** The backlog of a consumer of a channel's data. */
  getChannelOutputConsumerBackpressure(consumerId: number): number {
    return byId(this.#families.outputs.select(), consumerId)
      ?.getBackpressure() ?? 0;
  }

  /** Whether a channel's data has this consumer. */
  channelHasOutputConsumer(channelName: string, consumerId: number): boolean {
    return has(one(this.#families.outputs, channelName), consumerId);
  }

  /** Whether any channel's data has this consumer. */
  hasAnyChannelOutputConsumer(consumerId: number): boolean {
    return has(this.#families.outputs.select(), consumerId);
  }

  /** Ends the loops over an event of a channel after their backlogs. */
  channelCloseListener(channelName: string, eventName: string): void {
    close(
      oneEvent(this.#families, channelName, eventName),
    );
  }

  /** Ends the loops over a channel's events after their backlogs. */
  channelCloseAllListeners(channelName: string): void {
    close(events(this.#families, channelName));
  }

  /** Ends the loops over all channels' events after their backlogs. */
  closeAllChannelListeners(): void {
    close(this.#families.channelListeners.select());
  }

  /** Ends the loops over an event of a channel at once. */
  channelKillListener(channelName: string, eventName: string): void {
    kill(
      oneEvent(this.#families, channelName, eventName),
    );
  }

  /** Ends the loops over a channel's events at once. */
  channelKillAllListeners(channelName: string): void {
    kill(events(this.#families, channelName));
  }

  /** Ends the loops over all channels' events at once. */
  killAllChannelListeners(): void {
    kill(this.#families.channelListeners.select());
  }

  /** Ends one loop over a channel's event at once. */
  killChannelListenerConsumer(consumerId: number): void {
    byId(this.#families.channelListeners.select(), consumerId)?.kill();
  }

  /** The statistics of a consumer of a channel's event. */
  getChannelListenerConsumerStats(
    consumerId: number,
  ): ConsumerStats | undefined {
    return byId(this.#families.channelListeners.select(), consumerId)
      ?.getStats();
  }

  /** The statistics of the consumers of a channel's event. */
  channelGetListenerConsumerStatsList(
    channelName: string,
    eventName: string,
  ): ConsumerStats[] {
    return statsList(
      oneEvent(this.#families, channelName, eventName),
    );
  }

  /** The statistics of the consumers of a channel's events. */
  channelGetAllListenersConsumerStatsList(
    channelName: string,
  ): ConsumerStats[] {
    return statsList(
      events(this.#families, channelName),
    );
  }

  /** The statistics of the consumers of all channels' events. */
  getAllChannelListenersConsumerStatsList(): ConsumerStats[] {
    return statsList(this.#families.channelListeners.select());
  }

  /** The longest backlog of a channel's event. */
  channelGetListenerBackpressure(
    channelName: string,
    eventName: string,
  ): number {
    return backpressure(
      oneEvent(this.#families, channelName, eventName),
    );
  }

  /** The longest backlog of a channel's events. */
  channelGetAllListenersBackpressure(channelName: string): number {
    return backpressure(
      events(this.#families, channelName),
    );
  }

  /** The longest backlog of all channels' events. */
  getAllChannelListenersBackpressure(): number {
    return backpressure(this.#families.channelListeners.select());
  }

  /** The backlog of a consumer of a channel's event. */
  getChannelListenerConsumerBackpressure(consumerId: number): number {
    return byId(this.#families.channelListeners.select(), consumerId)
      ?.getBackpressure() ?? 0;
  }

  /** Whether a channel's event has this consumer. */
  channelHasListenerConsumer(
    channelName: string,
    eventName: string,
    consumerId: number,
  ): boolean {
    return has(
      oneEvent(this.#families, channelName, eventName),
      consumerId,
    );
  }

  /** Whether any event of a channel has this consumer. */
  channelHasAnyListenerConsumer(
    channelName: string,
    consumerId: number,
  ): boolean {
    return has(
      events(this.#families, channelName),
      consumerId,
    );
  }

  /** Whether any event of any channel has this consumer. */
  hasAnyChannelListenerConsumer(consumerId: number): boolean {
    return has(this.#families.channelListeners.select(), consumerId);
  }

  /** Ends the loops over a channel and its events after their backlogs. */
  closeChannel(channelName: string): void {
    close(channel(this.#families, channelName));
  }

  /** Ends the loops over all channels and their events after their backlogs. */
  closeAllChannels(): void {
    close(allChannels(this.#families));
  }

  /** Ends the loops over a channel and its events at once. */
  killChannel(channelName: string): void {
    kill(channel(this.#families, channelName));
  }

  /** Ends the loops over all channels and their events at once. */
  killAllChannels(): void {
    kill(allChannels(this.#families));
  }

  /** The longest backlog of a channel and its events. */
  getChannelBackpressure(channelName: string): number {
    return backpressure(channel(this.#families, channelName));
  }

  /** The longest backlog of all channels and their events. */
  getAllChannelsBackpressure(): number {
    return backpressure(allChannels(this.#families));
  }
}
