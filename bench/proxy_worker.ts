/** On workerd: the edge route and Hono's own proxy helper, before one backend. */
import { type Context, Hono } from "@hono/hono";
import { proxy } from "@hono/hono/proxy";
import { sessionProxy } from "../session/edge/proxy.ts";
import type { ConnectResponse, SessionEngine } from "../types.ts";

const backend = (c: Context) => `http://127.0.0.1:${c.env.PORT}/bench-token/`;

const app: Hono = new Hono();
app.route(
  "/rooms",
  sessionProxy({
    engine: (c) =>
      ({
        origins: ["http://127.0.0.1:*"],
        connect: () =>
          Promise.resolve<ConnectResponse>({
            backend_id: "peer",
            spawned: false,
            status: "ready",
            token: "bench-token",
            url: backend(c),
            secret_token: null,
            status_url: "",
            ready_url: "",
          }),
      }) as Partial<SessionEngine> as SessionEngine,
    authorize: () => ({ user: "ada" }),
  }),
);
app.all("/plain/*", (c) => proxy(`${backend(c)}file`, { raw: c.req.raw }));

export default app;
