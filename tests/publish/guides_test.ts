/**
 * The programs of docs/rooms.md, docs/documents.md and docs/agents.md, as a reader saves
 * them: the dev platform, the edge in a process of its own, and the pages in Chromium.
 */
import { assert, assertEquals } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { type DevPlatform, startDevPlatform } from "../../session/dev/mod.ts";
import { fileURLToPath } from "node:url";
import { bundle } from "../kit/bundle.ts";
import { inChromium } from "../kit/chromium.ts";
import { config } from "../kit/config.ts";
import { folder } from "../kit/program.ts";
import { until } from "../kit/wait.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What the pages load from the CDN: the entry points as one file each, as in `cdn/`. */
const CDN = new Map([
  ["client.js", "client.ts"],
  ["feedme.js", "feed/feedme/mod.ts"],
]);

/** The files of a guide: blocks that name themselves in their first line, and the page. */
async function filesOf(guide: string): Promise<Record<string, string>> {
  const text = await Deno.readTextFile(`${root}docs/${guide}.md`);
  const files: Record<string, string> = {};
  for (
    const [, language, code] of text.matchAll(/^```(ts|html).*\n([^]*?)^```$/gm)
  ) {
    const [, name] = /^\/\/ (\w+\.ts)\n/.exec(code!) ?? [];
    if (language === "html") files["page.html"] = code!;
    else if (name) files[name] = code!;
  }
  assertEquals(Object.keys(files), ["backend.ts", "edge.ts", "page.html"]);
  return files;
}

interface Guide extends AsyncDisposable {
  platform: DevPlatform;
  /** Opens the guide's page as another user, or at another path. */
  open(path?: string): Promise<Page>;
}

/** Starts what the guide's section "Run it" starts. */
async function start(name: string, browser: Browser): Promise<Guide> {
  await using stack = new AsyncDisposableStack();
  const { path: cwd } = stack.use(await folder(await filesOf(name)));
  const platform = stack.use(
    await startDevPlatform({
      module: `${cwd}/backend.ts`,
      config: root + config,
      cwd,
      port: 0,
      proxyPort: 0,
    }),
  );
  const port = freePort();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["serve", "-A", `--config=${root}${config}`, "edge.ts"],
    cwd,
    env: {
      JAMSOCKET_DEV: "true",
      JAMSOCKET_DEV_PORT: new URL(platform.apiUrl).port,
      DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`,
    },
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let wanted = true;
  const ended = child.status.then(({ code, signal }) => {
    if (wanted) console.error(`the edge ended: ${code} ${signal}`);
  });
  stack.defer(async () => {
    wanted = false;
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended, which was reported.
    }
    await ended;
  });
  const origin = `http://127.0.0.1:${port}`;
  await until(
    async () => {
      const answer = await fetch(origin).catch(() => undefined);
      await answer?.body?.cancel();
      return answer !== undefined;
    },
    "the edge answers",
    60_000,
  );
  const scripts = new Map<string, string>();
  for (const [file, entry] of CDN) {
    scripts.set(file, new TextDecoder().decode(await bundle(entry)));
  }
  const owned = stack.move();
  return {
    platform,
    async open(path = "/") {
      const page = await (await browser.newContext()).newPage();
      page.setDefaultTimeout(60_000);
      page.on("pageerror", (error) => console.error("page:", error));
      await page.route("https://cdn.jsdelivr.net/**", (route) => {
        const file = route.request().url().split("/").at(-1)!;
        return route.fulfill({
          contentType: "text/javascript",
          headers: { "access-control-allow-origin": "*" },
          body: scripts.get(file)!,
        });
      });
      await page.goto(origin + path);
      return page;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
}

inChromium(
  "guides - rooms: two users see who is here, who types and what they say",
  async (browser) => {
    await using guide = await start("rooms", browser);
    const ada = await guide.open("/?as=ada");
    const grace = await guide.open("/?as=grace");
    await ada.locator("#people").getByText("grace", { exact: true }).waitFor();
    await grace.locator("input").pressSequentially("hello ada");
    await ada.getByText("grace is typing …").waitFor();
    await grace.keyboard.press("Enter");
    await ada.getByText("grace: hello ada").waitFor();
    await ada.locator("#people").getByText("grace", { exact: true }).waitFor();
    await grace.context().close();
    await ada.locator("#people").getByText("grace").waitFor({
      state: "detached",
    });
  },
);

inChromium(
  "guides - documents: changes cross, and outlive the process",
  async (browser) => {
    await using guide = await start("documents", browser);
    const one = await guide.open();
    const other = await guide.open();
    await one.locator("input[name=text]").fill("milk");
    await one.keyboard.press("Enter");
    await other.getByLabel("milk").check();
    await one.locator(":checked").waitFor();

    const [{ id } = { id: "" }] = guide.platform.backends;
    const ended = await fetch(
      `${guide.platform.apiUrl}/v2/backend/${id}/terminate`,
      { method: "POST" },
    );
    await ended.body?.cancel();
    assert(ended.ok, String(ended.status));
    await other.getByText("Open it again").click();
    await other.getByLabel("milk").waitFor();
    assert(await other.getByLabel("milk").isChecked());
  },
);

inChromium(
  "guides - agents: the work goes on without a page, and can be stopped",
  async (browser) => {
    await using guide = await start("agents", browser);
    const page = await guide.open();
    const state = page.locator("#state");
    await state.getByText("idle").waitFor();
    await page.locator("input").fill("plan a trip");
    await page.getByRole("button", { name: "Start" }).click();
    await page.locator("#text").getByText("You asked me to").waitFor();
    await page.context().close();

    const later = await guide.open();
    await later.locator("#state").getByText("done").waitFor();
    assertEquals(
      await later.locator("#text").textContent(),
      "You asked me to plan a trip. I have thought about it, and it is done. ",
    );
    await later.locator("input").fill("rest");
    await later.getByRole("button", { name: "Start" }).click();
    await later.locator("#state").getByText("working").waitFor();
    await later.getByRole("button", { name: "Stop" }).click();
    await later.locator("#state").getByText("stopped").waitFor();
  },
);
