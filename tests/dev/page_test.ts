/** The page at `/`, in a real browser where there is one. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import { Jamsocket } from "../../server.ts";
import { inChromium } from "../kit/chromium.ts";
import { call, code, connect, LISTEN, platform } from "./helpers.ts";
import { until } from "../kit/wait.ts";

const HOSTILE = `
  console.log("<img src=x onerror=alert(1)><script>document.title='owned'</script>");
  console.error("<b>trouble</b>");
  ${LISTEN}`;

Deno.test("dev page - allows no foreign frame, script or source", async () => {
  await using dev = await platform();
  const { status, body, headers } = await call(dev, "/");
  assertEquals(status, 200);
  const policy = headers.get("content-security-policy")!;
  for (
    const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
    ]
  ) {
    assert(policy.includes(rule), rule);
  }
  // Nothing is loaded from elsewhere.
  for (const path of ["/", "/page.css", "/page.js"]) {
    const { body, status } = await call(dev, path);
    assertEquals(status, 200);
    assert(!/(src|href|url\()\s*=?\s*["'(]?(https?:)?\/\//.test(body), path);
  }
  assertMatch(body, /^<!doctype html>/);
});

Deno.test("dev page - its data contains no token", async () => {
  await using dev = await platform(code(LISTEN));
  const { token, secret_token } = await connect(dev, {
    user: "ada",
    auth: { a: "sesame" },
  });
  const response = await fetch(`${dev.apiUrl}/events`);
  const reader = response.body!.pipeThrough(new TextDecoderStream())
    .getReader();
  const { value } = await reader.read();
  await reader.cancel();
  assert(value!.includes(dev.backends[0]!.id));
  for (const secret of [token, secret_token!, "sesame", "ada"]) {
    assert(!value!.includes(secret), "a secret is on the page");
  }
});

inChromium(
  "dev page - states and lines appear as they happen, as text",
  async (browser) => {
    await using dev = await platform(code(HOSTILE));
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    page.on("dialog", (dialog) => problems.push(dialog.message()));
    await page.goto(dev.apiUrl);
    await page.getByText("No backend yet").waitFor();

    // By the page itself, and by the library, which then share the key.
    await page.getByLabel("Key of the backend").fill("board");
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.locator("#title h2", { hasText: "board" }).waitFor();
    await page.locator("#states li:last-child", { hasText: "ready" })
      .waitFor();
    const jamsocket = new Jamsocket({
      dev: true,
      port: Number(new URL(dev.apiUrl).port),
    });
    const { spawned, url } = await jamsocket.connect({ key: "board" });
    assertEquals(spawned, false);
    await page.locator("#log .stderr", { hasText: "<b>trouble</b>" })
      .waitFor();
    assert((await page.locator("#log").innerText()).includes("<script>"));
    // Programs write there what they like; how a process ended tells of errors.
    const [bar, alarm] = await Promise.all([
      page.evaluate(
        `getComputedStyle(document.querySelector("#log .stderr")).borderLeftColor`,
      ),
      page.evaluate(
        `getComputedStyle(document.querySelector("#kill")).color`,
      ),
    ]);
    assertNotEquals(bar, alarm);
    assertEquals(
      await page.locator("#log img, #log script, #log b").count(),
      0,
    );

    const socket = new WebSocket(url);
    socket.onerror = (event) => event.preventDefault();
    const [popup] = await Promise.all([
      page.context().waitForEvent("page"),
      page.getByRole("button", { name: "Open", exact: true }).click(),
    ]);
    await popup.getByText("ok").waitFor();
    await popup.close();

    await page.getByRole("button", { name: "End", exact: true }).click();
    await page.locator("#states li:last-child", { hasText: "terminated" })
      .waitFor();
    await page.locator("#ended .name", { hasText: "board" }).waitFor();
    assertEquals(problems, []);

    await dev.close();
    await page.locator("#link.lost").waitFor();
  },
);

Deno.test("dev platform - the library finds it, follows it, and outlives it", async () => {
  const first = await platform(code(LISTEN));
  const port = Number(new URL(first.apiUrl).port);
  const proxyPort = Number(new URL(first.proxyUrl).port);
  const jamsocket = new Jamsocket({ dev: true, port });
  const { backend_id, url } = await jamsocket.connect({ key: "k" });
  const seen: string[] = [];
  const stop = await jamsocket.statusStream(backend_id, ({ status }) => {
    seen.push(status);
  });
  await until(() => seen.includes("ready"), "ready");
  assertEquals(await (await fetch(url)).text(), "ok");
  await first.close();
  await until(() => seen.includes("terminated"), "terminated");
  stop();
  // Up again at the same place: nothing of the first is known.
  await using _second = await platform({ ...code(LISTEN), port, proxyPort });
  const gone = await fetch(url);
  await gone.body?.cancel();
  assertEquals(gone.status, 410);
  const again = await jamsocket.connect({ key: "k" });
  assertEquals(again.spawned, true);
  assertEquals(await (await fetch(again.url)).text(), "ok");
  await jamsocket.terminate(again.backend_id, { hard: true });
});
