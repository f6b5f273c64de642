/** The library's clients on scripted peers, and what the peers say to them. */
import { SessionBackend } from "../../../client.ts";
import {
  feedmeClient,
  type FeedmeClientOptions,
  webSocketTransport,
} from "../../../feed/feedme/mod.ts";
import type { Step } from "../far/script.ts";
import type { ScriptedPeer } from "../suite.ts";

/** Watches backend `b1`, whose status stream is at `/status/stream`. */
export const watched = ({ url }: ScriptedPeer) =>
  new SessionBackend({
    backend_id: "b1",
    spawned: true,
    status: "scheduled",
    token: "",
    url: `${url}/`,
    status_url: `${url}/status`,
    ready_url: "",
  });

/** A Feedme client, connected. */
export function feedmeOf(
  { ws }: ScriptedPeer,
  options: Partial<FeedmeClientOptions> = {},
) {
  const transport = webSocketTransport({ url: ws });
  const client = feedmeClient({ transport, ...options });
  client.connect();
  return client;
}

/** A message of a Feedme server. */
export const says = (MessageType: string, message: object): Step => ({
  send: JSON.stringify({ MessageType, ...message }),
});

const board = { FeedName: "board", FeedArgs: {} };

/** Answers Feedme's handshake. */
export const feedmeHandshake: Step[] = [
  { received: 1 },
  says("HandshakeResponse", { Success: true, Version: "0.1" }),
];

/** Opens the feed `board`. */
export const opensBoard = (FeedData: object = {}): Step =>
  says("FeedOpenResponse", { Success: true, ...board, FeedData });

/** An action on the feed `board`, which sets `n`. */
export const setsN = (n: number): Step =>
  says("FeedAction", {
    ...board,
    ActionName: "set",
    ActionData: { n },
    FeedDeltas: [{ Operation: "Set", Path: ["n"], Value: n }],
  });

/** Answers the first action. */
export const acted: Step = says("ActionResponse", {
  CallbackId: "1",
  Success: true,
  ActionData: {},
});
