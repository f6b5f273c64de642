/** What goes out: makes messages and calls, and sees to a connection for them. */
import type { InvokeOptions, TransmitOptions } from "./api.ts";
import { Call, type Calls, type Settle } from "./calls.ts";
import { InvalidMessageError } from "./errors.ts";

/** What {@linkcode Outbound} needs of the socket. */
export interface OutboundHost {
  /** Gets rid of a connection that died unnoticed, and connects if nothing else will. */
  seeToConnection(): void;
  /** The default of a call's timeout, in milliseconds. */
  ackTimeout(): number;
  /** Whether data is cloned. */
  clones(): boolean;
  emit(eventName: string, data: unknown): void;
}

/** Makes messages and calls. */
export class Outbound {
  readonly #calls: Calls;
  readonly #host: OutboundHost;

  constructor(calls: Calls, host: OutboundHost) {
    this.#calls = calls;
    this.#host = host;
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
      if (this.#host.clones()) copy = structuredClone(data);
    } catch (cause) {
      const error = new InvalidMessageError("could not clone data", { cause });
      error.sent = false;
      return settle.reject(error);
    }
    this.#host.seeToConnection();
    this.#calls.add(
      new Call(event, copy, settle),
      options?.ackTimeout ?? this.#host.ackTimeout(),
      options?.signal,
    );
  }

  /** Nobody waits for a message; one that is dropped is reported nevertheless. */
  transmit(
    event: string,
    data?: unknown,
    options?: TransmitOptions,
  ): Promise<void> {
    const reject = (error: unknown) => this.#host.emit("error", { error });
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
