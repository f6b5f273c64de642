/**
 * The edge as one file for Cloudflare Workers and Deno. In this folder, run
 * `npx wrangler dev`, or
 * `JAMSOCKET_DEV=true COOKIE_SECRET=… deno serve -NE worker.ts`.
 */
import { Jamsocket } from "@feedline/feedline/server";
import type { Hono } from "@hono/hono";
import { env } from "@hono/hono/adapter";
import { edge } from "./app.ts";

// On Workers, settings and secrets come with each request.
const app: Hono = edge({
  engine: (c) => Jamsocket.fromEnv(env(c)),
  cookieSecret: (c) => env(c).COOKIE_SECRET,
});

export default app;
