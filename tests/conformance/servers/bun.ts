/**
 * On Bun. Prints the ports of the edge and of the Feedme server: two, because
 * `Bun.serve` has one set of handlers for all its WebSockets.
 */
import { Hono } from "@hono/hono";
import { upgradeWebSocket, websocket } from "@hono/hono/bun";
import { bunUpgrade } from "@feedline/feedline/proxy";
import { Jamsocket } from "@feedline/feedline/server";
import { feedmeServer } from "@feedline/feedline/feed/feedme/server";
import { app } from "./app.ts";
import { application, visitor } from "./application.ts";
import { gateApp } from "./gate.ts";

// deno-lint-ignore no-explicit-any
const { process, Bun } = globalThis as any;
const { upgrade, websocket: bridge } = bunUpgrade();
const engine = Jamsocket.fromEnv(process.env);
const edge = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  idleTimeout: 255,
  fetch: app({ engine, upgrade }).route("/", gateApp(upgrade)).fetch,
  websocket: bridge,
});
const live = feedmeServer(application);
const feedme = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: new Hono()
    .get("/feedme", upgradeWebSocket((c) => live.events(visitor(c.req.raw))))
    .fetch,
  websocket,
});
console.log(JSON.stringify({ edge: edge.port, feedme: feedme.port }));
