/**
 * 100,000 random steps of application, server, network and clock, from fixed
 * seeds: after each the client has to have told and sent what the model says,
 * and to have sent nothing that the specification forbids.
 */
import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { feedmeClient } from "../../feed/feedme/client/client.ts";
import { feedMd5 } from "../../feed/feedme/wire/digest.ts";
import { FeedmeError } from "../../feed/feedme/client/errors.ts";
import type { FeedmeFeed } from "../../feed/feedme/client/feed.ts";
import type { JsonObject } from "../../feed/feedme/wire/protocol.ts";
import { FakeTransport, pass } from "./fake.ts";
import { Model, type ModelMessage } from "./model.ts";
import { pick, type Random, rng } from "./random.ts";
import { settled } from "../kit/wait.ts";

const OPTIONS = {
  feedTimeoutMs: 90,
  actionTimeoutMs: 70,
  connectTimeoutMs: 45,
  connectRetryMs: 40,
  connectRetryBackoffMs: 0,
  reopenMaxAttempts: 2,
  reopenTrailingMs: 400,
};
const NAMES = ["f", "g", "__proto__"];

/** The server: its states per feed, and what is on its way to the client. */
class Server {
  readonly random: Random;
  /** Messages that the client will get, in this order. */
  wire: [text: string, meaning: ModelMessage][] = [];
  #feeds = new Map<string, { state: string; data: JsonObject }>();
  #owed: (() => void)[] = [];
  #shaken = false;

  constructor(random: Random) {
    this.random = random;
  }

  reset(): void {
    this.wire = [];
    this.#feeds.clear();
    this.#owed = [];
    this.#shaken = false;
  }

  /** Takes a message of the client, which must be allowed. */
  take(text: string): string {
    const message = JSON.parse(text);
    const { MessageType: type, FeedName: name } = message;
    const ref = { FeedName: name, FeedArgs: {} };
    const feed = this.#feeds.get(name) ?? { state: "closed", data: {} };
    this.#feeds.set(name, feed);
    assertEquals(type === "Handshake", !this.#shaken);
    if (type === "Handshake") {
      this.#shaken = true;
      const ok = this.random(12) > 0;
      this.#owe(() =>
        this.#send({
          MessageType: "HandshakeResponse",
          Success: ok,
          ...(ok && { Version: "0.1" }),
          ...(ok && this.random(2) && { ClientId: "x" }),
        }, { type: "handshake", ok })
      );
      return type;
    }
    if (type === "Action") {
      const id = message.CallbackId;
      const ok = this.random(3) > 0;
      this.#owe(() =>
        this.#send({
          MessageType: "ActionResponse",
          CallbackId: id,
          Success: ok,
          ...(ok ? { ActionData: {} } : { ErrorCode: "NO", ErrorData: {} }),
        }, { type: "response", id, ok })
      );
      return `Action ${id}`;
    }
    if (type === "FeedOpen") {
      assert(["closed", "terminated"].includes(feed.state), feed.state);
      feed.state = "opening";
      this.#owe(() => {
        const ok = this.random(4) > 0;
        feed.state = ok ? "open" : "closed";
        feed.data = { n: this.random(100), list: [], map: {} };
        this.#send({
          MessageType: "FeedOpenResponse",
          ...ref,
          Success: ok,
          ...(ok
            ? { FeedData: feed.data }
            : { ErrorCode: "NO", ErrorData: {} }),
        }, { type: "opened", name, ok, data: structuredClone(feed.data) });
      });
      return `FeedOpen ${name}`;
    }
    assertEquals(type, "FeedClose");
    assert(["open", "terminated"].includes(feed.state), feed.state);
    feed.state = "closing";
    this.#owe(() => {
      feed.state = "closed";
      this.#send({ MessageType: "FeedCloseResponse", ...ref }, {
        type: "closed",
        name,
      });
    });
    return `FeedClose ${name}`;
  }

  /** Does something that a server may do. */
  act(): void {
    const kind = this.random(10);
    if (kind < 5) {
      const index = this.random(this.#owed.length);
      this.#owed.splice(index, 1)[0]?.();
      return;
    }
    if (!this.#shaken) return;
    if (kind === 5 && this.random(4) === 0) {
      this.#send("junk", { type: "junk" });
      return;
    }
    const open = [...this.#feeds].filter(([, { state }]) => state === "open");
    if (open.length === 0) return;
    const [name, feed] = pick(this.random, open);
    const ref = { FeedName: name, FeedArgs: {} };
    if (kind === 6 && this.random(3) === 0) {
      feed.state = "terminated";
      this.#send({
        MessageType: "FeedTermination",
        ...ref,
        ErrorCode: "BYE",
        ErrorData: {},
      }, { type: "terminated", name });
      return;
    }
    this.#feedAction(name, feed);
  }

  #feedAction(name: string, feed: { data: JsonObject }): void {
    const amount = this.random(5);
    const deltas: object[] = [
      { Operation: "Increment", Path: ["n"], Value: amount },
      { Operation: "InsertLast", Path: ["list"], Value: { amount } },
      { Operation: "Set", Path: ["map", "constructor"], Value: amount },
    ];
    const bad = this.random(3) > 0
      ? undefined
      : pick(this.random, ["INVALID_DELTA", "INVALID_HASH"] as const);
    if (bad === "INVALID_DELTA") {
      deltas.push({ Operation: "Toggle", Path: ["toString"] });
    }
    // deno-lint-ignore no-explicit-any
    const after = structuredClone(feed.data) as any;
    after.n += amount;
    after.list.push({ amount });
    after.map.constructor = amount;
    if (!bad) feed.data = after;
    this.#send(
      {
        MessageType: pick(this.random, ["FeedAction", "ActionRevelation"]),
        FeedName: name,
        FeedArgs: {},
        ActionName: "a",
        ActionData: {},
        FeedDeltas: deltas,
        ...(bad === "INVALID_HASH"
          ? { FeedMd5: "x".repeat(24) }
          : this.random(2) && { FeedMd5: feedMd5(after) }),
      },
      bad
        ? { type: "action", name, bad }
        : { type: "action", name, data: structuredClone(after) },
    );
  }

  #owe(answer: () => void): void {
    this.#owed.push(answer);
  }

  #send(message: object | string, meaning: ModelMessage): void {
    this.wire.push([JSON.stringify(message), meaning]);
  }
}

