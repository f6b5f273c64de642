/** The server's state table, row by row, with literals. */
import { assertEquals } from "@std/assert";
import {
  type ClientRequest,
  Conversation,
  type Subscription,
} from "../../feed/feedme/server/conversation.ts";

const LIMITS = {
  maxOpenFeeds: 3,
  maxPendingActions: 2,
  terminationMs: 100,
  maxDepth: 5,
};
const text = (MessageType: string, more: object = {}) =>
  JSON.stringify({ MessageType, ...more });
const HANDSHAKE = text("Handshake", { Versions: ["0.1"] });
const F = { FeedName: "f", FeedArgs: { b: "2", a: "1" } };
const OPEN = text("FeedOpen", F);
const CLOSE = text("FeedClose", F);
const act = (CallbackId: string) =>
  text("Action", { ActionName: "a", ActionArgs: {}, CallbackId });

function up(limits = LIMITS): Conversation {
  const conversation = new Conversation(limits);
  assertEquals(conversation.receive(HANDSHAKE, 0), {
    kind: "handshake",
    accepted: true,
  });
  return conversation;
}

function opening(
  conversation: Conversation,
  message = OPEN,
  now = 0,
): Subscription {
  const request = conversation.receive(message, now);
  if (request.kind !== "open") throw new Error(request.kind);
  return request.subscription;
}

const violation = (problem: string): ClientRequest => ({
  kind: "violation",
  problem,
});
const NO_OPEN = violation("Unexpected FeedOpen message.");
const NO_CLOSE = violation("Unexpected FeedClose message.");

Deno.test("conversation: handshake", () => {
  const conversation = new Conversation(LIMITS);
  for (const message of [OPEN, CLOSE, act("1")]) {
    assertEquals(
      conversation.receive(message, 0),
      violation("Handshake required."),
    );
  }
  assertEquals(
    conversation.receive(text("Handshake", { Versions: ["9.9"] }), 0),
    {
      kind: "handshake",
      accepted: false,
    },
  );
  assertEquals(conversation.up, false);
  assertEquals(
    conversation.receive(text("Handshake", { Versions: ["9.9", "0.1"] }), 0),
    { kind: "handshake", accepted: true },
  );
  assertEquals(
    conversation.receive(HANDSHAKE, 0),
    violation("Unexpected Handshake message."),
  );
});

Deno.test("conversation: malformed messages", () => {
  const conversation = up();
  for (const bad of ["", "not json", '{"MessageType":']) {
    assertEquals(conversation.receive(bad, 0), violation("Invalid JSON."));
  }
  for (
    const bad of [
      "null",
      "[]",
      "1",
      "{}",
      text("Nope"),
      text("toString"),
      text("__proto__"),
      text("hasOwnProperty"),
      '{"__proto__":{"MessageType":"FeedOpen"}}',
      text("Handshake", { Versions: [] }),
      text("Handshake", { Versions: [1] }),
      text("Handshake", { Versions: ["0.1"], Extra: 1 }),
      text("Action", { ActionName: "a", ActionArgs: [], CallbackId: "1" }),
      text("Action", { ActionName: "a", ActionArgs: {}, CallbackId: 1 }),
      text("Action", { ActionName: "a", ActionArgs: {} }),
      text("FeedOpen", { FeedName: "f", FeedArgs: { a: 1 } }),
      text("FeedOpen", { FeedName: "f" }),
      text("FeedClose", { ...F, More: "" }),
      text("FeedOpenResponse", { ...F, Success: true, FeedData: {} }),
    ]
  ) {
    assertEquals(
      conversation.receive(bad, 0),
      violation("Schema violation."),
      bad,
    );
  }
});

