/** The recorded conversations: same frames out, same events in the same order. */
import { assertEquals } from "@std/assert";
import {
  readTranscripts,
  type RecordedEvent,
  replay,
  type Scenario,
  type Transcript,
} from "./replay.ts";

const quick = {
  initialDelay: 20,
  randomness: 0,
  multiplier: 2,
  maxDelay: 100,
};

const scenarios: Record<string, Scenario> = {
  "handshake-response-timeout-4003": { options: { ackTimeout: 200 } },
  "connect-timeout-4007": { options: { connectTimeout: 150 } },
  "load-token-rejects": { loadTokenFails: "storage broken" },
  "invoke-timeout-then-late-response": { options: { ackTimeout: 100 } },
  "server-invoke-client": {
    before(socket) {
      (async () => {
        for await (const request of socket.procedure("add")) {
          const { a, b } = request.data;
          if (a < 0) {
            request.error(
              Object.assign(new Error("neg"), { name: "NegError", extra: 1 }),
            );
          } else request.end(b === undefined ? undefined : a + b);
        }
      })();
    },
  },
  "transmit-order-queued-before-connect": {
    before(socket) {
      socket.transmit("a", 1);
      socket.invoke("echo", 2);
      socket.subscribe("ch");
      socket.transmitPublish("ch", "p");
      socket.transmit("b", 3);
    },
  },
  "subscribe-waitForAuth": {
    before(socket) {
      socket.subscribe("priv", { waitForAuth: true, data: { k: 1 } });
    },
  },
  "subscribe-waitForAuth-and-reconnect-with-token": {
    before(socket) {
      socket.subscribe("low", { priority: 1 });
      socket.subscribe("priv", { waitForAuth: true, priority: 1 });
      socket.subscribe("high", { priority: 10 });
      socket.subscribe("none");
    },
  },
  "subscribe-channelPrefix": { options: { channelPrefix: "app#" } },
  "subscribe-autoSubscribeOnConnect-false": {
    options: { autoSubscribeOnConnect: false },
    before(socket) {
      socket.subscribe("foo");
      socket.subscribe("bar", { priority: 1 });
      socket.subscribe("late");
      setTimeout(() => socket.processPendingSubscriptions(), 84);
    },
  },
  "reconnect-resubscribes": { options: { autoReconnectOptions: quick } },
  "ping-pong-v1": { options: { protocolVersion: 1 } },
  "ping-v1-client-v2-server-mismatch": {
    options: { protocolVersion: 1, autoReconnect: false },
  },
  "ping-timeout-disabled": { options: { pingTimeoutDisabled: true } },
  "batch-onHandshake-client": {
    options: { batchOnHandshake: true, batchInterval: 30 },
    before(socket) {
      for (const name of ["a", "b", "c"]) socket.subscribe(name);
      socket.transmit("x", 1);
    },
  },
  "disconnect-client-4444-reconnects": {
    options: { autoReconnectOptions: quick },
  },
  "reconnect-backoff-sequence": {
    options: { autoReconnectOptions: quick, connectTimeout: 41 },
  },
};

type Change = (transcript: Transcript) => void;

/** Moves an event after the first `connect`, where its state is the later one. */
const afterConnect = (name: string): Change => ({ clientEvents: events }) => {
  const from = events.findIndex(({ event }) => event === name);
  const [moved] = events.splice(from, 1);
  const to = events.findIndex(({ event }) => event === "connect");
  events.splice(to + 1, 0, { ...moved!, state: "open" });
};

const notSaved: Change = (transcript) => {
  transcript.authEngineCalls = transcript.authEngineCalls
    .filter(([method]) => method !== "saveToken");
};

/** What this client does otherwise on purpose, and why. */
const improvements: Record<string, Change> = {
  // What comes with the answer to the handshake waits until it is processed.
  "handshake-invalid-token": afterConnect("removeAuthToken"),
  "handshake-malformed-token": afterConnect("removeAuthToken"),
  "handshake-expired-token": afterConnect("removeAuthToken"),
  // A token that was not accepted is not kept.
  "client-authenticate-notbefore": notSaved,
  "client-authenticate-blocked-by-middleware": notSaved,
  // Any frame is a sign of life, so here the server loses patience first.
  "ping-v1-client-v2-server-mismatch": ({ clientEvents }) => {
    for (const { event, data } of clientEvents.slice(-3)) {
      const what = event === "error" ? data.error.__error : data;
      what.code = 4001;
      if (event === "error") what.message = "Client pong timed out";
      else what.reason = "Client pong timed out";
    }
  },
  // #setAuthToken without a token does not authenticate.
  "server-unknown-reserved-events": (transcript) => {
    const error = {
      event: "error",
      data: {
        error: {
          __error: {
            name: "InvalidMessageError",
            message: "No token data provided by #setAuthToken event",
          },
        },
      },
      state: "open",
      authState: "unauthenticated",
      t: 25,
    };
    transcript.clientEvents = transcript.clientEvents
      .map((event) => ({ ...event, authState: "unauthenticated" }))
      .filter(({ event }) => event !== "authenticate")
      .map((event) => event.event === "authStateChange" ? error : event);
    notSaved(transcript);
  },
};

/** Conversations that cannot be replayed from their frames, and why. */
const elsewhere: Record<string, string> = {
  "server-strict-handshake-4009": "spoken by a bare WebSocket",
  "handshake-without-cid-4008": "spoken by a bare WebSocket",
  "encode-failure-bigint": "fails alone and at once: calls_test.ts",
  "encode-failure-in-batch": "sends the rest of the batch: calls_test.ts",
};

const transcripts = readTranscripts();

for (const recorded of transcripts) {
  if (elsewhere[recorded.name]) continue;
  Deno.test(`replay - ${recorded.name}`, async () => {
    const transcript = structuredClone(recorded);
    const outcome = await replay(transcript, scenarios[recorded.name] ?? {});
    improvements[recorded.name]?.(transcript);
    assertEquals(
      outcome.frames,
      transcript.frames
        .filter(({ dir }) => dir === "c2s")
        .map(({ text }) => text),
    );
    assertEquals(
      outcome.events,
      transcript.clientEvents
        .map(({ t: _, ...event }: RecordedEvent) => event),
    );
    assertEquals(outcome.authEngineCalls, transcript.authEngineCalls);
    for (const { dir, conn, code, reason } of transcript.closes) {
      const own = outcome.closes[conn - 1];
      if (dir === "c2s" && own && code !== undefined) {
        assertEquals([own.code, own.reason ?? ""], [code, reason]);
      }
    }
  });
}

Deno.test("replay - every recorded conversation is replayed or explained", () => {
  const names = transcripts.map(({ name }) => name);
  assertEquals(names.length, 85);
  for (const name of Object.keys({ ...scenarios, ...improvements })) {
    assertEquals(names.includes(name), true, name);
  }
});
