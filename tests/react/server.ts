/**
 * The server that a page of hooks talks to, and counts what it has open: connect
 * responses, status streams, WebSockets and feeds. It serves the page too.
 */
import { feedmeServer } from "../../feed/feedme/server/server.ts";
import { formatServerEvent } from "../../net/sse.ts";
import type { BackendState } from "../../types.ts";
import { until } from "../kit/wait.ts";
import { application, gate, items, room } from "./application.ts";

/** What a server has counted. */
export interface Counts {
  /** Calls of `connect`. */
  connects: number;
  /** Status streams: all so far, and those that are open. */
  streams: [all: number, open: number];
  /** WebSockets: the same. */
  sockets: [all: number, open: number];
  /** Subscribers of the feed `items`. */
  feeds: number;
}

const time = "2026-01-01T00:00:00Z";
const ALIVE = ["scheduled", "loading", "starting", "waiting", "ready"] as const;

/** Starts it; `pages` are documents and scripts by path. */
export function startServer(pages: Map<string, string>) {
  const counts = { connects: 0, streams: 0, open: 0, sockets: 0, live: 0 };
  const streams = new Set<(state: BackendState) => void>();
  const sockets = new Set<WebSocket>();
  let server = feedmeServer(application);
  /** The backend that connects are answered with. */
  let backend = 1;
  /** When they are answered. */
  let answering = Promise.resolve();

  const http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const { pathname, origin } = new URL(request.url);
      const page = pages.get(pathname);
      if (page !== undefined) {
        const script = pathname.endsWith(".js");
        return new Response(page, {
          headers: {
            "content-type": script ? "text/javascript" : "text/html",
          },
        });
      }
      if (pathname === "/connect") {
        counts.connects++;
        await answering;
        return Response.json(connectResponse(origin));
      }
      if (pathname.endsWith("/status/stream")) {
        return stream(request, pathname.includes(`/b${backend}/`));
      }
      if (pathname.endsWith("/live")) return live(request);
      return new Response(null, { status: 404 });
    },
  );

  function connectResponse(origin: string) {
    const id = `b${backend}`;
    return {
      backend_id: id,
      spawned: true,
      status: "scheduled",
      token: "",
      url: `${origin}/${id}/`,
      secret_token: null,
      status_url: `${origin}/${id}/status`,
      ready_url: `${origin}/${id}/ready`,
    };
  }

  /** All states of a backend that lives, or of one that has ended. */
  function stream(request: Request, alive: boolean): Response {
    counts.streams++;
    counts.open++;
    const encoder = new TextEncoder();
    let send: (state: BackendState) => void;
    let closed = false;
    const end = () => {
      if (closed) return;
      closed = true;
      counts.open--;
      streams.delete(send);
    };
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        send = (state) => {
          const data = JSON.stringify(state);
          controller.enqueue(encoder.encode(formatServerEvent({ data })));
          if (state.status !== "terminated") return;
          controller.close();
          end();
        };
        streams.add(send);
        for (const status of ALIVE) send({ status, time });
        if (!alive) send({ status: "terminated", time });
      },
      cancel: end,
    });
    request.signal.addEventListener("abort", end);
    return new Response(body, {
      headers: { "content-type": "text/event-stream" },
    });
  }

  function live(request: Request): Response {
    const subprotocols = request.headers.get("sec-websocket-protocol");
    const { socket, response } = Deno.upgradeWebSocket(request, {
      protocol: "feedme",
    });
    counts.sockets++;
    counts.live++;
    sockets.add(socket);
    socket.addEventListener("close", () => {
      counts.live--;
      sockets.delete(socket);
    });
    server.accept(socket, { subprotocols });
    return response;
  }

  return {
    origin: `http://127.0.0.1:${http.addr.port}`,
    /** What it has counted since it was asked to forget. */
    get counts(): Counts {
      return {
        connects: counts.connects,
        streams: [counts.streams, counts.open],
        sockets: [counts.sockets, counts.live],
        feeds: server.feed(items).subscribers,
      };
    },
    /** Begins to count anew, with new data. */
    reset(): void {
      server.close();
      server = feedmeServer(application);
      counts.connects = counts.streams = counts.sockets = 0;
    },
    /** The backend ends; the next connect gets another. */
    endBackend(): void {
      backend++;
      for (const send of [...streams]) send({ status: "terminated", time });
      this.cut();
    },
    /** Answers connects only after the returned function has been called. */
    holdConnects(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      answering = promise;
      return resolve;
    },
    /** Cuts all WebSockets. */
    cut(): void {
      for (const socket of sockets) socket.close(4000);
    },
    /** Adds 1 to an item. */
    add(index: number): void {
      server.feed(items).update("added", { index }, ({ items }) => ({
        items: items.with(index, { n: items[index]!.n + 1 }),
      }));
    },
    /** Lets the room `held` open, or `sayLate` act, as soon as it waits for that. */
    async release(): Promise<void> {
      await until(() => gate.waiting > 0, "something waits", 30_000);
      gate.open();
    },
    /** Says something in a room, as soon as somebody has it open. */
    async say(id: string, text: string): Promise<void> {
      const feed = server.feed(room, { id });
      await until(() => feed.subscribers > 0, `${id} is open`, 30_000);
      feed.update("said", { text }, (data) => ({
        ...data,
        lines: [...data.lines, text],
      }));
    },
    async [Symbol.asyncDispose]() {
      for (const send of [...streams]) send({ status: "terminated", time });
      await server.close();
      await http.shutdown();
    },
  };
}

/** A running server. */
export type Server = ReturnType<typeof startServer>;