Deno.test("conversation: closed, opening, open, closing", () => {
  const conversation = up();
  assertEquals(conversation.receive(CLOSE, 0), NO_CLOSE);
  const subscription = opening(conversation);
  assertEquals(subscription.state.kind, "opening");
  assertEquals(conversation.receive(OPEN, 0), NO_OPEN);
  assertEquals(conversation.receive(CLOSE, 0), NO_CLOSE);
  assertEquals(conversation.opened(subscription), true);
  assertEquals(conversation.opened(subscription), false);
  // The order of arguments is free.
  const turned = text("FeedOpen", {
    FeedName: "f",
    FeedArgs: { a: "1", b: "2" },
  });
  for (const message of [OPEN, turned]) {
    assertEquals(conversation.receive(message, 0), NO_OPEN);
  }
  assertEquals(conversation.receive(CLOSE, 0), {
    kind: "close",
    subscription,
  });
  assertEquals(subscription.state.kind, "closing");
  assertEquals(conversation.receive(OPEN, 0), NO_OPEN);
  assertEquals(conversation.receive(CLOSE, 0), NO_CLOSE);
  assertEquals(conversation.terminate(subscription.key, 0), undefined);
  assertEquals(conversation.closed(subscription), true);
  assertEquals(conversation.closed(subscription), false);
  assertEquals(conversation.receive(CLOSE, 0), NO_CLOSE);
  assertEquals(conversation.refused(opening(conversation)), true);
  assertEquals(conversation.receive(CLOSE, 0), NO_CLOSE);
});

Deno.test("conversation: terminated", () => {
  const conversation = up();
  const terminated = (now = 0) => {
    const subscription = opening(conversation, OPEN, now);
    conversation.opened(subscription);
    assertEquals(conversation.terminate(subscription.key, now)?.was, "open");
    return subscription;
  };
  // Within the window: the close is answered.
  const subscription = terminated();
  assertEquals(conversation.terminate(subscription.key, 0), undefined);
  assertEquals(conversation.receive(CLOSE, 99), {
    kind: "close",
    subscription,
  });
  assertEquals(conversation.closed(subscription), true);
  // After it: a violation.
  terminated(200);
  assertEquals(conversation.receive(CLOSE, 300), NO_CLOSE);
  assertEquals(conversation.receive(CLOSE, 300), NO_CLOSE);
  // Opened again in either case.
  terminated(400);
  terminated(450);
  const again = opening(conversation, OPEN, 600);
  assertEquals(conversation.receive(CLOSE, 600), NO_CLOSE);
  // An opening feed is refused, and a decision that comes later does not matter.
  assertEquals(conversation.terminate(again.key, 600)?.was, "opening");
  assertEquals(conversation.opened(again), false);
  assertEquals(conversation.refused(again), false);
  assertEquals(conversation.receive(CLOSE, 600), NO_CLOSE);
  const other = opening(conversation, OPEN, 600);
  assertEquals(conversation.opened(again), false);
  assertEquals(conversation.opened(other), true);
});

Deno.test("conversation: terminationMs without limit is the whole connection", () => {
  const conversation = up({ ...LIMITS, terminationMs: Infinity });
  const subscription = opening(conversation);
  conversation.opened(subscription);
  conversation.terminate(subscription.key, 0);
  assertEquals(conversation.receive(CLOSE, 1e12).kind, "close");
});

Deno.test("conversation: actions", () => {
  const conversation = up();
  const action = (callbackId: string) => ({
    kind: "action",
    name: "a",
    args: {},
    callbackId,
  });
  assertEquals(
    conversation.receive(act("toString"), 0) as object,
    action("toString"),
  );
  assertEquals(
    conversation.receive(act("toString"), 0),
    violation("Action message reused an outstanding CallbackId."),
  );
  conversation.receive(act("__proto__"), 0);
  assertEquals(conversation.receive(act("3"), 0), {
    kind: "busy",
    callbackId: "3",
  });
  conversation.answered("toString");
  assertEquals(
    conversation.receive(act("toString"), 0) as object,
    action("toString"),
  );
});

Deno.test("conversation: the number of feeds is bounded, terminated ones too", () => {
  const conversation = up();
  const message = (name: string) =>
    text("FeedOpen", { FeedName: name, FeedArgs: {} });
  for (let index = 0; index < 1_000; index++) {
    const subscription = opening(conversation, message(`${index}`));
    conversation.opened(subscription);
    conversation.terminate(subscription.key, 0);
    assertEquals(conversation.subscriptions().length <= 5, true);
  }
  for (const name of "abc") opening(conversation, message(name));
  assertEquals(conversation.receive(message("d"), 0), {
    kind: "crowded",
    name: "d",
    args: {},
  });
});
