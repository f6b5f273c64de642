/** On Deno. Prints the ports of the edge and of the Feedme server. */
import { upgradeWebSocket } from "@hono/hono/deno";
import { Jamsocket } from "@feedline/feedline/server";
import { feedmeServer } from "@feedline/feedline/feed/feedme/server";
import { app } from "./app.ts";
import { application, visitor } from "./application.ts";
import { gateApp } from "./gate.ts";

const live = feedmeServer(application);
const { fetch } = app({
  engine: Jamsocket.fromEnv(Deno.env.toObject()),
  upgrade: (c, options) => Deno.upgradeWebSocket(c.req.raw, options),
}).get("/feedme", upgradeWebSocket((c) => live.events(visitor(c.req.raw))))
  .route("/", gateApp());
Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ port }) =>
    console.log(JSON.stringify({ edge: port, feedme: port })),
}, fetch);
