/**
 * A client for Feedme servers: feeds, whose data the server keeps up to date, and
 * actions.
 *
 * ```ts
 * import { feedmeClient, webSocketTransport } from "@feedline/feedline/feed/feedme";
 *
 * const client = feedmeClient({
 *   transport: webSocketTransport({ url: "ws://localhost:1" }),
 * });
 * const room = client.feed("room", { id: "7" });
 * room.on("open", (data) => console.log("now:", data));
 * room.on("action", (name, data) => console.log(name, data));
 * room.desireOpen();
 * client.connect();
 * await client.close();
 * ```
 *
 * The API is that of npm's feedme-client. Additions are async iteration, streams,
 * `await using`, types for your API, and the `outcome` of a failed action.
 *
 * @module
 */
export { feedmeClient } from "./client/client.ts";
export type { ActionCallback, FeedmeClient } from "./client/client.ts";
export type { ClientEvents } from "./client/shell.ts";
export type { FeedmeClientOptions } from "./client/options.ts";
export type {
  ActionArguments,
  ActionsOptions,
  FeedEvents,
  FeedmeFeed,
} from "./client/feed.ts";
export type { ChangesOptions, FeedChange, FeedView } from "./client/view.ts";
export { joinPresence } from "./client/presence.ts";
export type {
  Presence,
  PresenceOptions,
  PresenceSnapshot,
  PresentPerson,
  SaidOf,
} from "./client/presence.ts";
export type { FeedSnapshot } from "./client/subscription.ts";
export type {
  ActionOptions,
  ActionWait,
  OptimisticChange,
  OptimisticOptions,
} from "./client/views.ts";
export type {
  Consumer,
  ConsumerOptions,
  ConsumerSource,
  ConsumerStats,
  Overflow,
} from "../../net/consumer.ts";
export type {
  ActionArgs,
  ActionData,
  ActionType,
  AnyApi,
  AnyFeed,
  ArgsOfFeed,
  FeedAction,
  FeedActionOf,
  FeedArgsOf,
  FeedData,
  FeedGap,
  FeedmeApi,
  FeedType,
  OptionalArgs,
} from "./client/types.ts";
export {
  FeedlineError,
  type FeedlineErrorCode,
  isFeedlineError,
} from "../../net/errors.ts";
export { FeedmeError } from "./client/errors.ts";
export type {
  ActionOutcome,
  FeedmeErrorCode,
  FeedmeErrorDetails,
} from "./client/errors.ts";
export type { Emitter } from "./client/emitter.ts";
export { asyncDispose } from "../../net/dispose.ts";
export type { Store } from "../../net/listeners.ts";
export type { Liveness } from "../../net/silence.ts";
export type { WaitOptions } from "../../net/wait.ts";
export { webSocketTransport } from "./client/websocket.ts";
export type { WebSocketTransportOptions } from "./client/websocket.ts";
export type {
  FeedmeTransport,
  TransportEvent,
  TransportListener,
  TransportLiveness,
  TransportState,
} from "./client/transport.ts";
export type { FeedArgs, Json, JsonObject } from "./wire/protocol.ts";
export type { WebSocketConstructor } from "../../net/dial.ts";
