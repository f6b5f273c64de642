/** The edge as a Cloudflare worker: `npx wrangler dev` in this folder. */
import { Jamsocket } from "@feedline/feedline/server";
import type { Hono } from "@hono/hono";
import { edge } from "./app.ts";

// Settings and secrets come with each request. WebSockets pass through natively.
const app: Hono = edge({
  engine: (c) => Jamsocket.fromEnv(c.env),
  cookieSecret: (c) => c.env.COOKIE_SECRET,
});

export default app;
