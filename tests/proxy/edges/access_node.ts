/** The edge of `access.ts` on Node. */
import { serve, upgradeWebSocket } from "@hono/node-server";
import { WebSocketServer } from "ws";
import { nodeUpgrade } from "@feedline/feedline/proxy";
import { access } from "./access.ts";

// deno-lint-ignore no-explicit-any
const { process } = globalThis as any;
const server = new WebSocketServer({ noServer: true });
const { fetch } = access(
  process.env,
  nodeUpgrade({ server, upgradeWebSocket }),
);
serve(
  { fetch, port: 0, hostname: "127.0.0.1", websocket: { server } },
  ({ port }) => console.log(`listening on ${port}`),
);
