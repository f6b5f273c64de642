/**
 * One side of `bench/feedme_server.ts`, in its own process:
 * `feedme_server_run.ts server <kind> <changes>` or `… clients <url> <count> <changes>`.
 * The server is `ours`, `npm` (feedme-server-core with its transport) or
 * `floor`, a loop that sends a prepared text to the same sockets. Servers run on Deno
 * and on Node.
 */
import feedmeServerCore from "feedme-server-core";
import feedmeTransportWs from "feedme-transport-ws/server.js";
import process from "node:process";
import { WebSocketServer } from "ws";
import { z } from "zod";
import {
  defineFeed,
  feedmeServer,
  type FeedmeSocket,
} from "../feed/feedme/server/server.ts";

const [role, ...rest] = process.argv.slice(2);
const say = (message: object) => console.log(JSON.stringify(message));

/** The changes between two pauses, in which sockets can be written. */
const PAUSE = 5;

const data = {
  entries: Array.from(
    { length: 50 },
    (_, id) => ({ id, name: `entry ${id}`, score: 0 }),
  ),
};

/** Runs the rounds of a server: waits for a command, changes the feed, reports the cost. */
async function rounds(
  change: (step: number) => void,
  count: number,
): Promise<void> {
  const lines = process.stdin.setEncoding("utf8");
  for await (const _ of lines) {
    const before = process.cpuUsage();
    const start = performance.now();
    for (let step = 0; step < count; step++) {
      change(step);
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    // The sockets must also have sent everything; the clients report when.
    say({ sent: performance.now() - start });
    const { user, system } = process.cpuUsage(before);
    say({ cpu: (user + system) / 1000, rss: process.memoryUsage().rss });
  }
}

/** Serves sockets by `accept` on a free port: Deno's own, or those of `ws`. */
function listen(accept: (socket: FeedmeSocket) => void): void {
  const { rss } = process.memoryUsage();
  if (!("Deno" in globalThis)) {
    const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    sockets.on("connection", accept);
    sockets.on("listening", () => say({ ...sockets.address() as object, rss }));
    return;
  }
  const http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request, {
        protocol: "feedme",
      });
      accept(socket);
      return response;
    },
  );
  say({ port: http.addr.port, rss });
}

async function serve(kind: string, changes: number): Promise<void> {
  const action = (step: number) => ({
    ActionName: "scored",
    ActionData: { step },
    FeedDeltas: [
      { Operation: "Set", Path: ["entries", step % 50, "score"], Value: step },
    ],
  });
  if (kind === "ours") {
    const feed = defineFeed({
      data: z.object({
        entries: z.array(
          z.object({ id: z.number(), name: z.string(), score: z.number() }),
        ),
      }),
      initial: () => data,
    });
    const server = feedmeServer({ feeds: { feed } });
    listen((socket) => server.accept(socket));
    const live = server.feed(feed);
    await rounds((step) => {
      live.update("scored", { step }, ({ entries }) => ({
        entries: entries.with(step % 50, {
          ...entries[step % 50]!,
          score: step + 0.5,
        }),
      }));
    }, changes);
  } else if (kind === "floor") {
    const sockets = new Set<FeedmeSocket>();
    listen((socket) => {
      socket.onmessage = ({ data: text }: { data: string }) => {
        const { MessageType } = JSON.parse(text);
        if (MessageType === "Handshake") {
          return socket.send(JSON.stringify({
            MessageType: "HandshakeResponse",
            Success: true,
            Version: "0.1",
          }));
        }
        sockets.add(socket);
        socket.send(JSON.stringify({
          MessageType: "FeedOpenResponse",
          Success: true,
          FeedName: "feed",
          FeedArgs: {},
          FeedData: data,
        }));
      };
      socket.onclose = () => sockets.delete(socket);
    });
    const texts = Array.from({ length: changes }, (_, step) =>
      JSON.stringify({
        MessageType: "FeedAction",
        FeedName: "feed",
        FeedArgs: {},
        ...action(step),
      }));
    await rounds((step) => {
      const text = texts[step]!;
      for (const socket of sockets) socket.send(text);
    }, changes);
  } else {
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const server = feedmeServerCore({
      transport: feedmeTransportWs({ port, host: "127.0.0.1" }),
    });
    server.on(
      "feedOpen",
      (_: unknown, response: { success(data: object): void }) =>
        response.success(data),
    );
    server.on("start", () => say({ port, rss: process.memoryUsage().rss }));
    server.start();
    await rounds((step) => {
      const { ActionName, ActionData, FeedDeltas } = action(step);
      server.actionRevelation({
        actionName: ActionName,
        actionData: ActionData,
        feedName: "feed",
        feedArgs: {},
        feedDeltas: FeedDeltas,
      });
    }, changes);
  }
}

/** Raw clients: they open the feed, then count. */
async function connect(
  port: number,
  count: number,
  changes: number,
): Promise<void> {
  let opened = 0;
  let received = 0;
  const send = (socket: WebSocket, message: object) =>
    socket.send(JSON.stringify(message));
  for (let index = 0; index < count; index++) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, "feedme");
    socket.onopen = () =>
      send(socket, { MessageType: "Handshake", Versions: ["0.1"] });
    socket.onmessage = ({ data }) => {
      if (data.startsWith('{"MessageType":"HandshakeResponse"')) {
        send(socket, {
          MessageType: "FeedOpen",
          FeedName: "feed",
          FeedArgs: {},
        });
      } else if (data.startsWith('{"MessageType":"FeedOpenResponse"')) {
        if (++opened === count) say({ opened });
      } else if (++received % (count * changes) === 0) {
        say({ received });
      }
    };
    // No more at a time than the backlog of a listening socket.
    if (index % 50 === 49) {
      while (opened <= index - 10) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
  }
}

if (role === "server") await serve(rest[0]!, Number(rest[1]));
else await connect(Number(rest[0]), Number(rest[1]), Number(rest[2]));
