/**
 * A session backend: one process for each room. The platform starts it with a port of
 * its own, and every user of the room reaches this process.
 */
import { createServer } from "node:http";
import process from "node:process";
import { WebSocketServer } from "ws";
import { feedmeServer } from "@feedline/feedline/feed/feedme/server";
import { verifiedUser } from "@feedline/feedline/server";
import { application } from "./room.ts";

const feeds = feedmeServer(application);

const server = createServer((_, response) => response.end("a room\n"));
const sockets = new WebSocketServer({ server });
sockets.on("connection", (socket, { headers }) => {
  feeds.accept(socket, {
    // The proxy in front of this process sets these headers; a client cannot.
    ...verifiedUser(new Headers(headers as Record<string, string>)),
    subprotocols: headers["sec-websocket-protocol"],
  });
});
server.listen(process.env.PORT);

// The platform sends SIGTERM, and waits before it kills: save what must stay.
process.on("SIGTERM", () => process.exit());
