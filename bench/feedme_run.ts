/**
 * Measures Feedme clients: this one and npm's, in one process, on an in-memory transport,
 * each message from its arrival to its event. Bundled and run by `bench/feedme.ts` in each
 * runtime; prints JSON.
 */
import process from "node:process";
import { feedmeClient } from "../feed/feedme/mod.ts";
import { Digest, feedMd5 } from "../feed/feedme/wire/digest.ts";
import peerClient from "feedme-client";
import { median } from "./compare.ts";

// deno-lint-ignore no-explicit-any
type Any = any;
type Listener = (...args: unknown[]) => void;

/** A transport whose server is the benchmark. */
class Memory {
  #state = "disconnected";
  #listeners = new Map<string, Listener>();
  onsend: (text: string) => void = () => {};

  state(): string {
    return this.#state;
  }
  connect(): void {
    this.#state = "connecting";
    setTimeout(() => {
      this.emit("connecting");
      this.#state = "connected";
      this.emit("connect");
    });
  }
  send(text: string): void {
    setTimeout(() => this.onsend(text));
  }
  disconnect(): void {
    this.#state = "disconnected";
    setTimeout(() => this.emit("disconnect"));
  }
  on(event: string, listener: Listener): void {
    this.#listeners.set(event, listener);
  }
  addListener(event: string, listener: Listener): void {
    this.on(event, listener);
  }
  off(): void {}
  removeListener(): void {}
  emit(event: string, ...args: unknown[]): void {
    this.#listeners.get(event)?.(...args);
  }
}

function entries(count: number): Any[] {
  return Array.from(
    { length: count },
    (_, id) => ({ id, name: `entry ${id}`, score: 0 }),
  );
}

/** One client with one open feed, and a server that creates messages for it. */
class Side {
  readonly #transport = new Memory();
  readonly #old: boolean;
  readonly #md5: boolean;
  #data: { entries: Any[] };
  #digest = new Digest();
  #step = 0;
  #seen: () => void = () => {};
  feed: Any;
  client: Any;

  constructor(old: boolean, count: number, md5: boolean) {
    this.#old = old;
    this.#md5 = md5;
    this.#data = { entries: entries(count) };
  }

  async open(): Promise<void> {
    this.#transport.onsend = (text) => {
      const { MessageType } = JSON.parse(text);
      const answer = (message: object) =>
        this.#transport.emit("message", JSON.stringify(message));
      if (MessageType === "Handshake") {
        answer({
          MessageType: "HandshakeResponse",
          Success: true,
          Version: "0.1",
          ClientId: "x",
        });
      } else {
        answer({
          MessageType: "FeedOpenResponse",
          FeedName: "f",
          FeedArgs: {},
          Success: true,
          FeedData: this.#data,
        });
      }
    };
    const make = this.#old ? peerClient as Any : feedmeClient as Any;
    this.client = make({ transport: this.#transport, feedTimeoutMs: 0 });
    this.feed = this.client.feed("f", {});
    this.feed.on("action", () => this.#seen());
    const open = new Promise((resolve) => this.feed.on("open", resolve));
    this.feed.desireOpen();
    this.client.connect();
    await open;
  }

  /** Creates messages that are valid after those created before. */
  make(count: number): string[] {
    const list: string[] = [];
    for (let made = 0; made < count; made++) {
      const index = this.#step++ * 7919 % this.#data.entries.length;
      if (this.#md5) {
        // A copy along the path, as the digest goes by identity.
        const copy = this.#data.entries.slice();
        copy[index] = { ...copy[index], score: copy[index].score + 1 };
        this.#data = { entries: copy };
      }
      list.push(JSON.stringify({
        MessageType: "ActionRevelation",
        FeedName: "f",
        FeedArgs: {},
        ActionName: "scored",
        ActionData: { by: "someone" },
        FeedDeltas: [{
          Operation: "Increment",
          Path: ["entries", index, "score"],
          Value: 1,
        }],
        ...(this.#md5 && { FeedMd5: this.#digest.of(this.#data as Any) }),
      }));
    }
    return list;
  }

  /** Milliseconds for each of the messages. */
  async take(messages: string[]): Promise<number> {
    // Neither pays for the other's garbage.
    (globalThis as Any).gc();
    const start = performance.now();
    for (const text of messages) {
      await new Promise<void>((resolve) => {
        this.#seen = resolve;
        this.#transport.emit("message", text);
      });
    }
    return (performance.now() - start) / messages.length;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.client.on("disconnect", resolve);
      this.client.disconnect();
    });
  }
}

/** The peer's time for a message divided by ours. */
async function actions(count: number, md5: boolean): Promise<number> {
  const ours = new Side(false, count, md5);
  const peer = new Side(true, count, md5);
  await ours.open();
  await peer.open();
  const many = Math.max(200, Math.min(6_000, Math.ceil(1.5e7 / count)));
  const few = Math.max(2, Math.ceil(Math.min(6_000, 6e4 / count)));
  await ours.take(ours.make(many));
  await peer.take(peer.make(few));
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < 7; round++) {
    times[0].push(await ours.take(ours.make(many)));
    times[1].push(await peer.take(peer.make(few)));
  }
  await ours.close();
  await peer.close();
  return median(times[1]) / median(times[0]);
}

