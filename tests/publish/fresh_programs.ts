/** Programs that fresh_projects_test.ts adds to projects, with mistakes that must be errors. */

/** In every page. */
export const PAGE =
  `import { isFeedlineError, SessionBackend } from "@feedline/feedline/client";
import { feedmeClient, webSocketTransport } from "@feedline/feedline/feed/feedme";
import { create } from "@feedline/feedline/feed/socketcluster";
import { isConnectResponse } from "@feedline/feedline/types";

export interface Board {
  actions: { add: { args: { line: string }; data: { id: number } } };
  feeds: { board: { args: { id: string }; data: { lines: readonly string[] } } };
}

export async function enter(room: string): Promise<SessionBackend> {
  const answer = await fetch(\`/rooms/\${room}/connect\`, { method: "POST" });
  const response: unknown = await answer.json();
  // @ts-expect-error may be anything
  new SessionBackend(response);
  if (!isConnectResponse(response)) throw new Error("no connect response");
  return new SessionBackend(response);
}

export async function live(backend: SessionBackend): Promise<number> {
  const client = feedmeClient<Board>({
    transport: webSocketTransport({ url: backend.url }),
  });
  const view = await client.open("board", { id: "7" });
  const lines: readonly string[] | undefined = view.data?.lines;
  const { id } = await client.action("add", { line: "milk" }, {
    feed: "board",
    args: { id: "7" },
    optimistic: ({ lines }, { line }) => ({ lines: [...lines, line] }),
  });
  // @ts-expect-error no such feed
  client.feed("hall", {});
  try {
    await client.close();
  } catch (error) {
    if (isFeedlineError(error, "TIMEOUT")) console.log(error.code);
  }
  return id + (lines?.length ?? 0);
}

export async function news(): Promise<void> {
  const socket = create({ hostname: "example.com", autoConnect: false });
  for await (const message of socket.subscribe("news")) console.log(message);
  // @ts-expect-error a setting of the wrong kind
  create({ hostname: 7 });
  await socket.close();
}
`;

/** Hooks, in create-vite's project for React. */
export const ROOM = `import { useState } from "react";
import {
  feedmeHooks, SessionBackendProvider, useBackend, useChannel, useReady,
} from "@feedline/feedline/react";
import { feedmeClient, webSocketTransport } from "@feedline/feedline/feed/feedme";
import { create } from "@feedline/feedline/feed/socketcluster";
import type { ConnectResponse } from "@feedline/feedline/types";
import type { Board } from "./page.ts";

const { FeedmeProvider, useAction, useFeed } = feedmeHooks<Board>();

export function Room({ answer }: { answer: ConnectResponse }) {
  const transport = () => webSocketTransport({ url: answer.url });
  return (
    <SessionBackendProvider connectResponse={answer}>
      <FeedmeProvider client={() => feedmeClient<Board>({ transport: transport() })}>
        <Lines />
      </FeedmeProvider>
    </SessionBackendProvider>
  );
}

function Lines() {
  const ready: boolean = useReady();
  const { data, error } = useFeed("board", { id: "7" });
  const { run, pending } = useAction("add");
  const [socket] = useState(() => create({ autoConnect: false }));
  useChannel(socket, "news");
  // @ts-expect-error no such feed
  useFeed("hall", {});
  return (
    <form action={async () => { await run({ line: "milk" }); }}>
      {data?.lines.map((line) => <p key={line}>{line}</p>)}
      <button disabled={!ready || pending}>{useBackend()?.url} {error?.code}</button>
    </form>
  );
}
`;

