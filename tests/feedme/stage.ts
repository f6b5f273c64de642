/** A client and what its application saw: with a transport in memory, or any. */
import { assertEquals } from "@std/assert";
import {
  type FeedmeClient,
  feedmeClient,
} from "../../feed/feedme/client/client.ts";
import type { FeedmeFeed } from "../../feed/feedme/client/feed.ts";
import type { FeedmeClientOptions } from "../../feed/feedme/client/options.ts";
import type { FeedmeTransport } from "../../feed/feedme/client/transport.ts";
import { FakeTransport } from "./fake.ts";
import { logCallback, logClient, logFeed } from "./log.ts";
import { settled } from "../kit/wait.ts";

export const OK = {
  MessageType: "HandshakeResponse",
  Success: true,
  Version: "0.1",
};
export const F = { FeedName: "f", FeedArgs: {} };
export const opened = (data: object) => ({
  MessageType: "FeedOpenResponse",
  ...F,
  Success: true,
  FeedData: data,
});
export const action = (name: string, deltas: object[], more: object = {}) => ({
  MessageType: "FeedAction",
  ...F,
  ActionName: name,
  ActionData: {},
  FeedDeltas: deltas,
  ...more,
});
export const CLOSED = { MessageType: "FeedCloseResponse", ...F };
export const BAD = action("Bad", [{ Operation: "Toggle", Path: ["nowhere"] }]);

/** A client, its feeds, and a log of what the application saw. */
export class Stage {
  readonly feeds: FeedmeFeed[] = [];
  readonly transport: FeedmeTransport;

  constructor(
    options: FeedmeClientOptions,
    readonly write: (line: string) => void,
    readonly client: FeedmeClient = feedmeClient(options),
  ) {
    this.transport = options.transport;
    logClient(client, write);
  }

  feed(name: string, args: Record<string, string> = {}): FeedmeFeed {
    const feed = this.client.feed(name, args);
    this.feeds.push(feed);
    logFeed(feed, `feed${this.feeds.length}`, this.write);
    return feed;
  }

  open(name: string, args: Record<string, string> = {}): void {
    this.feed(name, args).desireOpen();
  }

  act(name: string, args: Record<string, never> | { a: unknown[] } = {}): void {
    this.client.action(
      name,
      args as Record<string, never>,
      logCallback(name, this.write) as () => void,
    );
  }
}

/** A client whose server is the test. */
export function start(options: Partial<FeedmeClientOptions> = {}) {
  const transport = new FakeTransport();
  const log: string[] = [];
  const write = (line: string) => void log.push(line.slice(4));
  const stage = new Stage({ transport, ...options }, write);
  const { client } = stage;
  const sentTypes = () =>
    transport.sent.splice(0).map((text) => JSON.parse(text).MessageType);
  return {
    transport,
    client,
    log,
    write,
    /** The kinds of messages that were sent since the last call. */
    sentTypes,
    /** What was logged since the last call. */
    async told() {
      await settled();
      return log.splice(0);
    },
    async up() {
      client.connect();
      await settled();
      transport.receive(OK);
      await settled();
      sentTypes();
      log.splice(0);
    },
    feed: (name = "f", args = {}) => stage.feed(name, args),
    async end() {
      await client[Symbol.asyncDispose]();
      assertEquals(transport.listening, 0);
    },
  };
}
