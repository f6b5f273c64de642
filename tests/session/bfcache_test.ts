/**
 * A page that the browser keeps while the user looks at another one, and shows again when
 * they go back (the back/forward cache): its connections have been lost meanwhile.
 */
import { assertEquals } from "@std/assert";
import {
  type BrowserName,
  BROWSERS,
  lack,
  openBrowser,
  TITLES,
} from "../kit/browsers.ts";
import { bundle } from "../kit/bundle.ts";
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

/** Whether the engine keeps a page that is connected. Firefox loads it anew. */
const KEEPS: Record<BrowserName, boolean> = {
  chromium: true,
  firefox: false,
  webkit: true,
};

for (const name of BROWSERS) {
  const missing = lack(name);
  Deno.test({
    name: `a page that ${TITLES[name]} goes back to is live again${
      missing ? ` (skipped: ${missing})` : ""
    }`,
    ignore: missing !== undefined && !Deno.env.has("CI"),
    fn: () => goBack(name),
  });
}

async function goBack(name: BrowserName): Promise<void> {
  const text = new TextDecoder();
  await using server = servePage({
    "/": PAGE,
    "/away": "<!doctype html><p>another page",
    "/client.js": text.decode(await bundle("client.ts")),
    "/feedme.js": text.decode(await bundle("feed/feedme/mod.ts")),
  });
  const browser = await openBrowser(name);
  if ("missing" in browser) throw new Error(browser.missing);
  await using page = browser;
  const becomes = (condition: string) =>
    until(
      // A page that is being left answers nothing.
      () => page.evaluate<boolean>(`!!(${condition})`).catch(() => false),
      condition,
    );

  await page.open(server.url);
  await becomes("globalThis.isReady && said.length > 0");
  await page.open(`${server.url}/away`);
  server.cut();
  await until(() => server.open.feedme + server.open.backend === 0);
  await page.evaluate("history.back()").catch(() => {});
  await becomes("globalThis.isReady && said.length > 0");
  assertEquals(await page.evaluate("persisted.at(-1)"), KEEPS[name]);

  await until(() => server.subscribers() > 0);
  server.add("milk");
  await page.evaluate(`socket.send("two")`);
  await becomes("said.length > 1 && view.data.lines.length > 0");
  assertEquals(
    await page.evaluate(
      "[said, view.data.lines, view.stale, backend.isReady()]",
    ),
    [["echo one", "echo two"], ["milk"], false, true],
  );
  await until(() => server.open.statuses > 0);
}
