/** On workerd: the edge as a worker, the Feedme server in a Durable Object. */
import type { Context } from "@hono/hono";
import { Jamsocket } from "@feedline/feedline/server";
import { feedmeServer } from "@feedline/feedline/feed/feedme/server";
import { webSocketPair } from "../../../examples/durable/workers.ts";
import { app } from "./app.ts";
import { application, visitor } from "./application.ts";
import { gateApp } from "./gate.ts";

export class Live {
  readonly #server = feedmeServer(application);

  fetch(request: Request): Response {
    const { socket, response } = webSocketPair("feedme");
    this.#server.accept(socket, visitor(request));
    return response;
  }
}

/** The gate. An object, because one request must be able to end what another opened. */
export class Door {
  readonly #app = gateApp();

  fetch(request: Request): Response | Promise<Response> {
    return this.#app.fetch(request);
  }
}

export default app({ engine: (c) => Jamsocket.fromEnv(c.env) })
  .get("/feedme", (c: Context) => {
    const { LIVE } = c.env;
    return LIVE.get(LIVE.idFromName("live")).fetch(c.req.raw);
  })
  .all("*", (c: Context) => {
    const { DOOR } = c.env;
    return DOOR.get(DOOR.idFromName("door")).fetch(c.req.raw);
  });
