/** The server's state table, row by row, with literals. */
import { assertEquals } from "@std/assert";
import {
  type ClientRequest,
  Link,
  type Subscription,
} from "../../feed/feedme/server/conversation.ts";

const LIMITS = { maxOpenFeeds: 3, maxPendingActions: 2, terminationMs: 100 };
const text = (MessageType: string, more: object = {}) =>
  JSON.stringify({ MessageType, ...more });
const HANDSHAKE = text("Handshake", { Versions: ["0.1"] });
const F = { FeedName: "f", FeedArgs: { b: "2", a: "1" } };
const OPEN = text("FeedOpen", F);
const CLOSE = text("FeedClose", F);
const act = (CallbackId: string) =>
  text("Action", { ActionName: "a", ActionArgs: {}, CallbackId });

function up(limits = LIMITS): Link {
  const link = new Link(limits);
  assertEquals(link.receive(HANDSHAKE, 0), {
    kind: "handshake",
    accepted: true,
  });
  return link;
}

function opening(link: Link, message = OPEN, now = 0): Subscription {
  const request = link.receive(message, now);
  if (request.kind !== "open") throw new Error(request.kind);
  return request.subscription;
}

const violation = (problem: string): ClientRequest => ({
  kind: "violation",
  problem,
});
const NO_OPEN = violation("Unexpected FeedOpen message.");
const NO_CLOSE = violation("Unexpected FeedClose message.");

Deno.test("link: handshake", () => {
  const link = new Link(LIMITS);
  for (const message of [OPEN, CLOSE, act("1")]) {
    assertEquals(link.receive(message, 0), violation("Handshake required."));
  }
  assertEquals(link.receive(text("Handshake", { Versions: ["9.9"] }), 0), {
    kind: "handshake",
    accepted: false,
  });
  assertEquals(link.up, false);
  assertEquals(
    link.receive(text("Handshake", { Versions: ["9.9", "0.1"] }), 0),
    { kind: "handshake", accepted: true },
  );
  assertEquals(
    link.receive(HANDSHAKE, 0),
    violation("Unexpected Handshake message."),
  );
});

Deno.test("link: what is no message", () => {
  const link = up();
  for (const bad of ["", "not json", '{"MessageType":']) {
    assertEquals(link.receive(bad, 0), violation("Invalid JSON."));
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
  ) assertEquals(link.receive(bad, 0), violation("Schema violation."), bad);
});

Deno.test("link: closed, opening, open, closing", () => {
  const link = up();
  assertEquals(link.receive(CLOSE, 0), NO_CLOSE);
  const subscription = opening(link);
  assertEquals(subscription.state.kind, "opening");
  assertEquals(link.receive(OPEN, 0), NO_OPEN);
  assertEquals(link.receive(CLOSE, 0), NO_CLOSE);
  assertEquals(link.opened(subscription), true);
  assertEquals(link.opened(subscription), false);
  // The order of arguments is free.
  const turned = text("FeedOpen", {
    FeedName: "f",
    FeedArgs: { a: "1", b: "2" },
  });
  for (const message of [OPEN, turned]) {
    assertEquals(link.receive(message, 0), NO_OPEN);
  }
  assertEquals(link.receive(CLOSE, 0), {
    kind: "close",
    subscription,
  });
  assertEquals(subscription.state.kind, "closing");
  assertEquals(link.receive(OPEN, 0), NO_OPEN);
  assertEquals(link.receive(CLOSE, 0), NO_CLOSE);
  assertEquals(link.terminate(subscription.key, 0), undefined);
  assertEquals(link.closed(subscription), true);
  assertEquals(link.closed(subscription), false);
  assertEquals(link.receive(CLOSE, 0), NO_CLOSE);
  assertEquals(link.refused(opening(link)), true);
  assertEquals(link.receive(CLOSE, 0), NO_CLOSE);
});

Deno.test("link: terminated", () => {
  const link = up();
  const terminated = (now = 0) => {
    const subscription = opening(link, OPEN, now);
    link.opened(subscription);
    assertEquals(link.terminate(subscription.key, now)?.was, "open");
    return subscription;
  };
  // Within the window: the close is answered.
  const subscription = terminated();
  assertEquals(link.terminate(subscription.key, 0), undefined);
  assertEquals(link.receive(CLOSE, 99), {
    kind: "close",
    subscription,
  });
  assertEquals(link.closed(subscription), true);
  // After it: a violation.
  terminated(200);
  assertEquals(link.receive(CLOSE, 300), NO_CLOSE);
  assertEquals(link.receive(CLOSE, 300), NO_CLOSE);
  // Opened again in either case.
  terminated(400);
  terminated(450);
  const again = opening(link, OPEN, 600);
  assertEquals(link.receive(CLOSE, 600), NO_CLOSE);
  // An opening feed is refused, and a decision that comes later does not matter.
  assertEquals(link.terminate(again.key, 600)?.was, "opening");
  assertEquals(link.opened(again), false);
  assertEquals(link.refused(again), false);
  assertEquals(link.receive(CLOSE, 600), NO_CLOSE);
  const other = opening(link, OPEN, 600);
  assertEquals(link.opened(again), false);
  assertEquals(link.opened(other), true);
});

Deno.test("link: terminationMs 0 is the whole connection", () => {
  const link = up({ ...LIMITS, terminationMs: 0 });
  const subscription = opening(link);
  link.opened(subscription);
  link.terminate(subscription.key, 0);
  assertEquals(link.receive(CLOSE, 1e12).kind, "close");
});

Deno.test("link: actions", () => {
  const link = up();
  const action = (callbackId: string) => ({
    kind: "action",
    name: "a",
    args: {},
    callbackId,
  });
  assertEquals(link.receive(act("toString"), 0) as object, action("toString"));
  assertEquals(
    link.receive(act("toString"), 0),
    violation("Action message reused an outstanding CallbackId."),
  );
  link.receive(act("__proto__"), 0);
  assertEquals(link.receive(act("3"), 0), { kind: "busy", callbackId: "3" });
  link.answered("toString");
  assertEquals(link.receive(act("toString"), 0) as object, action("toString"));
});

Deno.test("link: the number of feeds is bounded, terminated ones too", () => {
  const link = up();
  const message = (name: string) =>
    text("FeedOpen", { FeedName: name, FeedArgs: {} });
  for (let index = 0; index < 1_000; index++) {
    const subscription = opening(link, message(`${index}`));
    link.opened(subscription);
    link.terminate(subscription.key, 0);
    assertEquals(link.subscriptions().length <= 5, true);
  }
  for (const name of "abc") opening(link, message(name));
  assertEquals(link.receive(message("d"), 0), {
    kind: "crowded",
    name: "d",
    args: {},
  });
});
