/**
 * Replays a recorded conversation between socketcluster-client 20.0.2 and a
 * server: plays the server, does what the application did (as the frames tell),
 * lets the recorded time pass, and collects what this client sends and emits.
 */
// deno-lint-ignore-file no-explicit-any
import { FakeTime } from "@std/testing/time";
import {
  AGClientSocket,
  type AuthEngine,
  type ClientOptions,
} from "../../feed/socketcluster/mod.ts";
import { readData } from "../kit/data.ts";
import { fakeSockets, type FakeWebSocket } from "./fake_socket.ts";

export interface Frame {
  dir: "c2s" | "s2c";
  text: string;
  conn: number;
  t: number;
  binary?: string;
  dropped?: boolean;
}

export interface RecordedEvent {
  event: string;
  data: any;
  state: string;
  authState: string;
  t: number;
}

export interface Transcript {
  name: string;
  frames: Frame[];
  closes: {
    dir: "c2s" | "s2c";
    code?: number | null;
    reason?: string;
    conn: number;
    t: number;
    afterFrame: number;
  }[];
  clientEvents: RecordedEvent[];
  authEngineCalls: unknown[][];
}

/** What the frames do not tell of a scenario. */
export interface Scenario {
  options?: ClientOptions;
  /** What the application did before it connected. */
  before?(socket: AGClientSocket<any>): void;
  /** Makes the auth engine fail. */
  loadTokenFails?: string;
}

/** What this client did. */
export interface Outcome {
  frames: string[];
  events: Omit<RecordedEvent, "t">[];
  authEngineCalls: unknown[][];
  /** How it closed each connection. */
  closes: FakeWebSocket["closedWith"][];
}

/** The recorded conversations, read anew: a test may change its copy. */
export const readTranscripts = (): Transcript[] =>
  readData("socketcluster/transcripts.json");

/** A value as the recordings show it. */
function shown(value: any): any {
  if (value instanceof Error) {
    const { name, message } = value;
    // What this package adds: whether a call was sent, and a word as its code.
    const { sent: _, code, ...own } = value as Error & {
      sent?: boolean;
      code?: unknown;
    };
    if (typeof code === "number") Object.assign(own, { code });
    return { __error: { name, message, ...shown(own) } };
  }
  if (typeof value === "function") return "[function]";
  if (value instanceof ArrayBuffer) return {};
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, property]) => property !== undefined)
      .map(([key, property]) => [key, shown(property)]),
  );
}

/** An auth engine that keeps a record of its calls. */
function recordingAuth(
  token: string | null,
  scenario: Scenario,
): AuthEngine & { calls: unknown[][] } {
  const calls: unknown[][] = [];
  return {
    calls,
    loadToken(name) {
      if (scenario.loadTokenFails) {
        return Promise.reject(new Error(scenario.loadTokenFails));
      }
      calls.push(["loadToken", name]);
      return Promise.resolve(token);
    },
    saveToken(name, saved, options) {
      calls.push(["saveToken", name, saved, options]);
      token = saved;
      return Promise.resolve(saved);
    },
    removeToken(name) {
      calls.push(["removeToken", name]);
      const removed = token;
      token = null;
      return Promise.resolve(removed);
    },
  };
}

/** Does what the application did to make the client send this. */
function act(socket: AGClientSocket<any>, text: string, prefix: string): void {
  let packet: any;
  try {
    packet = JSON.parse(text);
  } catch {
    return socket.send(text);
  }
  if (Array.isArray(packet) && packet.length > 0) {
    socket.startBatch();
    for (const one of packet) act(socket, JSON.stringify(one), prefix);
    return socket.flushBatch();
  }
  const { event, data, cid } = packet;
  const plain = (channel: string) => channel.slice(prefix.length);
  const ignore = () => {};
  if (typeof event !== "string") return socket.send(text);
  if (event === "#subscribe") {
    const { channel, ...options } = data;
    socket.subscribe(plain(channel), options);
  } else if (event === "#unsubscribe") socket.unsubscribe(plain(data));
  else if (event === "#authenticate") socket.authenticate(data).catch(ignore);
  else if (event === "#removeAuthToken") socket.deauthenticate();
  else if (event === "#publish" && cid) {
    socket.invokePublish(plain(data.channel), data.data).catch(ignore);
  } else if (event === "#publish") {
    socket.transmitPublish(plain(data.channel), data.data);
  } else if (cid) socket.invoke(event, data).catch(ignore);
  else socket.transmit(event, data);
}

/** Close codes by which this client ends a connection when its timers say so. */
const TIMED = [4000, 4003, 4007];

