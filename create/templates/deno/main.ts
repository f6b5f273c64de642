/** The edge as a Deno program, which serves the page, too: `deno task dev` runs it. */
import { serveStatic } from "hono/deno";
import { edge } from "./edge.ts";

const app = edge();
app.use("/*", serveStatic({ root: "./public" }));

Deno.serve({ port: Number(Deno.env.get("EDGE_PORT") ?? 8000) }, app.fetch);
