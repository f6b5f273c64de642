/** An edge on workerd that waits for its platform without a limit. */
import { Hono } from "@hono/hono";
import { sessionProxy } from "../../../session/edge/proxy.ts";
import { Jamsocket } from "../../../server.ts";

const app: Hono = new Hono();
app.get("/hello", (c) => c.text("hello"));
app.route(
  "/rooms",
  sessionProxy({
    engine: (c) =>
      new Jamsocket({ dev: true, port: Number(c.env.PORT), timeout: Infinity }),
    authorize: () => ({ user: "ada" }),
    platformTimeout: Infinity,
  }),
);

export default app;