export async function replay(
  transcript: Transcript,
  scenario: Scenario,
): Promise<Outcome> {
  using time = new FakeTime(0);
  const { made, WebSocket } = fakeSockets();
  const events: Outcome["events"] = [];
  class Recorder extends AGClientSocket {
    override emit(event: string, data: unknown): void {
      if (event !== "message") {
        const { state, authState } = this;
        events.push({ event, data: shown(data), state, authState });
      }
      super.emit(event, data);
    }
  }
  const handshake = transcript.frames.find(({ dir }) => dir === "c2s");
  const auth = recordingAuth(
    handshake ? JSON.parse(handshake.text).data.authToken : null,
    scenario,
  );
  const socket: AGClientSocket = new Recorder({
    authTokenName: "socketcluster.authToken",
    authEngine: auth,
    autoConnect: false,
    WebSocket,
    ...scenario.options,
  });
  const prefix = scenario.options?.channelPrefix ?? "";
  const until = async (done: () => boolean, ms: number) => {
    for (let passed = 0; passed < ms && !done(); passed++) {
      await time.tickAsync(1);
    }
  };
  const passTo = async (t: number) => {
    if (t > time.now) await time.tickAsync(t - time.now);
    else await time.tickAsync(0);
  };

  // Frames and closes in their order; events show what the application did.
  type Step = { t: number; rank: number; run: () => Promise<void> | void };
  const steps: Step[] = [];
  const read = made.map(() => 0);
  const frames: string[] = [];
  const collect = (conn: number): boolean => {
    const { sent } = made[conn - 1]!;
    const next = sent[read[conn - 1] ?? 0];
    if (next === undefined) return false;
    read[conn - 1] = (read[conn - 1] ?? 0) + 1;
    frames.push(String(next));
    return true;
  };
  transcript.frames.forEach((frame, i) => {
    steps.push({
      t: frame.t,
      rank: i,
      run: async () => {
        const fake = made[frame.conn - 1]!;
        if (frame.dir === "s2c") {
          if (frame.dropped) return;
          fake.receive(
            frame.binary === undefined ? frame.text : Uint8Array.from(
              frame.binary.match(/../g) ?? [],
              (hex) => parseInt(hex, 16),
            ).buffer,
          );
          return;
        }
        if (fake.readyState === 0) {
          fake.open();
          await time.tickAsync(0);
        }
        if (!collect(frame.conn)) {
          act(socket, frame.text, prefix);
          await time.tickAsync(0);
          collect(frame.conn);
        }
      },
    });
  });
  const closing = new Set<number>();
  for (const close of transcript.closes) {
    // Only who closes first does so by himself.
    if (closing.has(close.conn)) continue;
    closing.add(close.conn);
    if (close.dir === "c2s") continue;
    steps.push({
      t: close.t,
      rank: close.afterFrame - 0.5,
      run: () => {
        if (made[close.conn - 1]!.readyState < 2) {
          made[close.conn - 1]!.end(close.code ?? 1005, close.reason);
        }
      },
    });
  }
  let connections = 0;
  for (const { event, data, t } of transcript.clientEvents) {
    if (event === "connecting") {
      const nth = ++connections;
      steps.push({
        t,
        rank: Infinity,
        run: async () => {
          if (made.length >= nth) return;
          if (socket.pendingReconnect) {
            await until(() => made.length >= nth, 60_000);
          } else socket.connect();
        },
      });
    } else if (event === "disconnect" || event === "connectAbort") {
      const nth = connections;
      steps.push({
        t,
        rank: Infinity,
        run: async () => {
          const fake = made[nth - 1]!;
          if (scenario.loadTokenFails && fake.readyState === 0) fake.open();
          await time.tickAsync(0);
          if (socket.state === "closed" || made.length > nth) return;
          if (TIMED.includes(data.code)) {
            await until(() => socket.state === "closed", 30_000);
          } else if (data.code === 1006) fake.end(1006);
          else if (data.code === 1000) {
            socket.disconnect(undefined, data.reason);
          } else socket.disconnect(data.code, data.reason);
        },
      });
    }
  }
  steps.sort((a, b) => a.t - b.t || a.rank - b.rank);

  scenario.before?.(socket);
  socket.connect();
  for (const step of steps) {
    await passTo(step.t);
    await step.run();
    await time.tickAsync(0);
  }
  // Whatever it sent beyond the recording counts as well.
  made.forEach((_, i) => {
    while (collect(i + 1));
  });
  const closes = made.map((fake) => fake.closedWith);
  const conversation = events.slice();
  socket.disconnect();
  made.forEach((fake) => fake.end(1000));
  await time.tickAsync(0);
  return {
    frames,
    events: conversation,
    authEngineCalls: auth.calls,
    closes,
  };
}
