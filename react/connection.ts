/** Hooks for connections, and for the channels of a SocketCluster socket. */
import type {
  AGClientSocket,
  Api,
  Channels,
} from "../feed/socketcluster/mod.ts";
import type { Store } from "../net/listeners.ts";
import { ChannelStore, type ChannelView, EMPTY } from "./channel_store.ts";
import { noSubscription, useLatest } from "./hooks.ts";
import { useMemo, useSyncExternalStore } from "./react.ts";

/** What {@linkcode useConnectionState} reads: a Feedme client, or a SocketCluster socket. */
export type ConnectionSource<State> =
  | Store<State>
  | { readonly connection: Store<State> };

/**
 * The state of a connection: `disconnected`, `connecting` or `connected` for a Feedme
 * client, `closed`, `connecting` or `open` for a SocketCluster socket. `undefined`
 * without one, and on a server.
 */
export function useConnectionState<State>(
  source: ConnectionSource<State> | null | undefined,
): State | undefined {
  const store = source && "connection" in source ? source.connection : source;
  return useSyncExternalStore<State | undefined>(
    store?.subscribe ?? noSubscription,
    () => store?.getSnapshot(),
    () => undefined,
  );
}

/** Options of {@linkcode useChannel}. */
export interface UseChannelOptions<T> {
  /** Called with each message; the function of the newest render. */
  onMessage?: ((message: T) => void) | undefined;
  /**
   * How many of the newest messages to keep in `messages`. With 0, messages cause no
   * render.
   * @default {100} or 0 with `onMessage`
   */
  limit?: number | undefined;
}

/**
 * Subscribes to a channel while the component is mounted: one subscription for any
 * number of components. It neither connects nor closes the socket, and leaves a
 * subscription of the application's own as it is.
 *
 * ```ts
 * import { createElement, type ReactElement } from "react";
 * import { useChannel, useConnectionState } from "@feedline/feedline/react";
 * import { create } from "@feedline/feedline/feed/socketcluster";
 *
 * interface Chat {
 *   channels: { news: string };
 * }
 * const socket = create<Chat>({ hostname: "example.com", autoConnect: false });
 *
 * export function News(): ReactElement {
 *   const { messages } = useChannel(socket, "news", { limit: 10 });
 *   return createElement("pre", { className: useConnectionState(socket) }, messages);
 * }
 * ```
 *
 * @throws {RangeError} if `limit` is negative or not an integer
 */
export function useChannel<
  A extends Api,
  Name extends keyof Channels<A> & string,
>(
  socket: AGClientSocket<A>,
  name: Name,
  options: UseChannelOptions<Channels<A>[Name]> = {},
): ChannelView<Channels<A>[Name]> {
  type Message = Channels<A>[Name];
  const { limit = 0 } = options;
  if (!Number.isInteger(limit) || limit < 0) {
    throw new RangeError(`limit must be an integer, 0 or more; got ${limit}`);
  }
  const latest = useLatest(options);
  const store = useMemo(() =>
    new ChannelStore<Message>(
      socket,
      name,
      (message) => latest.current.onMessage?.(message),
      () => latest.current.limit ?? (latest.current.onMessage ? 0 : 100),
    ), [socket, name]);
  return useSyncExternalStore<ChannelView<Message>>(
    store.subscribe,
    store.getSnapshot,
    () => EMPTY,
  );
}
