/**
 * The worker as a program that starts its own server, as Deno Deploy requires:
 * `JAMSOCKET_DEV=true COOKIE_SECRET=… deno run -NE deno.ts`.
 */
import app from "./worker.ts";

Deno.serve({ port: Number(Deno.env.get("PORT") ?? 8000) }, app.fetch);
