/**
 * One program of the benchmark of a hop, bundled, then run on each runtime:
 * `hop_server <way> <backend's port>`. Prints the port that it listens on.
 *
 * The ways: `direct` is the backend itself; `bare` the least that a proxy can be,
 * a handler that hands the request to `fetch` and joins two WebSockets; `ours` the
 * edge route; `floor` the bare one with the steps that an edge route cannot leave out;
 * `hono` Hono's own proxy helper.
 */
import { serve as serveNode, upgradeWebSocket } from "@hono/node-server";
import { Hono } from "@hono/hono";
import { proxy } from "@hono/hono/proxy";
import { WebSocket as NodeSocket, WebSocketServer } from "ws";
import {
  bunUpgrade,
  nodeUpgrade,
  sessionProxy,
  type SessionProxyOptions,
} from "@feedline/feedline/proxy";
import type { ConnectResponse, SessionEngine } from "@feedline/feedline/types";
import { requestFields, responseFields } from "../session/pass/headers.ts";

/** What a way answers, whatever the runtime. */
type Handler = (
  request: Request,
  env?: unknown,
) => Response | Promise<Response>;

// deno-lint-ignore no-explicit-any
const { Deno, Bun, process } = globalThis as any;
const [way, backend] = process.argv.slice(2) as [string, string];
const hostname = "127.0.0.1";
const target = `${hostname}:${backend}/bench-token/`;

const engine = {
  backendOrigins: [`http://${hostname}:*`],
  connect: () =>
    Promise.resolve<ConnectResponse>({
      backend_id: "peer",
      spawned: false,
      status: "ready",
      token: "bench-token",
      url: `http://${target}`,
      secret_token: null,
      status_url: "",
      ready_url: "",
    }),
} as Partial<SessionEngine> as SessionEngine;

/** The path below the backend, as all ways take it. */
function rest(url: string): string {
  return url.split("/").slice(6).join("/");
}

function edge(options: Partial<SessionProxyOptions>): Handler {
  const app = new Hono();
  app.route(
    "/rooms",
    sessionProxy({ engine, authorize: () => ({ user: "ada" }), ...options }),
  );
  return app.fetch as Handler;
}

function helper(): Handler {
  const app = new Hono();
  app.all(
    "/rooms/:name/backend/*",
    (c) => proxy(`http://${target}${rest(c.req.url)}`, { raw: c.req.raw }),
  );
  return app.fetch as Handler;
}

/**
 * A router, headers filtered both ways, and a request to the backend that ends with the
 * client's. On Bun it reads bodies whole, because Bun would log the backend's URL if a
 * native one broke off.
 */
function floor(): Handler {
  const app = new Hono();
  app.all("/rooms/:name/backend/*", async ({ req: { raw } }) => {
    const controller = new AbortController();
    const gone = () => controller.abort();
    raw.signal.addEventListener("abort", gone);
    const answer = await fetch(`http://${target}${rest(raw.url)}`, {
      method: raw.method,
      headers: requestFields(raw.headers),
      redirect: "manual",
      signal: controller.signal,
    });
    const body = Bun ? await answer.arrayBuffer() : answer.body;
    raw.signal.removeEventListener("abort", gone);
    return new Response(body, {
      status: answer.status,
      headers: responseFields(answer.headers),
    });
  });
  return app.fetch as Handler;
}

/** The ways that only forward HTTP. */
const PLAIN: Record<string, (() => Handler) | undefined> = {
  floor,
  hono: helper,
};

const bare = (request: Request): Promise<Response> =>
  fetch(`http://${target}${rest(request.url)}`, request);

const text = "x".repeat(1024);
const direct: Handler = () => new Response(text);

/** Joins two sockets with nothing between them. */
// deno-lint-ignore no-explicit-any
function join(client: any, upstream: any): void {
  upstream.binaryType = "arraybuffer";
  const early: unknown[] = [];
  client.onmessage = ({ data }: MessageEvent) =>
    upstream.readyState === 1 ? upstream.send(data) : early.push(data);
  upstream.onopen = () => early.forEach((data) => upstream.send(data));
  upstream.onmessage = ({ data }: MessageEvent) => client.send(data);
  client.onclose = () => upstream.close();
}

const isUpgrade = (request: Request) => request.headers.has("upgrade");

function onDeno(): number {
  const sockets =
    (answer: (socket: WebSocket) => void): Handler => (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.binaryType = "arraybuffer";
      answer(socket);
      return response;
    };
  const echo = sockets((socket) => {
    socket.onmessage = ({ data }) => socket.send(data);
  });
  const loop = sockets((socket) => {
    join(socket, new WebSocket(`ws://${target}ws`));
  });
  const ways: Record<string, () => Handler> = {
    direct: () => (r) => isUpgrade(r) ? echo(r) : direct(r),
    bare: () => (r) => isUpgrade(r) ? loop(r) : bare(r),
    ours: () => edge({}),
  };
  const server = Deno.serve(
    { port: 0, hostname, onListen() {} },
    (PLAIN[way] ?? ways[way])!(),
  );
  return server.addr.port;
}

function onBun(): number {
  if (way === "ours") {
    const { upgrade, websocket } = bunUpgrade();
    return Bun.serve({ port: 0, hostname, fetch: edge({ upgrade }), websocket })
      .port;
  }
  const plain = PLAIN[way];
  if (plain) return Bun.serve({ port: 0, hostname, fetch: plain() }).port;
  return Bun.serve({
    port: 0,
    hostname,
    fetch(
      request: Request,
      server: typeof Bun,
    ): Promise<Response> | Response | undefined {
      if (!isUpgrade(request)) return bare(request);
      const data = { upstream: new WebSocket(`ws://${target}ws`) };
      if (!server.upgrade(request, { data })) throw new Error("no upgrade");
      return undefined;
    },
    websocket: {
      // deno-lint-ignore no-explicit-any
      open(socket: any) {
        const client = {
          send: (data: unknown) => socket.send(data),
          onmessage: (_: unknown) => {},
          onclose: () => {},
        };
        socket.data.client = client;
        join(client, socket.data.upstream);
      },
      // deno-lint-ignore no-explicit-any
      message(socket: any, data: unknown) {
        socket.data.client.onmessage({ data });
      },
      // deno-lint-ignore no-explicit-any
      close(socket: any) {
        socket.data.client.onclose();
      },
    },
  }).port;
}

function onNode(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const ready = ({ port }: { port: number }) => resolve(port);
  const server = new WebSocketServer({ noServer: true });
  if (way === "ours") {
    const upgrade = nodeUpgrade({ server, upgradeWebSocket });
    serveNode({
      fetch: edge({ upgrade }),
      port: 0,
      hostname,
      websocket: { server },
      serverOptions: upgrade.serverOptions,
    }, ready);
    return promise;
  }
  const fetch = PLAIN[way]?.() ?? bare;
  const http = serveNode({ fetch, port: 0, hostname }, ready);
  // deno-lint-ignore no-explicit-any
  http.on("upgrade", (request: any, socket: any, head: any) =>
    // deno-lint-ignore no-explicit-any
    server.handleUpgrade(request, socket, head, (client: any) => {
      client.binaryType = "arraybuffer";
      join(client, new NodeSocket(`ws://${target}ws`));
    }));
  return promise;
}

const port = Deno ? onDeno() : Bun ? onBun() : await onNode();
console.log(`listening on ${port}`);
