/**
 * The types that a program names: what it exchanges with its server, and what
 * a socket and a channel tell about themselves.
 */

/**
 * What a program and its server exchange, by name, as a type argument of
 * `create`. What is left out may have any name and any data.
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
  /** The data that is published to a channel, by the name of the channel. */
  // deno-lint-ignore no-explicit-any
  channels?: Record<string, any>;
  /** Procedures that one side invokes and the other answers, by name. */
  // deno-lint-ignore no-explicit-any
  procedures?: Record<string, (data: any) => any>;
  /** The data that one side transmits and the other receives, by name. */
  // deno-lint-ignore no-explicit-any
  receivers?: Record<string, any>;
}

/** The channels of an {@linkcode Api}. */
// deno-lint-ignore no-explicit-any
export type Channels<A> = A extends { channels: infer P } ? P : any;
/** The procedures of an {@linkcode Api}. */
// deno-lint-ignore no-explicit-any
export type Procedures<A> = A extends { procedures: infer P } ? P : any;
/** The receivers of an {@linkcode Api}. */
// deno-lint-ignore no-explicit-any
export type Receivers<A> = A extends { receivers: infer P } ? P : any;

/** The names of a part of an {@linkcode Api}. */
export type Name<P> = keyof P & string;
/** The data that a procedure takes. */
// deno-lint-ignore no-explicit-any
export type Input<F> = F extends (...args: infer I) => any ? I[0] : any;
/** What a procedure answers. */
// deno-lint-ignore no-explicit-any
export type Output<F> = F extends (...args: any[]) => infer O ? Awaited<O>
  // deno-lint-ignore no-explicit-any
  : any;

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
  // deno-lint-ignore no-explicit-any
  data?: any;
  /** Pending channels with a higher priority are subscribed first. @default {0} */
  priority?: number | undefined;
}

/** What was sent to the server along with a subscription. */
export interface SubscriptionOptions {
  /** Present if the channel waits for authentication. */
  waitForAuth?: true;
  /** The `data` of the subscription. */
  // deno-lint-ignore no-explicit-any
  data?: any;
}

/** Options of `transmit`. */
export interface TransmitOptions {
  /**
   * For this many milliseconds the message may wait for a connection; then it
   * is dropped and reported as an `error` event. `Infinity` is no limit.
   * @default {10_000} the socket's `ackTimeout`
   */
  ackTimeout?: number | undefined;
}

/** Options of `invoke`. */
export interface InvokeOptions {
  /**
   * Milliseconds until the call fails for want of an answer, counted from the
   * call, so time without a connection is included. `Infinity` is no limit.
   * @default {10_000} the socket's `ackTimeout`
   */
  ackTimeout?: number | undefined;
  /** Gives the call up: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What the server says about a token. */
export interface AuthStatus {
  /** Whether the socket is authenticated now. */
  isAuthenticated: boolean;
  /** Why it is not. */
  // deno-lint-ignore no-explicit-any
  authError: any;
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
  // deno-lint-ignore no-explicit-any
  subscribeFail: { error: any; subscriptionOptions: SubscriptionOptions };
  /** The channel is not subscribed any more. */
  unsubscribe: Record<never, never>;
  /** The channel's state changed. */
  subscribeStateChange: ChannelStateChange;
  /** The server ended the subscription. */
  // deno-lint-ignore no-explicit-any
  kickOut: { message: any };
}

/** The events of a socket and what they carry. */
export interface SocketEvents {
  /** Something went wrong. An error of a queued message says in `sent` whether it left. */
  // deno-lint-ignore no-explicit-any
  error: { error: any };
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
    /** Why it did not. */
    // deno-lint-ignore no-explicit-any
    authError?: any;
    /** The signed token that was sent, accepted or not. */
    authToken: string | null;
    /** Sends pending subscriptions, for `autoSubscribeOnConnect: false`. */
    processPendingSubscriptions: () => void;
  };
  /** An open connection ended. */
  disconnect: CloseEvent;
  /** An attempt to connect failed or was cancelled. */
  connectAbort: CloseEvent;
  /** Either of the two. */
  close: CloseEvent;
  /** A frame that is no packet. */
  // deno-lint-ignore no-explicit-any
  raw: { message: any };
  /** Any frame, also pings. */
  // deno-lint-ignore no-explicit-any
  message: { message: any };
  /** The server ended a subscription. */
  // deno-lint-ignore no-explicit-any
  kickOut: { channel: string; message: any };
  /** The server confirmed a subscription. */
  subscribe: { channel: string; subscriptionOptions: SubscriptionOptions };
  /** The server refused a subscription, or did not answer. */
  subscribeFail: {
    // deno-lint-ignore no-explicit-any
    error: any;
    channel: string;
    subscriptionOptions: SubscriptionOptions;
  };
  /** A channel is not subscribed any more. */
  unsubscribe: { channel: string };
  /** A channel's state changed. */
  subscribeStateChange: ChannelStateChange & { channel: string };
  /** A subscription was requested of the server. */
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
    // deno-lint-ignore no-explicit-any
    authToken?: any;
  };
  /** The socket has a token, a first or another one. */
  // deno-lint-ignore no-explicit-any
  authenticate: { signedAuthToken: string; authToken: any };
  /** The socket lost its token. */
  // deno-lint-ignore no-explicit-any
  deauthenticate: { oldSignedAuthToken: string; oldAuthToken: any };
  /** The token was removed from the auth engine. */
  removeAuthToken: { oldAuthToken: string | null };
}
