/**
 * The recorded conversations as scripts: what the application does, and the
 * server, after which line of the log. A recording has the lines, not the
 * calls that led to them.
 */
import type { FeedmeClientOptions } from "../../feed/feedme/client/options.ts";
import type { Stage } from "./stage.ts";

/** What the other side has to do where it is no recording. */
export type ServerCommand =
  /** Answers with the `n`th response that it has held back, as in `as`. */
  | { do: "respond"; as?: "failure"; args: unknown[] }
  | { do: "action"; message: object }
  | { do: "terminate"; message: object }
  /** Drops all connections. */
  | { do: "drop" }
  /** Goes away; what follows must bring it back. */
  | { do: "stop" };

export interface Cue {
  /** A part of the line after which it is time; the first such line. */
  after: string;
  /** What the application does. */
  app?: (stage: Stage) => void;
  /** What the server does. */
  server?: ServerCommand[];
  /** Milliseconds that have to pass, where time is fake. */
  wait?: number;
  /** The connection is lost; `next` is what becomes of the next attempt. */
  lose?: { next?: "fail" };
}

export interface Scenario {
  /** The name of the recording without the letter of its peers. */
  name: string;
  options?: Partial<FeedmeClientOptions>;
  /** How the server answers: at once by default. */
  server?: {
    handshake?: "never";
    /** Feed data by feed; an array is the arguments of a failure. */
    feeds?: Record<string, object | [string, object] | "hold">;
    actions?: Record<string, object | [string, object] | "hold" | "echo">;
    /** Whether to hold back responses to FeedClose. */
    holdClose?: boolean;
    /** Whether there are listeners at all. */
    deaf?: boolean;
  };
  /** What the lab did on the wire. */
  wire?: {
    /** Replaces text in what the client sends. */
    rewrite?: [string, string];
    /** Holds back what the client sends, until the server has sent something. */
    hold?: string;
    until?: string;
    /** Gives the client the recorded frames that the server never sent. */
    inject?: true;
  };
  cues: Cue[];
  /** Attempts to connect cannot be counted where a server takes its time. */
  only?: "replay";
}

const connect: Cue = { after: "start", app: ({ client }) => client.connect() };
const disconnect = (after: string): Cue => ({
  after,
  app: ({ client }) => client.disconnect(),
});
const onConnect = (app: (stage: Stage) => void): Cue => ({
  after: "app client.connect\n",
  app,
});
const openF = onConnect((stage) => stage.open("f"));
const closeF = (after = "app feed1.open "): Cue => ({
  after,
  app: ({ feeds: [f] }) => f!.desireClosed(),
});
const reopenF = (after: string): Cue => ({
  after,
  app: ({ feeds: [f] }) => f!.desireOpen(),
});
/** What the server does once the feed is open, or after another line. */
const serve = (server: ServerCommand[], after = "app feed1.open "): Cue => ({
  after,
  server,
});
/** The server ends a feed. */
const terminate = (errorCode: string, errorData = {}, feedName = "f") =>
  [{
    do: "terminate",
    message: { feedName, feedArgs: {}, errorCode, errorData },
  }] satisfies ServerCommand[];
/** A feed whose opening takes too long; then `cues`. */
const slowFeed = (name: string, ...cues: Cue[]): Scenario => ({
  name,
  options: { feedTimeoutMs: 100 },
  server: { feeds: { f: "hold" } },
  cues: [connect, openF, { after: "app feed1.opening", wait: 100 }, ...cues],
});
/** A feed action of the feed `f`. */
export const act = (
  actionName: string,
  feedDeltas: object[],
  more: object = {},
): ServerCommand => ({
  do: "action",
  message: {
    actionName,
    actionData: {},
    feedName: "f",
    feedArgs: {},
    feedDeltas,
    ...more,
  },
});

