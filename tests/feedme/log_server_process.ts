/**
 * A Feedme server as a process of its own, so that it can be killed: the feed `count`
 * with a log. Arguments: the port, and the `n` to begin with, as if from a database.
 * Each line on its standard input is a number of actions to perform; it answers with `n`.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { z } from "zod";
import { defineFeed, feedmeServer } from "../../feed/feedme/server/server.ts";

const [port, begin] = Deno.args.map(Number);
const count = defineFeed({
  data: z.object({ n: z.number() }),
  initial: () => ({ n: begin! }),
  log: { actions: 1_000 },
});
const server = feedmeServer({ feeds: { count } });
const live = server.feed(count);

Deno.serve({
  port: port!,
  hostname: "127.0.0.1",
  onListen: () => console.log("started"),
}, (request) => {
  const subprotocols = request.headers.get("sec-websocket-protocol");
  const { socket, response } = Deno.upgradeWebSocket(request, {
    protocol: "feedme",
  });
  server.accept(socket, { subprotocols });
  return response;
});

createInterface({ input: process.stdin }).on("line", (line) => {
  for (let left = Number(line); left > 0; left--) {
    const n = live.data.n + 1;
    live.update("added", { n }, { n });
  }
  console.log(live.data.n);
}).on("close", () => process.exit());
