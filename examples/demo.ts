/**
 * `deno task demo`: a board of notes whose state lives in a session backend.
 * `deno task demo --react` shows the same board with hooks (`react/`).
 *
 * Three parts run in one process, so that one command starts them: the dev
 * platform, which runs the backends; the edge, which decides who may reach which
 * backend; and the page. Each could run on its own. You open the edge's URL only.
 */
import { fileURLToPath } from "node:url";
import { Hono } from "@hono/hono";
import { sessionProxy } from "../session/edge/proxy.ts";
import { Jamsocket } from "../server.ts";
import {
  type DevEvent,
  type DevPlatform,
  type DevPlatformOptions,
  startDevPlatform,
} from "../session/dev/mod.ts";
import { Terminal } from "../session/dev/terminal.ts";

/** The page's script, as a browser loads it; `options` are more of `deno bundle`. */
async function bundle(entry: URL, ...options: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--platform=browser",
      "--minify",
      ...options,
      entry.href,
    ],
    cwd: new URL("..", import.meta.url),
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** What the edge serves beside the backends: texts by path; `/` is the page. */
export type Site = ReadonlyMap<string, string>;

/** The board's page. */
async function site(): Promise<Site> {
  const board = (name: string) => new URL(`board/${name}`, import.meta.url);
  const [page, script] = await Promise.all([
    Deno.readTextFile(board("page.html")),
    bundle(board("page.ts")),
  ]);
  return new Map([["/", page], ["/page.js", script]]);
}

/** The same board with hooks; Deno downloads React for it. */
export async function reactSite(): Promise<Site> {
  const file = (name: string) => new URL(`react/${name}`, import.meta.url);
  const config = `--config=${fileURLToPath(file("bundle.json"))}`;
  const read = (name: string) => Deno.readTextFile(file(name));
  return new Map([
    ["/", await read("index.html")],
    ["/style.css", await read("style.css")],
    ["/main.tsx", await bundle(file("main.tsx"), config)],
  ]);
}

function typeOf(path: string): string {
  if (path === "/") return "text/html; charset=utf-8";
  return path.endsWith(".css") ? "text/css" : "text/javascript";
}

/** The edge: the board's page, and the way to its backend. */
function edge(engine: Jamsocket, site: Site, devPage: string): Hono {
  const app = new Hono();
  for (const [path, text] of site) {
    app.get(
      path,
      (c) => c.body(text, 200, { "content-type": typeOf(path) }),
    );
  }

  app.get("/dev", (c) => c.redirect(devPage));

  // The demo trusts the name in the URL. An application would read its own
  // session here, and return `null` to refuse.
  const user = (as: string | undefined) => as?.slice(0, 40) || "guest";

  app.route(
    "/boards",
    sessionProxy({
      engine,
      authorize: (c) => ({
        user: user(c.req.query("as")),
        // Only a page that opens the board starts a backend. A page that reconnects
        // must not start another one unnoticed.
        spawn: c.req.path.endsWith("/connect") && { max_idle_seconds: 120 },
      }),
    }),
  );
  // Shows what happens when a backend ends.
  app.post("/boards/:name/end", async (c) => {
    if (c.req.header("origin") !== new URL(c.req.url).origin) {
      return c.text("not from here", 403);
    }
    const { backend_id } = await engine.connect({
      key: c.req.param("name"),
      spawn: false,
    });
    await engine.terminate(backend_id, { hard: true });
    return c.body(null, 204);
  });
  return app;
}

/** A running demo. */
export interface Demo extends AsyncDisposable {
  /** The URL to open. */
  url: string;
  platform: DevPlatform;
}

/** Options of {@linkcode startDemo}. */
export interface DemoOptions {
  /** Where the boards are saved. @default {`boards` in the example's folder} */
  folder?: string | undefined;
  /** The page. @default {the one of `board/`} */
  site?: Site | undefined;
  onEvent?: DevPlatformOptions["onEvent"];
}

/** Starts all three parts; `port` is the edge's. */
export async function startDemo(
  port: number,
  { folder, onEvent, ...options }: DemoOptions = {},
): Promise<Demo> {
  const board = (name: string) => new URL(`board/${name}`, import.meta.url);
  const pages = options.site ?? await site();
  const platform = await startDevPlatform({
    module: board("backend.ts"),
    port: 0,
    proxyPort: 0,
    watch: true,
    // Long enough to save a board.
    grace: 2_000,
    env: { BOARD_FOLDER: folder ?? fileURLToPath(board("boards")) },
    onEvent,
  });
  const engine = new Jamsocket({
    dev: true,
    port: Number(new URL(platform.apiUrl).port),
  });
  const server = Deno.serve(
    { port, hostname: "localhost", onListen() {} },
    edge(engine, pages, platform.apiUrl).fetch,
  );
  return {
    url: `http://localhost:${server.addr.port}`,
    platform,
    async [Symbol.asyncDispose]() {
      // Backends first, because the connections through the edge end with them.
      await platform.close();
      await server.shutdown();
    },
  };
}

if (import.meta.main) {
  const terminal = new Terminal({
    write: (line) => console.log(line),
    color: !Deno.noColor && Deno.stdout.isTerminal(),
  });
  const show = (event: DevEvent) => terminal.show(event);
  const fail = (why: string): never => {
    console.error(`demo: ${why}; choose another, e.g. deno task demo 8001`);
    Deno.exit(1);
  };
  const [given = "8000"] = Deno.args.filter((arg) => arg !== "--react");
  const port = Number(given);
  if (!/^\d{1,5}$/.test(given) || port > 65_535) {
    fail(`${JSON.stringify(given)} is not a port`);
  }
  const site = Deno.args.includes("--react") ? await reactSite() : undefined;
  const demo = await startDemo(port, { onEvent: show, site }).catch((error) => {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    return fail(`port ${port} is in use`);
  });
  console.log(
    `\n  Open ${demo.url} in two tabs: what you do in one shows in the other.\n` +
      `  The page of the dev platform is at ${demo.platform.apiUrl}.\n` +
      `  Press Ctrl-C to stop.\n`,
  );
  const asked = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => asked.resolve());
  }
  await asked.promise;
  // Not awaited, because a browser may keep its connections open indefinitely.
  await demo.platform.close();
  Deno.exit(0);
}
