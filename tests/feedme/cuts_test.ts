/**
 * The link is cut at every byte of a conversation between our client and our server, in
 * memory: no action is told twice, and none is missing without a mark.
 */
import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import { feedmeClient } from "../../feed/feedme/client/client.ts";
import type {
  FeedmeTransport,
  TransportListener,
  TransportState,
} from "../../feed/feedme/client/transport.ts";
import {
  defineFeed,
  feedmeServer,
  type FeedmeSocket,
  type LogLimits,
} from "../../feed/feedme/server/server.ts";
import { delay, settled } from "../kit/wait.ts";
import { follow } from "./follower.ts";

/** Lets everything happen that one message leads to, at both ends. */
async function still(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await settled();
}

/** A server whose feed `count` begins with `n`. */
function serve(n: number, log: LogLimits | undefined) {
  const count = defineFeed({
    data: z.object({ n: z.number() }),
    initial: () => ({ n }),
    ...(log && { log }),
  });
  const server = feedmeServer({ feeds: { count } });
  const live = server.feed(count);
  return {
    server,
    add: () =>
      live.update("added", { n: live.data.n + 1 }, { n: live.data.n + 1 }),
  };
}

/** One connection's end at the server. */
interface End extends FeedmeSocket {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: unknown) => void) | null;
}

/** Carries messages to a server, until `budget` characters have passed. */
class Wire implements FeedmeTransport {
  budget = Infinity;
  passed = 0;
  cuts = 0;
  /** Whether a new connection waits. */
  held = false;
  server: ReturnType<typeof serve>["server"];
  #state: TransportState = "disconnected";
  #end: End | undefined;
  readonly #listeners = new Map<string, TransportListener>();

  constructor(server: Wire["server"]) {
    this.server = server;
  }

  on(event: string, listener: TransportListener): void {
    this.#listeners.set(event, listener);
  }

  off(event: string): void {
    this.#listeners.delete(event);
  }

  state(): TransportState {
    return this.#state;
  }

  connect(): void {
    this.#state = "connecting";
    this.#later("connecting");
    if (!this.held) this.release();
  }

