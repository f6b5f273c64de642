/** What the cases about Feedme share: clients, their events, and what crosses the wire. */
import {
  type FeedmeClient,
  feedmeClient,
  type FeedmeClientOptions,
  type FeedmeError,
  type FeedmeFeed,
  type FeedmeTransport,
  webSocketTransport,
} from "../../../feed/feedme/mod.ts";
import type { Step } from "../far/script.ts";
import { until } from "../../kit/wait.ts";

/** A client that connects to an address or by a transport, and tries again soon. */
export function connect(
  to: string | FeedmeTransport,
  options: Omit<FeedmeClientOptions, "transport"> = {},
): FeedmeClient {
  const client = feedmeClient({
    transport: typeof to === "string" ? webSocketTransport({ url: to }) : to,
    connectRetryMs: 10,
    connectRetryBackoffMs: 0,
    ...options,
  });
  client.connect();
  return client;
}

/** Resolves when the client is connected. */
export async function connected(client: FeedmeClient): Promise<void> {
  await until(() => client.state() === "connected", "connected");
}

/** The events of a client from now on, a line for each. */
export function clientLog(client: FeedmeClient): string[] {
  const log: string[] = [];
  const note = (...parts: (string | undefined)[]) =>
    void log.push(parts.filter((part) => part !== undefined).join(" "));
  client.on("connecting", () => note("connecting"));
  client.on("connect", () => note("connect"));
  client.on("disconnect", (error) => note("disconnect", error?.code));
  client.on("badServerMessage", ({ code }) => note("bad", code));
  client.on("badClientMessage", () => note("badClientMessage"));
  client.on("transportError", ({ message }) => note(message));
  return log;
}

/** The same for a feed. */
export function feedLog(feed: FeedmeFeed): string[] {
  const log: string[] = [];
  feed.on("opening", () => log.push("opening"));
  feed.on("open", (data) => log.push(`open ${JSON.stringify(data)}`));
  feed.on(
    "close",
    (error) => log.push(error ? `close ${error.code}` : "close"),
  );
  feed.on(
    "action",
    (name, _data, now) => log.push(`${name} ${JSON.stringify(now)}`),
  );
  return log;
}

/** Why a client says that its server erred, from now on. */
export function complaints(client: FeedmeClient): FeedmeError[] {
  const errors: FeedmeError[] = [];
  client.on("badServerMessage", (error) => errors.push(error));
  return errors;
}

// What a scripted peer does as a server. Its feed is `f`, without arguments.

export const message = (MessageType: string, rest: object): Step => ({
  send: JSON.stringify({ MessageType, ...rest }),
});

const FEED = { FeedName: "f", FeedArgs: {} };

/** Waits for the handshake and answers it. */
export const HANDSHAKE: readonly Step[] = [
  { received: 1 },
  message("HandshakeResponse", { Success: true, Version: "0.1" }),
];

export const opened = (FeedData: object = {}): Step =>
  message("FeedOpenResponse", { ...FEED, Success: true, FeedData });

export const closed: Step = message("FeedCloseResponse", FEED);

export const acted = (FeedDeltas: object[], rest: object = {}): Step =>
  message("FeedAction", {
    ...FEED,
    ActionName: "acted",
    ActionData: {},
    FeedDeltas,
    ...rest,
  });

/** An action that sets `n`. */
export const setsN = (n: number): Step =>
  acted([{ Operation: "Set", Path: ["n"], Value: n }], {
    ActionName: "set",
    ActionData: { n },
  });

/** Answers the client's first action. */
export const answered: Step = message("ActionResponse", {
  CallbackId: "1",
  Success: true,
  ActionData: {},
});
