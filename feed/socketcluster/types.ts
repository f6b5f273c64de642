/**
 * The types that a program names: what it exchanges with its server, and what a
 * socket and a channel report.
 */
import type { CallFailure } from "./errors.ts";

/**
 * What a program and its server exchange, by name. Pass yours as the type
 * argument of `create`. What you leave out may have any name, and its data is
 * `unknown`; with `create<any>` all data is `any`.
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
  /** Procedures that one side calls and the other answers. */
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

/** The data that a procedure takes. */
export type ProcedureInput<F> = F extends (data: infer Data) => unknown ? Data
  : F;
/** What a procedure answers. */
export type ProcedureOutput<F> = F extends (data: never) => infer Result
  ? Awaited<Result>
  : F;

/** What a signed token (a JWT) says: its claims. */
export interface AuthToken {
  /** A claim. */
  [claim: string]: unknown;
}

/**
 * An error that an event reports. One that comes from the server is a plain `Error`
 * with the server's `name` and properties, so test `error.name`. A server may
 * also refuse with another value, such as a string.
 */
export interface ReportedError extends Error, CallFailure {
  /** A property that the server gave it, or that its class has. */
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
  /** Wait for the socket to be authenticated before subscribing. @default {false} */
  waitForAuth?: boolean | undefined;
  /** Goes to the server along with the subscription. */
  data?: unknown;
  /** Pending channels with a higher priority are subscribed first. @default {0} */
  priority?: number | undefined;
}

/** What was sent to the server along with a subscription. */
export interface SubscriptionOptions {
  /** Present if the channel waits for authentication. */
  waitForAuth?: true;
  /** The `data` of the subscription. */
  data?: unknown;
}

/** Options of `transmit`. */
export interface TransmitOptions {
  /**
   * How long (ms) the message may wait for a connection. After that it is dropped
   * and reported as an `error` event. `Infinity` means no limit.
   * @default {10_000} the socket's `ackTimeout`
   */
  ackTimeout?: number | undefined;
}

/** Options of `invoke`. */
export interface InvokeOptions {
  /**
   * How long (ms) the call may wait for its answer, counted from the call, so time
   * without a connection is included. `Infinity` means no limit.
   * @default {10_000} the socket's `ackTimeout`
   */
  ackTimeout?: number | undefined;
  /** Cancels the call: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What the server says about a token. */
export interface AuthStatus {
  /** Whether the socket is authenticated now. */
  isAuthenticated: boolean;
  /** Why not, if it is not. */
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
  /** What was sent along, on `subscribe`. */
  subscriptionOptions?: SubscriptionOptions;
}

/** The events of a channel and what they carry. */
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

/** The events of a socket and what they carry. */
export interface SocketEvents {
  /** Something went wrong. An error of a queued message says in `sent` whether it left. */
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
    /** Why not, if it did not. */
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
  /** Either of the two. */
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
    /** What it says, on authentication. */
    authToken?: AuthToken;
  };
  /** The socket has a token: its first, or a new one. */
  authenticate: { signedAuthToken: string; authToken: AuthToken };
  /** The socket lost its token. */
  deauthenticate: { oldSignedAuthToken: string; oldAuthToken: AuthToken };
  /** The token was removed from the auth engine. */
  removeAuthToken: { oldAuthToken: AuthToken | string | null };
}
