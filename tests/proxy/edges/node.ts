/** The example's edge on Node, as its documentation says. Bundled, then run by `node`. */
import { serve, upgradeWebSocket } from "@hono/node-server";
import { WebSocketServer } from "ws";
import { nodeUpgrade } from "@feedline/feedline/proxy";
import { Jamsocket } from "@feedline/feedline/server";
import { edge } from "../../../examples/edge/app.ts";

// deno-lint-ignore no-explicit-any
const { process } = globalThis as any;
const server = new WebSocketServer({ noServer: true });
const { KEEP_ALIVE, WITHOUT_UPGRADE } = process.env;
const upgrade = nodeUpgrade({
  server,
  upgradeWebSocket,
  keepAlive: KEEP_ALIVE === undefined ? undefined : Number(KEEP_ALIVE),
});
const app = edge({
  engine: Jamsocket.fromEnv(process.env),
  cookieSecret: () => "secret",
  ...(WITHOUT_UPGRADE ? {} : { upgrade }),
});
serve(
  {
    fetch: app.fetch,
    port: 0,
    hostname: "127.0.0.1",
    ...(WITHOUT_UPGRADE ? {} : {
      websocket: { server },
      serverOptions: upgrade.serverOptions,
    }),
  },
  ({ port }) => console.log(`listening on ${port}`),
);
