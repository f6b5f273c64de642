/**
 * The transport interface of feedme-client, and a guard that enforces its rules.
 */
import { asyncDispose } from "../../../net/dispose.ts";
import { isError } from "../../../net/shape.ts";
import type { Liveness } from "../../../net/silence.ts";
import { FeedmeError, type FeedmeErrorDetails } from "./errors.ts";

/** The states of a transport. */
export type TransportState = "disconnected" | "connecting" | "connected";

/** The events of a transport. */
export type TransportEvent =
  | "connecting"
  | "connect"
  | "message"
  | "disconnect";

/** How a client finds out that a connection has died unnoticed. Times are in ms. */
export interface TransportLiveness extends Liveness {
  /**
   * Whether to ask servers that do not speak `feedme+alive` as well: with an action that
   * they do not have.
   */
  readonly probes: boolean;
}

/** No connection of the transport dies unnoticed. */
export const NO_LIVENESS: TransportLiveness = {
  limit: Infinity,
  probe: Infinity,
  probes: false,
};

/** Called with the plain arguments of an event. */
export type TransportListener = (...args: unknown[]) => void;

/**
 * Carries text messages between client and server; any object or class instance will
 * do. It must not retry, reconnect or time out: the client does.
 *
 * Methods must not throw, and must not emit events before they return. Listeners get
 * plain arguments. The events of one connection must occur in this order: `connecting`,
 * then possibly `connect` and any number of `message` (with the text), then
 * `disconnect`, with an `Error` unless the client asked for it.
 */
export interface FeedmeTransport {
  /** The current state; it changes before the event that reports it. */
  state(): TransportState;
  /** Starts connecting. Called only when disconnected. */
  connect(): void;
  /** Sends a text. Called only when connected. */
  send(message: string): void;
  /** Disconnects; the state becomes `disconnected` immediately. */
  disconnect(): void;
  /**
   * How the client finds out that a connection has died unnoticed. Without it, the
   * client sends nothing by itself and relies on the transport.
   */
  readonly liveness?: TransportLiveness | undefined;
  /** Adds a listener. `addListener` or `addEventListener` may replace it. */
  on?(event: TransportEvent, listener: TransportListener): unknown;
  /** Adds a listener. */
  addListener?(event: TransportEvent, listener: TransportListener): unknown;
  /** Adds a listener. */
  addEventListener?(
    event: TransportEvent,
    listener: TransportListener,
  ): unknown;
  /** Removes a listener. `removeListener` or `removeEventListener` may replace it. */
  off?(event: TransportEvent, listener: TransportListener): unknown;
  /** Removes a listener. */
  removeListener?(event: TransportEvent, listener: TransportListener): unknown;
  /** Removes a listener. */
  removeEventListener?(
    event: TransportEvent,
    listener: TransportListener,
  ): unknown;
  /**
   * Disconnects if it is connected or connecting. Resolves when all connections have
   * been freed, if the transport can tell.
   */
  [asyncDispose]?(): PromiseLike<void>;
}

/** The listeners of a {@linkcode TransportGuard}. */
export interface TransportHandlers {
  connecting(): void;
  connect(): void;
  message(text: string): void;
  /** Without an error, it is the result of `disconnect()`. */
  disconnect(error?: Error): void;
  /** The transport broke a rule and has been detached. */
  violation(error: FeedmeError): void;
}

type Method = keyof FeedmeTransport & string;

/** The events that may follow each event; before and after a connection it is `disconnect`. */
const NEXT: Record<TransportEvent, readonly TransportEvent[]> = {
  disconnect: ["connecting"],
  connecting: ["connect", "disconnect"],
  connect: ["message", "disconnect"],
  message: ["message", "disconnect"],
};

/**
 * Passes calls and events between the client and a transport as long as the transport
 * follows the rules. At the first breach it detaches, disconnects the transport,
 * notifies the client, and throws.
 *
 * It tolerates two habits of transports written for feedme-client 0.0.35: a
 * `disconnect` emitted during `send()` or `disconnect()` is treated as if it came right
 * afterwards, and `undefined` as its argument counts as no argument.
 */
export class TransportGuard {
  readonly #transport: FeedmeTransport;
  readonly #handlers: TransportHandlers;
  readonly #listeners: [TransportEvent, (...args: unknown[]) => void][];
  readonly #remove: Method;
  /** The last event. */
  #last: TransportEvent = "disconnect";
  /** Requested connections that have not started, and ends that have not been reported. */
  #connects = 0;
  #disconnects = 0;
  /** The method that is being called, if any. */
  #calling: string | undefined;
  /** Whether it listens. If not, a breach is thrown but not reported. */
  #attached = false;
  #breach: FeedmeError | undefined;

