/**
 * The servers of three libraries as a process of its own, so that it can be killed:
 * GraphQL over WebSocket, Yjs and Socket.IO below one address, each with a name that
 * tells this process from the next. JavaScript, because the types of Socket.IO would
 * replace those of Node for every other test.
 */
import { GraphQLObjectType, GraphQLSchema, GraphQLString } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { createServer } from "node:http";
import process from "node:process";
import { Server } from "socket.io";
import { WebSocketServer } from "ws";
import { setupWSConnection } from "y-websocket-2/bin/utils";

const [name = ""] = process.argv.slice(2);
const server = createServer();

const query = new GraphQLObjectType({
  name: "Query",
  fields: { server: { type: GraphQLString, resolve: () => name } },
});
const graphql = new WebSocketServer({ noServer: true });
useServer({ schema: new GraphQLSchema({ query }) }, graphql);

const yjs = new WebSocketServer({ noServer: true });
yjs.on("connection", (socket, request) => setupWSConnection(socket, request));

new Server(server, { path: "/socket.io/" }).on("connection", (socket) => {
  socket.on("who", (answer) => answer(name));
});

server.on("upgrade", (request, socket, head) => {
  const target = request.url?.startsWith("/graphql")
    ? graphql
    : request.url?.startsWith("/yjs")
    ? yjs
    : undefined;
  target?.handleUpgrade(request, socket, head, (accepted) => {
    target.emit("connection", accepted, request);
  });
});

server.listen(0, "127.0.0.1", () => {
  console.log(server.address().port);
});
