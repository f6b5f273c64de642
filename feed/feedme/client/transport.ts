/**
 * The interface of feedme-client's transports, which carry the messages, and a
 * guard that enforces its rules.
 */
import { asyncDispose } from "../../../net/dispose.ts";
import { isError } from "../../../net/shape.ts";
import { FeedmeError, type FeedmeErrorDetails } from "./errors.ts";

/** The states of a transport. */
export type TransportState = "disconnected" | "connecting" | "connected";

/** The events of a transport. */
export type TransportEvent =
  | "connecting"
  | "connect"
  | "message"
  | "disconnect";

/** Called with the plain arguments of an event. */
// deno-lint-ignore no-explicit-any
export type TransportListener = (...args: any[]) => void;

/**
 * Carries texts between client and server; any object or class instance will
 * do. It does not retry, reconnect or time out: the client does.
 *
 * Methods do not throw and do not emit before they return. Listeners get plain
 * arguments. The events of one connection come in this order: `connecting`,
 * then possibly `connect` and any number of `message` (with the text), then
 * `disconnect`, with an `Error` unless the client asked for it.
 */
export interface FeedmeTransport {
  /** The present state, also before the event that belongs to it. */
  state(): TransportState;
  /** Starts to connect. Called only when disconnected. */
  connect(): void;
  /** Sends a text. Called only when connected. */
  send(message: string): void;
  /** Disconnects; the state is `disconnected` at once. */
  disconnect(): void;
  /** Adds a listener; or else `addListener` or `addEventListener` does. */
  on?(event: TransportEvent, listener: TransportListener): unknown;
  /** Adds a listener. */
  addListener?(event: TransportEvent, listener: TransportListener): unknown;
  /** Adds a listener. */
  addEventListener?(
    event: TransportEvent,
    listener: TransportListener,
  ): unknown;
  /** Removes a listener; or else `removeListener` or `removeEventListener` does. */
  off?(event: TransportEvent, listener: TransportListener): unknown;
  /** Removes a listener. */
  removeListener?(event: TransportEvent, listener: TransportListener): unknown;
  /** Removes a listener. */
  removeEventListener?(
    event: TransportEvent,
    listener: TransportListener,
  ): unknown;
  /** Resolves when nothing is left of past connections, where that is known. */
  [asyncDispose]?(): PromiseLike<void>;
}

/** Who listens to a {@linkcode TransportGuard}. */
export interface TransportHandlers {
  connecting(): void;
  connect(): void;
  message(text: string): void;
  /** Without an error it answers `disconnect()`. */
  disconnect(error?: Error): void;
  /** The transport broke a rule and has been cut off. */
  violation(error: FeedmeError): void;
}

type Method = keyof FeedmeTransport & string;

/** Which event may follow which; a connection begins and ends with `disconnect`. */
const NEXT: Record<TransportEvent, readonly TransportEvent[]> = {
  disconnect: ["connecting"],
  connecting: ["connect", "disconnect"],
  connect: ["message", "disconnect"],
  message: ["message", "disconnect"],
};

/**
 * Passes calls and events between the client and a transport as long as the
 * transport keeps to the rules. At the first breach it detaches, disconnects
 * the transport, tells the client, and throws.
 *
 * It accepts two habits of transports written for feedme-client 0.0.35: a
 * `disconnect` emitted within `send()` or `disconnect()` counts as if it came
 * right afterwards, and `undefined` as its argument counts as no argument.
 */
export class TransportGuard {
  readonly #transport: FeedmeTransport;
  readonly #handlers: TransportHandlers;
  readonly #listeners: [TransportEvent, (...args: unknown[]) => void][];
  readonly #remove: Method;
  /** The event that came last. */
  #last: TransportEvent = "disconnect";
  /** Connections asked for that have not begun, and ends that have not come. */
  #connects = 0;
  #disconnects = 0;
  /** The method that runs now. */
  #calling: string | undefined;
  /** Whether it listens. Otherwise a breach is thrown and not reported. */
  #attached = false;
  #breach: FeedmeError | undefined;

  /** @throws {FeedmeError} `TRANSPORT_ERROR` if it is no transport, or in use */
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
    // It stays disconnected until it is asked to connect.
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

  /** Stops to listen. Calling it again does nothing. */
  detach(): void {
    if (!this.#attached) return;
    this.#attached = false;
    for (const [event, listener] of this.#listeners) {
      try {
        (this.#transport[this.#remove] as TransportListener)(event, listener);
      } catch {
        // Its events are ignored from now on anyway.
      }
    }
  }

  /** Waits until the transport has let go of what it held, if it can tell. */
  async dispose(): Promise<void> {
    await this.#transport[asyncDispose]?.();
  }

  /** The name of the first of these methods that there is. */
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
      // The transport may have swallowed the error of its own breach.
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

  /** Receives an event when the method that emitted it has returned. */
  #receiveLater(event: TransportEvent, args: unknown[]): void {
    queueMicrotask(() => {
      try {
        this.#receive(event, args);
      } catch (error) {
        // The client knows of a breach already; there is no caller to throw at.
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
