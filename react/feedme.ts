/** Hooks for Feedme: feeds, and actions. */
import type { SessionBackend } from "../client.ts";
import type {
  ActionArgs,
  ActionData,
  ActionWait,
  AnyApi,
  FeedAction,
  FeedArgs,
  FeedArgsOf,
  FeedData,
  FeedmeApi,
  FeedmeClient,
  FeedSnapshot,
  JsonObject,
  OptimisticOptions,
} from "../feed/feedme/mod.ts";
import { FeedmeError } from "../feed/feedme/client/errors.ts";
import { feedKey } from "../feed/feedme/wire/feed_key.ts";
import { SessionBackendContext } from "./backend.ts";
import { Feeds, feedsOf, type FeedStore, UNOPENED } from "./feed_store.ts";
import { Held } from "./held.ts";
import { noSubscription, useLatest } from "./hooks.ts";
import {
  type Context,
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "./react.ts";

const FeedsContext: Context<Feeds | null> = createContext<Feeds | null>(null);

/** Props of a {@linkcode FeedmeProvider}. */
export interface FeedmeProviderProps<Api extends FeedmeApi = AnyApi> {
  /**
   * A client that the application connects and closes. Or a function that makes one for
   * the backend of a `SessionBackendProvider`: the provider connects it when the backend
   * is ready, closes it when the backend ends or the provider unmounts, and makes
   * another for the next backend. Feeds keep their data meanwhile.
   */
  client: FeedmeClient<Api> | ((backend: SessionBackend) => FeedmeClient<Api>);
  /** The components in it. */
  children?: ReactNode;
}

/** A client that belongs to a provider, as long as one backend lives. */
function owned(
  feeds: Feeds,
  backend: SessionBackend,
  make: () => FeedmeClient,
): Held {
  let client: FeedmeClient | undefined;
  let unsubscribe: () => void;
  const close = () => {
    const closing = client;
    if (!closing) return;
    client = undefined;
    // First, so that feeds keep their data.
    if (feeds.client.getSnapshot() === closing) feeds.use(null);
    closing.close();
  };
  const look = () => {
    const { phase } = backend.getSnapshot();
    if (phase === "ended" || phase === "destroyed") return close();
    if (phase !== "ready" || client) return;
    client = make();
    if (client.getSnapshot() === "disconnected") client.connect();
    feeds.use(client);
  };
  return new Held(() => {
    unsubscribe = backend.subscribe(look);
    look();
  }, () => {
    unsubscribe();
    close();
  });
}

/**
 * Gives the components in it a Feedme client.
 *
 * ```ts
 * import { createElement, type ReactElement } from "react";
 * import { FeedmeProvider, useFeed } from "@feedline/feedline/react";
 * import { feedmeClient, webSocketTransport } from "@feedline/feedline/feed/feedme";
 *
 * function Board(): ReactElement {
 *   const { data, state } = useFeed("board", {});
 *   return createElement("pre", { className: state }, JSON.stringify(data));
 * }
 *
 * export function App(): ReactElement {
 *   return createElement(FeedmeProvider, {
 *     client: (backend) =>
 *       feedmeClient({ transport: webSocketTransport({ url: backend.url }) }),
 *     children: createElement(Board),
 *   });
 * }
 * ```
 */
export function FeedmeProvider<Api extends FeedmeApi = AnyApi>(
  props: FeedmeProviderProps<Api>,
): ReactElement {
  // Types of an application say nothing about how its clients are kept.
  const { client, children } = props as unknown as FeedmeProviderProps;
  const backend = useContext(SessionBackendContext);
  const given = typeof client === "function" ? undefined : client;
  const feeds = useMemo(() => given ? feedsOf(given) : new Feeds(), [given]);
  const latest = useLatest(client);
  const held = useMemo(() => {
    if (given || !backend) return undefined;
    type Make = Exclude<typeof client, FeedmeClient>;
    return owned(feeds, backend, () => (latest.current as Make)(backend));
  }, [feeds, backend]);
  useEffect(() => held?.hold(), [held]);
  return createElement(FeedsContext.Provider, { value: feeds }, children);
}

function useFeeds(hook: string): Feeds {
  const feeds = useContext(FeedsContext);
  if (!feeds) throw new Error(`${hook} must be used within a FeedmeProvider`);
  return feeds;
}

/**
 * The client of the nearest {@linkcode FeedmeProvider}; `null` while it has none,
 * because the backend is not ready.
 *
 * @throws {Error} outside a `FeedmeProvider`
 */
export function useFeedmeClient<
  Api extends FeedmeApi = AnyApi,
>(): FeedmeClient<Api> | null {
  const { subscribe, getSnapshot } = useFeeds("useFeedmeClient").client;
  return useSyncExternalStore(
    subscribe,
    getSnapshot,
    getSnapshot,
  ) as FeedmeClient<Api> | null;
}

/** Options of {@linkcode useFeed}. */
export interface UseFeedOptions<Data, Selected = Data> {
  /**
   * The part of the data that the component shows. It renders only when that part is
   * another value, compared with `Object.is`; the branches that an action did not touch
   * are the same objects.
   */
  select?: ((data: Data) => Selected) | undefined;
  /**
   * Whether to suspend until there is data. Then `data` is never undefined, and the error
   * of a closed feed is thrown, for the nearest error boundary. Data that was there
   * stays, so the fallback shows for the first load only.
   * @default {false}
   */
  suspense?: boolean | undefined;
}

/** What {@linkcode useFeed} returns. */
export interface UseFeedResult<Data> {
  /**
   * The newest data, with optimistic changes over it; undefined until the feed has
   * opened. It stays while the connection is lost.
   */
  readonly data: Data | undefined;
  /**
   * `open` while `data` is current, `opening` before that and while the connection is
   * lost, `closed` if the feed does not open by itself.
   */
  readonly state: FeedSnapshot<Data>["state"];
  /** Whether there is data that may be out of date, because the connection is lost. */
  readonly stale: boolean;
  /** Why the feed is closed, for example because the server refused it. */
  readonly error: FeedmeError | undefined;
}

/**
 * The data of a feed, kept current. The feed is open while components use it, once for
 * any number of them. With `"skip"` as arguments, it opens none.
 *
 * ```ts
 * import { createElement, type ReactElement } from "react";
 * import { feedmeHooks } from "@feedline/feedline/react";
 *
 * interface Chat {
 *   actions: { say: { args: { text: string }; data: Record<never, never> } };
 *   feeds: { room: { args: { id: string }; data: { lines: readonly string[] } } };
 * }
 * const { useFeed } = feedmeHooks<Chat>();
 *
 * export function Count({ id }: { id: string | undefined }): ReactElement {
 *   const { data = 0 } = useFeed("room", id === undefined ? "skip" : { id }, {
 *     select: ({ lines }) => lines.length,
 *   });
 *   return createElement("b", null, data);
 * }
 * ```
 *
 * @throws {Error} outside a {@linkcode FeedmeProvider}
 */
export function useFeed<Selected = JsonObject>(
  name: string,
  args: FeedArgs | "skip",
  options?: UseFeedOptions<JsonObject, Selected>,
): UseFeedResult<Selected>;
export function useFeed(
  name: string,
  args: FeedArgs | "skip",
  options: UseFeedOptions<JsonObject, unknown> = {},
): UseFeedResult<unknown> {
  const feed = useFeedStore("useFeed", name, args);
  const { select, suspense } = options;
  const shown = useRef<UseFeedResult<unknown>>(undefined);
  const view = useMemo(() => viewOf(select, shown), [feed, select]);
  const now = () => view(feed ? feed.getSnapshot() : UNOPENED);
  const result = useSyncExternalStore(
    feed?.subscribe ?? noSubscription,
    now,
    // What suspends has no content on a server that it would have to match.
    suspense ? now : () => view(UNOPENED),
  );
  useEffect(() => {
    shown.current = result;
  });
  if (suspense && feed) {
    const { state, error } = result;
    if (state === "closed") throw error;
    if (feed.getSnapshot().data === undefined) throw suspended(name, feed);
  }
  return result;
}

/** The feed of a provider that a component asks for; undefined with `"skip"`. */
function useFeedStore(
  hook: string,
  name: string,
  args: FeedArgs | "skip",
): FeedStore | undefined {
  const feeds = useFeeds(hook);
  return useMemo(
    () => args === "skip" ? undefined : feeds.feed(name, args),
    [feeds, args === "skip" ? args : feedKey(name, args)],
  );
}

/** What a component throws to suspend. */
function suspended(name: string, feed: FeedStore): Promise<void> | Error {
  // React answers an error on the server with the fallback, and tries again on the page.
  // With a promise, the server would wait for a feed that never opens there.
  return "window" in globalThis
    ? feed.load()
    : new Error(`The feed ${JSON.stringify(name)} loads in pages only`);
}

/**
 * What a component gets of a feed: the same object as before, at first the one that is
 * `shown`, while everything in it is the same.
 */
function viewOf(
  select: ((data: JsonObject) => unknown) | undefined,
  shown: { readonly current: UseFeedResult<unknown> | undefined },
): (snapshot: FeedSnapshot<JsonObject>) => UseFeedResult<unknown> {
  let seen: FeedSnapshot<JsonObject>;
  let result: UseFeedResult<unknown>;
  return (snapshot) => {
    if (snapshot === seen) return result;
    seen = snapshot;
    const { data, state, stale } = snapshot;
    const next = {
      data: data && select ? select(data) : data,
      state,
      stale,
      // That the connection is lost is what `useConnectionState` says.
      error: state === "closed" ? snapshot.error : undefined,
    };
    const before = result ?? shown.current;
    return result = before && equal(before, next) ? before : next;
  };
}

function equal(a: UseFeedResult<unknown>, b: UseFeedResult<unknown>): boolean {
  return Object.is(a.data, b.data) && a.state === b.state &&
    a.stale === b.stale && a.error === b.error;
}

/**
 * Calls `handler` with each action that the server reveals on a feed from now on, and
 * keeps the feed open like {@linkcode useFeed}. The handler of the newest render is
 * called; it may be an inline function. With `"skip"` as arguments, it opens none.
 *
 * @throws {Error} outside a {@linkcode FeedmeProvider}
 */
export function useFeedAction(
  name: string,
  args: FeedArgs | "skip",
  handler: (action: FeedAction<AnyApi["feeds"][string]>) => void,
): void {
  const feed = useFeedStore("useFeedAction", name, args);
  const latest = useLatest(handler);
  useEffect(() => feed?.follow((action) => latest.current(action)), [feed]);
}

/** What {@linkcode useAction} returns. */
export interface UseActionResult<Args, Data> {
  /**
   * Invokes the action, once. It stays the same function. The promise rejects with a
   * `FeedmeError`, whose `outcome` says whether the server may have acted; you may
   * ignore the promise and show `error`.
   */
  readonly run: (args: Args) => Promise<Data>;
  /** Whether an invocation is under way. */
  readonly pending: boolean;
  /** Why the last invocation failed; undefined again when the next begins. */
  readonly error: FeedmeError | undefined;
}

/** Options of {@linkcode useAction}: those of `client.action`, but for its signal. */
export type UseActionOptions<
  Api extends FeedmeApi = AnyApi,
  Name extends keyof Api["actions"] = keyof Api["actions"],
> = Omit<ActionWait, "signal"> & OptimisticOptions<Api, Name>;

/**
 * An action of the server, with its progress. `optimistic` says what it will probably do
 * to the feed that `feed` and `args` name: `useFeed` shows that at once, until the server
 * reveals the action itself, and takes it back if the action fails.
 *
 * ```ts
 * import { createElement, type ReactElement } from "react";
 * import { feedmeHooks } from "@feedline/feedline/react";
 *
 * interface Chat {
 *   actions: { say: { args: { text: string }; data: Record<never, never> } };
 *   feeds: { room: { args: Record<never, never>; data: { lines: readonly string[] } } };
 * }
 * const { useAction } = feedmeHooks<Chat>();
 *
 * export function Say(): ReactElement {
 *   const { run, pending, error } = useAction("say", {
 *     feed: "room",
 *     optimistic: ({ lines }, { text }) => ({ lines: [...lines, text] }),
 *   });
 *   return createElement(
 *     "button",
 *     { disabled: pending, onClick: () => run({ text: "hello" }) },
 *     error ? `Not said: ${error.outcome}` : "Say hello",
 *   );
 * }
 * ```
 *
 * @throws {Error} outside a {@linkcode FeedmeProvider}
 */
export function useAction(
  name: string,
  options: UseActionOptions = {},
): UseActionResult<JsonObject, JsonObject> {
  const feeds = useFeeds("useAction");
  const [{ pending, error }, set] = useState<
    { pending: number; error: FeedmeError | undefined }
  >({ pending: 0, error: undefined });
  const latest = useLatest(options);
  const run = useCallback((args: JsonObject) => {
    set(({ pending }) => ({ pending: pending + 1, error: undefined }));
    const ended = (error?: FeedmeError) =>
      set((now) => ({ pending: now.pending - 1, error: error ?? now.error }));
    const call = act(feeds.client.getSnapshot(), name, args, latest.current);
    call.then(() => ended(), ended);
    return call;
  }, [feeds, name]);
  return { run, pending: pending > 0, error };
}

// deno-lint-ignore require-await -- What `action` throws has to reject.
async function act(
  client: FeedmeClient | null,
  name: string,
  args: JsonObject,
  options: UseActionOptions,
): Promise<JsonObject> {
  if (client) return client.action(name, args, options);
  throw new FeedmeError("NOT_CONNECTED", "The client is not connected.", {
    outcome: "not_sent",
  });
}

/** The hooks, typed for one application; see {@linkcode feedmeHooks}. */
export interface FeedmeHooks<Api extends FeedmeApi> {
  /** {@linkcode FeedmeProvider} */
  FeedmeProvider: (props: FeedmeProviderProps<Api>) => ReactElement;
  /** {@linkcode useFeedmeClient} */
  useFeedmeClient: () => FeedmeClient<Api> | null;
  /** {@linkcode useFeed} */
  useFeed: {
    <
      Name extends keyof Api["feeds"] & string,
      Selected = FeedData<Api["feeds"][Name]>,
    >(
      name: Name,
      args: FeedArgsOf<Api, Name>,
      options:
        & UseFeedOptions<FeedData<Api["feeds"][Name]>, Selected>
        & { suspense: true },
    ): UseFeedResult<Selected> & { readonly data: Selected };
    <
      Name extends keyof Api["feeds"] & string,
      Selected = FeedData<Api["feeds"][Name]>,
    >(
      name: Name,
      args: FeedArgsOf<Api, Name> | "skip",
      options?: UseFeedOptions<FeedData<Api["feeds"][Name]>, Selected>,
    ): UseFeedResult<Selected>;
  };
  /** {@linkcode useFeedAction} */
  useFeedAction: <Name extends keyof Api["feeds"] & string>(
    name: Name,
    args: FeedArgsOf<Api, Name> | "skip",
    handler: (action: FeedAction<Api["feeds"][Name]>) => void,
  ) => void;
  /** {@linkcode useAction} */
  useAction: <Name extends keyof Api["actions"] & string>(
    name: Name,
    options?: UseActionOptions<Api, Name>,
  ) => UseActionResult<ActionArgs<Api, Name>, ActionData<Api, Name>>;
}

/**
 * The Feedme hooks, typed for the API of one application. They are the same functions.
 *
 * ```ts
 * import { feedmeHooks } from "@feedline/feedline/react";
 *
 * interface Chat {
 *   actions: { say: { args: { text: string }; data: { id: number } } };
 *   feeds: { room: { args: { id: string }; data: { lines: readonly string[] } } };
 * }
 *
 * export const { FeedmeProvider, useFeed, useFeedAction, useAction } = feedmeHooks<
 *   Chat
 * >();
 * ```
 */
export function feedmeHooks<Api extends FeedmeApi>(): FeedmeHooks<Api> {
  return {
    FeedmeProvider,
    useFeedmeClient,
    useFeed,
    useFeedAction,
    useAction,
  } as unknown as FeedmeHooks<Api>;
}
