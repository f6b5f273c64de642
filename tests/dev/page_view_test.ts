/**
 * What the dev page shows of a backend and what can be done there, in Chromium.
 * `FEEDLINE_SCREENSHOTS=folder` keeps pictures.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import type { DevPlatform } from "../../session/dev/mod.ts";
import { allViolations, WINDOWS } from "../kit/axe.ts";
import { inChromium } from "../kit/chromium.ts";
import { until } from "../kit/wait.ts";
import { call, code, connect, LISTEN, Peer, platform } from "./helpers.ts";

const BACKEND = new URL("page_backend.ts", import.meta.url);
const folder = Deno.env.get("FEEDLINE_SCREENSHOTS");

async function picture(page: Page, name: string): Promise<void> {
  if (folder) await page.screenshot({ path: `${folder}/dev-${name}.png` });
}

async function openPage(browser: Browser, dev: DevPlatform): Promise<Page> {
  const context = await browser.newContext({
    viewport: WINDOWS.desktop,
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(dev.apiUrl);
  await page.locator("#link.live").waitFor();
  return page;
}

const clipboard = (page: Page): Promise<string> =>
  page.evaluate("navigator.clipboard.readText()");

const button = (page: Page, name: string) =>
  page.getByRole("button", { name, exact: true });

const tab = (page: Page, name: string) => page.getByRole("tab", { name });

async function start(page: Page, key: string): Promise<void> {
  await page.getByLabel("Key of the backend").fill(key);
  await button(page, "Connect").click();
  await page.locator("#title h2", { hasText: key }).waitFor();
}

const ready = (page: Page) =>
  page.locator("#states li:last-child", { hasText: "ready" }).waitFor();

inChromium(
  "dev page - output has its colours, and can be searched, filtered, copied, cleared",
  async (browser) => {
    await using dev = await platform({ module: BACKEND });
    const page = await openPage(browser, dev);
    await start(page, "colours");
    await ready(page);
    const log = page.locator("#log");
    await log.locator(".ansi-2", { hasText: "green" }).waitFor();
    // Of the palette of 256, the nearest colour that can be read in both schemes.
    await log.locator(".bold.ansi-1", { hasText: "bright" }).waitFor();
    assertEquals(await log.locator("img").count(), 0);
    await picture(page, "output");

    const lines = log.locator(":scope > div");
    const all = await lines.count();
    await page.getByLabel("Search").fill("TROUBLE");
    await log.locator("mark", { hasText: "trouble" }).waitFor();
    assertEquals(await lines.count(), 1);
    await button(page, "Copy").click();
    await page.getByText("Copied.").waitFor();
    assertMatch(await clipboard(page), /^\S+Z {2}red trouble$/);
    await page.getByLabel("Search").fill("nothing like it");
    await page.getByText("No line matches").waitFor();
    await page.getByLabel("Search").fill("");
    await page.getByLabel("Lines of").selectOption("stderr");
    await until(async () => await lines.count() === 1, "only stderr");
    await page.getByLabel("Lines of").selectOption("");
    await until(async () => await lines.count() >= all, "all lines");
    await button(page, "Clear").click();
    await page.getByText("No output yet").waitFor();
  },
);

inChromium(
  "dev page - the form's user, auth, environment and limits; copy URL, idle countdown",
  async (browser) => {
    await using dev = await platform({ module: BACKEND });
    const page = await openPage(browser, dev);
    await page.getByText("Options").click();
    await page.getByLabel("User").fill("Ada");
    await page.getByLabel("Auth (JSON object)").fill("[1]");
    await button(page, "Connect").click();
    await page.getByText("auth must be a JSON object").waitFor();
    await page.getByLabel("Auth (JSON object)").fill('{"role": "editor"}');
    await page.getByLabel("Environment, one variable per line").fill("no name");
    await button(page, "Connect").click();
    await page.getByText("each line of env must have the form").waitFor();
    await picture(page, "form");
    await page.getByLabel("Environment, one variable per line").fill(
      "COLOR=blue=green\nOTHER=sesame",
    );
    await page.getByLabel("Idle limit (s)").fill("900");
    await page.getByLabel("Lifetime (s)").fill("3600");
    await start(page, "with-options");
    await ready(page);
    await page.locator("#log", { hasText: "COLOR is blue=green" }).waitFor();
    await page.getByText("Idle: ends in 1").waitFor();
    await page.getByText("Lifetime: ends in 59 min").waitFor();
    await page.locator("#facts", { hasText: "env COLOR, OTHER" }).waitFor();
    await picture(page, "limits");
    // The platform sends no values of variables to the page.
    assert(!(await page.content()).includes("sesame"));

    await button(page, "Copy URL").click();
    await page.getByText("The URL contains a connection token").waitFor();
    const answer = await fetch(await clipboard(page));
    assertEquals(await answer.text(), "hello Ada");

    const peer = await Peer.open(await clipboard(page));
    await page.getByText("Ends after 15 min").waitFor();
    await peer.close();
    await page.getByText("Idle: ends in 1").waitFor();
  },
);

inChromium(
  "dev page - the request log names method, path, status, time and user, without secrets",
  async (browser) => {
    await using dev = await platform({ module: BACKEND });
    const page = await openPage(browser, dev);
    const { url, token } = await connect(dev, { key: "log", user: "Grace" });
    for (const path of ["hello?room=a&token=sesame", "missing", "broken"]) {
      await (await fetch(url + path, { method: "POST" })).text();
    }
    await (await fetch(`${dev.proxyUrl}/nonsense/x`)).text();
    const peer = await Peer.open(`${url}socket`);
    await page.locator("#running button").first().click();
    await tab(page, "Requests").click();
    const row = (text: string) =>
      page.locator("#request-rows tr", { hasText: text });
    await row("/hello?room=a&token=•••").waitFor();
    assertMatch(
      await row("/hello").innerText(),
      /POST\s+\/hello\S+\s+200\s+\d+ ms\s+Grace/,
    );
    await row("/missing").locator(".s4", { hasText: "404" }).waitFor();
    await row("/broken").locator(".s5", { hasText: "500" }).waitFor();
    await row("/socket").getByText("WebSocket, open").waitFor();
    await peer.close();
    await row("/socket").getByText(/WebSocket, \d/).waitFor();
    await picture(page, "requests");
    await page.getByLabel("Search").fill("404");
    await until(
      async () => await page.locator("#request-rows tr").count() === 1,
      "the filter",
    );
    await page.getByLabel("Search").fill("");
    await page.getByRole("button", { name: /^All backends/ }).click();
    await row("(token refused)").getByText("401").waitFor();
    await picture(page, "requests-all");
    for (const secret of [token, "sesame"]) {
      assert(
        !(await page.content()).includes(secret),
        "a secret is on the page",
      );
    }
    await button(page, "Clear").click();
    await page.getByText("No request to a backend yet").waitFor();
  },
);

inChromium(
  "dev page - messages of WebSockets and events are decoded, without secrets",
  async (browser) => {
    await using dev = await platform({ module: BACKEND });
    const page = await openPage(browser, dev);
    const { url } = await connect(dev, { key: "frames", user: "Grace" });
    const controller = new AbortController();
    const events = await fetch(`${url}events`, { signal: controller.signal });
    const peer = await Peer.open(`${url}socket`);
    await page.locator("#running button").first().click();
    await tab(page, "Messages").click();
    await page.getByText("Waiting for messages").or(
      page.locator("#message-list li").first(),
    ).first().waitFor();
    await page.locator("#message-list li", { hasText: "progress" }).first()
      .waitFor();
    controller.abort();
    await events.body?.cancel().catch(() => {});
    peer.socket.send(JSON.stringify({
      MessageType: "Action",
      ActionName: "move",
      ActionArgs: { id: "n1", password: "sesame" },
      CallbackId: "c1",
    }));
    const row = (text: string) =>
      page.locator("#message-list li", { hasText: text }).last();
    await row("callback c1").getByRole("img", { name: "from the client" })
      .waitFor();
    await row("FeedAction moved").getByText('board(room: "plans")').waitFor();
    await row("FeedAction moved").getByText("Set notes.n1.x, Delete notes.n2")
      .waitFor();
    await row("#publish chat").getByText("call 3").waitFor();
    await row("answer to call 7").waitFor();
    await row("FeedAction moved").locator("summary").click();
    await row("FeedAction moved").locator("pre", { hasText: '"ActionData"' })
      .waitFor();
    await picture(page, "messages");
    const text = await page.content();
    for (const secret of ["sesame", "eyJ"]) {
      assert(!text.includes(secret), "a secret is on the page");
    }
    await page.getByLabel("Search").fill("#publish");
    await until(
      async () => await page.locator("#message-list > li").count() === 1,
      "the filter",
    );
    await page.getByLabel("Search").fill("");
    await button(page, "Clear").click();
    await page.getByText("Waiting for messages").waitFor();
    await peer.close();
  },
);

inChromium(
  "dev page - a backend that never listened is a failure, with its last output in view",
  async (browser) => {
    await using dev = await platform({
      ...code(
        `console.log("still loading the model"); setInterval(() => {}, 1000);`,
      ),
      startupTimeout: 2_000,
    });
    const page = await openPage(browser, dev);
    await start(page, "slow");
    await page.getByText("It failed to start in time.").waitFor();
    const tail = page.getByRole("region", { name: "Its last output" });
    await tail.getByText("still loading the model").waitFor();
    assert(await tail.isVisible());
    await page.locator("#ended button.failed", { hasText: "failed after" })
      .waitFor();
    await picture(page, "failure");
  },
);

inChromium(
  "dev page - what ended last comes first, and can be started again with its settings",
  async (browser) => {
    await using dev = await platform({ module: BACKEND });
    const page = await openPage(browser, dev);
    for (const key of ["first", "second"]) {
      await connect(dev, {
        key,
        spawn: { executable: { env: { COLOR: key } }, max_idle_seconds: 600 },
      });
    }
    const names = page.locator("#ended .name");
    for (const [index, key] of ["second", "first"].entries()) {
      await page.locator("#running .name", { hasText: key }).click();
      await ready(page);
      await button(page, "Kill").click();
      await until(
        async () => await names.count() === index + 1,
        `${key}'s end`,
      );
    }
    assertEquals(await names.allInnerTexts(), ["first", "second"]);

    await names.last().click();
    await button(page, "Start again").click();
    await page.locator("#running .name", { hasText: "second" }).waitFor();
    await ready(page);
    await page.locator("#log", { hasText: "COLOR is second" }).waitFor();
    await page.getByText("Idle: ends in").waitFor();
    // While it runs, it is ended first.
    const before = dev.backends.at(-1)!.id;
    await button(page, "Restart").click();
    await page.locator("#facts").getByText(before).waitFor({
      state: "detached",
    });
    await ready(page);
    const [old, next] = dev.backends.slice(-2);
    assertEquals(old!.id, before);
    assertEquals(old!.states.at(-1)!.status, "terminated");
    assertEquals([next!.key, next!.states.at(-1)!.status], ["second", "ready"]);
  },
);

inChromium(
  "dev page - Open says that a backend has no page, in place of an error of its own",
  async (browser) => {
    await using dev = await platform(code(`
    Deno.serve({ port: Number(Deno.env.get("PORT")), onListen() {} }, (request) =>
      Deno.upgradeWebSocket(request).response);`));
    const page = await openPage(browser, dev);
    await start(page, "sockets");
    await ready(page);
    await button(page, "Open").click();
    await page.getByText(/There is no page to open: it answers HTTP 500/)
      .waitFor();
    assertEquals(page.context().pages().length, 1);
    await button(page, "Open anyway").waitFor();
    await picture(page, "no-page");
  },
);

inChromium(
  "dev page - CPU and memory of each process over time",
  async (browser) => {
    await using dev = await platform(code(`
    ${LISTEN} setInterval(() => { const end = Date.now() + 50; while (Date.now() < end); }, 100);`));
    const page = await openPage(browser, dev);
    await start(page, "busy");
    await ready(page);
    await page.locator("#cpu b", { hasText: /^[1-9]\d*\.\d %$/ }).waitFor();
    await page.locator("#memory b", { hasText: /^\d+(\.\d)? MB$/ }).waitFor();
    await until(
      async () =>
        (await page.locator("#cpu polyline").getAttribute("points"))!
          .split(" ").length >= 3,
      "three measurements",
    );
    await picture(page, "usage");
  },
);

inChromium(
  "dev page - no violation that axe finds, in both schemes, on a desktop and on a phone",
  async (browser) => {
    await using dev = await platform({ module: BACKEND });
    const page = await openPage(browser, dev);
    const all: string[] = [];
    const check = async (what: string) => {
      const found = await allViolations(
        page,
        (name) => picture(page, `${what}-${name}`),
      );
      all.push(...found.map((each) => `${what}, ${each}`));
      await page.setViewportSize(WINDOWS.desktop);
    };
    await page.getByText("No backend yet").waitFor();
    await page.getByText("Options").click();
    await check("empty");
    await page.getByText("Options").click();

    const long = `a-key-${"that-is-very-long-".repeat(8)}indeed`;
    await connect(dev, { key: long, spawn: { max_idle_seconds: 600 } });
    const { url, backend_id } = await connect(dev, {
      key: "plans",
      user: "Ada",
    });
    await start(page, "plans");
    await ready(page);
    await page.locator("#usage").waitFor();
    await check("running");
    await page.getByRole("button", { name: /^All backends/ }).click();
    await check("all");
    await page.locator("#running .name", { hasText: "plans" }).click();

    await tab(page, "Messages").click();
    const peer = await Peer.open(`${url}socket`);
    await page.getByText("Waiting for messages").waitFor();
    await (await fetch(`${url}missing`)).text();
    await (await fetch(`${url}broken?${"long=query&".repeat(20)}`)).text();
    peer.socket.send("go");
    await page.locator("#message-list summary", { hasText: "FeedAction" })
      .click();
    await check("messages");
    await peer.close();
    await tab(page, "Requests").click();
    await page.locator("#request-rows tr", { hasText: "missing" }).waitFor();
    await check("requests");
    await call(dev, `/v2/backend/${backend_id}/terminate`, {
      json: { hard: true },
    });
    await page.locator("#ended .name", { hasText: "plans" }).click();
    await tab(page, "Output").click();
    await check("ended");
    assertEquals(all, []);
    // Nothing is wider than a phone.
    await page.setViewportSize(WINDOWS.phone);
    assertEquals(
      await page.evaluate("document.documentElement.scrollWidth"),
      WINDOWS.phone.width,
    );
  },
);
