/**
 * Live data over one WebSocket between a session backend and its users.
 *
 * ```ts
 * import { feedmeClient, webSocketTransport } from "@feedline/feedline/feed";
 *
 * const client = feedmeClient({
 *   transport: webSocketTransport({ url: "ws://localhost:1" }),
 * });
 * console.log(client.state()); // disconnected
 * client.destroy();
 * ```
 *
 * The client of SocketCluster, another protocol, is here as
 * {@linkcode socketcluster}; an application that uses it alone imports
 * `@feedline/feedline/feed/socketcluster`.
 *
 * @module
 */
export * as socketcluster from "./socketcluster/mod.ts";
export {
  FeedlineError,
  type FeedlineErrorCode,
  isFeedlineError,
} from "../net/errors.ts";
export { feedmeClient, FeedmeError, webSocketTransport } from "./feedme/mod.ts";
export type {
  ActionArguments,
  ActionCallback,
  ActionOutcome,
  ActionsOptions,
  ActionType,
  AnyApi,
  AnyFeed,
  ClientEvents,
  Emitter,
  EventMap,
  FeedAction,
  FeedActionOf,
  FeedArgs,
  FeedData,
  FeedEvents,
  FeedmeApi,
  FeedmeClient,
  FeedmeClientOptions,
  FeedmeErrorCode,
  FeedmeErrorDetails,
  FeedmeFeed,
  FeedmeTransport,
  FeedType,
  Json,
  JsonObject,
  Listener,
  Part,
  TransportEvent,
  TransportListener,
  TransportState,
  WaitOptions,
  WebSocketConstructor,
  WebSocketTransportOptions,
} from "./feedme/mod.ts";
