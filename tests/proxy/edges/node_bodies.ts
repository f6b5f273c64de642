/**
 * An edge on Node whose backend sends one piece and then stays silent for as long
 * as it is asked to. Node's `fetch` is given the limit in the first argument, by
 * the lines of the quick start. With `?late`, a middleware keeps each response until what
 * nothing refers to has been collected. With `?never`, the backend does not respond.
 */
import { createServer } from "node:http";
import { Hono } from "@hono/hono";
import { serve } from "@hono/node-server";
import { Agent, setGlobalDispatcher } from "undici";
import { sessionProxy } from "@feedline/feedline/proxy";
import type { ConnectResponse, SessionEngine } from "@feedline/feedline/types";

// deno-lint-ignore no-explicit-any
const { gc, process } = globalThis as any;
const limit = Number(process.argv[2]);
setGlobalDispatcher(new Agent({ headersTimeout: limit, bodyTimeout: limit }));

const backend = createServer((request, response) => {
  const { searchParams } = new URL(request.url!, "http://b");
  if (searchParams.has("never")) return;
  const silence = Number(searchParams.get("ms"));
  response.write("one ");
  setTimeout(() => response.end("two"), silence);
});
await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
const { port } = backend.address() as { port: number };
const answer: ConnectResponse = {
  backend_id: "b1",
  spawned: true,
  status: "ready",
  token: "",
  url: `http://127.0.0.1:${port}/`,
  secret_token: null,
  status_url: "",
  ready_url: "",
};
const engine = {
  origins: ["http://127.0.0.1:*"],
  connect: () => Promise.resolve(answer),
} as unknown as SessionEngine;
const app = new Hono();
app.use(async (c, next) => {
  await next();
  if (c.req.query("late") === undefined) return;
  for (let round = 0; round < 5; round++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
app.route(
  "/",
  sessionProxy({ engine, authorize: () => ({ anonymous: true }) }),
);
serve(
  { fetch: app.fetch, port: 0, hostname: "127.0.0.1" },
  ({ port }) => console.log(`listening on ${port}`),
);
