/** The counter on Node: by Hono at `/ws`. Bundled, then run by `node`. */
import { Hono } from "@hono/hono";
import { serve, upgradeWebSocket } from "@hono/node-server";
import { WebSocketServer } from "ws";
import { verifiedUser } from "@feedline/feedline/server";
import { feedmeServer } from "@feedline/feedline/feed/feedme/server";
import { application } from "./app.ts";

const live = feedmeServer(application);
const app = new Hono().get(
  "/ws",
  upgradeWebSocket((c) => live.events(verifiedUser(c.req.raw.headers))),
);
const server = new WebSocketServer({
  noServer: true,
  handleProtocols: () => "feedme",
});
serve(
  { fetch: app.fetch, port: 0, hostname: "127.0.0.1", websocket: { server } },
  ({ port }) => console.log(`listening on ${port}`),
);
