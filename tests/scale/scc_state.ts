/**
 * The state server of a SocketCluster cluster: tells workers which brokers there are. A
 * stand-in for `scc-state`, which is not on npm; its messages are those that scc-broker
 * and scc-broker-client expect. Prints its port.
 */
// deno-lint-ignore-file no-explicit-any
import http from "node:http";
// @ts-ignore the package has no types
import socketClusterServer from "socketcluster-server";

const httpServer = http.createServer();
const server: any = socketClusterServer.attach(httpServer, {
  authKey: "key of the tests",
});
const brokers = new Map<any, string>();
const workers = new Set<any>();
let time = 0;

const state = () => ({
  sccBrokerURIs: [...brokers.values()],
  sccWorkerURIs: [],
  time: ++time,
});

function tell(event: string): void {
  for (const worker of workers) worker.invoke(event, state()).catch(() => {});
}

async function join(
  socket: any,
  procedure: string,
  enter: () => unknown,
): Promise<void> {
  for await (const request of socket.procedure(procedure)) {
    request.end(enter());
  }
}

async function leave(socket: any): Promise<void> {
  await socket.listener("disconnect").once();
  workers.delete(socket);
  if (brokers.delete(socket)) tell("sccBrokerLeaveCluster");
}

(async () => {
  for await (const { socket } of server.listener("connection")) {
    const query = new URL(socket.request.url, "http://x").searchParams;
    const uri = `ws://127.0.0.1:${query.get("instancePort")}`;
    join(socket, "sccBrokerJoinCluster", () => {
      brokers.set(socket, uri);
      tell("sccBrokerJoinCluster");
    });
    join(socket, "sccWorkerJoinCluster", () => {
      workers.add(socket);
      return state();
    });
    leave(socket);
  }
})();

httpServer.listen(0, "127.0.0.1", () => {
  console.log((httpServer.address() as { port: number }).port);
});
