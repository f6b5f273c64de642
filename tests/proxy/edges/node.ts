/** The example's edge on Node, as its documentation says. Bundled, then run by `node`. */
import { serve, upgradeWebSocket } from "@hono/node-server";
import { WebSocketServer } from "ws";
import { nodeUpgrade } from "@feedline/feedline/proxy";
import { Jamsocket } from "@feedline/feedline/server";
import { edge } from "../../../examples/edge/app.ts";

// deno-lint-ignore no-explicit-any
const { process } = globalThis as any;
const server = new WebSocketServer({ noServer: true });
const app = edge({
  engine: Jamsocket.fromEnv(process.env),
  cookieSecret: () => "secret",
  upgrade: nodeUpgrade({ server, upgradeWebSocket }),
});
serve(
  { fetch: app.fetch, port: 0, hostname: "127.0.0.1", websocket: { server } },
  ({ port }) => console.log(`listening on ${port}`),
);
