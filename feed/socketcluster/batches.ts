/** Collects packets to send in one frame, and the timers that send them. */
import { setTimer, type Timer } from "../../net/timer.ts";
import type { Call } from "./call.ts";
import type { OutboundPacket } from "./protocol.ts";

/** A packet in a batch, with the call that it belongs to. */
export interface Batched {
  readonly packet: OutboundPacket;
  /** `undefined` for a response to the server. */
  readonly call: Call | undefined;
}

/** Handles batches. */
export interface BatchOwner {
  /** Sends a batch that is not empty as one frame. */
  sendBatch(batch: Batched[]): void;
  /** Discards a batch. */
  discardBatch(batch: Batched[]): void;
}

/** The batches of one socket, one at a time. */
export class Batches {
  readonly #owner: BatchOwner;
  /** The collected packets; `undefined` while packets are sent immediately. */
  #collected: Batched[] | undefined;
  #interval: ReturnType<typeof setInterval> | undefined;
  /** Ends the interval of `batchOnHandshake`. */
  #end: Timer | undefined;

  constructor(owner: BatchOwner) {
    this.#owner = owner;
  }

  /** Whether packets are collected. */
  get collecting(): boolean {
    return this.#collected !== undefined;
  }

  /** Adds a packet. Call it only while collecting. */
  add(batched: Batched): void {
    this.#collected!.push(batched);
  }

  /** Collects packets from now on. */
  start(): void {
    this.#collected ??= [];
  }

  /** Sends the collected packets and stops collecting. */
  flush(): void {
    const batch = this.#take();
    if (batch.length > 0) this.#owner.sendBatch(batch);
  }

  /** Discards the collected packets and stops collecting. */
  cancel(): void {
    this.#owner.discardBatch(this.#take());
  }

  /** Collects packets, and sends them every `ms` milliseconds. */
  startInterval(ms: number): void {
    if (this.#interval !== undefined) return;
    this.start();
    this.#interval = setInterval(() => {
      this.flush();
      this.start();
    }, ms);
  }

  /** Ends the interval after `ms` milliseconds, unless it is still `wanted` then. */
  endIntervalAfter(ms: number, wanted: () => boolean): void {
    this.#end = setTimer(() => {
      if (!wanted()) this.endInterval();
    }, ms >= 0 ? ms : 0);
  }

  /** Ends the interval and sends the collected packets. */
  endInterval(): void {
    this.#stopInterval();
    this.flush();
  }

  /** Ends the interval and discards the collected packets. */
  cancelInterval(): void {
    this.#stopInterval();
    this.cancel();
  }

  /** The connection was lost: stops everything and returns the collected packets. */
  abandon(): Batched[] {
    clearTimeout(this.#end);
    this.#stopInterval();
    return this.#take();
  }

  #stopInterval(): void {
    clearInterval(this.#interval);
    this.#interval = undefined;
  }

  #take(): Batched[] {
    const batch = this.#collected ?? [];
    this.#collected = undefined;
    return batch;
  }
}