/**
 * The same for opening a feed with a message of 1 MB; with `md5`, up to its first
 * action, whose `FeedMd5` is verified, as nothing is before. Beside the ratio: the
 * time of the message's bare `JSON.parse`, which both sides pay, as a share of ours.
 */
async function opening(
  md5: boolean,
): Promise<{ ratio: number; parsing: number }> {
  const list: Any[] = [];
  for (let size = 0; size < 1_000_000;) {
    const entry = { id: list.length, name: `entry ${list.length}`, score: 0 };
    size += JSON.stringify(entry).length + 1;
    list.push(entry);
  }
  const text = JSON.stringify({
    MessageType: "FeedOpenResponse",
    FeedName: "big",
    FeedArgs: {},
    Success: true,
    FeedData: { entries: list },
  });
  const action = JSON.stringify({
    MessageType: "ActionRevelation",
    FeedName: "big",
    FeedArgs: {},
    ActionName: "nothing",
    ActionData: {},
    FeedDeltas: [],
    FeedMd5: feedMd5({ entries: list }),
  });
  const once = async (old: boolean): Promise<number> => {
    const transport = new Memory();
    const make = old ? peerClient as Any : feedmeClient as Any;
    const client = make({ transport, feedTimeoutMs: 0 });
    const feed = client.feed("big", {});
    const asked = new Promise<void>((resolve) => {
      transport.onsend = (sent) => {
        if (sent.includes("FeedOpen")) return resolve();
        transport.emit(
          "message",
          '{"MessageType":"HandshakeResponse","Success":true,"Version":"0.1","ClientId":"x"}',
        );
      };
    });
    feed.desireOpen();
    client.connect();
    await asked;
    // npm's client hands the data out by `data()` alone.
    const done = new Promise((resolve) => {
      feed.on("open", () => {
        const data = feed.data();
        if (md5) transport.emit("message", action);
        else resolve(data);
      });
      feed.on("action", resolve);
      client.on("badServerMessage", resolve);
    });
    (globalThis as Any).gc();
    const start = performance.now();
    transport.emit("message", text);
    await done;
    const ms = performance.now() - start;
    await new Promise((resolve) => {
      client.on("disconnect", resolve);
      client.disconnect();
    });
    return ms;
  };
  const times: [number[], number[], number[]] = [[], [], []];
  for (let round = -2; round < 15; round++) {
    const ours = await once(false);
    const peer = await once(true);
    (globalThis as Any).gc();
    const start = performance.now();
    JSON.parse(text);
    const parsing = performance.now() - start;
    if (round < 0) continue;
    times[0].push(ours);
    times[1].push(peer);
    times[2].push(parsing);
  }
  const [ours, peer, parsing] = times.map(median) as [number, number, number];
  return { ratio: peer / ours, parsing: parsing / ours };
}

// `actions <entries> <md5>` or `opening <md5>`.
const [what, ...args] = process.argv.slice(2);
(async () => {
  const result = what === "opening"
    ? await opening(args[0] === "md5")
    : await actions(Number(args[0]), args[1] === "md5");
  console.log(JSON.stringify(result));
  process.exit(0);
})();