/** How often each kind of line was told: a walk that goes nowhere proves nothing. */
const tally = new Map<string, number>();

function count(line: string): void {
  const kind = line.replace(/\d+/, "#").replace(/ \{.*/, "");
  tally.set(kind, (tally.get(kind) ?? 0) + 1);
}

async function walk(seed: number, steps: number): Promise<void> {
  using time = new FakeTime();
  const random = rng(seed);
  const transport = new FakeTransport();
  const client = feedmeClient({ transport, ...OPTIONS });
  const model = new Model(OPTIONS);
  const server = new Server(random);
  const feeds: FeedmeFeed[] = [];
  const log: string[] = [];
  const sent: string[] = [];
  let settledCalls = 0;
  let calls = 0;
  transport.onsend = (text) => sent.push(server.take(text));
  client.on("connecting", () => {
    log.push("connecting");
  });
  client.on("connect", () => log.push("connect"));
  client.on("disconnect", (error) => {
    log.push(`disconnect ${error?.code ?? ""}`);
  });
  client.on("badServerMessage", (error) => log.push(`bad ${error.code}`));

  const create = () => {
    const name = pick(random, NAMES);
    const feed = client.feed(name, {});
    const id = feeds.push(feed);
    model.create(name);
    feed.on("opening", () => log.push(`${id} opening`));
    feed.on("open", (data) => log.push(`${id} open ${JSON.stringify(data)}`));
    feed.on("close", (error) => log.push(`${id} close ${error?.code ?? ""}`));
    feed.on("action", (_name, _data, now, before) => {
      log.push(`${id} action ${JSON.stringify(now)} ${JSON.stringify(before)}`);
    });
  };
  for (let count = 0; count < 6; count++) create();

  const act = () => {
    const label = `call${++calls}`;
    const done = (error?: unknown) => {
      settledCalls++;
      log.push(
        error instanceof FeedmeError
          ? `${label} ${error.code} ${error.outcome}`
          : `${label} ok`,
      );
    };
    if (random(2)) client.action("a", {}, done);
    else client.action("a", {}).then(() => done(), done);
    model.act(label);
  };

  for (let step = 0; step < steps; step++) {
    const choice = random(100);
    // Every other walk has long connections.
    const rough = seed % 2 === 1 || random(20) === 0;
    if (choice < 30) {
      server.act();
    } else if (choice < 60) {
      const next = server.wire.shift();
      if (next) {
        const rejected = next[1].type === "handshake" && !next[1].ok;
        transport.receive(next[0]);
        model.receive(next[1]);
        if (rejected) server.reset();
      }
    } else if (choice < 76) {
      const index = random(feeds.length);
      const object = model.objects[index]!;
      if (object.desired && (rough || random(4) === 0)) {
        feeds[index]!.desireClosed();
        model.close(object);
      } else if (!object.desired) {
        feeds[index]!.desireOpen();
        model.open(object);
      }
    } else if (choice < 84) {
      act();
    } else if (choice < 95) {
      const ms = random(30);
      const linked = transport.state() === "connected";
      await pass(time, ms);
      model.pass(ms);
      // A connection that has timed out has taken everything with it.
      if (linked && model.link === "down") server.reset();
    } else if (choice < 97) {
      if (model.link !== "down" && rough) {
        server.reset();
        transport.fail();
        model.lost();
      }
    } else if (model.link === "down") {
      client.connect();
      model.connect();
    } else if (choice === 98 && rough) {
      client.disconnect();
      server.reset();
      model.disconnect();
    }
    await settled();
    model.log.forEach(count);
    // A reopening that the limit has put off.
    for (const { waiting } of model.feeds.values()) if (waiting) count("waits");
    assertEquals(log.splice(0), model.log.splice(0), `${seed}, ${step}`);
    assertEquals(sent.splice(0), model.sent.splice(0), `${seed}, ${step}`);
    for (const [index, object] of model.objects.entries()) {
      assertEquals(feeds[index]!.state(), object.told);
    }
  }
  if (client.state() !== "disconnected") client.disconnect();
  await settled();
  assertEquals(settledCalls, calls);
  client.destroy();
  assertEquals(transport.listening, 0);
  assertEquals(time.next(), false);
}

for (let seed = 1; seed <= 20; seed++) {
  Deno.test(`model: 5,000 random steps, seed ${seed}`, async () => {
    await walk(seed, 5_000);
  });
}

Deno.test("model: the walks have been everywhere", () => {
  assertEquals(tally.size, 24, [...tally.keys()].join(", "));
  for (const [kind, times] of tally) assert(times >= 50, `${kind} ${times}`);
});
