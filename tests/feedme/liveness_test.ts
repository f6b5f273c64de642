/** How a client finds out that its connection has died, in fake time. */
import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { retryPolicy } from "../../feed/feedme/client/retry.ts";
import { checkSettings } from "../../feed/feedme/client/options.ts";
import type { TransportLiveness } from "../../feed/feedme/client/transport.ts";
import { settled } from "../kit/wait.ts";
import { FeedmeError } from "../../feed/feedme/client/errors.ts";
import { FakeTransport, pass } from "./fake.ts";
import { rng } from "./random.ts";
import { OK, opened, start } from "./stage.ts";

const LIVENESS: TransportLiveness = {
  limit: 15_000,
  probe: 5_000,
  probes: true,
};

/** A client whose server answers `how`; `liveness` as that of a transport. */
async function up(
  how: "extension" | "probes" | "nothing",
  liveness: TransportLiveness | null = LIVENESS,
) {
  const transport: FakeTransport & {
    liveness?: TransportLiveness | undefined;
  } = new FakeTransport();
  transport.liveness = liveness ?? undefined;
  const stage = start({ transport, connectRetryMs: 1_000 });
  const link = { dead: false };
  const asked: string[] = [];
  transport.onsend = (text) => {
    const { MessageType, CallbackId, ActionName } = JSON.parse(text);
    const receive = (message: object) =>
      queueMicrotask(() => link.dead || transport.receive(message));
    if (MessageType === "Handshake") {
      link.dead = false;
      receive(how === "extension" ? { ...OK, Alive: true } : OK);
    } else if (MessageType === "Alive") {
      asked.push(MessageType);
      receive({ MessageType: "AliveResponse" });
    } else if (MessageType === "Action") {
      asked.push(ActionName);
      if (how === "nothing") return;
      receive({
        MessageType: "ActionResponse",
        CallbackId,
        Success: false,
        ErrorCode: "UNKNOWN_ACTION",
        ErrorData: {},
      });
    } else if (MessageType === "FeedOpen") receive(opened({ n: 0 }));
  };
  stage.client.connect();
  await settled();
  assertEquals(stage.client.state(), "connected");
  stage.log.splice(0);
  return { ...stage, transport, link, asked };
}

const LOST = [
  'client.disconnect {"error":"TRANSPORT_FAILURE: The transport connection failed.","transportError":"FAILURE: The server was silent for 15000 ms."}',
  "client.connecting",
  "client.connect",
];

for (const how of ["extension", "probes"] as const) {
  Deno.test(`liveness (${how}): a quiet link stays, a dead one is replaced within 25 s`, async () => {
    using time = new FakeTime();
    const { log, link, asked, end } = await up(how);
    await pass(time, 100_000);
    assertEquals(log, []);
    // Once in 15 s.
    assert(asked.length >= 6 && asked.length <= 8, `${asked.length}`);
    assertEquals(
      new Set(asked),
      new Set([how === "extension" ? "Alive" : "feedme+alive"]),
    );
    for (let offset = 0; offset < 15_000; offset += 2_500) {
      await pass(time, offset);
      link.dead = true;
      await pass(time, 25_000);
      assertEquals(log.splice(0), LOST);
    }
    await end();
  });

  Deno.test(`liveness (${how}): traffic in one direction proves nothing`, async () => {
    using time = new FakeTime();
    const { log, client, transport, link, end } = await up(how);
    // We send, and nothing arrives.
    link.dead = true;
    for (let second = 0; second < 23; second++) {
      client.action("x", {}).catch(() => {});
      await pass(time, 1_000);
    }
    assertEquals(log.splice(0), LOST);
    // Much arrives, and nothing that we send. A foreign server has to have answered once.
    await pass(time, 20_000);
    client.feed("f", {}).desireOpen();
    await settled();
    link.dead = true;
    for (let second = 0; second < 23; second++) {
      transport.receive({
        MessageType: "FeedAction",
        FeedName: "f",
        FeedArgs: {},
        ActionName: "a",
        ActionData: {},
        FeedDeltas: [],
      });
      await pass(time, 1_000);
      if (log.length > 0) break;
    }
    assertEquals(log.splice(0), LOST);
    await end();
  });

  Deno.test(`liveness (${how}): a wake-up asks at once, and gives 5 s`, async () => {
    using time = new FakeTime();
    const { log, link, asked, end } = await up(how);
    await pass(time, 1_000);
    globalThis.dispatchEvent(new Event("online"));
    await settled();
    assertEquals(asked.splice(0).length, 1);
    await pass(time, 5_000);
    assertEquals(log, []);
    link.dead = true;
    globalThis.dispatchEvent(new Event("pageshow"));
    await pass(time, 5_000);
    assertEquals(log, LOST);
    await end();
  });
}

