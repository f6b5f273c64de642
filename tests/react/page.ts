/**
 * The page of these tests, in React 18 or 19: each view is mounted and unmounted by
 * name, and notes what it renders. React runs as in development, which mounts each
 * component of StrictMode twice.
 */
import { runtime } from "./refresh.ts";
// @ts-types="@types/react"
import {
  createElement as h,
  type FunctionComponent,
  Profiler,
  type ReactNode,
  startTransition,
  StrictMode,
  Suspense,
  useEffect,
  useLayoutEffect,
  useState,
  version,
} from "react";
// @ts-types="@types/react-dom/client"
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import {
  QueryClient,
  QueryClientProvider,
  useQuery,
} from "@tanstack/react-query";
import {
  type ConnectResponse,
  feedmeHooks,
  feedQueryOptions,
  SessionBackendProvider,
  useBackendState,
  useChannel,
  useConnectionState,
  useReady,
  useReconnect,
} from "../../react/mod.ts";
import { feedmeClient, webSocketTransport } from "../../feed/feedme/mod.ts";
import { create } from "../../feed/socketcluster/mod.ts";
import type { Api } from "./application.ts";
import { ServerRendered } from "./server_rendered.ts";

const { FeedmeProvider, useFeed, useFeedAction, useAction, useFeedmeClient } =
  feedmeHooks<Api>();

/** What the tests read. */
const page = {
  version,
  /** What React or the page complained about. */
  problems: [] as string[],
  /** What the views noted, by view. */
  log: [] as unknown[],
  mount,
  render,
  unmount,
  hydrate,
  /** Set by views: what a test may do to them. */
  act: {} as Record<string, (...args: never[]) => unknown>,
};
declare global {
  var page: unknown;
  var given: ConnectResponse;
}
globalThis.page = page;
for (const name of ["error", "warn"] as const) {
  console[name] = (...parts: unknown[]) => page.problems.push(parts.join(" "));
}
addEventListener("error", ({ message }) => page.problems.push(message));
addEventListener(
  "unhandledrejection",
  ({ reason }) => page.problems.push(`unhandled: ${reason}`),
);

const connect = async ({ signal }: { signal: AbortSignal }) => {
  const answer = await fetch("/connect", { method: "POST", signal });
  return await answer.json();
};
const clientOf = ({ url }: { url: string }) =>
  feedmeClient<Api>({
    transport: webSocketTransport({ url: `${url}live` }),
    connectRetryMs: 10,
    connectRetryBackoffMs: 0,
  });

/** A backend that is connected to, and a client for it. */
function Providers(
  { children, respawn }: { children?: ReactNode; respawn?: boolean },
) {
  return h(
    SessionBackendProvider,
    { connect, respawn },
    h(FeedmeProvider, { client: clientOf }, children),
  );
}

function Ready() {
  return h("i", null, useReady() ? "ready" : "not ready");
}

function Sum() {
  const { data, state } = useFeed("items", {}, {
    select: ({ items }) => items.reduce((sum, { n }) => sum + n, 0),
  });
  return h("b", null, `${data ?? "nothing"} ${state}`);
}

function Item({ index }: { index: number }) {
  const { data = 0 } = useFeed("items", {}, {
    select: ({ items }) => items[index]!.n,
  });
  return h(
    Profiler,
    { id: String(index), onRender: (id) => page.log.push(id) },
    h("i", null, data),
  );
}

function Phase() {
  const { phase, state } = useBackendState();
  page.act.reconnect = useReconnect();
  return h("i", null, `${phase} ${state?.status ?? ""}`);
}

function Lines({ id, suspense }: { id: string; suspense?: true }) {
  const { data, error } = useFeed("room", { id }, { suspense });
  if (error) return h("u", null, error.code);
  return h("b", null, `${id}: ${data?.lines.join() ?? "nothing"}`);
}

/** Notes when it is shown. */
function Fallback() {
  useLayoutEffect(() => void page.log.push("fallback"), []);
  return h("i", null, "loading");
}

function Suspended() {
  const [id, setId] = useState("a");
  page.act.enter = (id: string) => setId(id);
  page.act.move = (id: string) => startTransition(() => setId(id));
  return h(
    Suspense,
    { fallback: h(Fallback) },
    h(Lines, { id, suspense: true }),
  );
}

/** One that takes a while to render what the feed has. */
function Slow({ index }: { index: number }) {
  const { data = 0 } = useFeed("items", {}, {
    select: ({ items }) => items[0]!.n,
  });
  const until = performance.now() + 4;
  while (performance.now() < until);
  return h("i", { className: "slow", "data-index": index }, data);
}

/** Many slow ones, mounted in a transition. At each commit, all have to agree. */
function Transition() {
  const [count, setCount] = useState(1);
  page.act.grow = (count: number) => startTransition(() => setCount(count));
  const { data = 0 } = useFeed("items", {}, {
    select: ({ items }) => items[0]!.n,
  });
  useLayoutEffect(() => {
    const shown = [...document.querySelectorAll(".slow")]
      .map(({ textContent }) => textContent);
    page.log.push([shown.length, [...new Set(shown)].length]);
  });
  return h(
    "div",
    { title: data },
    Array.from({ length: count }, (_, index) => h(Slow, { key: index, index })),
  );
}

function Saying() {
  const now = useAction("say");
  const late = useAction("sayLate");
  const { run } = now;
  page.act.run = run;
  page.act.runLate = (args: { text: string }) =>
    void late.run(args).catch(() => {});
  page.act.same = () => page.act.run === run;
  const pending = now.pending || late.pending;
  const outcome = (now.error ?? late.error)?.outcome ?? "";
  return h("b", null, `${pending ? "pending" : "idle"} ${outcome}`);
}

