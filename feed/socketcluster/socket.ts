/**
 * The SocketCluster client: one logical connection that outlives its
 * WebSockets, with the streams, calls, subscriptions and token on it.
 */
import type {
  Api,
  AuthState,
  AuthStatus,
  Channels,
  ChannelState,
  ConnectionState,
  Input,
  InvokeOptions,
  Name,
  Output,
  Procedures,
  Receivers,
  SubscribeOptions,
  TransmitOptions,
} from "./types.ts";
import { setTimer, type Timer } from "../../net/timer.ts";
import { SocketBase, VERSION } from "./base.ts";
import { Calls } from "./calls.ts";
import { AGChannel } from "./streams/channel.ts";
import { type Closing, Connection } from "./connection.ts";
import {
  hydrateError,
  InvalidActionError,
  isOwnError,
  protocolError,
} from "./errors.ts";
import { createFamilies, type Families } from "./streams/families.ts";
import { Identity } from "./identity.ts";
import { Inbound } from "./inbound.ts";
import { type ClientOptions, mergeOptions, resolveOptions } from "./options.ts";
import { type HandshakeStatus, prefixed } from "./protocol.ts";
import { Subscriptions } from "./subscriptions.ts";

/** Disposing waits no longer than this many ms for the WebSocket to close. */
const CLOSING = 2000;

/**
 * A client of a SocketCluster server. `create` makes one; the type argument
 * names what the program exchanges with its server.
 */
export class AGClientSocket<A extends Api = Api> extends SocketBase<A> {
  /** The id of the connection; `null` without one. */
  id: string | null = null;
  /** The version of socketcluster-client whose methods this class has. */
  declare readonly version: string;
  /** How long the server may be silent, in milliseconds. */
  declare pingTimeout: number;
  /** The default of the option of `invoke` and `transmit`, in milliseconds. */
  declare ackTimeout: number;
  /** Prepended to the names of channels on the wire. */
  channelPrefix: string | null = null;
  /** Whether batches are sent at intervals. */
  isBatching = false;
  /** Whether batches are sent at first, when connected. */
  batchOnHandshake = false;
  /** For how long, in milliseconds. */
  declare batchOnHandshakeDuration: number;
  /** Whether subscriptions wait for `processPendingSubscriptions()`. */
  preparingPendingSubscriptions = false;

  readonly #families: Families;
  /** The options that were given. */
  #given: ClientOptions;
  readonly #connection: Connection;
  readonly #calls: Calls;
  readonly #subscriptions: Subscriptions;
  readonly #identity: Identity;
  readonly #inbound: Inbound;
  #batchTimer: Timer | undefined;
  /** How often the token was given up, now and when the handshake began. */
  #renounced = 0;
  #renouncedBefore = 0;

