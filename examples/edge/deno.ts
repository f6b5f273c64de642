/**
 * The edge as a Deno server:
 * `JAMSOCKET_DEV=true COOKIE_SECRET=… deno run -NE --unstable-no-legacy-abort deno.ts`.
 * The flag makes a request's signal mean that the client is gone and nothing else.
 */
import { Jamsocket } from "@feedline/feedline/server";
import { edge } from "./app.ts";

const cookieSecret = Deno.env.get("COOKIE_SECRET");
if (!cookieSecret) throw new Error("COOKIE_SECRET is not set");

const app = edge({
  engine: Jamsocket.fromEnv(Deno.env.toObject()),
  cookieSecret: () => cookieSecret,
  upgrade: (c, options) => Deno.upgradeWebSocket(c.req.raw, options),
});

Deno.serve({ port: Number(Deno.env.get("PORT") ?? 8000) }, app.fetch);
