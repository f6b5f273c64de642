/** What the API answers to the page at `/`: its files, its events, its orders. */
import type { Context, Hono } from "@hono/hono";
import { isUsable } from "../lifecycle.ts";
import { ApiFailure } from "../errors.ts";
import type { Identity } from "../../gate.ts";
import type { Backend } from "../backend.ts";
import type { Registry } from "../registry.ts";
import { PAGE } from "./document.ts";
import { pageFeed, type PlatformInfo } from "./feed.ts";
import { frameFeed } from "./frames.ts";
import { SCRIPTS } from "./scripts/mod.ts";
import { PAGE_STYLE } from "./style.ts";
import { whyNoPage } from "./visit.ts";

/** Options of {@linkcode addPage}. */
export interface PageOptions extends PlatformInfo {
  registry: Registry;
  keepAlive: number;
  signal: AbortSignal;
  /** The backend that a request names. */
  find: (c: Context) => Backend;
  /** Who a visit should be from, as the body of a request says. */
  readIdentity: (request: Request) => Promise<Identity>;
  /** A connection URL. */
  urlFor: (c: Context, backend: Backend, identity: Identity) => Promise<string>;
}

/** Makes the page run only its own script, whatever a backend writes. */
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; " +
  "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";

/** Adds the page's routes. */
export function addPage(app: Hono, options: PageOptions): void {
  const { registry, traffic, keepAlive, signal, find } = options;
  app.get("/", (c) => c.html(PAGE, 200, { "content-security-policy": CSP }));
  app.get(
    "/page.css",
    (c) =>
      c.body(PAGE_STYLE, 200, { "content-type": "text/css; charset=utf-8" }),
  );
  for (const [path, script] of SCRIPTS) {
    const type = "text/javascript; charset=utf-8";
    app.get(path, (c) => c.body(script, 200, { "content-type": type }));
  }
  app.get("/events", () => pageFeed(registry, options, { keepAlive, signal }));
  app.get("/inspect/:id", (c) => {
    const { id } = find(c);
    if (!traffic) throw new ApiFailure(404, "this platform shows no messages");
    return frameFeed(traffic.inspector, id, { keepAlive, signal });
  });
  app.post("/visit/:id", async (c) => {
    const backend = find(c);
    if (!isUsable(backend.state)) {
      throw new ApiFailure(410, "the backend has ended");
    }
    const identity = await options.readIdentity(c.req.raw);
    const url = await options.urlFor(c, backend, identity);
    const { address } = backend;
    const reason = address && await whyNoPage(address, c.req.raw.signal);
    return c.json({ url, ...(reason ? { no_page: reason } : {}) });
  });
  app.post("/again/:id", async (c) => {
    const { id } = await registry.again(find(c), c.req.raw.signal);
    return c.json({ backend_id: id });
  });
}
