/** A feed as a query of TanStack Query, whose cache the feed keeps current. */
import type {
  AnyApi,
  FeedArgs,
  FeedArgsOf,
  FeedData,
  FeedmeApi,
  FeedmeClient,
} from "../feed/feedme/mod.ts";
import { feedKey } from "../feed/feedme/wire/feed_key.ts";
import { feedsOf } from "./feed_store.ts";

/** The key of a feed's query. */
export type FeedQueryKey = readonly [
  "feedline",
  client: number,
  name: string,
  args: FeedArgs,
];

/** What is used of a TanStack `QueryClient`, version 5.69 or later. */
export interface QueryClientLike {
  /** Replaces the data of a query. */
  setQueryData(key: FeedQueryKey, data: unknown): unknown;
  /** Marks a query as stale. */
  invalidateQueries(
    filters: { queryKey: FeedQueryKey; exact: true; refetchType: "none" },
  ): unknown;
  /** The cache, which tells of its queries. */
  getQueryCache(): {
    subscribe(
      listener: (event: {
        type: string;
        query: { queryKey: unknown; getObserversCount(): number };
      }) => void,
    ): () => void;
  };
}

/** What {@linkcode feedQueryOptions} returns, for `useQuery` and its relatives. */
export interface FeedQueryOptions<Data> {
  /** The same for the same client, name and arguments. */
  queryKey: FeedQueryKey;
  /** Opens the feed; resolves with its first data. */
  queryFn: (
    context: {
      client: QueryClientLike;
      queryKey: FeedQueryKey;
      signal: AbortSignal;
    },
  ) => Promise<Data>;
  /** The feed keeps the data fresh. */
  staleTime: number;
  /** The client tries again by itself; what it reports is final. */
  retry: false;
  /** Snapshots share structure already. */
  structuralSharing: false;
}

const numbers = new WeakMap<object, number>();
let count = 0;

/** Tells clients apart in keys. */
function numberOf(client: object): number {
  let number = numbers.get(client);
  if (number === undefined) numbers.set(client, number = ++count);
  return number;
}

/**
 * The options of a query for a feed. While components observe the query, the feed is
 * open and each change goes into the cache. When the last has gone, the feed closes and
 * the query becomes stale, so that the next one opens it again.
 *
 * It needs TanStack Query 5.69 or later, and imports none of it.
 *
 * ```ts
 * import { feedQueryOptions } from "@feedline/feedline/react";
 * import { feedmeClient, webSocketTransport } from "@feedline/feedline/feed/feedme";
 *
 * const client = feedmeClient({
 *   transport: webSocketTransport({ url: "ws://localhost:1" }),
 * });
 * const options = feedQueryOptions(client, "room", { id: "7" });
 * console.log(options.queryKey[2]); // room
 * // In a component: const { data } = useQuery(options);
 * await client.close();
 * ```
 */
export function feedQueryOptions<
  Api extends FeedmeApi = AnyApi,
  Name extends keyof Api["feeds"] & string = keyof Api["feeds"] & string,
>(
  client: FeedmeClient<Api>,
  name: Name,
  args: FeedArgsOf<Api, Name>,
): FeedQueryOptions<FeedData<Api["feeds"][Name]>> {
  const given = args as FeedArgs;
  const feed = feedsOf(client as unknown as FeedmeClient).feed(name, given);
  return {
    queryKey: ["feedline", numberOf(client), name, given],
    queryFn: ({ client: queries, queryKey, signal }) =>
      new Promise((resolve, reject) => {
        let settled = false;
        const update = () => {
          const { data, state, error } = feed.getSnapshot();
          if (state === "closed") {
            settled = true;
            reject(error);
          } else if (data !== undefined && settled) {
            queries.setQueryData(queryKey, data);
          } else if (data !== undefined) {
            settled = true;
            resolve(data as FeedData<Api["feeds"][Name]>);
          }
        };
        const release = feed.subscribe(update);
        const stop = () => {
          release();
          unsubscribe();
          signal.removeEventListener("abort", abort);
        };
        const abort = () => {
          if (settled) return;
          stop();
          reject(signal.reason);
        };
        const unsubscribe = queries.getQueryCache().subscribe(
          ({ type, query }) => {
            if (!sameKey(query.queryKey, queryKey)) return;
            if (type === "removed") return stop();
            if (type !== "observerRemoved") return;
            if (query.getObserversCount() > 0) return;
            stop();
            queries.invalidateQueries({
              queryKey,
              exact: true,
              refetchType: "none",
            });
          },
        );
        signal.addEventListener("abort", abort);
        update();
      }),
    staleTime: Infinity,
    retry: false,
    structuralSharing: false,
  };
}

function sameKey(a: unknown, b: FeedQueryKey): boolean {
  return Array.isArray(a) && a[0] === b[0] && a[1] === b[1] &&
    feedKey(String(a[2]), a[3]) === feedKey(b[2], b[3]);
}
