/**
 * 1,000,000 messages that a hostile server might send, made from good ones by
 * fixed seeds. The client has to take each without throwing and to go on.
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { feedmeClient } from "../../feed/feedme/client/client.ts";
import { feedMd5 } from "../../feed/feedme/wire/digest.ts";
import { FeedmeError } from "../../feed/feedme/client/errors.ts";
import { readServerMessage } from "../../feed/feedme/wire/protocol.ts";
import type { JsonObject } from "../../feed/feedme/wire/protocol.ts";
import { FakeTransport } from "./fake.ts";
import {
  pick,
  type Random,
  randomDelta,
  randomObject,
  randomValue,
  rng,
} from "./random.ts";
import { settled } from "../kit/wait.ts";

const NAMES = ["__proto__", "constructor", "toString", "f", "hasOwnProperty"];
const TYPES = [
  "HandshakeResponse",
  "ActionResponse",
  "FeedOpenResponse",
  "FeedCloseResponse",
  "FeedAction",
  "ActionRevelation",
  "FeedTermination",
  "ViolationResponse",
  ...NAMES,
];
const TEXTS = [
  "",
  "null",
  "[]",
  "1e999",
  '"x"',
  "{",
  '{"MessageType":"__proto__"}',
  '{"__proto__":{"MessageType":"FeedAction"}}',
  "[".repeat(10_000) + "]".repeat(10_000),
];

/** A message that the schema allows, mostly. */
function goodMessage(
  random: Random,
  data: JsonObject,
): Record<string, unknown> {
  const ref = { FeedName: pick(random, NAMES), FeedArgs: {} };
  const refused = { ErrorCode: pick(random, NAMES), ErrorData: {} };
  switch (random(12)) {
    case 0:
      return {
        MessageType: "ActionResponse",
        CallbackId: random(2) ? `${random(300)}` : pick(random, NAMES),
        ...(random(2)
          ? { Success: true, ActionData: randomObject(random, 4) }
          : { Success: false, ...refused }),
      };
    case 1:
    case 2:
      return {
        MessageType: "FeedOpenResponse",
        ...ref,
        ...(random(4)
          ? { Success: true, FeedData: randomObject(random, 8) }
          : { Success: false, ...refused }),
      };
    case 3:
      return { MessageType: "FeedCloseResponse", ...ref };
    case 4:
      return { MessageType: "FeedTermination", ...ref, ...refused };
    case 5:
      return {
        MessageType: "HandshakeResponse",
        Success: true,
        Version: pick(random, ["0.1", "9"]),
      };
    case 6:
      return {
        MessageType: "ViolationResponse",
        Diagnostics: randomObject(random, 4),
      };
    default:
      return {
        MessageType: pick(random, ["FeedAction", "ActionRevelation"]),
        ...ref,
        ActionName: pick(random, NAMES),
        ActionData: {},
        FeedDeltas: Array.from(
          { length: random(3) },
          () => randomDelta(random, data),
        ),
        ...(random(3) === 0 &&
          { FeedMd5: random(3) ? "x".repeat(24) : feedMd5(data) }),
      };
  }
}

/** Damages a message somewhere. */
function mutate(random: Random, message: Record<string, unknown>): string {
  const names = Object.keys(message);
  switch (random(9)) {
    case 0:
      delete message[pick(random, names)];
      break;
    case 1:
      message[pick(random, names)] = randomValue(random, 6);
      break;
    case 2:
      message.MessageType = pick(random, TYPES);
      break;
    case 3: {
      const extra = JSON.stringify(pick(random, NAMES));
      return `${JSON.stringify(message).slice(0, -1)},${extra}:1}`;
    }
    case 4: {
      const deltas = message.FeedDeltas as Record<string, unknown>[];
      const delta = deltas?.[0];
      if (!delta) break;
      const name = pick(random, ["Operation", "Path", "Value", ...NAMES]);
      delta[name] = random(2) ? pick(random, NAMES) : randomValue(random, 4);
      break;
    }
    case 5: {
      const text = JSON.stringify(message);
      return text.slice(0, random(text.length));
    }
    case 6: {
      const text = JSON.stringify(message);
      const at = random(text.length);
      const letter = String.fromCharCode(32 + random(95));
      return text.slice(0, at) + letter + text.slice(at + 1);
    }
  }
  return JSON.stringify(message);
}

const PROTOTYPE = Object.getOwnPropertyNames(Object.prototype).sort();