  /** @throws {FeedmeError} `TRANSPORT_ERROR` if it is not a transport, or is in use */
  constructor(transport: FeedmeTransport, handlers: TransportHandlers) {
    this.#transport = transport;
    this.#handlers = handlers;
    for (const name of ["state", "connect", "send", "disconnect"] as const) {
      this.#method(name);
    }
    const add = this.#method("on", "addListener", "addEventListener");
    this.#remove = this.#method(
      "off",
      "removeListener",
      "removeEventListener",
    );
    if (this.#call("state") !== "disconnected") {
      this.#violate("The transport is not disconnected.");
    }
    this.#listeners = (Object.keys(NEXT) as TransportEvent[]).map((event) => [
      event,
      (...args) => this.#receive(event, args),
    ]);
    for (const listener of this.#listeners) this.#call(add, ...listener);
    this.#attached = true;
  }

  /** @throws {FeedmeError} `TRANSPORT_ERROR` */
  state(): TransportState {
    const state = this.#call("state");
    // A transport must stay disconnected until `connect()` is called.
    const asked = this.#last !== "disconnect" || this.#connects > 0;
    if (
      state !== "disconnected" &&
      !(asked && (state === "connecting" || state === "connected"))
    ) this.#violate("The transport returned an invalid state.");
    return state as TransportState;
  }

  /** @throws {FeedmeError} `TRANSPORT_ERROR` */
  connect(): void {
    this.#connects++;
    this.#call("connect");
  }

  /** @throws {FeedmeError} `TRANSPORT_ERROR` */
  send(text: string): void {
    this.#call("send", text);
    if (this.state() === "connecting") {
      this.#violate("The transport is connecting after send().");
    }
  }

  /** @throws {FeedmeError} `TRANSPORT_ERROR` */
  disconnect(): void {
    this.#disconnects++;
    this.#call("disconnect");
    if (this.state() !== "disconnected") {
      this.#violate(
        "The transport is not disconnected after disconnect().",
      );
    }
  }

  /** Stops listening. Calling it again does nothing. */
  detach(): void {
    if (!this.#attached) return;
    this.#attached = false;
    for (const [event, listener] of this.#listeners) {
      try {
        (this.#transport[this.#remove] as TransportListener)(event, listener);
      } catch {
        // Ignored, because its events are ignored from now on as well.
      }
    }
  }

  /** Waits until the transport has freed its resources, if it can tell. */
  async dispose(): Promise<void> {
    await this.#transport[asyncDispose]?.();
  }

  /** The name of the first of these methods that the transport has. */
  #method(...names: Method[]): Method {
    return names.find((name) => typeof this.#transport[name] === "function") ??
      this.#violate(`The transport has no ${names[0]}().`);
  }

  #call(name: Method, ...args: unknown[]): unknown {
    this.#calling = name;
    try {
      const result = (this.#transport[name] as TransportListener)(
        ...args,
      ) as unknown;
      // The transport may have caught the error of its own breach.
      if (this.#breach) throw this.#breach;
      return result;
    } catch (error) {
      if (error === this.#breach) throw error;
      return this.#violate(`The transport threw in ${name}().`, {
        transportError: error,
      });
    } finally {
      this.#calling = undefined;
    }
  }

  #receive(event: TransportEvent, args: unknown[]): void {
    if (!this.#attached) return;
    if (event === "disconnect") {
      if (args.length === 1 && args[0] === undefined) args = [];
      if (this.#calling === "send" || this.#calling === "disconnect") {
        return this.#receiveLater(event, args);
      }
    }
    if (this.#calling !== undefined) {
      this.#violate(
        `The transport emitted ${event} within ${this.#calling}().`,
      );
    }
    if (
      !NEXT[this.#last].includes(event) ||
      (event === "connecting" && this.#connects-- <= 0)
    ) {
      this.#violate(`The transport emitted ${event} after ${this.#last}.`);
    }
    this.#last = event;
    const [first] = args;
    const valid = args.length === 0 ? event !== "message" : args.length === 1 &&
      (event === "message"
        ? typeof first === "string"
        : event === "disconnect" && isError(first));
    if (!valid) {
      this.#violate(`The transport passed invalid arguments with ${event}.`);
    }
    if (event === "disconnect") {
      if (this.#disconnects > 0) this.#disconnects--;
      else if (args.length === 0) {
        this.#violate("The transport disconnected without a reason.");
      }
    }
    (this.#handlers[event] as TransportListener)(...args);
  }

  /** Handles an event after the method that emitted it has returned. */
  #receiveLater(event: TransportEvent, args: unknown[]): void {
    queueMicrotask(() => {
      try {
        this.#receive(event, args);
      } catch (error) {
        // A breach was already reported to the client, and has no caller here.
        if (error !== this.#breach) throw error;
      }
    });
  }

  #violate(text: string, details?: FeedmeErrorDetails): never {
    const error = this.#breach = new FeedmeError(
      "TRANSPORT_ERROR",
      text,
      details,
    );
    if (this.#attached) {
      this.detach();
      try {
        if (this.#transport.state() !== "disconnected") {
          this.#transport.disconnect();
        }
      } catch {
        // Already failing; ignore.
      }
      this.#handlers.violation(error);
    }
    throw error;
  }
}
