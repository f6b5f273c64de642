/** What most tests of the client begin with. */
import { assertEquals } from "@std/assert";
import { feedmeClient } from "../../feed/feedme/client/client.ts";
import type { FeedmeClientOptions } from "../../feed/feedme/client/options.ts";
import { FakeTransport } from "./fake.ts";
import { logClient, logFeed } from "./log.ts";
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

/** A client whose server is the test. */
export function start(options: Partial<FeedmeClientOptions> = {}) {
  const transport = new FakeTransport();
  const client = feedmeClient({ transport, ...options });
  const log: string[] = [];
  const write = (line: string) => void log.push(line.slice(4));
  logClient(client, write);
  const sentTypes = () =>
    transport.sent.splice(0).map((text) => JSON.parse(text).MessageType);
  let feeds = 0;
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
    feed(name = "f", args = {}) {
      const feed = client.feed(name, args);
      logFeed(feed, `feed${++feeds}`, write);
      return feed;
    },
    async end() {
      await client[Symbol.asyncDispose]();
      assertEquals(transport.listening, 0);
    },
  };
}
