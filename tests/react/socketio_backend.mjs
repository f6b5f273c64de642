/**
 * A session backend that is a Socket.IO server from npm. Not TypeScript: the types of
 * that server bring Node's, which would replace Deno's in every file.
 */
import { createServer } from "node:http";
import process from "node:process";
import { Server } from "socket.io";

const http = createServer();
const server = new Server(http, {
  transports: process.env.TRANSPORTS.split(","),
});
server.on("connection", (socket) => {
  const user = socket.handshake.headers["x-verified-username"];
  socket.on("some-event", (value) => {
    const { name } = socket.conn.transport;
    server.emit("another-event", `${user} ${value} ${name}`);
  });
});
http.listen(Number(process.env.PORT));
