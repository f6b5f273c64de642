/**
 * The SocketCluster client: one logical connection that outlives its WebSockets, with
 * its streams, calls, subscriptions and token. This file is the public face; each member
 * delegates to the part that does the work.
 */
import { asyncDispose } from "../../net/dispose.ts";
import type { Store } from "../../net/listeners.ts";
import type { LoadedToken } from "./auth.ts";
import { Calls } from "./calls.ts";
import { type Closing, Connection } from "./connection.ts";
import { InvalidActionError, protocolError } from "./errors.ts";
import { Identity } from "./identity.ts";
import { Inbound } from "./inbound.ts";
import type { ClientOptions, ReconnectOptions } from "./options.ts";
import { SocketProperties, takeOver } from "./properties.ts";
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

/** How long (ms) disposing waits for the WebSocket to close. */
const CLOSING = 2000;

/**
 * A client of a SocketCluster server, made by `create`. The type argument describes the
 * data that the program exchanges with its server.
 */
export class AGClientSocket<A extends Api = Api> extends SocketProperties<A> {
  /** The id of the connection; `null` while there is none. */
  id: string | null = null;
  /** Whether batches are sent at intervals. */
  isBatching = false;
  /** Whether subscriptions wait for `processPendingSubscriptions()`. */
  preparingPendingSubscriptions = false;

  readonly #families: Families;
  /** The options as given. */
  #given: ClientOptions;
  /** The options with defaults filled in. The parts share this object. */
  readonly #settings: Settings;
  readonly #connection: Connection;
  readonly #calls: Calls;
  readonly #subscriptions: Subscriptions;
  readonly #identity: Identity;
  readonly #inbound: Inbound;

  /**
   * Like `create`.
   * @throws {InvalidArgumentsError} if an option is invalid
   */
  constructor(options: ClientOptions = {}) {
    const families = createFamilies();
    const settings = resolveSettings(options);
    super(families, settings);
    this.#families = families;
    this.#given = { ...options };
    this.#settings = settings;

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

  /**
   * {@linkcode state} in the form that page frameworks read. The socket's own
   * `subscribe` is that of channels.
   */
  get connection(): Store<ConnectionState> {
    return this.#connection.store;
  }

  /** Whether a reconnect is scheduled. */
  get pendingReconnect(): boolean {
    return this.pendingReconnectTimeout !== null;
  }

  /** The delay (ms) of the scheduled reconnect, or `null`. */
  get pendingReconnectTimeout(): number | null {
    return this.#connection.pendingDelay;
  }

  /** How many reconnects have been scheduled since a connection last held. */
  get connectAttempts(): number {
    return this.#connection.attempts;
  }

  /** Whether the socket has a token that the server accepted. */
  get authState(): AuthState {
    return this.#identity.authState;
  }

  /** The decoded payload of the token, or `null`; text if the payload is not JSON. */
  get authToken(): AuthToken | null {
    return this.#identity.token;
  }

  /** The signed token, or `null`. */
  get signedAuthToken(): string | null {
    return this.#identity.signed;
  }

  /** The current or last connection; `socket` is its WebSocket. */
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
   * Connects, unless the socket is already connected or connecting. With options, it
   * disconnects first and merges them into its existing options.
   * @throws {InvalidArgumentsError} if an option is invalid
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
      takeOver(this, options, settings);
    }
    this.#connection.connect();
  }

  /**
   * Disconnects, and cancels a scheduled reconnect and the calls that wait for it. The
   * server gets at most 123 bytes of `reason`; events carry all of it.
   * @throws {InvalidArgumentsError} if `code` is neither 1000 nor from 3000 to 4999;
   * nothing changes then
   */
  disconnect(code?: number, reason?: string): void {
    const closing = { code: code || 1000, reason: reason ?? undefined };
    this.#connection.disconnect(closing.code, closing.reason);
    // Aborts the calls that waited for the scheduled attempt, if any.
    this.#calls.abortQueued({ type: "connectAbort", ...closing });
  }

  /**
   * Disconnects and immediately connects again.
   * @throws {InvalidArgumentsError} like {@linkcode disconnect}
   */
  reconnect(code?: number, reason?: string): void {
    this.disconnect(code, reason);
    this.connect();
  }

  /** Everything that has to happen when a connection opens, in this order. */
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

  /** Everything that has to happen when a connection ends, in this order. */
  #closed(closing: Closing): void {
    const { type, code, reason, cause } = closing;
    // Delivers the packets that arrived before the connection ended.
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
   * Sends data to a receiver on the server. Without a connection, the data waits for
   * one. The promise resolves immediately and never rejects; an `error` event reports
   * data that is dropped.
   */
  transmit<N extends keyof Receivers<A> & string>(
    receiverName: N,
    data?: Receivers<A>[N],
    options?: TransmitOptions,
  ): Promise<void> {
    return this.#calls.transmit(receiverName, data, options);
  }

  /**
   * Calls a procedure on the server. If the call fails without a response, the error's
   * `sent` is whether the call had been passed to the network.
   * @throws {TimeoutError} if there is no response within `ackTimeout`
   * @throws {BadConnectionError} if the connection is lost
   * @throws the server's error, as an `Error` with the server's `name`
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

  /** Publishes to a channel without requesting a confirmation, like {@linkcode transmit}. */
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
   * @throws like {@linkcode invoke}, e.g. if a middleware on the server blocks it
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
   * Sends a raw frame.
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
   * Authenticates with a signed token. Resolves with `isAuthenticated: false` for a
   * token that is not valid yet, or that a middleware on the server blocks. A token that
   * was not accepted is not stored.
   * @throws the server's error, e.g. an `AuthTokenInvalidError`; the socket is then
   * unauthenticated. Other errors are those of {@linkcode invoke}, which leave the
   * socket unchanged
   */
  authenticate(signedAuthToken: string): Promise<types.AuthStatus> {
    return this.#identity.authenticate(signedAuthToken);
  }

  /** Discards the token here, in the auth engine and on the server. */
  async deauthenticate(): Promise<void> {
    // A token that has already arrived is discarded as well.
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
   * Discards the collected messages; their calls fail with an `InvalidActionError`.
   * Subscriptions are still sent.
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

  /** Ends {@linkcode startBatching} and sends the collected packets. */
  stopBatching(): void {
    this.isBatching = false;
    this.#calls.batches.endInterval();
  }

  /** Ends {@linkcode startBatching} and discards the collected packets. */
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

  /** Ends a subscription. Loops over the channel keep waiting. */
  unsubscribe(channelName: keyof Channels<A> & string): void {
    this.#subscriptions.unsubscribe(channelName);
  }

  /** A handle of a channel. Does not subscribe to it. */
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

  /** {@linkcode AGClientSocket.close}, for `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Types under the names of `@types/socketcluster-client`. */
export declare namespace AGClientSocket {
  /** Options of `create`. */
  type ClientOptions = import("./options.ts").ClientOptions;
  /** Delays before reconnecting. */
  type AutoReconnectOptions = Partial<ReconnectOptions>;
  /** Options of a subscription. */
  type SubscribeOptions = types.SubscribeOptions;
  /** The server's verdict on a token. */
  type AuthStatus = types.AuthStatus;
  /** The state of a connection. */
  type States = types.ConnectionState;
  /** Whether the socket holds a token that the server accepted. */
  type AuthStates = types.AuthState;
  /** A version of the protocol. */
  type ProtocolVersions = 1 | 2;
  /** Generates the numbers of calls. */
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