Deno.test("liveness: a server that leaves probes unanswered is cut twice, then left alone", async () => {
  using time = new FakeTime();
  const { log, asked, end } = await up("nothing");
  await pass(time, 200_000);
  assertEquals(log.splice(0), [...LOST, ...LOST]);
  const { length } = asked;
  await pass(time, 200_000);
  assertEquals([log, asked.length], [[], length]);
  await end();
});

Deno.test("liveness: one that still sends other messages is not cut at all", async () => {
  using time = new FakeTime();
  const { log, transport, client, asked, end } = await up("nothing");
  client.feed("f", {}).desireOpen();
  await settled();
  for (let round = 0; round < 20; round++) {
    transport.receive({
      MessageType: "FeedAction",
      FeedName: "f",
      FeedArgs: {},
      ActionName: "a",
      ActionData: {},
      FeedDeltas: [],
    });
    await pass(time, 5_000);
  }
  assertEquals([log, asked], [[], ["feedme+alive"]]);
  await end();
});

Deno.test("liveness: nothing is sent without the transport's liveness, or without probes", async () => {
  using time = new FakeTime();
  for (
    const liveness of [
      null,
      { ...LIVENESS, limit: 0 },
      { ...LIVENESS, limit: Infinity },
      { ...LIVENESS, probes: false },
    ]
  ) {
    const { log, asked, link, end } = await up("probes", liveness);
    link.dead = true;
    await pass(time, 100_000);
    globalThis.dispatchEvent(new Event("online"));
    await pass(time, 100_000);
    assertEquals([log, asked], [[], []]);
    await end();
  }
});

Deno.test("liveness: the client answers the server, and rejects a sign that it did not ask for", async () => {
  const { transport, log, end } = await up("extension");
  transport.sent.splice(0);
  transport.receive({ MessageType: "Alive" });
  assertEquals(transport.sent, ['{"MessageType":"AliveResponse"}']);
  await end();
  assertEquals(log.filter((line) => line.includes("bad")), []);
  const plain = await up("probes");
  for (const MessageType of ["Alive", "AliveResponse"]) {
    plain.transport.receive({ MessageType });
    const [line] = await plain.told();
    assert(line!.includes("UNEXPECTED_MESSAGE"));
  }
  await plain.end();
});

Deno.test("jitter: 10,000 clients that are dropped at one moment come back spread out", () => {
  const random = rng(7);
  const policy = (connectRetryJitter: number) =>
    retryPolicy(
      checkSettings({ transport: new FakeTransport(), connectRetryJitter }),
      () => random(2 ** 32) / 2 ** 32,
    );
  const reason = new FeedmeError("TRANSPORT_FAILURE", "lost");
  const lost = { reason, wasUp: true, lost: true };
  // By default, within 5 s: counted by half second.
  const counts = Array(10).fill(0);
  const { delay } = policy(1);
  for (let client = 0; client < 10_000; client++) {
    counts[Math.floor(delay(0, lost)! / 500)]++;
  }
  assertEquals(counts, [998, 1065, 955, 986, 993, 1073, 1011, 1000, 963, 956]);
  // Half of the time with 0.5, none without jitter, and no more than the wait there is.
  assertEquals(policy(0).delay(0, lost), 0);
  const half = Array.from({ length: 1_000 }, () => policy(0.5).delay(0, lost)!);
  assertEquals([Math.max(...half) < 2_500, Math.min(...half) < 100], [
    true,
    true,
  ]);
});