/** In every server: the edge route, and a Feedme server. */
export const ROOMS = `import { Hono } from "hono";
import { env } from "hono/adapter";
import { sessionProxy, type UpgradeAdapter } from "@feedline/feedline/proxy";
import { Jamsocket, verifiedUser } from "@feedline/feedline/server";
import {
  type ApiOf, defineAction, defineFeed, feedmeServer, type FeedmeSocket,
} from "@feedline/feedline/feed/feedme/server";
import type { ConnectResponse } from "@feedline/feedline/types";
import { z } from "zod";

const board = defineFeed({
  args: z.object({ id: z.string() }),
  data: z.object({ lines: z.array(z.string()) }),
  initial: () => ({ lines: [] }),
});
const add = defineAction({
  args: z.object({ id: z.string(), line: z.string() }),
  handler: ({ id, line }, { client, feed }) =>
    feed(board, { id }).update("added", { by: client.user ?? null }, ({ lines }) => ({
      lines: [...lines, line],
    })),
});
const application = { feeds: { board }, actions: { add } };
export type RoomApi = ApiOf<typeof application>;
export const line: RoomApi["feeds"]["board"]["data"]["lines"][number] = "milk";
export const server = feedmeServer(application);

export function accept(socket: FeedmeSocket, request: Request): void {
  server.accept(socket, {
    ...verifiedUser(request.headers),
    subprotocols: request.headers.get("sec-websocket-protocol"),
  });
}

export function rooms(upgrade?: UpgradeAdapter): Hono {
  const proxy = sessionProxy({
    engine: (c) => Jamsocket.fromEnv(env(c)),
    authorize: (_, room) => ({ key: room, user: "ada" }),
    upgrade,
  });
  // @ts-expect-error no engine
  sessionProxy({ authorize: () => null });
  return new Hono().route("/rooms", proxy);
}

export async function connect(): Promise<ConnectResponse> {
  // @ts-expect-error a setting of the wrong kind
  new Jamsocket({ dev: true, port: "8080" });
  return await new Jamsocket({ dev: true }).connect({ key: "room" });
}
`;

/** On Deno, both in one server. */
export const DENO_SERVER = `import { accept, rooms } from "./rooms.ts";

const edge = rooms();
Deno.serve((request) => {
  if (request.headers.get("upgrade") !== "websocket") return edge.fetch(request);
  const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "feedme" });
  accept(socket, request);
  return response;
});
`;

/** On Bun: the edge route, and a session backend with Hono. */
export const BUN_SERVER =
  `import { upgradeWebSocket, websocket } from "hono/bun";
import { bunUpgrade } from "@feedline/feedline/proxy";
import { rooms, server } from "./rooms";

const edge = bunUpgrade();
Bun.serve({ fetch: rooms(edge.upgrade).fetch, websocket: edge.websocket, idleTimeout: 255 });

const backend = rooms().get("/live", upgradeWebSocket(() => server.events()));
Bun.serve({ fetch: backend.fetch, websocket });
`;

/** On Workers: a Durable Object that is a session backend, and its edge. */
export const WORKER = `import { DurableObject } from "cloudflare:workers";
import { Hono } from "hono";
import { DurableSessions, sessionObject } from "@feedline/feedline/cloudflare";
import { sessionProxy } from "@feedline/feedline/proxy";
import { accept, rooms } from "./rooms";

class RoomObject extends DurableObject<CloudflareBindings> {
  override fetch(request: Request): Response {
    const { 0: client, 1: socket } = new WebSocketPair();
    socket.accept();
    accept(socket, request);
    return new Response(null, { status: 101, webSocket: client });
  }
}
export const Room = sessionObject(RoomObject);

type Bindings = CloudflareBindings & { ROOMS: DurableObjectNamespace };
const app = new Hono<{ Bindings: Bindings }>();
app.route("/objects", sessionProxy({
  engine: (c) => new DurableSessions(c.env.ROOMS),
  authorize: () => ({ user: "ada" }),
}));
app.route("/", rooms());
export default app;
`;

/** On Node: the edge route, and a session backend with `ws`. */
export const NODE_SERVER = `import { createServer } from "node:http";
import { serve, upgradeWebSocket } from "@hono/node-server";
import { WebSocketServer } from "ws";
import { nodeUpgrade } from "@feedline/feedline/proxy";
import { verifiedUser } from "@feedline/feedline/server";
import { rooms, server as live } from "./rooms.js";

const server = new WebSocketServer({ noServer: true });
const upgrade = nodeUpgrade({ server, upgradeWebSocket });
serve({
  fetch: rooms(upgrade).fetch,
  websocket: { server },
  serverOptions: upgrade.serverOptions,
});

const backend = new WebSocketServer({ server: createServer() });
backend.on("connection", (socket, { headers }) => {
  live.accept(socket, {
    ...verifiedUser(new Headers(headers as Record<string, string>)),
    subprotocols: headers["sec-websocket-protocol"],
  });
});
`;
