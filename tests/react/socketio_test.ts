/**
 * The sample program of the documentation of @jamsocket/socketio, with its import line
 * changed, against a Socket.IO server in a session backend, through the edge route.
 */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { Hono } from "@hono/hono";
import { Jamsocket } from "../../server.ts";
import { startDevPlatform } from "../../session/dev/mod.ts";
import { sessionProxy } from "../../session/edge/proxy.ts";
import { Outbox } from "../../react/outbox.ts";
import { inChromium } from "../kit/chromium.ts";
import { config } from "../kit/config.ts";
import { bundleWithReact, REACTS } from "../kit/react.ts";
import { until } from "../kit/wait.ts";

const PAGE = `<!doctype html><title>Seed</title><div id="root"></div>
<script type="module" src="/page.js"></script>`;

/** The dev platform with that backend, and an edge before it that serves the page. */
async function start(transports: string, script: string) {
  const platform = await startDevPlatform({
    module: new URL("socketio_backend.mjs", import.meta.url),
    config: fileURLToPath(new URL(`../../${config}`, import.meta.url)),
    env: { TRANSPORTS: transports },
    port: 0,
    proxyPort: 0,
  });
  const engine = new Jamsocket({
    dev: true,
    port: Number(new URL(platform.apiUrl).port),
  });
  const app = new Hono();
  app.get("/", (c) => c.html(PAGE));
  app.get(
    "/page.js",
    (c) => c.body(script, 200, { "content-type": "text/javascript" }),
  );
  app.route(
    "/rooms",
    sessionProxy({
      engine,
      authorize: (c) => ({
        user: "ada",
        spawn: c.req.path.endsWith("/connect"),
      }),
    }),
  );
  /** Requests below the backend, by method and transport. */
  const seen: string[] = [];
  const http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname.startsWith("/rooms/room-1/backend/socket.io/")) {
        seen.push(searchParams.get("transport")!);
      }
      return app.fetch(request);
    },
  );
  return {
    origin: `http://127.0.0.1:${http.addr.port}`,
    platform,
    engine,
    seen,
    async [Symbol.asyncDispose]() {
      await platform.close();
      await http.shutdown();
    },
  };
}

for (const version of REACTS) {
  for (const transports of ["polling,websocket", "polling"]) {
    const last = transports.split(",").at(-1)!;
    inChromium(
      `Socket.IO - the seed's sample by ${last}, with React ${version}: a backend is killed and respawned in the middle`,
      async (browser) => {
        const script = await bundleWithReact("tests/react/seed.tsx", version);
        await using stage = await start(transports, script);
        const page = await browser.newPage();
        await page.goto(stage.origin);
        const received = () => page.evaluate<string[]>("page.received");
        const connect = () => page.evaluate("page.connect(true)");
        await page.waitForFunction("globalThis.page");
        await connect();
        // StrictMode runs the effect of the sample twice only if it is ready at first.
        await until(async () => (await received()).length > 0, "an answer");
        assertEquals(new Set(await received()).size, 1);
        const [first] = await received();
        assert(/^ada 1 (polling|websocket)$/.test(first!), first);
        assertEquals(await page.locator("b").textContent(), "ready");

        const { id } = stage.platform.backends[0]!;
        await stage.engine.terminate(id, { hard: true });
        await page.getByText("not ready").waitFor();
        await connect();
        await page.waitForFunction(
          `page.received.some((text) => text.startsWith("ada 2 "))`,
        );
        assertEquals(await page.locator("b").textContent(), "ready");
        if (last === "websocket") {
          assert(stage.seen.includes("websocket"), stage.seen.join());
        } else {
          assertEquals(new Set(stage.seen), new Set(["polling"]));
        }
        await page.evaluate("page.leave()");
        assertEquals(await page.evaluate("page.problems"), []);
        assertEquals(stage.platform.backends.length, 2);
      },
    );
  }
}

Deno.test("Socket.IO - messages wait up to a bound, and the oldest are dropped", () => {
  const outbox = new Outbox();
  const message = (n: number) => ({ event: `e${n}`, message: n });
  for (const n of [1, 2, 3]) assertEquals(outbox.add(message(n), 3), []);
  assertEquals(outbox.add(message(4), 3), [message(1)]);
  assertEquals(outbox.size, 3);
  assertEquals(outbox.take(), [2, 3, 4].map(message));
  assertEquals([outbox.size, outbox.take()], [0, []]);
});

Deno.test("Socket.IO - setEvents sees JSON, and keeps the messages that it leaves", () => {
  const outbox = new Outbox();
  const bytes = new Uint8Array([1, 2]);
  outbox.add({ event: "bytes", message: bytes }, 9);
  outbox.add({ event: "gone", message: { a: 1 } }, 9);
  outbox.add({ event: "empty", message: undefined }, 9);
  outbox.update((waiting) => {
    assertEquals(waiting.map(({ event, args }) => [event, args]), [
      ["bytes", '{"0":1,"1":2}'],
      ["gone", '{"a":1}'],
      ["empty", "null"],
    ]);
    const [first, , third] = waiting;
    return [first!, third!, { event: "new", args: "[3]" }];
  }, 9);
  assertEquals(outbox.take(), [
    { event: "bytes", message: bytes },
    { event: "empty", message: undefined },
    { event: "new", message: [3] },
  ]);
  assertEquals(outbox.update([{ event: "a", args: "1" }], 0), [
    { event: "a", message: 1 },
  ]);
});
