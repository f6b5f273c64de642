/**
 * The server on sockets: Hono's `upgradeWebSocket` on Deno, and those of `ws`.
 * The conformance cases have it on every runtime.
 */
import { Hono } from "@hono/hono";
import { upgradeWebSocket } from "@hono/hono/deno";
import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { type WebSocket as WsSocket, WebSocketServer } from "ws";
import { z } from "zod";
import { feedmeClient, webSocketTransport } from "../../feed/feedme/mod.ts";
import {
  type ApiOf,
  defineAction,
  defineFeed,
  feedmeServer,
} from "../../feed/feedme/server/server.ts";
import { connectRaw } from "../kit/raw_websocket.ts";
import { verifiedUser } from "../../server.ts";

const count = defineFeed({
  data: z.object({ n: z.number(), by: z.string() }),
  initial: () => ({ n: 0, by: "" }),
});
const application = {
  feeds: { count },
  actions: {
    add: defineAction({
      args: z.object({ n: z.number() }),
      handler: ({ n }, { client, feed }) =>
        feed(count).update(
          "added",
          {},
          (data) => ({ n: data.n + n, by: `${client.user}` }),
        ),
    }),
  },
};

/** A client adds, sees it, and leaves. */
async function works(url: string, user: string): Promise<void> {
  // A browser gives up where the subprotocol that it offers is not chosen.
  const socket = new WebSocket(url, "feedme");
  await new Promise((resolve) => socket.onopen = resolve);
  assertEquals(socket.protocol, "feedme");
  socket.close();
  await new Promise((resolve) => socket.onclose = resolve);

  const client = feedmeClient<ApiOf<typeof application>>({
    transport: webSocketTransport({
      url,
      headers: { "x-verified-username": user },
    }),
  });
  const feed = client.feed("count", {});
  feed.desireOpen();
  client.connect();
  await deadline(feed.opened(), 5_000);
  await client.action("add", { n: 2 });
  assertEquals(feed.data(), { n: 2, by: user });
  await client[Symbol.asyncDispose]();
}

Deno.test("hono: the server's events on Deno", async () => {
  await using server = feedmeServer(application);
  const app = new Hono().get(
    "/ws",
    upgradeWebSocket(
      (c) => server.events(verifiedUser(c.req.raw.headers)),
    ),
  );
  const http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    app.fetch,
  );
  await works(`ws://127.0.0.1:${(http.addr as Deno.NetAddr).port}/ws`, "ada");
  assertEquals([...server.clients], []);
  await http.shutdown();
});

Deno.test({
  name: "ws: its sockets as they are",
  // It leaves a keep-alive of the HTTP server behind for a moment.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using server = feedmeServer(application);
    const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    sockets.on(
      "connection",
      (socket: WsSocket, request: { headers: Record<string, string> }) =>
        server.accept(socket, { user: request.headers["x-verified-username"] }),
    );
    await new Promise((resolve) => sockets.on("listening", resolve));
    const { port } = sockets.address() as { port: number };
    // A frame that no WebSocket sends: an error, which must end nothing else.
    const bad = await connectRaw(port);
    await bad.write(new Uint8Array([0xff, 0xff, 0xff, 0xff]));
    while (await bad.read(new Uint8Array(1_000)) !== null);
    bad.close();
    await works(`ws://127.0.0.1:${port}`, "grace");
    await new Promise((resolve) => sockets.close(resolve));
  },
});