  /** Makes a connection that waits. */
  release(): void {
    this.held = false;
    if (this.#state !== "connecting") return;
    queueMicrotask(() => {
      if (this.#state !== "connecting") return;
      const end: End = this.#end = {
        onmessage: null,
        onclose: null,
        send: (text) =>
          this.#carry(end, text, () => this.#emit("message", text)),
        close: () => this.#gone(end),
      };
      this.server.accept(end, { subprotocols: "feedme+alive" });
      this.#state = "connected";
      this.#emit("connect");
    });
  }

  send(text: string): void {
    const end = this.#end!;
    this.#carry(end, text, () => end.onmessage!({ data: text }));
  }

  disconnect(): void {
    this.#state = "disconnected";
    const end = this.#end;
    this.#end = undefined;
    end?.onclose?.({});
    this.#later("disconnect");
  }

  /** Delivers a message, or cuts the connection in its middle. */
  #carry(end: End, text: string, deliver: () => void): void {
    if (end !== this.#end) return;
    if (text.length > this.budget) {
      this.cuts++;
      this.held = true;
      this.budget = Infinity;
      return queueMicrotask(() => this.#gone(end));
    }
    this.budget -= text.length;
    this.passed += text.length;
    queueMicrotask(() => end === this.#end && deliver());
  }

  /** The connection is lost, and both ends notice. */
  #gone(end: End): void {
    if (end !== this.#end) return;
    this.#end = undefined;
    this.#state = "disconnected";
    end.onclose?.({});
    this.#emit("disconnect", new Error("FAILURE: cut"));
  }

  #later(event: string): void {
    queueMicrotask(() => this.#emit(event));
  }

  #emit(event: string, ...args: unknown[]): void {
    this.#listeners.get(event)?.(...args);
  }
}

interface Plan {
  log: LogLimits | undefined;
  /** Whether the server is started again, with its data but without its log. */
  restart?: boolean;
  /** How many actions happen while the link is down. */
  missed: number;
  actions?: number;
}

/** One conversation, cut after `budget` characters. */
async function run(budget: number, plan: Plan) {
  const { log, restart, missed, actions = 8 } = plan;
  let n = 0;
  let { server, add } = serve(n, log);
  const wire = new Wire(server);
  wire.budget = budget;
  const client = feedmeClient({ transport: wire, connectRetryMs: 0 });
  const problems: unknown[] = [];
  client.on("badServerMessage", (error) => problems.push(error));
  client.on("badClientMessage", (error) => problems.push(error));
  const feed = client.feed("count", {});
  const follower = follow(feed, `cut after ${budget}`);
  feed.desireOpen();
  client.connect();
  await still();
  const act = async () => {
    add();
    n++;
    await still();
  };
  for (let done = 0, down = 0; done < actions; done++) {
    if (wire.held && down++ === missed) {
      if (restart) ({ server, add } = serve(n, log), wire.server = server);
      wire.release();
      // A retry may be due.
      await delay(1);
      await still();
    }
    await act();
  }
  // Twice, because the last action may be cut as well.
  for (let end = 0; end < 2; end++) {
    if (wire.held) {
      wire.release();
      await delay(1);
    }
    await still();
    if (end === 0) await act();
  }
  assertEquals([feed.data().n, follower.n, problems], [n, n, []]);
  await follower.end();
  await client.close();
  await server.close();
  return { wire, gaps: follower.gaps };
}

/** How many marks there were, by how many runs had so many. */
async function everywhere(plan: Plan): Promise<Map<number, number>> {
  const { wire: { passed } } = await run(Infinity, plan);
  const marks = new Map<number, number>();
  for (let budget = 0; budget <= passed; budget++) {
    const { wire, gaps } = await run(budget, plan);
    assertEquals(wire.cuts, budget < passed ? 1 : 0);
    marks.set(gaps, (marks.get(gaps) ?? 0) + 1);
  }
  return marks;
}

Deno.test("cuts: at every byte, a feed with a log misses nothing and needs no mark", async () => {
  const marks = await everywhere({ log: { actions: 100 }, missed: 3 });
  assertEquals([...marks.keys()], [0]);
});

Deno.test("cuts: at every byte, where the log is too short, marks say so", async () => {
  const marks = await everywhere({ log: { actions: 2 }, missed: 3 });
  assertEquals([...marks.keys()].sort(), [0, 1]);
  assert(marks.get(1)! > 0);
});

Deno.test("cuts: at every byte, without a log, each cut of an open feed has a mark", async () => {
  const marks = await everywhere({ log: undefined, missed: 3 });
  assertEquals([...marks.keys()].sort(), [0, 1]);
});

Deno.test("cuts: at every byte, with a server that starts again, marks say so", async () => {
  const marks = await everywhere({
    log: { actions: 100 },
    missed: 3,
    restart: true,
  });
  assertEquals([...marks.keys()].sort(), [0, 1]);
});

Deno.test("cuts: 1,000 actions, and the link is cut in the message of each second one", async () => {
  const { server, add } = serve(0, { actions: 100 });
  const wire = new Wire(server);
  const client = feedmeClient({ transport: wire, connectRetryMs: 0 });
  const feed = client.feed("count", {});
  const follower = follow(feed);
  feed.desireOpen();
  client.connect();
  await still();
  for (let n = 1; n <= 1_000; n++) {
    // Anywhere in the message of this action, if the feed is open.
    if (client.state() === "connected") wire.budget = n % 100;
    add();
    await still();
    if (n % 3 === 0) wire.release();
    await still();
  }
  wire.release();
  await still();
  assert(wire.cuts > 300, `${wire.cuts} cuts`);
  assertEquals([follower.n, follower.gaps, feed.data().n], [1_000, 0, 1_000]);
  await follower.end();
  await client.close();
  await server.close();
});