const OPS_DATA = {
  num: 5,
  str: "mid",
  flag: false,
  obj: { k: 1, z: 9 },
  arr: [1, 2, 3],
  dup: [1, { a: 1 }, 1, [2]],
  gone: 1,
  pops: [1, 2, 3],
};
const OPS = [
  { Operation: "Set", Path: ["obj", "k"], Value: { deep: true } },
  { Operation: "Delete", Path: ["gone"] },
  { Operation: "DeleteValue", Path: ["dup"], Value: 1 },
  { Operation: "Prepend", Path: ["str"], Value: "<" },
  { Operation: "Append", Path: ["str"], Value: ">" },
  { Operation: "Increment", Path: ["num"], Value: 2.5 },
  { Operation: "Decrement", Path: ["num"], Value: 1 },
  { Operation: "Toggle", Path: ["flag"] },
  { Operation: "InsertFirst", Path: ["arr"], Value: "first" },
  { Operation: "InsertLast", Path: ["arr"], Value: "last" },
  { Operation: "InsertBefore", Path: ["arr", 1], Value: "b1" },
  { Operation: "InsertAfter", Path: ["arr", 1], Value: "a1" },
  { Operation: "DeleteFirst", Path: ["pops"] },
  { Operation: "DeleteLast", Path: ["pops"] },
];
const NO_MD5 = "A".repeat(22) + "==";

