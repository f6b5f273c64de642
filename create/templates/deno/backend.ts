/**
 * A session backend: one process for each room. The platform starts it with a port of
 * its own, and every user of the room reaches this process.
 */
import { feedmeServer } from "@feedline/feedline/feed/feedme/server";
import { verifiedUser } from "@feedline/feedline/server";
import { application } from "./room.ts";

const feeds = feedmeServer(application);

Deno.serve({ port: Number(Deno.env.get("PORT")) }, (request) => {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return new Response("a room\n");
  }
  // The proxy in front of this process sets these headers; a client cannot.
  const user = verifiedUser(request.headers);
  const subprotocols = request.headers.get("sec-websocket-protocol");
  const { socket, response } = Deno.upgradeWebSocket(request, {
    protocol: "feedme",
  });
  feeds.accept(socket, { ...user, subprotocols });
  return response;
});

// The platform sends SIGTERM, and waits before it kills: save what must stay.
Deno.addSignalListener("SIGTERM", () => Deno.exit());
