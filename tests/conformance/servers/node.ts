/** On Node. Prints the ports of the edge and of the Feedme server. */
import { serve, upgradeWebSocket } from "@hono/node-server";
import { WebSocketServer } from "ws";
import { nodeUpgrade } from "@feedline/feedline/proxy";
import { Jamsocket } from "@feedline/feedline/server";
import { feedmeServer } from "@feedline/feedline/feed/feedme/server";
import { app } from "./app.ts";
import { application, visitor } from "./application.ts";
import { gateApp } from "./gate.ts";

// deno-lint-ignore no-explicit-any
const { process } = globalThis as any;
const live = feedmeServer(application);
const server = new WebSocketServer({ noServer: true });
const upgrade = nodeUpgrade({ server, upgradeWebSocket });
const { fetch } = app({ engine: Jamsocket.fromEnv(process.env), upgrade })
  .get("/feedme", upgradeWebSocket((c) => live.events(visitor(c.req.raw))))
  .route("/", gateApp(upgrade));
serve(
  { fetch, port: 0, hostname: "127.0.0.1", websocket: { server } },
  ({ port }) => console.log(JSON.stringify({ edge: port, feedme: port })),
);
