/** What a server renders, and a page takes over. */
// @ts-types="@types/react"
import { createElement as h, type FunctionComponent, Suspense } from "react";
import {
  type ConnectResponse,
  feedmeHooks,
  SessionBackendProvider,
  useBackend,
  useBackendState,
  useConnectionState,
  useFeedmeClient,
  useReady,
  useReconnect,
} from "../../react/mod.ts";
import { feedmeClient, webSocketTransport } from "../../feed/feedme/mod.ts";
import type { Api } from "./application.ts";

const { FeedmeProvider, useFeed } = feedmeHooks<Api>();

function Shown() {
  const ready = useReady();
  const { phase } = useBackendState();
  const { data, state } = useFeed("room", { id: "a" });
  const connection = useConnectionState(useFeedmeClient());
  const lines = data?.lines.join() ?? "nothing";
  return h("b", null, `${ready} ${phase} ${lines} ${state} ${connection}`);
}

function Suspending() {
  const { data } = useFeed("room", { id: "a" }, { suspense: true });
  return h("b", null, data.lines.join());
}

const clientOf = ({ url }: { url: string }) =>
  feedmeClient<Api>({ transport: webSocketTransport({ url: `${url}live` }) });

/** A component that waits for data, which only a page has. */
export const Suspended: FunctionComponent<{ given: ConnectResponse }> = (
  { given },
) =>
  h(
    SessionBackendProvider,
    { connectResponse: given },
    h(
      FeedmeProvider,
      { client: clientOf },
      h(Suspense, { fallback: h("i", null, "loading") }, h(Suspending)),
    ),
  );

/** A component of each kind. */
export const ServerRendered: FunctionComponent<{ given: ConnectResponse }> = (
  { given },
) =>
  h(
    SessionBackendProvider,
    { connectResponse: given },
    h(FeedmeProvider, { client: clientOf }, h(Shown)),
  );

/** What the hooks say outside of a provider. */
export const Outside: FunctionComponent = () => {
  const hooks = [useReady, useBackend, useBackendState, useReconnect];
  const messages = [...hooks, useFeedmeClient].map((hook) => {
    try {
      return String(hook());
    } catch (error) {
      return (error as Error).message;
    }
  });
  return h("pre", null, messages.join("\n"));
};