for (let seed = 1; seed <= 10; seed++) {
  Deno.test(`fuzz: 100,000 messages, seed ${seed}`, async () => {
    using time = new FakeTime();
    const random = rng(seed);
    const transport = new FakeTransport();
    const client = feedmeClient({ transport, reopenMaxAttempts: 2 });
    let told = 0;
    const tell = () => void told++;
    client.on("badServerMessage", tell);
    client.on("badClientMessage", tell);
    const feeds = NAMES.map((name) => client.feed(name, {}));
    for (const feed of feeds) {
      feed.on("open", tell).on("action", tell).desireOpen();
    }
    const opens: number[] = [];
    transport.onsend = (text) => {
      if (text.includes('"FeedOpen"')) opens.push(time.now);
    };
    client.connect();
    await settled();
    transport.receive({
      MessageType: "HandshakeResponse",
      Success: true,
      Version: "0.1",
    });
    for (let count = 0; count < 100_000; count++) {
      const open = feeds.filter((feed) => feed.state() === "open");
      const data = open.length > 0 ? pick(random, open).data() : {};
      const text = random(500) === 0
        ? pick(random, TEXTS)
        : mutate(random, goodMessage(random, data));
      transport.receive(text);
      if (count % 50 === 0) {
        client.action("a", {}).catch(() => {});
        await settled();
        time.tick(500);
        await settled();
      }
      // Feeds that the server has refused or closed are tried again now and then.
      if (count % 1_000 === 0) {
        const feed = pick(random, feeds);
        feed.desireClosed();
        feed.desireOpen();
      }
    }
    await settled();
    assertEquals(client.state(), "connected");
    assert(told > 50_000, `${told}`);
    // The application asked 100 times, and 5 in the beginning.
    const minutes = 100_000 / 50 * 0.5 / 60;
    assert(opens.length <= 110 + 2 * feeds.length * (minutes + 1));
    assertEquals(
      Object.getOwnPropertyNames(Object.prototype).sort(),
      PROTOTYPE,
    );
    await client[Symbol.asyncDispose]();
    assertEquals(time.next(), false);
  });
}

Deno.test("hostile nesting: a result or an error, never a stack overflow", async () => {
  const transport = new FakeTransport();
  await using client = feedmeClient({ transport });
  const errors: string[] = [];
  client.on("badServerMessage", (error) => errors.push(error.code));
  const feed = client.feed("f", {});
  feed.desireOpen();
  client.connect();
  await settled();
  transport.receive({
    MessageType: "HandshakeResponse",
    Success: true,
    Version: "0.1",
  });
  const deepOf = (levels: number) =>
    '{"a":'.repeat(levels) + "[]" + "}".repeat(levels);
  const deep = deepOf(190);
  const ref = '"FeedName":"f","FeedArgs":{}';
  transport.receive(
    `{"MessageType":"FeedOpenResponse","Success":true,${ref},"FeedData":{"d":${deep}}}`,
  );
  const path = JSON.stringify(["d", ...Array(190).fill("a")]);
  const after = (n: number) =>
    feedMd5(
      JSON.parse(`{"d":${deep.replace("[]", `[${"1,".repeat(n)}1]`)}}`),
    );
  let actions = 0;
  feed.on("action", () => actions++);
  for (let count = 0; count < 3; count++) {
    transport.receive(
      `{"MessageType":"FeedAction",${ref},"ActionName":"a","ActionData":{},"FeedDeltas":[{"Operation":"InsertLast","Path":${path},"Value":1}],"FeedMd5":"${
        after(count)
      }"}`,
    );
  }
  transport.receive(
    `{"MessageType":"FeedAction",${ref},"ActionName":"a","ActionData":{},"FeedDeltas":[{"Operation":"DeleteValue","Path":[],"Value":${deep}}]}`,
  );
  await settled();
  assertEquals(actions, 4);
  // Beyond the limit, and far beyond every engine's stack.
  for (const levels of [250, 10_000, 1_000_000]) {
    transport.receive(
      `{"MessageType":"FeedAction",${ref},"ActionName":"a","ActionData":${
        deepOf(levels)
      },"FeedDeltas":[]}`,
    );
    await settled();
    assertEquals(errors.splice(0), ["INVALID_DATA"], `${levels}`);
    assertEquals(feed.state(), "closed");
    transport.receive(`{"MessageType":"FeedCloseResponse",${ref}}`);
    transport.receive(
      `{"MessageType":"FeedOpenResponse","Success":true,${ref},"FeedData":{}}`,
    );
    assertEquals(feed.state(), "open");
  }
  // What the application nests is either sent or refused, by the engine's limit.
  let nested: unknown = 1;
  for (let level = 0; level < 1_000_000; level++) nested = [nested];
  let refused = 0;
  try {
    client.action("a", { nested } as unknown as JsonObject).catch(() => {});
  } catch (error) {
    assertInstanceOf(error, FeedmeError);
    assertEquals(error.code, "INVALID_ARGUMENT");
    refused = 1;
  }
  client.action("a", {}).catch(() => {});
  assertEquals(JSON.parse(transport.sent.at(-1)!).CallbackId, `${2 - refused}`);
});

Deno.test("a polluted prototype does not make a message", () => {
  const prototype = Object.prototype as unknown as Record<string, unknown>;
  prototype.MessageType = "ViolationResponse";
  prototype.Diagnostics = {};
  try {
    assert(!readServerMessage("{}").message);
    assert(!readServerMessage('{"a":1,"b":2}').message);
    assert(!readServerMessage('{"Diagnostics":{},"b":2}').message);
    const good = '{"MessageType":"HandshakeResponse","Success":false}';
    assert(readServerMessage(good).message);
  } finally {
    delete prototype.MessageType;
    delete prototype.Diagnostics;
  }
});

Deno.test("an unknown type of message", () => {
  for (
    const type of [
      '["FeedAction"]',
      '{"toString":1,"valueOf":1}',
      '"HandshakeResponse true"',
      '"HandshakeResponse false"',
      '"FeedAction "',
      "null",
      "1",
    ]
  ) {
    for (const rest of ["", ',"Success":true', ',"Success":false']) {
      const received = readServerMessage(`{"MessageType":${type}${rest}}`);
      assert("schemaViolation" in received);
      assertEquals(
        received.schemaViolation,
        "MessageType > Missing or invalid.",
      );
    }
  }
});
