/**
 * Whatever an application and a server do, in whatever order: calls settle once,
 * events tell what happened and nothing is left over. Each walk is random, and
 * the same with the same seed.
 */
// deno-lint-ignore-file no-explicit-any
import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { type AGClientSocket, create } from "../../feed/socketcluster/mod.ts";
import { fakeSockets, type FakeWebSocket } from "./fake_socket.ts";

const WALKS = 40;
const STEPS = 120;
const CHANNELS = ["a", "b", "c"];

type Random = () => number;

function randomNumbers(seed: number): Random {
  let state = seed * 7919 + 1;
  return () => (state = state * 48271 % 2147483647) / 2147483647;
}

function picker(random: Random): <T>(choices: readonly T[]) => T {
  return (choices) => choices[Math.floor(random() * choices.length)]!;
}

const token = (n: number) => `h.${btoa(JSON.stringify({ n }))}.s`;

/** What the events of a socket say about it, each checked against the one before. */
class Witness {
  state: string;
  auth = "unauthenticated";
  readonly channels = new Map<string, string>();

  constructor(socket: AGClientSocket) {
    this.state = socket.state;
    const emit = socket.emit.bind(socket);
    socket.emit = (name, data) => {
      this.#see(name, data);
      emit(name, data);
    };
  }

  #see(name: string, data: any): void {
    const turn = (before: string, after: string) => {
      assertEquals(this.state, before, name);
      this.state = after;
    };
    if (name === "connecting") turn("closed", "connecting");
    if (name === "connect") turn("connecting", "open");
    if (name === "connectAbort") turn("connecting", "closed");
    if (name === "disconnect") turn("open", "closed");
    if (name === "authStateChange") {
      assertEquals(data.oldAuthState, this.auth);
      this.auth = data.newAuthState;
    }
    if (name === "subscribeStateChange") {
      const { channel, oldChannelState, newChannelState } = data;
      const before = this.channels.get(channel) ?? "pending";
      assertEquals(oldChannelState, before, channel);
      this.channels.set(channel, newChannelState);
      if (newChannelState === "unsubscribed") this.channels.delete(channel);
    }
    if (name === "error") assertEquals(data.error instanceof Error, true);
  }

  compare(socket: AGClientSocket): void {
    assertEquals([socket.state, socket.authState], [this.state, this.auth]);
    for (const name of CHANNELS) {
      assertEquals(
        socket.getChannelState(name) === "subscribed",
        this.channels.get(name) === "subscribed",
        name,
      );
    }
  }
}

/** Answers what the client sent: mostly well, sometimes not at all. */
function answer(fake: FakeWebSocket, random: Random): void {
  const packets = fake.sent.splice(0).filter((frame) => frame !== "")
    .flatMap((frame) => JSON.parse(frame as string));
  for (const { event, data, cid: rid } of packets) {
    const luck = random();
    if (rid === undefined || luck < 0.1) continue;
    if (luck < 0.25) {
      fake.receivePacket({ rid, error: { message: "no", statusCode: 4008 } });
    } else if (event === "#handshake") {
      const isAuthenticated = data.authToken !== null && luck < 0.8;
      const status = { id: "x", pingTimeout: 20_000, isAuthenticated };
      fake.receivePacket({ rid, data: status });
    } else {
      fake.receivePacket({ rid, data: { isAuthenticated: luck < 0.8 } });
    }
  }
}

async function walk(seed: number): Promise<void> {
  const random = randomNumbers(seed);
  const pick = picker(random);
  using time = new FakeTime();
  const { made, WebSocket } = fakeSockets();
  const socket = create({
    WebSocket,
    autoConnect: pick([true, false]),
    reconnect: pick(["eager", "compatible"]),
    batchOnHandshake: pick([true, false]),
    autoSubscribeOnConnect: random() < 0.8,
  });
  const witness = new Witness(socket);
  let pending = 0;
  const wait = (promise: Promise<unknown>) => {
    pending++;
    const settled = () => pending--;
    promise.then(settled, (error) => {
      settled();
      const own = ["TimeoutError", "BadConnectionError", "InvalidMessageError"];
      if (own.includes(error.name)) assertEquals(typeof error.sent, "boolean");
    });
  };
  let giveUp = new AbortController();
  const server = (packet: unknown) => made.at(-1)?.receivePacket(packet);
  const steps: (() => unknown)[] = [
    () => socket.connect(),
    () => socket.disconnect(pick([undefined, 1000, 4444, 4501])),
    () => socket.reconnect(),
    () =>
      socket.subscribe(pick(CHANNELS), {
        waitForAuth: pick([true, false, undefined]),
        data: pick([undefined, 0, 1n, { x: 1 }]),
      }),
    () => socket.unsubscribe(pick(CHANNELS)),
    () =>
      wait(socket.invoke("p", pick([1, 1n]), {
        ackTimeout: pick([undefined, 5, 50]),
        signal: giveUp.signal,
      })),
    () => wait(socket.invokePublish("a", 1)),
    () => socket.transmit("t", pick([1, 1n])),
    () => giveUp.abort(new Error("given up")),
    () => giveUp = new AbortController(),
    () => socket.startBatch(),
    () => socket.flushBatch(),
    () => socket.cancelBatch(),
    () => socket.startBatching(),
    () => socket.stopBatching(),
    () => socket.cancelBatching(),
    () => wait(socket.authenticate(token(1))),
    () => wait(socket.deauthenticate()),
    () => socket.processPendingSubscriptions(),
    () =>
      wait(
        socket.channel("a").createConsumer({
          limit: 2,
          overflow: pick(["drop-oldest", "drop-newest", "error", "pause"]),
        }).next(),
      ),
    () => pick([socket.killChannel, socket.closeChannel]).call(socket, "a"),
    () => made.at(-1)?.readyState === 0 && made.at(-1)!.open(),
    () => made.at(-1)?.readyState === 1 && answer(made.at(-1)!, random),
    () => server({ event: "#setAuthToken", data: { token: token(2) } }),
    () => server({ event: "#removeAuthToken" }),
    () => server({ event: "#kickOut", data: { channel: pick(CHANNELS) } }),
    () => server({ event: "#publish", data: { channel: "a", data: 1 } }),
    () => server(pick([[], null, { rid: 1 }, [[1], { rid: 99 }]])),
    () => made.at(-1)?.receive(""),
    () => made.at(-1)?.end(pick([1000, 1001, 1005, 1006, 4000, 4501])),
  ];
  for (let i = 0; i < STEPS; i++) {
    pick(steps)();
    if (random() < 0.5) {
      await time.tickAsync(pick([0, 0, 1, 10, 100, 11_000, 30_000]));
    }
    witness.compare(socket);
  }
  socket.stopBatching();
  socket.disconnect();
  socket.killAllChannels();
  made.forEach((fake) => fake.end(1000));
  for (let i = 0; i < 5; i++) await time.tickAsync(1);
  assertEquals([pending, socket.getBackpressure()], [0, 0]);
  assertEquals(time.next(), false, "a timer is left");
}

Deno.test(`chaos - ${WALKS} walks of ${STEPS} steps`, async () => {
  for (let seed = 1; seed <= WALKS; seed++) {
    try {
      await walk(seed);
    } catch (cause) {
      throw new Error(`walk ${seed}`, { cause });
    }
  }
});