  /**
   * `create` does the same.
   * @throws {InvalidArgumentsError} if an option cannot be used
   */
  constructor(options: ClientOptions = {}) {
    const families = createFamilies();
    const settings = resolveOptions(options);
    super(families, settings);
    this.#families = families;
    this.#given = { ...options };
    this.version = settings.version ?? VERSION;
    this.pingTimeout = settings.connectTimeout;
    this.#adopt(settings);

    const connection = this.#connection = new Connection(settings, {
      emit: (eventName, data) => this.emit(eventName, data),
      connecting: () => {
        this.#renouncedBefore = this.#renounced;
        this.emit("connecting", {});
      },
      opened: (status, token) => this.#opened(status, token),
      closed: (closing) => this.#closed(closing),
      packet: (packet, frame) => this.#inbound.take(packet, frame),
      frame: (message) => {
        if (families.listeners.has("message")) {
          this.emit("message", { message });
        }
      },
    });
    const calls = this.#calls = new Calls(this, settings, connection);
    const subscriptions = this.#subscriptions = new Subscriptions(
      this,
      calls,
      families.channelListeners,
    );
    const identity = this.#identity = new Identity(this);
    this.#inbound = new Inbound(this, {
      families,
      connection,
      calls,
      subscriptions,
      identity,
    });
    if (settings.autoConnect) this.connect();
  }

  /** Takes over the options that may be assigned to later. */
  #adopt(options: ClientOptions): void {
    this.ackTimeout = options.ackTimeout ?? this.ackTimeout;
    this.channelPrefix = options.channelPrefix ?? this.channelPrefix;
    this.batchOnHandshake = options.batchOnHandshake ?? this.batchOnHandshake;
    this.batchOnHandshakeDuration = options.batchOnHandshakeDuration ??
      this.batchOnHandshakeDuration;
  }

  /** `"closed"`, `"connecting"` or `"open"`. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Whether an attempt to connect again is scheduled. */
  get pendingReconnect(): boolean {
    return this.pendingReconnectTimeout !== null;
  }

  /** After how many milliseconds, or `null`. */
  get pendingReconnectTimeout(): number | null {
    return this.#connection.pendingDelay;
  }

  /** How many attempts to connect again were scheduled since a connection held. */
  get connectAttempts(): number {
    return this.#connection.attempts;
  }

  /** Whether the socket has a token that the server accepted. */
  get authState(): AuthState {
    return this.#identity.authState;
  }

  /** What the token says, or `null`. */
  // deno-lint-ignore no-explicit-any
  get authToken(): any {
    return this.#identity.token;
  }

  /** The token, or `null`. */
  get signedAuthToken(): string | null {
    return this.#identity.signed;
  }

  /** The present or last connection; `socket` is its WebSocket. */
  get transport(): { readonly socket: WebSocket | undefined } | undefined {
    return this.#connection.transport;
  }

  /** Whether packets are collected in a batch. */
  get isBufferingBatch(): boolean {
    return this.#calls.isBatching;
  }

  /** The same as {@linkcode state}. */
  getState(): ConnectionState {
    return this.state;
  }

  /** The same as {@linkcode authToken}. */
  // deno-lint-ignore no-explicit-any
  getAuthToken(): any {
    return this.authToken;
  }

  /** The same as {@linkcode signedAuthToken}. */
  getSignedAuthToken(): string | null {
    return this.signedAuthToken;
  }

  /**
   * Connects, unless the socket is connected or about to. With options the
   * socket is disconnected first and the options added to those it has.
   * @throws {InvalidArgumentsError} if an option cannot be used
   */
  connect(options?: ClientOptions): void {
    if (options) {
      const merged = mergeOptions(this.#given, options);
      const settings = resolveOptions(merged, this.options);
      if (this.state !== "closed") {
        this.disconnect(
          1000,
          "Socket was disconnected by the client to initiate a new connection",
        );
      }
      this.#given = merged;
      // The parts hold this object.
      Object.assign(this.options, settings);
      this.#adopt(options);
    }
    this.#connection.connect();
  }

  /**
   * Disconnects, and cancels a scheduled attempt to connect again and the calls
   * that wait for it.
   * The server gets at most 123 bytes of `reason`, the events all of it.
   * @throws {InvalidArgumentsError} if `code` is neither 1000 nor from 3000 to
   * 4999; then nothing has changed
   */
  disconnect(code?: number, reason?: string): void {
    const closing = { code: code || 1000, reason: reason ?? undefined };
    this.#connection.disconnect(closing.code, closing.reason);
    // What waited for the scheduled attempt; if there was a connection, nothing.
    this.#calls.abortQueued({ type: "connectAbort", ...closing });
  }

  /**
   * Disconnects and connects at once.
   * @throws {InvalidArgumentsError} as {@linkcode disconnect}
   */
  reconnect(code?: number, reason?: string): void {
    this.disconnect(code, reason);
    this.connect();
  }

  /** All that has to happen when a connection is open, in this order. */
  #opened(status: HandshakeStatus, token: string | null): void {
    this.#inbound.hold();
    if (this.isBatching || this.batchOnHandshake) this.#calls.startBatching();
    if (this.batchOnHandshake) {
      const duration = this.batchOnHandshakeDuration;
      this.#batchTimer = setTimer(() => {
        if (!this.isBatching) this.#endBatching();
      }, duration >= 0 ? duration : 0);
    }
    this.preparingPendingSubscriptions = true;
    this.id = status.id;
    this.pingTimeout = status.pingTimeout;
    if (
      status.isAuthenticated && typeof token === "string" &&
      this.#renouncedBefore === this.#renounced
    ) {
      this.#identity.adopt(token);
    } else {
      this.#identity.clear();
    }
    if (this.options.autoSubscribeOnConnect) {
      this.processPendingSubscriptions();
    }
    this.emit("connect", {
      ...status,
      authToken: token,
      processPendingSubscriptions: () => this.processPendingSubscriptions(),
    });
    this.#calls.flushQueue();
  }

  /** All that has to happen when a connection has ended, in this order. */
  #closed(closing: Closing): void {
    const { type, code, reason, cause } = closing;
    // What the connection brought came before its end.
    this.#inbound.release();
    this.id = null;
    clearTimeout(this.#batchTimer);
    this.#calls.abortInFlight(closing);
    this.#subscriptions.suspend();
    this.emit(type, { code, reason });
    this.emit("close", { code, reason });
    const error = protocolError(code, reason, cause);
    if (error) this.emit("error", { error });
    this.#calls.abortQueued(closing);
  }

  /**
   * Sends data to a receiver of the server. Without a connection it waits for
   * one. The promise resolves at once and never rejects; data that is dropped
   * is reported as an `error` event.
   */
  transmit<N extends Name<Receivers<A>>>(
    receiverName: N,
    data?: Receivers<A>[N],
    options?: TransmitOptions,
  ): Promise<void> {
    return this.#calls.transmit(receiverName, data, options);
  }

  /**
   * Calls a procedure of the server. The error of a call that was not answered
   * says in `sent` whether the call had been handed to the network.
   * @throws {TimeoutError} if there is no answer within `ackTimeout`
   * @throws {BadConnectionError} if the connection is lost
   * @throws what the server answers, as an `Error` with the server's `name`
   */
  invoke<N extends Name<Procedures<A>>>(
    procedureName: N,
    data?: Input<Procedures<A>[N]>,
    options?: InvokeOptions,
  ): Promise<Output<Procedures<A>[N]>> {
    return this.#calls.invoke(procedureName, data, options) as Promise<
      Output<Procedures<A>[N]>
    >;
  }

  /** Publishes to a channel without asking for a confirmation, as {@linkcode transmit}. */
  transmitPublish<N extends Name<Channels<A>>>(
    channelName: N,
    data?: Channels<A>[N],
  ): Promise<void> {
    return this.#calls.transmit(
      "#publish",
      this.#publication(channelName, data),
    );
  }

  /**
   * Publishes to a channel; resolves when the server has processed it.
   * @throws as {@linkcode invoke}, e.g. if a middleware of the server blocks it
   */
  invokePublish<N extends Name<Channels<A>>>(
    channelName: N,
    data?: Channels<A>[N],
    options?: InvokeOptions,
  ): Promise<void> {
    return this.#calls.invoke(
      "#publish",
      this.#publication(channelName, data),
      options,
    ) as Promise<void>;
  }

  #publication(channelName: string, data: unknown): unknown {
    return { channel: prefixed(this.channelPrefix, channelName), data };
  }

  /**
   * Sends a frame as it is.
   * @throws {InvalidActionError} if the socket is not open
   */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    if (this.state !== "open" || !this.#connection.send(data)) {
      throw new InvalidActionError(
        `could not send a raw message while ${this.state}`,
      );
    }
  }

  /**
   * Authenticates with a signed token. Resolves with `isAuthenticated: false`
   * for a token that is not valid yet or that a middleware of the server
   * blocks. A token that was not accepted is not kept.
   * @throws what the server answers, e.g. an `AuthTokenInvalidError`; then the
   * socket is unauthenticated. Other errors as {@linkcode invoke}; then it stays
   * what it was
   */
  async authenticate(signedAuthToken: string): Promise<AuthStatus> {
    const before = this.#renounced;
    // At once, so that a token that comes right after the answer wins.
    const answered = (answer: unknown): AuthStatus => {
      const status = (answer ?? {}) as Partial<AuthStatus>;
      const isAuthenticated = !!status.isAuthenticated &&
        before === this.#renounced;
      if (isAuthenticated) this.#identity.accept(signedAuthToken);
      else this.#identity.clear();
      return { isAuthenticated, authError: hydrateError(status.authError) };
    };
    try {
      return await new Promise((resolve, reject) => {
        this.#calls.call("#authenticate", signedAuthToken, {
          resolve: (answer) => resolve(answered(answer)),
          reject: (error) => {
            if (!isOwnError(error)) this.#identity.clear();
            reject(error);
          },
        });
      });
    } finally {
      // The consumers of events hear of it first.
      await macrotask();
    }
  }

  /** Gives the token up, here, in the auth engine and on the server. */
  async deauthenticate(): Promise<void> {
    this.#renounced++;
    // A token that has come already is given up as well.
    this.#inbound.release();
    const forgotten = this.#identity.forget();
    if (this.state !== "closed") this.#calls.transmit("#removeAuthToken");
    this.#identity.clear();
    await macrotask();
    await forgotten;
  }

  /** Collects packets until {@linkcode flushBatch} or {@linkcode cancelBatch}. */
  startBatch(): void {
    this.#calls.startBatch();
  }

  /** Sends the collected packets as one frame. */
  flushBatch(): void {
    this.#calls.flushBatch();
  }

  /**
   * Discards the collected messages; their calls fail with an
   * `InvalidActionError`. Subscriptions are sent nevertheless.
   */
  cancelBatch(): void {
    this.#calls.cancelBatch();
  }

  /** Collects packets and sends them every `batchInterval` milliseconds. */
  startBatching(): void {
    this.isBatching = true;
    if (this.state === "open") this.#calls.startBatching();
  }

  /** Ends that, and sends what was collected. */
  stopBatching(): void {
    this.isBatching = false;
    this.#endBatching();
  }

  #endBatching(): void {
    this.#calls.stopInterval();
    this.#calls.flushBatch();
  }

  /** Ends that, and discards what was collected. */
  cancelBatching(): void {
    this.isBatching = false;
    this.#calls.stopInterval();
    this.#calls.cancelBatch();
  }

  /** Subscribes to a channel, or changes the given options of the subscription. */
  subscribe<N extends Name<Channels<A>>>(
    channelName: N,
    options?: SubscribeOptions,
  ): AGChannel<Channels<A>[N]> {
    this.#subscriptions.subscribe(channelName, options);
    return this.channel(channelName);
  }

  /** Ends a subscription. Loops over the channel go on waiting. */
  unsubscribe(channelName: Name<Channels<A>>): void {
    this.#subscriptions.unsubscribe(channelName);
  }

  /** A handle on a channel. Does not subscribe to it. */
  channel<N extends Name<Channels<A>>>(
    channelName: N,
  ): AGChannel<Channels<A>[N]> {
    return new AGChannel(channelName, this, this.#families);
  }

  /** The names of the subscribed channels, or with `true` also the pending ones. */
  subscriptions(includePending = false): string[] {
    return this.#subscriptions.names(includePending);
  }

  /** Whether a channel is subscribed, or with `true` also pending. */
  isSubscribed(channelName: string, includePending = false): boolean {
    return includePending
      ? this.#subscriptions.has(channelName)
      : this.#subscriptions.state(channelName) === "subscribed";
  }

  /** The state of a channel. */
  getChannelState(channelName: string): ChannelState {
    return this.#subscriptions.state(channelName);
  }

  /** A copy of the options of a subscription; `{}` if there is none. */
  getChannelOptions(channelName: string): SubscribeOptions {
    return this.#subscriptions.options(channelName);
  }

  /** Sends pending subscriptions, the highest priority first. */
  processPendingSubscriptions(): void {
    this.preparingPendingSubscriptions = false;
    this.#subscriptions.requestPending();
  }

  /** Disconnects, ends all loops after their backlogs, and waits for the WebSocket to close. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect();
    this.closeAllListeners();
    this.closeAllReceivers();
    this.closeAllProcedures();
    this.closeAllChannels();
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, CLOSING);
      this.#connection.ended.then(() => resolve(clearTimeout(timer)));
    });
  }
}

/** Resolves after what waits in microtasks now, and what that leads to. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
