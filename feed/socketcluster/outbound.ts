/** What goes out: makes messages and calls, and sees to a connection for them. */
import type { InvokeOptions, TransmitOptions } from "./api.ts";
import { Call, type Calls, type Settle } from "./calls.ts";
import type { Connection } from "./connection.ts";
import { InvalidMessageError } from "./errors.ts";
import type { Configuration } from "./options.ts";

/** What {@linkcode Outbound} needs of the socket. */
export interface OutboundHost {
  /** The default of a call's timeout, in milliseconds. */
  readonly ackTimeout: number;
  emit(eventName: string, data: unknown): void;
}

/** Makes messages and calls. */
export class Outbound {
  readonly #socket: OutboundHost;
  readonly #config: Configuration;
  readonly #connection: Connection;
  readonly #calls: Calls;

  constructor(
    socket: OutboundHost,
    config: Configuration,
    connection: Connection,
    calls: Calls,
  ) {
    this.#socket = socket;
    this.#config = config;
    this.#connection = connection;
    this.#calls = calls;
  }

  /** Sends a call now or when there is a connection. */
  send(
    event: string,
    data: unknown,
    settle: Settle,
    options?: InvokeOptions | null,
  ): void {
    let copy = data;
    try {
      if (this.#config.settings.cloneData) copy = structuredClone(data);
    } catch (cause) {
      const error = new InvalidMessageError("could not clone data", { cause });
      error.sent = false;
      return settle.reject(error);
    }
    this.#connection.ensure();
    this.#calls.add(
      new Call(event, copy, settle),
      options?.ackTimeout ?? this.#socket.ackTimeout,
      options?.signal,
    );
  }

  /** Nobody waits for a message; one that is dropped is reported nevertheless. */
  transmit(
    event: string,
    data?: unknown,
    options?: TransmitOptions,
  ): Promise<void> {
    const reject = (error: unknown) => this.#socket.emit("error", { error });
    this.send(event, data, { reject }, options);
    return Promise.resolve();
  }

  /** Resolves with the answer. */
  invoke(
    event: string,
    data?: unknown,
    options?: InvokeOptions,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      options?.signal?.throwIfAborted();
      this.send(event, data, { resolve, reject }, options);
    });
  }
}
