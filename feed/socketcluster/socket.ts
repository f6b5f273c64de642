/**
 * The SocketCluster client: one logical connection that outlives its
 * WebSockets, with the streams, calls, subscriptions and token on it. This file
 * is the face; each member hands on to the part that does the work.
 */
import { asyncDispose } from "../../net/dispose.ts";
import type { LoadedToken } from "./auth.ts";
import { Calls } from "./calls.ts";
import { type Closing, Connection } from "./connection.ts";
import { InvalidActionError, protocolError } from "./errors.ts";
import { Identity } from "./identity.ts";
import { Inbound } from "./inbound.ts";
import type { ClientOptions, ReconnectOptions } from "./options.ts";
import { SocketProperties, VERSION } from "./properties.ts";
import { type HandshakeStatus, prefixed } from "./protocol.ts";
import { mergeOptions, resolveSettings, type Settings } from "./settings.ts";
import { AGChannel } from "./streams/channel.ts";
import { createFamilies, type Families } from "./streams/families.ts";
import { Subscriptions } from "./subscriptions.ts";
import type * as types from "./types.ts";
import type {
  Api,
  AuthState,
  AuthToken,
  Channels,
  ChannelState,
  ConnectionState,
  InvokeOptions,
  ProcedureInput,
  ProcedureOutput,
  Procedures,
  Receivers,
  SubscribeOptions,
  TransmitOptions,
} from "./types.ts";

/** Disposing waits no longer than this many ms for the WebSocket to close. */
const CLOSING = 2000;

/**
 * A client of a SocketCluster server. `create` makes one; the type argument
 * names what the program exchanges with its server.
 */
export class AGClientSocket<A extends Api = Api> extends SocketProperties<A> {
  /** The id of the connection; `null` without one. */
  id: string | null = null;
  /** The version of socketcluster-client whose methods this class has. */
  readonly version: string;
  /** How long (ms) the server may be silent. */
  pingTimeout: number;
  /** How long (ms) a call may wait for its answer, unless it says otherwise. */
  ackTimeout: number;
  /** Prepended to the names of channels on the wire. */
  channelPrefix: string | null;
  /** Whether batches are sent at intervals. */
  isBatching = false;
  /** Whether batches are sent for a while after each connection. */
  batchOnHandshake: boolean;
  /** For how long (ms). */
  batchOnHandshakeDuration: number;
  /** Whether subscriptions wait for `processPendingSubscriptions()`. */
  preparingPendingSubscriptions = false;

  readonly #families: Families;
  /** The options as they were given. */
  #given: ClientOptions;
  /** The same with defaults. The parts hold this object, too. */
  readonly #settings: Settings;
  readonly #connection: Connection;
  readonly #calls: Calls;
  readonly #subscriptions: Subscriptions;
  readonly #identity: Identity;
  readonly #inbound: Inbound;

  /**
   * `create` does the same.
   * @throws {InvalidArgumentsError} if an option cannot be used
   */
  constructor(options: ClientOptions = {}) {
    const families = createFamilies();
    const settings = resolveSettings(options);
    super(families, settings);
    this.#families = families;
    this.#given = { ...options };
    this.#settings = settings;
    this.version = settings.version ?? VERSION;
    this.pingTimeout = settings.connectTimeout;
    this.ackTimeout = settings.ackTimeout;
    this.channelPrefix = settings.channelPrefix ?? null;
    this.batchOnHandshake = settings.batchOnHandshake ?? false;
    this.batchOnHandshakeDuration = settings.batchOnHandshakeDuration;

    const connection = this.#connection = new Connection(settings, {
      emit: (eventName, data) => this.emit(eventName, data),
      connecting: () => {
        this.#identity.connecting();
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
    const identity = this.#identity = new Identity(this, calls);
    this.#inbound = new Inbound(this, {
      families,
      connection,
      calls,
      subscriptions,
      identity,
    });
    if (settings.autoConnect) this.connect();
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

  /** What the token says, or `null`. Text, if the token holds no JSON. */
  get authToken(): AuthToken | null {
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
    return this.#calls.batches.collecting;
  }

  /** The same as {@linkcode state}. */
  getState(): ConnectionState {
    return this.state;
  }

