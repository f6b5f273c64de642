/** The counter on Bun, by Hono. Bundled, then run by `bun`. */
import { Hono } from "@hono/hono";
import { upgradeWebSocket, websocket } from "@hono/hono/bun";
import { verifiedUser } from "@feedline/feedline/server";
import { feedmeServer } from "@feedline/feedline/feed/feedme/server";
import { application } from "./app.ts";

// deno-lint-ignore no-explicit-any
const { Bun } = globalThis as any;
const live = feedmeServer(application);
const app = new Hono().get(
  "/ws",
  upgradeWebSocket((c) => live.events(verifiedUser(c.req.raw.headers))),
);
const server = Bun.serve({ port: 0, fetch: app.fetch, websocket });
console.log(`listening on ${server.port}`);
