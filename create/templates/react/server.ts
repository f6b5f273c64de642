/** The edge on Node. In production it serves the built page, too. */
import process from "node:process";
import { serve, upgradeWebSocket } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { WebSocketServer } from "ws";
import { nodeUpgrade } from "@feedline/feedline/proxy";
import { edge } from "./edge.ts";

const server = new WebSocketServer({ noServer: true });
const upgrade = nodeUpgrade({ server, upgradeWebSocket });
const app = edge(upgrade);
app.use("/*", serveStatic({ root: "./dist" }));

serve({
  fetch: app.fetch,
  port: Number(process.env.EDGE_PORT ?? 8000),
  websocket: { server },
  serverOptions: upgrade.serverOptions,
});
