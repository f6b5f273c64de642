/**
 * The recorded scenarios again, over loopback, against the server and the
 * transport from npm: the same frames and events have to come. Then each once
 * more with a server that is killed in the middle and started again.
 */
import { assert, assertEquals } from "@std/assert";
import { deadline, delay } from "@std/async";
import { config } from "../kit/config.ts";
import { TextLineStream } from "../kit/lines.ts";
import { feedmeClient } from "../../feed/feedme/client/client.ts";
import { webSocketTransport } from "../../feed/feedme/client/websocket.ts";
import { expectedInDialectA } from "./recordings.ts";
import npmTransport from "feedme-transport-ws/client.js";
import {
  act,
  type Scenario,
  SCENARIOS,
  type ServerCommand,
} from "./scenarios.ts";
import { Stage } from "./stage.ts";

const ROOT = new URL("../../", import.meta.url);
const PATIENCE = 15_000;

/** The server process. */
class Peer {
  #child: Deno.ChildProcess;
  #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly port: number;

  private constructor(child: Deno.ChildProcess, port: number) {
    this.#child = child;
    this.#stdin = child.stdin.getWriter();
    this.port = port;
  }

  static async start(
    server: Scenario["server"],
    port = freePort(),
  ): Promise<Peer> {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        `--config=${config}`,
        "tests/feedme/npm_server_process.ts",
        `${port}`,
        JSON.stringify(server ?? {}),
      ],
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    const { value } = await deadline(lines.read(), PATIENCE);
    assertEquals(value, "started");
    await lines.cancel();
    return new Peer(child, port);
  }

  async order(command: ServerCommand): Promise<void> {
    await this.#stdin.write(
      new TextEncoder().encode(JSON.stringify(command) + "\n"),
    );
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#stdin.abort().catch(() => {});
  }
}

function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
}

/** The application of a scenario, its log, and what stands for the lab's wire. */
class Run {
  readonly log: string[] = [];
  readonly stage: Stage;
  readonly scenario: Scenario;
  peer: Peer;
  #sockets: WebSocket[] = [];
  #held: string[] = [];

  constructor(scenario: Scenario, peer: Peer) {
    this.scenario = scenario;
    this.peer = peer;
    // deno-lint-ignore no-this-alias
    const run = this;
    class LoggedSocket extends WebSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols);
        run.#sockets.push(this);
        this.addEventListener("message", ({ data }) => {
          run.log.push(`S>C ${data}`);
          const { until } = scenario.wire ?? {};
          if (until && data.includes(until)) {
            setTimeout(() => run.release(), 20);
          }
        });
      }
      override send(text: string): void {
        run.log.push(`C>S ${text}`);
        const { hold, rewrite } = scenario.wire ?? {};
        if (hold && text.includes(hold)) run.#held.push(text);
        else if (rewrite) super.send(text.replace(...rewrite));
        else super.send(text);
      }
      sendHeld(text: string): void {
        super.send(text);
      }
    }
    const transport = webSocketTransport({
      url: `ws://127.0.0.1:${peer.port}`,
      WebSocket: LoggedSocket,
    });
    this.stage = new Stage({
      transport: {
        state: () => transport.state(),
        connect: () => transport.connect(),
        disconnect: () => transport.disconnect(),
        send: (text) => transport.send(text),
        on: (event, listener) => transport.on!(event, listener),
        off: (event, listener) => transport.off!(event, listener),
        [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose]!(),
      },
      connectRetryMs: 60,
      connectRetryBackoffMs: 0,
      ...scenario.options,
    }, (line) => this.log.push(line));
  }

  release(): void {
    const socket = this.#sockets.at(-1) as unknown as {
      sendHeld(text: string): void;
    };
    for (const text of this.#held.splice(0)) socket.sendHeld(text);
  }

  /** Waits until the log has a line with `part`, from line `from` on. */
  async seen(part: string, from: number): Promise<number> {
    for (let waited = 0; waited < PATIENCE; waited += 5) {
      const index = this.log.findIndex((line, index) =>
        index >= from && `${line}\n`.includes(part)
      );
      if (index >= 0) return index + 1;
      await delay(5);
    }
    throw new Error(`no ${part} in\n${this.log.join("\n")}`);
  }

  /** Performs the cues up to number `count`. */
  async perform(count: number, frames: string[] = []): Promise<void> {
    let from = 0;
    for (const cue of this.scenario.cues.slice(0, count)) {
      if (cue.after !== "start") from = await this.seen(cue.after, from);
      cue.app?.(this.stage);
      for (const command of cue.server ?? []) await this.peer.order(command);
      if (
        this.scenario.wire?.inject && cue.after.includes("client.connect\n")
      ) {
        for (const data of frames.slice(1)) {
          this.#sockets.at(-1)!.dispatchEvent(
            new MessageEvent("message", { data }),
          );
        }
      }
    }
  }
}