  /** The same as {@linkcode authToken}. */
  getAuthToken(): AuthToken | null {
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
      const settings = resolveSettings(merged, this.#settings);
      if (this.state !== "closed") {
        this.disconnect(
          1000,
          "Socket was disconnected by the client to initiate a new connection",
        );
      }
      this.#given = merged;
      Object.assign(this.#settings, settings);
      this.#takeOver(options);
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

  /** Takes over given options whose properties a program may have changed. */
  #takeOver(options: ClientOptions): void {
    const settings = this.#settings;
    if (options.ackTimeout != null) this.ackTimeout = settings.ackTimeout;
    if (options.channelPrefix != null) {
      this.channelPrefix = options.channelPrefix;
    }
    if (options.batchOnHandshake != null) {
      this.batchOnHandshake = options.batchOnHandshake;
    }
    if (options.batchOnHandshakeDuration != null) {
      this.batchOnHandshakeDuration = settings.batchOnHandshakeDuration;
    }
  }

  /** All that has to happen when a connection is open, in this order. */
  #opened(status: HandshakeStatus, token: LoadedToken): void {
    this.#inbound.hold();
    const { batches } = this.#calls;
    if (this.isBatching || this.batchOnHandshake) {
      batches.startInterval(this.#settings.batchInterval);
    }
    if (this.batchOnHandshake) {
      batches.endIntervalAfter(
        this.batchOnHandshakeDuration,
        () => this.isBatching,
      );
    }
    this.preparingPendingSubscriptions = true;
    this.id = status.id;
    this.pingTimeout = status.pingTimeout;
    this.#identity.opened(status.isAuthenticated, token);
    if (this.#settings.autoSubscribeOnConnect) {
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
  transmit<N extends keyof Receivers<A> & string>(
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
  invoke<N extends keyof Procedures<A> & string>(
    procedureName: N,
    data?: ProcedureInput<Procedures<A>[N]>,
    options?: InvokeOptions,
  ): Promise<ProcedureOutput<Procedures<A>[N]>> {
    return this.#calls.invoke(procedureName, data, options) as Promise<
      ProcedureOutput<Procedures<A>[N]>
    >;
  }

  /** Publishes to a channel without asking for a confirmation, as {@linkcode transmit}. */
  transmitPublish<N extends keyof Channels<A> & string>(
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
  invokePublish<N extends keyof Channels<A> & string>(
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
   * for a token that is not valid yet, or that a middleware of the server
   * blocks. A token that was not accepted is not kept.
   * @throws the server's error, e.g. an `AuthTokenInvalidError`; then the socket
   * is unauthenticated. Other errors are those of {@linkcode invoke}; they leave
   * the socket as it was
   */
  authenticate(signedAuthToken: string): Promise<types.AuthStatus> {
    return this.#identity.authenticate(signedAuthToken);
  }

  /** Gives the token up, here, in the auth engine and on the server. */
  async deauthenticate(): Promise<void> {
    // A token that has come already is given up as well.
    this.#inbound.release();
    await this.#identity.deauthenticate();
  }

  /** Collects packets until {@linkcode flushBatch} or {@linkcode cancelBatch}. */
  startBatch(): void {
    this.#calls.batches.start();
  }

  /** Sends the collected packets as one frame. */
  flushBatch(): void {
    this.#calls.batches.flush();
  }

  /**
   * Discards the collected messages; their calls fail with an
   * `InvalidActionError`. Subscriptions are sent nevertheless.
   */
  cancelBatch(): void {
    this.#calls.batches.cancel();
  }

  /** Collects packets and sends them every `batchInterval` milliseconds. */
  startBatching(): void {
    this.isBatching = true;
    if (this.state === "open") {
      this.#calls.batches.startInterval(this.#settings.batchInterval);
    }
  }

  /** Ends {@linkcode startBatching} and sends what was collected. */
  stopBatching(): void {
    this.isBatching = false;
    this.#calls.batches.endInterval();
  }

  /** Ends {@linkcode startBatching} and discards what was collected. */
  cancelBatching(): void {
    this.isBatching = false;
    this.#calls.batches.cancelInterval();
  }

  /** Subscribes to a channel, or changes the given options of the subscription. */
  subscribe<N extends keyof Channels<A> & string>(
    channelName: N,
    options?: SubscribeOptions,
  ): AGChannel<Channels<A>[N]> {
    this.#subscriptions.subscribe(channelName, options);
    return this.channel(channelName);
  }

  /** Ends a subscription. Loops over the channel go on waiting. */
  unsubscribe(channelName: keyof Channels<A> & string): void {
    this.#subscriptions.unsubscribe(channelName);
  }

  /** A handle on a channel. Does not subscribe to it. */
  channel<N extends keyof Channels<A> & string>(
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
  async close(): Promise<void> {
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

  /** The same as {@linkcode AGClientSocket.close}, for `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Types by the names that `@types/socketcluster-client` gives them. */
export declare namespace AGClientSocket {
  /** Options of `create`. */
  type ClientOptions = import("./options.ts").ClientOptions;
  /** Delays before the attempts to connect again. */
  type AutoReconnectOptions = Partial<ReconnectOptions>;
  /** Options of a subscription. */
  type SubscribeOptions = types.SubscribeOptions;
  /** What the server says about a token. */
  type AuthStatus = types.AuthStatus;
  /** The state of a connection. */
  type States = types.ConnectionState;
  /** Whether the socket holds a token that the server accepted. */
  type AuthStates = types.AuthState;
  /** A version of the protocol. */
  type ProtocolVersions = 1 | 2;
  /** Numbers calls. */
  type CallIdGenerator = () => number;
  /** The data of the event `connect`. */
  type ConnectData = types.SocketEvents["connect"];
  /** The data of the events `disconnect`, `connectAbort` and `close`. */
  type CloseData = types.CloseEvent;
  /** The data of the event `authStateChange`. */
  type AuthStateChangeData = types.SocketEvents["authStateChange"];
  /** The data of the event `authenticate`. */
  type AuthenticateData = types.SocketEvents["authenticate"];
  /** The data of the event `deauthenticate`. */
  type DeauthenticateData = types.SocketEvents["deauthenticate"];
  /** The data of the event `subscribeStateChange`. */
  type SubscribeStateChangeData = types.SocketEvents["subscribeStateChange"];
  /** The data of the events `subscribe` and `subscribeRequest`. */
  type SubscribeData = types.SocketEvents["subscribe"];
  /** The data of the event `subscribeFail`. */
  type SubscribeFailData = types.SocketEvents["subscribeFail"];
  /** The data of the event `unsubscribe`. */
  type UnsubscribeData = types.SocketEvents["unsubscribe"];
  /** The data of the event `kickOut`. */
  type KickOutData = types.SocketEvents["kickOut"];
}
