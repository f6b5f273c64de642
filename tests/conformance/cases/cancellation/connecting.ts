/**
 * Every way to leave a thing while it connects: what waits for it settles, nobody
 * dials again, and nothing stays behind here or in the eyes of the peer.
 */
import { webSocketTransport } from "../../../../feed/feedme/mod.ts";
import { assertEquals } from "../../../kit/assert.ts";
import { asyncDispose } from "../../../kit/dispose.ts";
import { delay, until } from "../../../kit/wait.ts";
import type { Script, Seen } from "../../far/script.ts";
import type { Area, ScriptedPeer, Test } from "../../suite.ts";
import { allEnded, came, stages, watch } from "../disposal/watch.ts";
import { connect } from "../feedme.ts";
import { event, path, watched } from "../hosted.ts";
import { openScripted } from "../socketcluster/far.ts";
import { reason } from "./ends.ts";

/** Something that connects, and the ways to leave it. */
interface Connecting {
  ways: Record<string, () => unknown>;
  /** What waits for it; each settles when it is left. */
  waits: Promise<unknown>[];
  /** What the application was told. */
  told?: string[];
  [asyncDispose](): PromiseLike<void>;
}

const settled = (promise: Promise<unknown>) => promise.then(() => {}, () => {});

/** How far it has come: what the peer does, and when it has. */
type Stage = [script: Script, begun: (seen: Seen) => unknown];

const dials: Stage[] = stages
  // One that was refused does not connect any more.
  .flatMap(([, sockets, begun]) =>
    sockets && begun ? [[{ sockets }, begun]] : []
  );

const streams: Stage[] = [
  "silence" as const,
  { chunks: [": nothing yet\n\n"], then: "silence" as const },
  { chunks: [event("scheduled")], then: "silence" as const },
  { status: 500 },
].map((answer) => [
  { http: { [path("b1")]: [answer] } },
  ({ requests }) => requests.length > 0,
]);

const refused = ({ http }: Script) => JSON.stringify(http)?.includes("500");

function sessionBackend(peer: ScriptedPeer): Connecting {
  const backend = watched(peer);
  const controller = new AbortController();
  const states = backend.statuses();
  return {
    ways: {
      "destroy()": () => backend.destroy(),
      "destroy(), twice": () => {
        backend.destroy();
        backend.destroy();
      },
      "an abort, then destroy()": () => {
        controller.abort(reason);
        backend.destroy();
      },
      "its disposal": () => backend[asyncDispose](),
    },
    waits: [
      settled(backend.ready()),
      settled(backend.ready(controller)),
      settled((async () => {
        for await (const _ of states);
      })()),
    ],
    [asyncDispose]: () => backend[asyncDispose](),
  };
}

function feedmeTransport(peer: ScriptedPeer): Connecting {
  const transport = webSocketTransport({ url: peer.ws });
  const told: string[] = [];
  for (const event of ["connecting", "connect", "disconnect"] as const) {
    transport.on!(event as "connect", () => told.push(event));
  }
  transport.connect();
  return {
    ways: {
      "disconnect()": () => transport.disconnect(),
      "disconnect(), connect(), disconnect()": () => {
        transport.disconnect();
        transport.connect();
        transport.disconnect();
      },
      "its disposal": () => transport[asyncDispose]!(),
    },
    waits: [],
    told,
    [asyncDispose]: () => transport[asyncDispose]!(),
  };
}

function feedmeClient(peer: ScriptedPeer): Connecting {
  const client = connect(peer.ws);
  const feed = client.feed("f", {});
  feed.desireOpen();
  return {
    ways: {
      "disconnect()": () => client.disconnect(),
      "close()": () => client.close(),
      "disconnect(), destroy()": () => {
        client.disconnect();
        client.destroy();
      },
      "its disposal": () => client[asyncDispose](),
    },
    waits: [settled(client.action("any", {}))],
    [asyncDispose]: () => client[asyncDispose](),
  };
}

function socketCluster(peer: ScriptedPeer): Connecting {
  const socket = openScripted(peer);
  return {
    ways: {
      "disconnect()": () => socket.disconnect(),
      "disconnect(4001, text)": () => socket.disconnect(4001, "enough"),
      "disconnect(), connect(), disconnect()": () => {
        socket.disconnect();
        socket.connect();
        socket.disconnect();
      },
      "its disposal": () => socket[asyncDispose](),
    },
    waits: [settled(socket.invoke("any"))],
    [asyncDispose]: () => socket[asyncDispose](),
  };
}

const THINGS: Record<string, [
  make: (peer: ScriptedPeer) => Connecting,
  stages: Stage[],
]> = {
  "a SessionBackend": [sessionBackend, streams],
  // By itself it says nothing that the peer could wait for.
  "a Feedme transport": [feedmeTransport, dials.slice(0, 1)],
  "a Feedme client": [feedmeClient, dials],
  "a SocketCluster socket": [socketCluster, dials],
};

export const connecting: Area["cases"] = Object.fromEntries(
  Object.entries(THINGS).map(([name, [make, stages]]) => [
    `${name} can be left in every way while it connects`,
    async (t: Test) => {
      for (const [script, begun] of stages) {
        const unused = make(await t.script(script));
        const ways = Object.keys(unused.ways);
        await unused[asyncDispose]();
        for (const way of ways) {
          using watching = watch();
          const peer = await t.script(script);
          const thing = make(peer);
          await came(peer, begun);
          await thing.ways[way]!();
          if (thing.told) {
            const { told } = thing;
            await until(() => told.at(-1) === "disconnect", `${way}: told`);
            assertEquals(told.includes("connect"), false, way);
          }
          // One that was refused has been answered in full.
          if (!refused(script)) await allEnded(t, peer);
          await until(
            () => watching.left().length === 0,
            `${way}: no timer and no socket`,
          );
          const seen = JSON.stringify(await peer.seen());
          await delay(20);
          assertEquals(JSON.stringify(await peer.seen()), seen, way);
          await thing[asyncDispose]();
          await Promise.all(thing.waits);
        }
      }
    },
  ]),
);