/** Without what differs between runs and libraries. */
function plain(line: string): string {
  return line.replace(/"parseError":"[^"]*"/, '"parseError":"?"')
    .replace(/"transportError":"[^"]*"/, '"transportError":"?"');
}

const peers = SCENARIOS.filter(({ only }) => only !== "replay");

for (const scenario of peers) {
  Deno.test(`npm server: ${scenario.name}`, async () => {
    const expected = expectedInDialectA(scenario.name).map(plain);
    const peer = await Peer.start(scenario.server);
    const run = new Run(scenario, peer);
    await run.perform(
      scenario.cues.length,
      expected.filter((line) => line.startsWith("S>C "))
        .map((line) => line.slice(4)),
    );
    await run.seen(expected.findLast((line) => line.startsWith("app "))!, 0)
      .catch(() => {});
    await run.stage.client[Symbol.asyncDispose]();
    await peer.kill();
    const ours = (line: string) => !line.startsWith("S>C ");
    assertEquals(run.log.map(plain).filter(ours), expected.filter(ours));
  });
}

for (const scenario of SCENARIOS) {
  Deno.test(`npm server, killed: ${scenario.name}`, async () => {
    const peer = await Peer.start(scenario.server);
    const run = new Run(scenario, peer);
    // Past `connect`, but with something left to do.
    const middle = Math.max(1, Math.ceil(scenario.cues.length / 2));
    await run.perform(middle);
    await peer.kill();
    run.peer = await Peer.start(scenario.server, peer.port);
    const { client, feeds } = run.stage;
    const { handshake, feeds: plans = {} } = scenario.server ?? {};

    if (handshake !== "never" && !scenario.wire?.rewrite) {
      if (
        client.state() === "disconnected" && scenario.cues.length === middle
      ) {
        client.connect();
      }
      for (let waited = 0; client.state() !== "connected"; waited += 5) {
        assert(waited < PATIENCE, run.log.join("\n"));
        await delay(5);
      }
    }
    for (const [index, feed] of feeds.entries()) {
      if (feed.desiredState() === "closed") continue;
      const name = scenario.name.includes("REJECTED")
        ? ["rej", "term"][index]!
        : scenario.name.includes("success and reject")
        ? ["good", "bad"][index]!
        : "f";
      const plan = plans[name];
      const wanted = plan === "hold"
        ? "opening"
        : Array.isArray(plan)
        ? "closed"
        : "open";
      for (
        let waited = 0;
        feed.state() !== wanted &&
        !(wanted === "opening" && run.log.at(-1)!.includes("TIMEOUT"));
        waited += 5
      ) {
        assert(waited < PATIENCE, `${wanted}\n${run.log.join("\n")}`);
        await delay(5);
      }
      if (wanted === "open") assertEquals(feed.data() as unknown, plan ?? {});
    }
    await client[Symbol.asyncDispose]();
    await run.peer.kill();
    checkGrammar(run.log);
  });
}

Deno.test("npm server: reopening is throttled, a bad hash after every open", async () => {
  const scenario: Scenario = {
    name: "reopen throttling",
    options: { reopenMaxAttempts: 2, reopenTrailingMs: 250 },
    server: { feeds: { f: { n: 0 } } },
    cues: [],
  };
  const peer = await Peer.start(scenario.server);
  const run = new Run(scenario, peer);
  const { client } = run.stage;
  const opens: number[] = [];
  client.connect();
  run.stage.open("f");
  const [feed] = run.stage.feeds;
  feed!.on("opening", () => opens.push(performance.now()));
  feed!.on(
    "open",
    () => void peer.order(act("Bad", [], { feedMd5: "x".repeat(24) })),
  );
  for (let waited = 0; opens.length < 9; waited += 5) {
    assert(waited < PATIENCE, run.log.join("\n"));
    await delay(5);
  }
  await client[Symbol.asyncDispose]();
  await peer.kill();
  const [, ...reopens] = opens;
  for (const [index, at] of reopens.entries()) {
    // Less than the window, as a busy machine tells late.
    const inWindow = reopens.slice(index).filter((each) => each < at + 150);
    assert(inWindow.length <= 2, reopens.join());
  }
  checkGrammar(run.log);
});

