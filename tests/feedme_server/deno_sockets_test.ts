/** What is particular to Deno's sockets: they open late and count what waits late. */
import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { z } from "zod";
import {
  defineFeed,
  feedmeServer,
  type ServedClient,
} from "../../feed/feedme/server/server.ts";
import { until } from "../kit/wait.ts";
import { HANDSHAKE, openOf } from "../kit/feedme_messages.ts";

const lines = defineFeed({
  data: z.object({ lines: z.array(z.string()) }),
  initial: () => ({ lines: [] as string[] }),
});

function serve(accepted: (client: ServedClient) => void = () => {}) {
  const server = feedmeServer({ feeds: { lines } });
  const http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      accepted(server.accept(socket));
      return response;
    },
  );
  return {
    server,
    url: `ws://127.0.0.1:${(http.addr as Deno.NetAddr).port}/`,
    async [Symbol.asyncDispose]() {
      await server.close();
      await http.shutdown();
    },
  };
}

/** A client, and how its socket has closed. */
function connect(url: string) {
  const socket = new WebSocket(url);
  const client = { socket, closed: undefined as number | undefined, texts: 0 };
  socket.onclose = ({ code }) => client.closed = code;
  socket.onerror = () => {};
  socket.onmessage = () => client.texts++;
  return client;
}

Deno.test("sockets: a client that is closed before its socket is open is closed then", async () => {
  await using test = serve((client) => client.close(4003, "not you"));
  const clients = Array.from({ length: 20 }, () => connect(test.url));
  await until(() => clients.every(({ closed }) => closed), "all are closed");
  assertEquals(new Set(clients.map(({ closed }) => closed)), new Set([4003]));
  assertEquals([...test.server.clients], []);
});

Deno.test("sockets: closing the server closes those that are still connecting", async () => {
  const arrived = Promise.withResolvers<void>();
  const test = serve(() => arrived.resolve());
  const clients = Array.from({ length: 50 }, () => connect(test.url));
  await arrived.promise;
  await test.server.close();
  // Those that come later are closed as soon as they are open.
  await until(
    () => clients.every(({ closed }) => closed !== undefined),
    "all are closed",
  );
  assertEquals(new Set(clients.map(({ closed }) => closed)), new Set([1001]));
  await test[Symbol.asyncDispose]();
});

Deno.test("sockets: clients that read get a burst, and data that grows in one turn", async () => {
  await using test = serve();
  const clients = Array.from({ length: 3 }, () => connect(test.url));
  for (const client of clients) {
    await until(() => client.socket.readyState === WebSocket.OPEN, "open");
    client.socket.send(JSON.stringify(HANDSHAKE));
    client.socket.send(JSON.stringify(openOf("lines")));
    await until(() => client.texts === 2, "the feed is open");
  }
  const live = test.server.feed(lines);
  for (let index = 0; index < 200; index++) {
    live.update("said", {}, { lines: [`${index}`.padEnd(20_000)] });
  }
  await until(() => clients.every(({ texts }) => texts === 202), "the burst");
  live.update("grew", {}, { lines: ["x".repeat(1.5e6)] });
  live.update("said", {}, ({ lines }) => ({ lines: [...lines, "more"] }));
  await until(() => clients.every(({ texts }) => texts === 204), "all");
  await delay(1_200);
  assertEquals(live.subscribers, 3);
  const ended = clients.map(({ socket }) =>
    new Promise((resolve) => socket.addEventListener("close", resolve))
  );
  for (const { socket } of clients) socket.close();
  await Promise.all(ended);
});
