/** The sample program of feedme-client's documentation, its imports changed. */
import { assertEquals } from "@std/assert";
import { feedmeClient } from "../../feed/feedme/mod.ts";
import { FakeTransport } from "./fake.ts";
import { action, OK } from "./stage.ts";
import { settled } from "../kit/wait.ts";

Deno.test("the sample program of the seed runs", async () => {
  const transport = new FakeTransport();
  const lines: unknown[][] = [];
  const console = { log: (...line: unknown[]) => lines.push(line) };
  const wsTransport = (_options: { url: string }) => transport;

  // Initialize the client
  const client = feedmeClient({
    transport: wsTransport({ url: "https://some.url/api/websocket" }),
  });

  // Create a feed object
  const feed = client.feed(
    "SomeFeed",
    { SomeArgument: "SomeValue" },
  );
  feed.on("opening", () => {
    console.log("Opening feed...");
  });
  feed.on("open", () => {
    console.log("Feed is now open. The feed data is:", feed.data());
  });
  feed.on("action", (actionName, _actionData, _newFeedData, _oldFeedData) => {
    console.log("Observed an action on the feed:", actionName);
  });
  feed.on("close", (err) => {
    console.log("Feed closed with error", err?.message);
  });
  feed.desireOpen();

  // Listen for client events
  client.on("connecting", () => {
    console.log("Connecting to the server...");
  });
  client.on("connect", () => {
    console.log("Connected.");

    // Perform an action
    client.action(
      "SomeAction",
      { SomeArgument: "SomeValue" },
      (err, actionData) => {
        if (err) {
          console.log("The action failed with error:", err);
        } else {
          console.log("The action succeeded with data:", actionData);
        }
      },
    );
  });
  client.on("disconnect", (err) => {
    console.log("Disconnected from the server with error:", err);
  });

  // Connect to the server
  client.connect();

  const F = { FeedName: "SomeFeed", FeedArgs: { SomeArgument: "SomeValue" } };
  await settled();
  transport.receive(OK);
  transport.receive({
    MessageType: "FeedOpenResponse",
    ...F,
    Success: true,
    FeedData: { n: 1 },
  });
  await settled();
  transport.receive({
    MessageType: "ActionResponse",
    CallbackId: "1",
    Success: true,
    ActionData: { done: true },
  });
  transport.receive({ ...action("SomeAction", []), ...F });
  await settled();
  client.disconnect();
  await settled();
  client.destroy();

  assertEquals(lines, [
    [
      "Feed closed with error",
      "NOT_CONNECTED: The client is not connected.",
    ],
    ["Connecting to the server..."],
    ["Connected."],
    ["Opening feed..."],
    ["Feed is now open. The feed data is:", { n: 1 }],
    ["The action succeeded with data:", { done: true }],
    ["Observed an action on the feed:", "SomeAction"],
    ["Feed closed with error", "NOT_CONNECTED: The transport disconnected."],
    ["Disconnected from the server with error:", undefined],
  ]);
});
