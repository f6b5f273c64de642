/**
 * A client for SocketCluster servers: channels, calls and streams over one WebSocket
 * that reconnects by itself. It has the API of socketcluster-client 20, and needs only
 * web standards.
 *
 * ```ts
 * import { create } from "@feedline/feedline/feed/socketcluster";
 *
 * const socket = create({ hostname: "example.com", autoConnect: false });
 *
 * (async () => {
 *   for await (const { error } of socket.listener("error")) console.error(error);
 * })();
 * (async () => {
 *   for await (const message of socket.subscribe("news")) console.log(message);
 * })();
 *
 * await socket.close(); // disconnects and ends the loops
 * ```
 *
 * @module
 */
import type { Api } from "./types.ts";
import type { ClientOptions } from "./options.ts";
import { VERSION } from "./properties.ts";
import { AGClientSocket } from "./socket.ts";

/**
 * Creates a socket and connects it, unless `autoConnect` is `false`.
 *
 * ```ts
 * import { create } from "@feedline/feedline/feed/socketcluster";
 *
 * await using socket = create({ hostname: "example.com", autoConnect: false });
 * console.log(socket.state, socket.uri()); // closed ws://example.com/socketcluster/
 * ```
 *
 * @throws {InvalidArgumentsError} if an option is invalid
 */
export function create<A extends Api = Api>(
  options: ClientOptions = {},
): AGClientSocket<A> {
  return new AGClientSocket<A>(options);
}

/** {@linkcode create}, in the form that socketcluster-client also exports. */
export const factory: { create: typeof create } = { create };

/** The version of socketcluster-client whose API this module implements. */
export const version: string = VERSION;

export { AGClientSocket };
export type {
  Api,
  AuthState,
  AuthStatus,
  AuthToken,
  ChannelEvents,
  Channels,
  ChannelState,
  ChannelStateChange,
  CloseEvent,
  ConnectionState,
  InvokeOptions,
  ProcedureInput,
  ProcedureOutput,
  Procedures,
  Receivers,
  ReportedError,
  SocketEvents,
  SubscribeOptions,
  SubscriptionOptions,
  TransmitOptions,
} from "./types.ts";
export { AGChannel, type ChannelClient } from "./streams/channel.ts";
export { AGRequest } from "./request.ts";
export {
  AuthEngine,
  decodeToken,
  localStorageAuth,
  MemoryAuth,
  type TokenMap,
} from "./auth.ts";
export { type CodecEngine, jsonCodec } from "./codec.ts";
export {
  FeedlineError,
  type FeedlineErrorCode,
  isFeedlineError,
} from "../../net/errors.ts";
export {
  BadConnectionError,
  type CallFailure,
  dehydrateError,
  hydrateError,
  InvalidActionError,
  InvalidArgumentsError,
  InvalidMessageError,
  OverflowError,
  ResourceLimitError,
  SocketClusterError,
  SocketProtocolError,
  TimeoutError,
} from "./errors.ts";
export type {
  ClientOptions,
  ReconnectOptions,
  WebSocketConstructor,
} from "./options.ts";
// The classes from which AGClientSocket inherits its documented members.
export type { Store } from "../../net/listeners.ts";
export type { SocketProperties } from "./properties.ts";
export type { AsyncStreamEmitter } from "./streams/listeners.ts";
export type { SocketStreams } from "./streams/socket_streams.ts";
export {
  ConsumableStream,
  Consumer,
  type ConsumerOptions,
  type ConsumerStats,
  type OnceOptions,
  type Overflow,
} from "../streams.ts";
