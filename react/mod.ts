/**
 * Hooks for React 18 and 19: a session backend and its status, Feedme feeds and
 * actions, SocketCluster channels. It has the API of `@jamsocket/react`, and everything
 * of `./client`.
 *
 * ```ts
 * import { createElement, type ReactElement } from "react";
 * import {
 *   type ConnectResponse,
 *   SessionBackendProvider,
 *   useReady,
 * } from "@feedline/feedline/react";
 *
 * function Room(): ReactElement {
 *   return createElement("p", null, useReady() ? "ready" : "starting …");
 * }
 *
 * export function App(props: { connectResponse: ConnectResponse }): ReactElement {
 *   return createElement(SessionBackendProvider, {
 *     ...props,
 *     children: createElement(Room),
 *   });
 * }
 * ```
 *
 * Rendering has no effect: requests begin when a component is mounted, once in
 * StrictMode too, and end when the last is unmounted.
 *
 * @module
 */
export * from "../client.ts";
export {
  SessionBackendContext,
  SessionBackendProvider,
  type SessionBackendProviderProps,
  useBackend,
  useBackendState,
  useReady,
  useReconnect,
} from "./backend.ts";
export type { BackendConnection, Connect } from "./backend_store.ts";
export {
  type FeedmeHooks,
  feedmeHooks,
  FeedmeProvider,
  type FeedmeProviderProps,
  useAction,
  type UseActionOptions,
  type UseActionResult,
  useFeed,
  useFeedAction,
  useFeedmeClient,
  type UseFeedOptions,
  type UseFeedResult,
} from "./feedme.ts";
export {
  type ConnectionSource,
  useChannel,
  type UseChannelOptions,
  useConnectionState,
} from "./connection.ts";
export type { ChannelView } from "./channel_store.ts";
export {
  type FeedQueryKey,
  type FeedQueryOptions,
  feedQueryOptions,
  type QueryClientLike,
} from "./query.ts";
export type { Store } from "../net/listeners.ts";
