/** The client's conversation as values: an event in, a list of effects out. */
import { assertEquals, assertThrows } from "@std/assert";
import { Conversation } from "../../feed/feedme/client/conversation.ts";
import type { ConversationEvent } from "../../feed/feedme/client/effects.ts";

const LIMITS = {
  actionTimeoutMs: 1_000,
  feedTimeoutMs: 2_000,
  reopenMaxAttempts: 1,
  reopenTrailingMs: 3_000,
  maxDepth: 200,
  keepData: true,
  probes: true,
};
const F = { FeedName: "f", FeedArgs: {} };

/** A conversation whose effects are noted in short. */
function begin(limits: Partial<typeof LIMITS> = {}) {
  const core = new Conversation<string, string>({ ...LIMITS, ...limits });
  const handle = (event: ConversationEvent<string, string>) =>
    core.handle(event).flatMap((effect): unknown => {
      switch (effect.do) {
        case "heard":
          return [];
        case "send":
          return [["send", JSON.parse(effect.text).MessageType]];
        case "hangUp":
          return [["hangUp", effect.reason.code]];
        case "startTimer":
          return [["start", effect.timer.kind, effect.ms]];
        case "stopTimer":
          return [["stop", effect.timer.kind]];
        case "tellClient":
          return [["client", effect.notice.event]];
        case "tellFeed":
          return [[effect.owner, effect.notice.event]];
        case "settle":
          return [[
            effect.call,
            effect.result.error?.code ?? effect.result.data,
          ]];
      }
    });
  const receive = (message: object) =>
    handle({ type: "message", text: JSON.stringify(message) });
  const up = () => {
    handle({ type: "connected" });
    return receive({
      MessageType: "HandshakeResponse",
      Success: true,
      Version: "0.1",
    });
  };
  return { core, handle, receive, up };
}

Deno.test("conversation: the handshake, then each feed that is wanted, in order", () => {
  const { core, handle, receive } = begin();
  const [a, b] = ["a", "b"].map((name) => core.join(name, name, {}));
  assertEquals(
    handle({ type: "desireOpen", member: b!, live: false }),
    [["b", "close"]],
  );
  handle({ type: "desireOpen", member: a!, live: false });
  assertEquals(handle({ type: "connected" }), [["send", "Handshake"]]);
  assertEquals(
    receive({
      MessageType: "HandshakeResponse",
      Success: true,
      Version: "0.1",
    }),
    [
      ["client", "connect"],
      ["start", "opening", 2_000],
      ["a", "opening"],
      ["send", "FeedOpen"],
      ["start", "opening", 2_000],
      ["b", "opening"],
      ["send", "FeedOpen"],
    ],
  );
});

Deno.test("conversation: a handshake that is refused hangs up", () => {
  const { handle, receive } = begin();
  handle({ type: "connected" });
  assertEquals(
    receive({ MessageType: "HandshakeResponse", Success: false }),
    [["hangUp", "HANDSHAKE_REJECTED"]],
  );
});

Deno.test("conversation: actions end with a response, a timeout or the connection", () => {
  const { core, handle, receive, up } = begin();
  const act = (call: string, live = true) =>
    handle({ type: "act", call, name: "n", args: {}, live });
  assertEquals(act("early", false), [["early", "NOT_CONNECTED"]]);
  up();
  assertEquals(act("first"), [["send", "Action"], ["start", "action", 1_000]]);
  const effects = core.handle({
    type: "act",
    call: "second",
    name: "n",
    args: {},
    live: true,
  });
  act("third");
  const answer = { MessageType: "ActionResponse", Success: true };
  assertEquals(receive({ ...answer, CallbackId: "1", ActionData: { x: 1 } }), [
    ["stop", "action"],
    ["first", { x: 1 }],
  ]);
  const started = effects.find((effect) => effect.do === "startTimer");
  const { timer } = started as Extract<typeof started, { do: "startTimer" }>;
  assertEquals(handle({ type: "expired", timer }), [["second", "TIMEOUT"]]);
  assertEquals(handle({ type: "expired", timer }), []);
  // Late, and ignored; a second one is not expected.
  const late = { ...answer, CallbackId: "2", ActionData: {} };
  assertEquals(receive(late), []);
  assertEquals(receive(late), [["client", "badServerMessage"]]);
  assertEquals(handle({ type: "disconnected" }), [
    ["stop", "action"],
    ["third", "NOT_CONNECTED"],
  ]);
});

Deno.test("conversation: an action that cannot be written changes nothing", () => {
  const { core, handle, up } = begin();
  up();
  const args = {
    toJSON() {
      throw new Error("no JSON");
    },
  };
  const act = (args: object) =>
    core.handle({
      type: "act",
      call: "c",
      name: "n",
      args: args as Record<string, never>,
      live: true,
    });
  assertThrows(() => act(args), Error, "no JSON");
  assertEquals(handle({ type: "disconnected" }), []);
  up();
  const [send] = act({});
  assertEquals(
    send?.do === "send" && JSON.parse(send.text).CallbackId,
    "1",
  );
});

Deno.test("conversation: a bad feed action closes the feed and reopens it, within the limit", () => {
  const { core, handle, receive, up } = begin();
  const member = core.join("f", "f", {});
  up();
  handle({ type: "desireOpen", member, live: true });
  const opened = {
    MessageType: "FeedOpenResponse",
    ...F,
    Success: true,
    FeedData: {},
  };
  const bad = {
    MessageType: "FeedAction",
    ...F,
    ActionName: "a",
    ActionData: {},
    FeedDeltas: [{ Operation: "Toggle", Path: ["nowhere"] }],
  };
  const closed = { MessageType: "FeedCloseResponse", ...F };
  assertEquals(receive(opened), [["stop", "opening"], ["f", "open"]]);
  assertEquals(receive(bad), [
    ["f", "close"],
    ["client", "badServerMessage"],
    ["send", "FeedClose"],
  ]);
  const effects = core.handle({
    type: "message",
    text: JSON.stringify(closed),
  }).filter((effect) => effect.do !== "heard");
  assertEquals(effects.map((effect) => effect.do), [
    "startTimer",
    "startTimer",
    "tellFeed",
    "send",
  ]);
  receive(opened);
  receive(bad);
  assertEquals(receive(closed), []);
  // The first reopening counts no more: one is possible again.
  const [first] = effects;
  const { timer } = first as Extract<typeof first, { do: "startTimer" }>;
  assertEquals(handle({ type: "expired", timer }), [
    ["start", "reopening", 3_000],
    ["start", "opening", 2_000],
    ["f", "opening"],
    ["send", "FeedOpen"],
  ]);
});

Deno.test("conversation: limits of 0 start no timer", () => {
  const { core, handle, up } = begin({ actionTimeoutMs: 0, feedTimeoutMs: 0 });
  const member = core.join("f", "f", {});
  up();
  assertEquals(
    handle({ type: "act", call: "c", name: "n", args: {}, live: true }),
    [["send", "Action"]],
  );
  assertEquals(handle({ type: "desireOpen", member, live: true }), [
    ["f", "opening"],
    ["send", "FeedOpen"],
  ]);
});
