/**
 * Outgoing messages and calls: those that wait for a connection, and calls that wait
 * for a response.
 *
 * A call settles exactly once. Every error that ends it (timeout, signal, lost
 * connection, a packet that cannot be encoded) says whether it had been sent.
 */
import { setLimit } from "../../net/timer.ts";
import {
  BadConnectionError,
  type CallFailure,
  callTimeout,
  hydrateError,
  InvalidActionError,
  InvalidMessageError,
  ResourceLimitError,
} from "./errors.ts";
import type { InvokeOptions, TransmitOptions } from "./types.ts";
import { Call, type Settle } from "./call.ts";
import { type Batched, Batches, type BatchOwner } from "./batches.ts";
import type { Closing, Connection } from "./connection.ts";
import type { Settings } from "./settings.ts";
import type { OutboundPacket, Request } from "./protocol.ts";

/** What {@linkcode Calls} needs from the socket. */
export interface CallsHost {
  /** The default timeout of a call, in milliseconds. */
  readonly ackTimeout: number;
  emit(eventName: string, data: unknown): void;
}

/** The messages and calls of one socket. */
export class Calls implements BatchOwner {
  readonly #socket: CallsHost;
  readonly #settings: Settings;
  readonly #connection: Connection;
  readonly #queue = new Set<Call>();
  readonly #inFlight = new Map<number, Call>();
  /** Packets that wait to be sent together. */
  readonly batches: Batches = new Batches(this);

  constructor(
    socket: CallsHost,
    settings: Settings,
    connection: Connection,
  ) {
    this.#socket = socket;
    this.#settings = settings;
    this.#connection = connection;
  }

  /** Sends a message. If it is dropped, an `error` event reports it. */
  transmit(
    event: string,
    data?: unknown,
    options?: TransmitOptions,
  ): Promise<void> {
    const reject = (error: unknown) => this.#socket.emit("error", { error });
    this.call(event, data, { reject }, options);
    return Promise.resolve();
  }