/** Shows what the server will probably make of it. */
function Optimistic() {
  const { run, pending, error } = useAction("sayLate", {
    feed: "room",
    args: { id: "a" },
    optimistic: (data, { text }) => ({ ...data, lines: [...data.lines, text] }),
  });
  page.act.run = (args: { text: string }) => void run(args);
  const { data } = useFeed("room", { id: "a" });
  const text = data?.lines.join() ?? "nothing";
  useLayoutEffect(() => void page.log.push(text), [text]);
  return h("b", null, `${text} ${pending} ${error?.outcome ?? ""}`);
}

/** Its handler sees the state of the newest render. */
function Following() {
  const [name, setName] = useState("first");
  page.act.rename = setName;
  useFeedAction("room", { id: "a" }, ({ name: action, data }) => {
    page.log.push([name, action, data.text]);
  });
  return h("i", null, name);
}

function Skipping() {
  const [id, setId] = useState<string>();
  page.act.choose = setId;
  const { data, state } = useFeed("room", id === undefined ? "skip" : { id });
  return h("b", null, `${data?.id ?? "none"} ${state}`);
}

function Connection() {
  return h("b", null, useConnectionState(useFeedmeClient()) ?? "none");
}

interface Chat {
  channels: { news: string };
}
const port = Number(new URLSearchParams(location.search).get("socketcluster"));
const socket = create<Chat>({
  hostname: "127.0.0.1",
  port,
  autoConnect: false,
});
function News({ limit }: { limit?: number }) {
  const { state, messages } = useChannel(socket, "news", { limit });
  const connection = useConnectionState(socket);
  useEffect(() => {
    socket.connect();
  }, []);
  page.act.publish = (text: string) => socket.invokePublish("news", text);
  page.act.subscriptions = () => socket.subscriptions(true);
  page.act.disconnect = () => socket.disconnect();
  return h("b", null, `${connection} ${state} ${messages.join()}`);
}
function Heard() {
  const [name, setName] = useState("first");
  page.act.rename = setName;
  useChannel(socket, "news", {
    onMessage: (text) => page.log.push(`${name} ${text}`),
  });
  return h(
    Profiler,
    { id: "heard", onRender: () => page.log.push("render") },
    h("i", null, name),
  );
}

const queries = new QueryClient();
function Query() {
  const client = useFeedmeClient();
  return client ? h(QueryOf, { client }) : null;
}
function QueryOf({ client }: { client: ReturnType<typeof clientOf> }) {
  const { data, isFetching } = useQuery(
    feedQueryOptions(client, "room", { id: "a" }),
  );
  return h("b", null, `${data?.lines.join() ?? "nothing"} ${isFetching}`);
}

/** A version of a component that is edited while the page shows it. */
function hot(label: string, key = "same hooks"): FunctionComponent {
  function Hot() {
    const [born] = useState(() => (page.log.push(`born ${label}`), label));
    const { data, state } = useFeed("items", {}, {
      select: ({ items }) => items[0]!.n,
    });
    return h("b", null, `${born} ${label} ${data} ${state}`);
  }
  runtime.register(Hot, "Hot");
  // Another key stands for other hooks, with which a component starts anew.
  runtime.setSignature(Hot, key, false);
  return Hot;
}
page.act.edit = (label: string, key?: string) => {
  hot(label, key);
  runtime.performReactRefresh();
};

/** The views by name. */
const views: Record<string, () => ReactNode> = {
  three: () => h(Providers, null, h(Ready), h(Sum), h(Sum), h(Sum)),
  respawning: () => h(Providers, { respawn: true }, h(Phase), h(Sum)),
  ending: () => h(Providers, null, h(Phase), h(Sum)),
  given: () =>
    h(SessionBackendProvider, { connectResponse: given }, h(Ready), h(Phase)),
  thousand: () =>
    h(
      Providers,
      null,
      h(Sum),
      Array.from(
        { length: 1_000 },
        (_, index) => h(Item, { key: index, index }),
      ),
    ),
  suspended: () => h(Providers, null, h(Suspended)),
  transition: () => h(Providers, null, h(Transition)),
  saying: () => h(Providers, null, h(Saying), h(Connection)),
  optimistic: () => h(Providers, null, h(Optimistic)),
  following: () => h(Providers, null, h(Following), h(Lines, { id: "a" })),
  skipping: () => h(Providers, null, h(Skipping)),
  refused: () => h(Providers, null, h(Lines, { id: "secret" })),
  news: () => [
    h(News, { key: 1, limit: 2 }),
    h(News, { key: 2 }),
    h(Heard, { key: 3 }),
  ],
  query: () =>
    h(QueryClientProvider, { client: queries }, h(Providers, null, h(Query))),
  rendered: () => h(ServerRendered, { given }),
  hot: () => h(Providers, null, h(hot("old"))),
};

let root: Root | undefined;
let strict = true;

function mount(name: string, options: { strict?: boolean } = {}): void {
  strict = options.strict ?? true;
  page.log = [];
  const element = document.createElement("div");
  element.id = "root";
  document.body.replaceChildren(element);
  root = createRoot(element);
  render(name);
}

function render(name: string): void {
  const view = views[name]!();
  root!.render(strict ? h(StrictMode, null, view) : view);
}

function hydrate(name: string): void {
  const view = views[name]!();
  root = hydrateRoot(
    document.getElementById("root")!,
    h(StrictMode, null, view),
    { onRecoverableError: (error) => page.problems.push(String(error)) },
  );
}

function unmount(): void {
  root?.unmount();
  root = undefined;
}
