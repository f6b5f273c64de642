/**
 * The public types: the data that a program exchanges with its server, and the events of
 * sockets and channels.
 */
import type { CallFailure } from "./errors.ts";

/**
 * The data that a program and its server exchange, by name. Pass yours as the type
 * argument of `create`. For members that you omit, any name is allowed and the data is
 * `unknown`; with `create<any>`, all data is `any`.
 *
 * ```ts
 * import { create } from "@feedline/feedline/feed/socketcluster";
 *
 * interface Chat {
 *   channels: { room: { from: string; text: string } };
 *   procedures: { join: (data: { room: string }) => number };
 *   receivers: { typing: string };
 * }
 *
 * const socket = create<Chat>({ hostname: "example.com", autoConnect: false });
 * const room = socket.channel("room");
 * export const say = (text: string) => room.invokePublish({ from: "ann", text });
 * export const join = (): Promise<number> => socket.invoke("join", { room: "room" });
 * ```
 */
export interface Api {
  /** The data published to each channel. */
  channels?: object;
  /** Procedures that one side calls and the other implements. */
  procedures?: { [name: string]: (data: never) => unknown };
  /** The data that one side transmits and the other receives. */
  receivers?: object;
}

/** The channels of an {@linkcode Api}. */
export type Channels<A> = A extends { channels: object } ? A["channels"]
  : { [name: string]: unknown };
/** The procedures of an {@linkcode Api}. */
export type Procedures<A> = A extends { procedures: object } ? A["procedures"]
  : { [name: string]: (data: unknown) => unknown };
/** The receivers of an {@linkcode Api}. */
export type Receivers<A> = A extends { receivers: object } ? A["receivers"]
  : { [name: string]: unknown };

/** The data that a procedure receives. */
export type ProcedureInput<F> = F extends (data: infer Data) => unknown ? Data
  : F;
/** The result of a procedure. */
export type ProcedureOutput<F> = F extends (data: never) => infer Result
  ? Awaited<Result>
  : F;

/** The claims of a signed token (a JWT). */
export interface AuthToken {
  /** A claim. */
  [claim: string]: unknown;
}

/**
 * An error that an event reports. An error from the server is a plain `Error` with the
 * server's `name` and properties, so test `error.name`. A server may also send another
 * value, such as a string.
 */
export interface ReportedError extends Error, CallFailure {
  /** A property set by the server or defined by its class. */
  [property: string]: unknown;
}

/** The state of a connection. */
export type ConnectionState = "closed" | "connecting" | "open";
/** Whether the socket holds a token that the server accepted. */
export type AuthState = "authenticated" | "unauthenticated";
/** The state of a channel. */
export type ChannelState = "subscribed" | "pending" | "unsubscribed";

/** Options of a subscription. */
export interface SubscribeOptions {
  /** Whether to wait until the socket is authenticated. @default {false} */
  waitForAuth?: boolean | undefined;
  /** Data to send to the server with the subscription. */
  data?: unknown;
  /** Pending channels with a higher priority are subscribed first. @default {0} */
  priority?: number | undefined;
}

/** The options that were sent to the server with a subscription. */
export interface SubscriptionOptions {
  /** Present if the channel waits for authentication. */
  waitForAuth?: true;
  /** The `data` of the subscription. */
  data?: unknown;
}

/** Options of `transmit`. */
export interface TransmitOptions {
  /**
   * How long (ms) the message may wait for a connection. After that, it is dropped and
   * an `error` event reports it. `Infinity` means no limit.
   * @default {10_000} the socket's `ackTimeout`
   */
  ackTimeout?: number | undefined;
}

/** Options of `invoke`. */
export interface InvokeOptions {
  /**
   * How long (ms) the call may wait for its response, including time without a
   * connection. `Infinity` means no limit.
   * @default {10_000} the socket's `ackTimeout`
   */
  ackTimeout?: number | undefined;
  /** Cancels the call: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** The server's verdict on a token. */
export interface AuthStatus {
  /** Whether the socket is now authenticated. */
  isAuthenticated: boolean;
  /** The reason if it is not; otherwise `null`. */
  authError: ReportedError | null;
}

/** How a connection ended. */
export interface CloseEvent {
  /** The close code. */
  code: number;
  /** The close reason; undefined after `disconnect()` without one. */
  reason: string | undefined;
}

/** A change of a channel's state. */
export interface ChannelStateChange {
  /** The state before. */
  oldChannelState: ChannelState;
  /** The state now. */
  newChannelState: ChannelState;
  /** The options that were sent, on `subscribe`. */
  subscriptionOptions?: SubscriptionOptions;
}

/** The events of a channel and their data. */
export interface ChannelEvents {
  /** The server confirmed the subscription. */
  subscribe: { subscriptionOptions: SubscriptionOptions };
  /** The server refused the subscription, or did not answer. */
  subscribeFail: {
    error: ReportedError;
    subscriptionOptions: SubscriptionOptions;
  };
  /** The subscription ended. */
  unsubscribe: Record<never, never>;
  /** The channel's state changed. */
  subscribeStateChange: ChannelStateChange;
  /** The server ended the subscription. */
  kickOut: { message: unknown };
}

/** The events of a socket and their data. */
export interface SocketEvents {
  /** An error occurred. If a queued message failed, `sent` is whether it was sent. */
  error: { error: ReportedError };
  /** An attempt to connect begins. */
  connecting: Record<never, never>;
  /** The socket is connected, for the first time or again. */
  connect: {
    /** The id of the connection. */
    id: string;
    /** How long the server may be silent, in milliseconds. */
    pingTimeout: number;
    /** Whether the server accepted the token. */
    isAuthenticated: boolean;
    /** The reason if it did not. */
    authError?: ReportedError;
    /** The signed token that was sent, accepted or not. */
    authToken: AuthToken | string | null;
    /** Sends pending subscriptions, for `autoSubscribeOnConnect: false`. */
    processPendingSubscriptions: () => void;
  };
  /** An open connection ended. */
  disconnect: CloseEvent;
  /** An attempt to connect failed or was cancelled. */
  connectAbort: CloseEvent;
  /** Emitted after either of the two events above. */
  close: CloseEvent;
  /** A frame that is not a packet. */
  raw: { message: unknown };
  /** Any frame, including pings. */
  message: { message: unknown };
  /** The server ended a subscription. */
  kickOut: { channel: string; message: unknown };
  /** The server confirmed a subscription. */
  subscribe: { channel: string; subscriptionOptions: SubscriptionOptions };
  /** The server refused a subscription, or did not answer. */
  subscribeFail: {
    error: ReportedError;
    channel: string;
    subscriptionOptions: SubscriptionOptions;
  };
  /** A subscription ended. */
  unsubscribe: { channel: string };
  /** A channel's state changed. */
  subscribeStateChange: ChannelStateChange & { channel: string };
  /** A subscription request was sent to the server. */
  subscribeRequest: {
    channel: string;
    subscriptionOptions: SubscriptionOptions;
  };
  /** The socket became authenticated or unauthenticated. */
  authStateChange: {
    oldAuthState: AuthState;
    newAuthState: AuthState;
    /** The signed token, on authentication. */
    signedAuthToken?: string;
    /** Its claims, on authentication. */
    authToken?: AuthToken;
  };
  /** The socket has received its first token, or a new one. */
  authenticate: { signedAuthToken: string; authToken: AuthToken };
  /** The socket lost its token. */
  deauthenticate: { oldSignedAuthToken: string; oldAuthToken: AuthToken };
  /** The token was removed from the auth engine. */
  removeAuthToken: { oldAuthToken: AuthToken | string | null };
}
