/**
 * What a page of a test loads and talks to, at one address: its HTML and scripts, a
 * Feedme server with the feed `board` and the action `add`, and a session backend that
 * becomes ready at once, and echoes messages or is that Feedme server.
 */
import { z } from "zod";
import {
  defineAction,
  defineFeed,
  type FeedFinder,
  feedmeServer,
} from "../../feed/feedme/server/server.ts";
import type { ConnectResponse } from "../../types.ts";
import {
  CONNECT_RESPONSE,
  json,
  LIFE,
  record,
} from "../session/scripted_platform.ts";

const board = defineFeed({
  data: z.object({ lines: z.array(z.string()) }),
  initial: () => ({ lines: [] }),
});
const addLine = (find: FeedFinder, line: string) =>
  find(board).update("added", { line }, ({ lines }) => ({
    lines: [...lines, line],
  }));
const add = defineAction({
  args: z.object({ line: z.string() }),
  handler: ({ line }, { feed }) => addLine(feed, line),
});

/** The server, until it is disposed of. */
export interface PageServer extends AsyncDisposable {
  /** Its origin. */
  url: string;
  /** The Feedme server, as a WebSocket URL. */
  feedmeUrl: string;
  /** The connect response of its backend. */
  connectResponse: ConnectResponse;
  /** Adds a line to the board, for all that have it open. */
  add(line: string): void;
  /** Closes all WebSockets. */
  cut(): void;
  /** How many clients have the feed `board` open. */
  subscribers(): number;
  /** How many connections to the Feedme server, to the backend and for statuses are open. */
  open: { feedme: number; backend: number; statuses: number };
}

/** Serves `files`, by path; `.html` and `.js` are what they say. */
export function servePage(files: Record<string, string>): PageServer {
  const feedme = feedmeServer({ feeds: { board }, actions: { add } });
  const open = { feedme: 0, backend: 0, statuses: 0 };
  const sockets = new Set<WebSocket>();
  const upgrade = (request: Request, kind: "feedme" | "backend") => {
    const { socket, response } = Deno.upgradeWebSocket(
      request,
      kind === "feedme" ? { protocol: "feedme" } : {},
    );
    socket.addEventListener("open", () => {
      sockets.add(socket);
      open[kind]++;
    });
    socket.addEventListener("close", () => {
      if (sockets.delete(socket)) open[kind]--;
    });
    if (kind === "feedme") feedme.accept(socket);
    else socket.onmessage = ({ data }) => socket.send(`echo ${data}`);
    return response;
  };
  const end = new AbortController();
  const server = Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen() {},
    signal: end.signal,
  }, (request): Response => {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/feedme":
        return upgrade(request, "feedme");
      case "/backend/": {
        const offered = request.headers.get("sec-websocket-protocol") ?? "";
        return upgrade(request, /feedme/.test(offered) ? "feedme" : "backend");
      }
      case "/rooms/room-1/connect":
        return json(connectResponse);
      case "/b1/status":
        return json(LIFE[4]);
      case "/b1/status/stream": {
        open.statuses++;
        const text = record(LIFE.slice(0, 5));
        const body = new ReadableStream({
          start: (stream) => stream.enqueue(new TextEncoder().encode(text)),
          cancel: () => void open.statuses--,
        });
        return new Response(body, {
          headers: { "content-type": "text/event-stream" },
        });
      }
    }
    const file = files[pathname];
    if (file === undefined) return new Response(null, { status: 404 });
    const type = pathname.endsWith(".js") ? "text/javascript" : "text/html";
    return new Response(file, {
      headers: { "content-type": `${type}; charset=utf-8` },
    });
  });
  const host = `127.0.0.1:${(server.addr as Deno.NetAddr).port}`;
  const connectResponse: ConnectResponse = {
    ...CONNECT_RESPONSE,
    url: `http://${host}/backend/`,
    status_url: `http://${host}/b1/status`,
  };
  return {
    url: `http://${host}`,
    feedmeUrl: `ws://${host}/feedme`,
    connectResponse,
    add: (line) => addLine(feedme.feed.bind(feedme), line),
    cut: () => sockets.forEach((socket) => socket.close()),
    subscribers: () => feedme.feed(board).subscribers,
    open,
    async [Symbol.asyncDispose]() {
      await feedme.close();
      for (const socket of sockets) socket.close();
      end.abort();
      await server.finished;
    },
  };
}
