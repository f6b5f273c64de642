/**
 * A page that the browser keeps while the user looks at another one, and shows again when
 * they go back (the back/forward cache): its connections have been lost meanwhile.
 */
import { assertEquals } from "@std/assert";
import { bundle } from "../kit/bundle.ts";
import { inChromium } from "../kit/chromium.ts";
import { servePage } from "../kit/page_server.ts";
import { until } from "../kit/wait.ts";

const PAGE = `<!doctype html><script type="module">
  import { SessionBackend } from "/client.js";
  import { feedmeClient, webSocketTransport } from "/feedme.js";
  globalThis.persisted = [];
  addEventListener("pageshow", (event) => persisted.push(event.persisted));

  const answer = await fetch("/rooms/room-1/connect", { method: "POST" });
  globalThis.backend = new SessionBackend(await answer.json());
  globalThis.socket = backend.socket();
  globalThis.said = [];
  socket.onmessage = ({ data }) => said.push(data);
  socket.send("one");
  const url = location.origin + "/feedme";
  const client = feedmeClient({ transport: webSocketTransport({ url }) });
  globalThis.view = await client.open("board");
  globalThis.isReady = true;
</script>`;

inChromium(
  "a page that comes back from the back/forward cache is live again",
  async (browser) => {
    const text = new TextDecoder();
    await using server = servePage({
      "/": PAGE,
      "/away": "<!doctype html><p>another page",
      "/client.js": text.decode(await bundle("client.ts")),
      "/feedme.js": text.decode(await bundle("feed/feedme/mod.ts")),
    });
    const page = await browser.newPage();
    const timeout = 15_000;
    await page.goto(server.url);
    await page.waitForFunction("globalThis.isReady && said.length > 0", null, {
      timeout,
    });

    await page.goto(`${server.url}/away`);
    server.cut();
    await until(() => server.open.feedme + server.open.backend === 0);
    await page.evaluate("history.back()").catch(() => {});
    // A page that comes back loads nothing, so there is no `load` event.
    await page.waitForURL(`${server.url}/`, { timeout, waitUntil: "commit" });
    assertEquals(await page.evaluate("persisted"), [false, true]);

    await until(() => server.subscribers() > 0);
    server.add("milk");
    await page.evaluate(`socket.send("two")`);
    await page.waitForFunction(
      "said.length > 1 && view.data.lines.length > 0",
      null,
      {
        timeout,
      },
    );
    assertEquals(
      await page.evaluate(
        "[said, view.data.lines, view.stale, backend.isReady()]",
      ),
      [["echo one", "echo two"], ["milk"], false, true],
    );
    await until(() => server.open.statuses > 0);
  },
);