export const SCENARIOS: Scenario[] = [
  {
    name: "handshake success",
    cues: [connect, disconnect("app client.connect\n")],
  },
  {
    name:
      "handshake rejected by the server, seen by the client (lab rewrites the client's Versions to 9.9 on the wire)",
    wire: { rewrite: ['["0.1"]', '["9.9"]'] },
    cues: [connect],
  },
  {
    name: "connect timeout: server app never answers the handshake",
    options: { connectTimeoutMs: 100, connectRetryMs: -1 },
    server: { handshake: "never" },
    cues: [connect, { after: "C>S ", wait: 100 }],
  },
  {
    name:
      "ViolationResponse received by the client (lab sends a stray FeedClose under the client)",
    cues: [
      connect,
      onConnect(({ transport }) =>
        transport.send(
          '{"MessageType":"FeedClose","FeedName":"never","FeedArgs":{}}',
        )
      ),
      {
        after: "app client.badClientMessage",
        app: (stage) => {
          stage.write(
            `app client.state() ${JSON.stringify(stage.client.state())}`,
          );
          stage.client.disconnect();
        },
      },
    ],
  },
  {
    name: "reconnect reopens a REJECTED and a TERMINATED feed",
    server: { feeds: { rej: ["NO", {}], term: {} } },
    cues: [
      connect,
      onConnect((stage) => {
        stage.open("rej");
        stage.open("term");
      }),
      serve(terminate("BYE", {}, "term"), "app feed2.open "),
      {
        after: "TERMINATED",
        server: [{ do: "drop" }],
        lose: {},
      },
      disconnect("app feed2.open "),
    ],
  },
  {
    name:
      "server stops and starts again: reconnect attempt fails, retries, reconnects",
    options: { connectRetryMs: 200 },
    server: { feeds: { f: { n: 1 } } },
    cues: [
      connect,
      openF,
      {
        after: "app feed1.open ",
        server: [{ do: "stop" }],
        lose: { next: "fail" },
      },
      { after: "could not be opened", wait: 200 },
      disconnect("app feed1.open "),
    ],
    only: "replay",
  },
  {
    name: "action success and reject",
    server: { actions: { ok: "echo", nope: ["SOME_CODE", { why: "no" }] } },
    cues: [
      connect,
      onConnect((stage) => {
        stage.act("ok", { a: [1, "x", null] });
        stage.act("nope");
      }),
      disconnect("app callback(nope)"),
    ],
  },
  {
    name: "action with no server listener",
    server: { deaf: true },
    cues: [
      connect,
      onConnect((stage) => stage.act("x")),
      disconnect("app callback(x)"),
    ],
  },
  {
    name: "feed open success and reject",
    server: { feeds: { good: { n: 0 }, bad: ["DENIED", { r: 1 }] } },
    cues: [
      connect,
      onConnect((stage) => {
        stage.open("good", { b: "2", a: "1" });
        stage.open("bad");
      }),
      disconnect("app feed2.close"),
    ],
  },
  {
    name:
      "feed action: each of the 14 delta operations, one message each, then all in one",
    server: { feeds: { f: OPS_DATA, g: OPS_DATA } },
    cues: [
      connect,
      openF,
      {
        after: "app feed1.open ",
        server: [
          ...OPS.map((delta) => act(`Op${delta.Operation}`, [delta])),
          act("NoDeltas", [], { actionData: { note: "empty FeedDeltas" } }),
        ],
      },
      {
        after: 'app feed1.action "NoDeltas"',
        app: (stage) => stage.open("g"),
      },
      {
        after: "app feed2.open ",
        server: [act("All", OPS, { feedName: "g" })],
      },
      disconnect('app feed2.action "All"'),
    ],
  },
  {
    name: "feed action with FeedMd5 (hash computed by server from feedData)",
    server: { feeds: { f: { b: 1, a: "é😀" } } },
    cues: [
      connect,
      openF,
      {
        after: "app feed1.open ",
        server: [
          act("A", [{ Operation: "Increment", Path: ["b"], Value: 1 }], {
            feedData: { b: 2, a: "é😀" },
          }),
        ],
      },
      disconnect("app feed1.action"),
    ],
  },
  {
    name: "feed close (no server listener) and reopen",
    cues: [
      connect,
      openF,
      closeF(),
      reopenF('S>C {"MessageType":"FeedCloseResponse"'),
      disconnect("app feed1.open "),
    ],
  },
  {
    name:
      "feed close: delayed FeedCloseResponse, FeedAction in flight discarded, desireOpen while closing",
    server: { feeds: { f: { n: 0 } } },
    wire: { hold: '"FeedClose"', until: '"InFlight"' },
    cues: [
      connect,
      openF,
      closeF(),
      {
        after: 'C>S {"MessageType":"FeedClose"',
        server: [act("InFlight", [])],
      },
      reopenF('"InFlight"'),
      disconnect("app feed1.open "),
    ],
  },
  {
    name: "two feed objects on one server feed",
    server: { feeds: { f: { n: 0 } } },
    cues: [
      connect,
      onConnect((stage) => stage.open("f", { x: "1", y: "2" })),
      {
        after: "app feed1.open ",
        app: (stage) => stage.open("f", { y: "2", x: "1" }),
      },
      {
        after: "app feed2.open ",
        server: [
          act("A", [{ Operation: "Increment", Path: ["n"], Value: 1 }], {
            feedArgs: { y: "2", x: "1" },
          }),
        ],
      },
      closeF("app feed2.action"),
      {
        after: "app feed1.close",
        app: ({ feeds: [, g] }) => g!.desireClosed(),
      },
      disconnect('S>C {"MessageType":"FeedCloseResponse"'),
    ],
  },
  {
    name: "feed termination then desireClosed/desireOpen",
    server: { feeds: { f: { n: 0 } } },
    cues: [
      connect,
      openF,
      serve(terminate("KICKED", { t: 1 })),
      closeF("TERMINATED"),
      reopenF("app feed1.close\n"),
      disconnect("app feed1.open "),
    ],
  },
  {
    name: "crossing FeedClose and FeedTermination",
    server: { feeds: { f: { n: 0 } } },
    wire: { hold: '"FeedClose"', until: '"FeedTermination"' },
    cues: [
      connect,
      openF,
      closeF(),
      serve(terminate("KICKED"), 'C>S {"MessageType":"FeedClose"'),
      reopenF('S>C {"MessageType":"FeedCloseResponse"'),
      disconnect("app feed1.open "),
    ],
  },
  {
    name: "termination of an opening feed",
    server: { feeds: { f: "hold" } },
    cues: [
      connect,
      openF,
      serve(terminate("NOPE"), "app feed1.opening"),
      disconnect("REJECTED"),
    ],
  },
  {
    name:
      "termination of a closing feed (docs say FeedCloseResponse is sent at once)",
    server: { holdClose: true },
    cues: [
      connect,
      openF,
      closeF(),
      disconnect("app feed1.close"),
    ],
  },
  {
    name: "reconnect with feeds desired open (server drops the connection)",
    server: {
      feeds: { f: { n: 0 }, g: { n: 0 } },
      actions: { pending: "hold" },
    },
    cues: [
      connect,
      onConnect((stage) => {
        stage.open("f");
        stage.open("g");
      }),
      { after: "app feed2.open ", app: (stage) => stage.act("pending") },
      {
        after: 'C>S {"MessageType":"Action"',
        server: [{ do: "drop" }],
        lose: {},
      },
      disconnect("app feed2.open "),
    ],
  },
  {
    name: "client.disconnect() with pending action, open feed, opening feed",
    server: {
      feeds: { f: { n: 0 }, slow: "hold" },
      actions: { pending: "hold" },
    },
    cues: [
      connect,
      openF,
      {
        after: "app feed1.open ",
        app: (stage) => {
          stage.open("slow");
          stage.act("pending");
        },
      },
      disconnect("app feed2.opening"),
    ],
  },
  {
    name: "action timeout then late response",
    options: { actionTimeoutMs: 100 },
    server: { actions: { ok: "hold", bad: "hold" } },
    cues: [
      connect,
      onConnect((stage) => {
        stage.act("ok");
        stage.act("bad");
      }),
      { after: '"ActionName":"bad"', wait: 100 },
      {
        after: "app callback(bad)",
        server: [
          { do: "respond", args: [{ late: true }] },
          { do: "respond", as: "failure", args: ["LATE", {}] },
        ],
      },
      disconnect('"LATE"'),
    ],
  },
  slowFeed(
    "feed open timeout then late success",
    {
      after: "TIMEOUT",
      server: [{ do: "respond", args: [{ late: true }] }],
    },
    disconnect("app feed1.open "),
  ),
  slowFeed(
    "feed open timeout then late rejection",
    {
      after: "TIMEOUT",
      server: [{ do: "respond", as: "failure", args: ["LATE", { d: 1 }] }],
    },
    disconnect("REJECTED"),
  ),
  slowFeed(
    "feed open timeout, desireClosed, then late success",
    { after: "TIMEOUT", app: ({ feeds: [f] }) => f!.desireClosed() },
    {
      after: "app feed1.close\n",
      server: [{ do: "respond", args: [{ late: true }] }],
    },
    disconnect('S>C {"MessageType":"FeedCloseResponse"'),
  ),
  {
    name: "bad delta",
    server: { feeds: { f: { n: 0 } } },
    cues: [
      connect,
      openF,
      {
        after: "app feed1.open ",
        server: [act("Bad", [
          { Operation: "Set", Path: ["n"], Value: 1 },
          { Operation: "Increment", Path: ["missing"], Value: 1 },
        ])],
      },
      disconnect("app feed1.open "),
    ],
  },
  {
    name: "bad hash",
    server: { feeds: { f: { n: 0 } } },
    cues: [
      connect,
      openF,
      serve([act("Bad", [], { feedMd5: NO_MD5 })]),
      disconnect("app feed1.open "),
    ],
  },
  {
    name:
      "unexpected and invalid server messages (lab injects them at the client transport; marked injected)",
    wire: { inject: true },
    cues: [
      connect,
      { after: "app client.connect\n" },
      disconnect("app client.badClientMessage"),
    ],
  },
];