  /** Makes a call; resolves with the response. */
  invoke(
    event: string,
    data?: unknown,
    options?: InvokeOptions,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      options?.signal?.throwIfAborted();
      this.call(event, data, { resolve, reject }, options);
    });
  }

  /** Makes a call, and connects if necessary. */
  call(
    event: string,
    data: unknown,
    settle: Settle,
    options?: InvokeOptions | null,
  ): void {
    const call = new Call(event, data, settle);
    try {
      if (this.#settings.cloneData) call.data = structuredClone(data);
    } catch (cause) {
      const error = new InvalidMessageError("could not clone data", { cause });
      return this.#fail(call, error);
    }
    this.#connection.ensure();
    this.add(call, options);
  }

  /** Sends a call, or queues it until there is a connection. */
  add(call: Call, options?: InvokeOptions | null): void {
    const timeout = options?.ackTimeout ?? this.#socket.ackTimeout;
    const signal = options?.signal;
    const open = this.#connection.state === "open";
    const { queueLimit } = this.#settings;
    if (!open && this.#queue.size >= queueLimit) {
      const message =
        `could not queue ${call.event}: ${queueLimit} calls are already waiting for a connection`;
      return this.#fail(call, new ResourceLimitError(message));
    }
    const waits = call.settle?.resolve || !open;
    if (waits) {
      call.unlimit = setLimit(
        () => this.#fail(call, callTimeout(call.event)),
        // NaN and negative timeouts expire immediately, as in socketcluster-client.
        timeout >= 0 ? timeout : 0,
      );
    }
    if (signal) {
      const abort = () => this.end(call)?.reject(signal.reason);
      signal.addEventListener("abort", abort);
      call.release = () => signal.removeEventListener("abort", abort);
    }
    if (open) this.#put(call);
    else this.#queue.add(call);
  }

  /** Sends the queued messages and calls in order. */
  flushQueue(): void {
    for (const call of this.#queue) {
      if (this.#connection.state !== "open") return;
      this.#queue.delete(call);
      this.#put(call);
    }
  }

  /** Sends a call, or adds it to the batch. */
  #put(call: Call): void {
    const { event, data, settle } = call;
    const packet: Request = { event, data };
    if (settle?.resolve) {
      packet.cid = call.cid = this.#connection.nextCallId();
      this.#inFlight.set(call.cid, call);
    } else {
      call.unlimit?.();
    }
    this.send(packet, call);
  }

  /**
   * Sends a packet, or adds it to the batch. Without a `call`, it is a response to the
   * server.
   */
  send(packet: OutboundPacket, call?: Call): void {
    if (this.batches.collecting) {
      // A response that cannot be encoded throws now, while another can still be sent.
      if (!call) this.#encode(packet, call);
      return this.batches.add({ packet, call });
    }
    const frame = this.#encode(packet, call);
    if (frame !== undefined) this.#sendFrame(frame, call ? [call] : []);
  }

  #sendFrame(frame: unknown, calls: readonly Call[]): void {
    const sent = this.#connection.send(frame);
    for (const call of calls) {
      call.sent = sent;
      if (!sent) this.#abort(call, { type: "disconnect", code: 1005 });
      else if (!call.settle?.resolve) this.end(call);
    }
  }

  /** Encodes a packet as a frame. If that fails, only its own call fails. */
  #encode(packet: OutboundPacket, call: Call | undefined): unknown {
    try {
      return this.#settings.codecEngine.encode(packet);
    } catch (cause) {
      const what = call ? call.event : "a response";
      const error = new InvalidMessageError(`could not encode ${what}`, {
        cause,
      });
      // A response has no call, so the caller gets the exception.
      if (!call) throw error;
      this.#fail(call, error);
      return undefined;
    }
  }

  /** Sends a batch as one frame. */
  sendBatch(batch: Batched[]): void {
    // A call that has ended in the meantime need not be sent.
    const wanted = batch.filter(({ call }) =>
      !call || call.settle || call.isControl
    );
    if (wanted.length === 0) return;
    try {
      this.#sendTogether(wanted);
    } catch {
      // A packet that cannot be encoded must not make the others fail.
      const sound = wanted.filter(({ packet, call }) => {
        try {
          return this.#encode(packet, call) !== undefined;
        } catch {
          return false;
        }
      });
      if (sound.length > 0) this.#sendTogether(sound);
    }
  }

  #sendTogether(batch: Batched[]): void {
    this.#sendFrame(
      this.#settings.codecEngine.encode(batch.map(({ packet }) => packet)),
      batch.flatMap(({ call }) => call ?? []),
    );
  }

  /** Discards a batch, except subscriptions and the like, which are sent. */
  discardBatch(batch: Batched[]): void {
    for (const { packet, call } of batch) {
      if (call?.isControl) this.send(packet, call);
      else if (call?.settle?.resolve) {
        const message = `Event ${call.event} was cancelled`;
        this.#fail(call, new InvalidActionError(message));
      }
    }
  }

  /** Handles a response of the server. Ignores one to a call that is not pending. */
  answer(rid: number, data: unknown, error: unknown): void {
    const call = this.#inFlight.get(rid);
    if (!call) return;
    const settle = this.end(call);
    if (error) settle?.reject(hydrateError(error));
    else settle?.resolve?.(data);
  }

  /** Ends a call with an error, which says whether it was sent. */
  #fail(call: Call, error: Error & CallFailure): void {
    error.sent = call.sent;
    this.end(call)?.reject(error);
  }

  /**
   * Removes a call from all lists without settling it. Returns its callbacks, or
   * `undefined` if it has already ended.
   */
  end(call: Call): Settle | undefined {
    call.unlimit?.();
    call.release?.();
    this.#queue.delete(call);
    this.#inFlight.delete(call.cid!);
    const { settle } = call;
    call.settle = undefined;
    return settle;
  }

  /** Ends the calls that wait for a response, because the connection was lost. */
  abortInFlight(closing: Closing): void {
    const batch = this.batches.abandon();
    for (const call of [...this.#inFlight.values()]) {
      this.#abort(call, closing);
    }
    // Packets in a batch were never sent; they are reported with the queued ones.
    for (const { call } of batch) {
      if (call && !call.isControl) this.#queue.add(call);
    }
  }

  /** Ends the calls that wait for a connection, because none was established. */
  abortQueued(closing: Closing): void {
    for (const call of [...this.#queue]) {
      this.#abort(call, closing);
    }
  }

  #abort(call: Call, { type, code, reason }: Closing): void {
    const text = `Event ${call.event} was aborted due to a bad connection`;
    this.#fail(call, new BadConnectionError(text, type, code, reason));
  }
}