Deno.test("npm server and npm transport", async () => {
  const peer = await Peer.start({
    feeds: { f: { n: 0 } },
    actions: { ok: "echo" },
  });
  const transport = npmTransport(`ws://127.0.0.1:${peer.port}`);
  const log: string[] = [];
  const stage = new Stage({ transport }, (line) => log.push(plain(line)));
  const { client } = stage;
  client.connect();
  stage.open("f");
  await stage.feeds[0]!.opened();
  assertEquals(await client.action("ok", { a: 1 }) as unknown, {
    echo: { a: 1 },
  });
  await peer.order(
    act("A", [{ Operation: "Increment", Path: ["n"], Value: 1 }], {
      feedData: { n: 1 },
    }),
  );
  await stage.feeds[0]!.actions().next();
  await peer.order({ do: "drop" });
  const again = Promise.withResolvers<void>();
  client.once("connect", () => again.resolve());
  await deadline(again.promise, PATIENCE);
  await stage.feeds[0]!.opened();
  const closed = Promise.withResolvers<void>();
  client.once("disconnect", () => closed.resolve());
  client.disconnect();
  await closed.promise;
  client.destroy();
  await peer.kill();
  assertEquals(log.map((line) => line.split(" {")[0]), [
    "app feed1.close",
    "app client.connecting",
    "app client.connect",
    "app feed1.opening",
    "app feed1.open",
    'app feed1.action "A"',
    "app feed1.close",
    "app client.disconnect",
    "app client.connecting",
    "app client.connect",
    "app feed1.opening",
    "app feed1.open",
    "app feed1.close",
    "app client.disconnect",
  ]);
});

Deno.test("npm server: probes are harmless, whether or not its application listens", async () => {
  const feeds = { f: { n: 1 } };
  for (const server of [{ deaf: true }, { feeds }]) {
    const peer = await Peer.start(server);
    const client = feedmeClient({
      transport: webSocketTransport({
        url: `ws://127.0.0.1:${peer.port}`,
        silenceTimeout: 200,
      }),
    });
    const log: string[] = [];
    for (
      const event of [
        "disconnect",
        "badServerMessage",
        "badClientMessage",
        "transportError",
      ] as const
    ) client.on(event, (...args: unknown[]) => log.push(`${event} ${args}`));
    client.connect();
    const feed = client.feed("f", {});
    feed.desireOpen();
    if (!server.deaf) assertEquals(await feed.opened(), feeds.f);
    await delay(1_500);
    assertEquals([client.state(), log], ["connected", []]);
    // What the probe leaves behind is nothing that the next action would meet.
    await client.action("x", {}).catch(({ code }) => {
      assertEquals(code, "REJECTED");
    });
    log.length = 0;
    await client.close();
    await peer.kill();
  }
});

/** Whether events came in an order that makes sense at all. */
function checkGrammar(log: string[]): void {
  const states = new Map<string, string>();
  let connection = "disconnected";
  let asked = 0;
  let told = 0;
  for (const line of log) {
    if (line.startsWith('C>S {"MessageType":"Action"')) asked++;
    if (line.startsWith("app callback")) told++;
    const [, name, event] = /^app (feed\d|client)\.(\w+)/.exec(line) ?? [];
    if (name === "client" && event !== undefined) {
      const before = connection;
      if (event === "connecting") assertEquals(before, "disconnected");
      if (event === "connect") assertEquals(before, "connecting");
      if (["connecting", "connect"].includes(event)) connection = event + "ing";
      if (event === "connecting") connection = "connecting";
      if (event === "connect") connection = "connected";
      if (event === "disconnect") {
        assert(before !== "disconnected");
        connection = "disconnected";
        // Feeds and actions have been told before.
        for (const state of states.values()) assertEquals(state, "close");
        assertEquals(told, asked);
      }
    } else if (name && event) {
      const before = states.get(name) ?? "close";
      if (event === "opening") assertEquals(before, "close");
      if (event === "open") assertEquals(before, "opening");
      if (event === "action") assertEquals(before, "open");
      else states.set(name, event);
    }
  }
  assertEquals(connection, "disconnected");
}
