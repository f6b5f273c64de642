/** What a server renders, and a page takes over. */
// @ts-types="@types/react"
import { createElement as h, type FunctionComponent } from "react";
import {
  type ConnectResponse,
  feedmeHooks,
  SessionBackendProvider,
  useBackendState,
  useConnectionState,
  useFeedmeClient,
  useReady,
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

/** A component of each kind. */
export const ServerRendered: FunctionComponent<{ given: ConnectResponse }> = (
  { given },
) =>
  h(
    SessionBackendProvider,
    { connectResponse: given },
    h(FeedmeProvider, {
      client: ({ url }) =>
        feedmeClient<Api>({
          transport: webSocketTransport({ url: `${url}live` }),
        }),
    }, h(Shown)),
  );
