/**
 * A worker of a SocketCluster cluster: the server from npm, whose channels reach the
 * other workers by way of brokers. Arguments: its port and that of the state server.
 */
// deno-lint-ignore-file no-explicit-any
import http from "node:http";
// @ts-ignore the package has no types
import socketClusterServer from "socketcluster-server";
// @ts-ignore the package has no types
import brokerClient from "scc-broker-client";

const [port, statePort] = Deno.args.map(Number);
const httpServer = http.createServer();
const server: any = socketClusterServer.attach(httpServer, {
  authKey: "key of the tests",
});
const client = brokerClient.attach(server.brokerEngine ?? server.exchange, {
  instanceId: crypto.randomUUID(),
  instancePort: port,
  stateServerHost: "127.0.0.1",
  stateServerPort: statePort,
  brokerRetryDelay: 200,
  stateServerReconnectRandomness: 1,
});
(async () => {
  // A lost broker is an error for each message on its way.
  for await (const _ of client.listener("error"));
})();
httpServer.listen(port, "127.0.0.1", () => console.log(port));
