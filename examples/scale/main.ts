/**
 * One of several processes: `DATABASE_URL=postgres://… PORT=8001 deno run -A main.ts`,
 * or with `NATS_URL=nats://…`.
 */
import { connect } from "@nats-io/transport-node";
import postgres from "postgres";
import type { ActionLog } from "./shared.ts";
import { serveLists } from "./app.ts";
import { NatsLog } from "./nats.ts";
import { PostgresLog } from "./postgres.ts";

async function openLog(): Promise<ActionLog> {
  const nats = Deno.env.get("NATS_URL");
  if (nats !== undefined) {
    const options = { servers: nats, maxReconnectAttempts: -1 };
    return NatsLog.open(await connect(options));
  }
  const sql = postgres(Deno.env.get("DATABASE_URL")!, { onnotice() {} });
  const log = new PostgresLog(sql);
  await log.prepare();
  return log;
}

const { server, shared } = serveLists(await openLog());
Deno.serve({
  hostname: "127.0.0.1",
  port: Number(Deno.env.get("PORT") ?? 8000),
  onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
}, (request) => {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return Response.json({ following: shared.following });
  }
  const subprotocols = request.headers.get("sec-websocket-protocol");
  const { socket, response } = Deno.upgradeWebSocket(request, {
    protocol: "feedme",
  });
  server.accept(socket, { subprotocols });
  return response;
});
