/**
 * The documentation site, built as `deno task docs --build` does: its links, its search,
 * `llms.txt`, and what a reader sees. `FEEDLINE_SCREENSHOTS=folder` keeps pictures.
 */
import { assert, assertEquals } from "@std/assert";
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { docs } from "../../tools/docs.ts";
import { inChromium } from "../kit/chromium.ts";
import { config } from "../kit/config.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const site = `${root}dist/docs`;

let building: Promise<void> | undefined;

/** Builds the site, once for all tests of this file. */
function built(): Promise<void> {
  return building ??= docs({
    serve: false,
    args: [],
    // The names of tests' configuration lead to what this machine can reach.
    imports: [`--import-map=${config}`],
  });
}

/** The pages of `docs/`, as paths of the site. */
const pages = globSync("*.md", { cwd: `${root}docs` })
  .map((name) => name.replace(/\.md$/, ".html"));

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  css: "text/css",
  svg: "image/svg+xml",
  png: "image/png",
};

/** A file of the site, as any server of static files would send it. */
async function serve(request: Request): Promise<Response> {
  const path = decodeURIComponent(new URL(request.url).pathname)
    .replace(/\/$/, "/index.html");
  const file = await Deno.readFile(site + path).catch(() => undefined);
  if (!file) return new Response("no such page", { status: 404 });
  const type = TYPES[path.split(".").at(-1)!] ?? "application/octet-stream";
  return new Response(file, { headers: { "content-type": type } });
}

Deno.test({
  name: "site - has every page, and no link that leads nowhere",
  async fn() {
    await built();
    let count = 0;
    for (const page of pages) {
      const html = await Deno.readTextFile(`${site}/${page}`);
      for (const [, link] of html.matchAll(/<a [^>]*href="([^"]+)"/g)) {
        if (/^[a-z]+:/.test(link!)) continue;
        const url = new URL(link!, `http://site/${page}`);
        const path = decodeURIComponent(url.pathname).replace(
          /\/$/,
          "/index.html",
        );
        const target = await Deno.readTextFile(site + path)
          .catch(() => undefined);
        assert(target !== undefined, `${page}: ${link}`);
        const id = decodeURIComponent(url.hash.slice(1));
        assert(id === "" || target.includes(` id="${id}"`), `${page}: ${link}`);
        count++;
      }
    }
    assert(count > 300, `${count} links`);
  },
});

Deno.test("site - the API overview leads to the reference", async () => {
  await built();
  const html = await Deno.readTextFile(`${site}/api.html`);
  const { exports } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  for (const entry of Object.keys(exports)) {
    // These two only collect what others have.
    if (entry === "." || entry === "./feed") continue;
    const link = `reference/${entry.slice(2)}/index.html`;
    assert(html.includes(`href="${link}"`), link);
  }
  assert(html.includes('href="reference/client/~/SessionBackend.html"'));
});

Deno.test("site - llms.txt lists each page, and llms-full.txt has their text", async () => {
  await built();
  const list = await Deno.readTextFile(`${site}/llms.txt`);
  assert(list.startsWith("# Feedline\n\n> "));
  const listed = [...list.matchAll(/^- \[.+\]\(\/(.*?)\): \S/gm)]
    .map(([, path]) => path || "index.html");
  assertEquals(listed.sort(), pages.sort());
  const full = await Deno.readTextFile(`${site}/llms-full.txt`);
  for (const page of pages) {
    const source = await Deno.readTextFile(
      `${root}docs/${page.replace(/\.html$/, ".md")}`,
    );
    assert(full.includes(source.trim()), page);
  }
});

for (const colorScheme of ["light", "dark"] as const) {
  inChromium(
    `site - a reader searches, follows a result and a link to the reference (${colorScheme})`,
    async (browser) => {
      await built();
      await using server = Deno.serve(
        { port: 0, hostname: "127.0.0.1", onListen() {} },
        serve,
      );
      const context = await browser.newContext({ colorScheme });
      const page = await context.newPage();
      page.setDefaultTimeout(60_000);
      const problems: string[] = [];
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("response", (response) => {
        if (!response.ok()) problems.push(response.url());
      });
      const folder = Deno.env.get("FEEDLINE_SCREENSHOTS");
      const picture = async (name: string) => {
        const path = `${folder}/site-${name}-${colorScheme}.png`;
        if (folder) await page.screenshot({ path });
      };
      const dark = () =>
        page.evaluate("document.documentElement.classList.contains('dark')");

      await page.goto(`http://127.0.0.1:${server.addr.port}/`);
      assertEquals(await dark(), colorScheme === "dark");
      // Before that, a click does nothing yet.
      await page.waitForFunction("document.querySelector('#app').__vue_app__");
      await picture("home");
      await page.getByRole("button", { name: "Search" }).first().click();
      // It waits for the box, whose code is loaded only now.
      await page.locator(".VPLocalSearchBox input").fill("joinPresence");
      // The list changes with each letter, so it is this result that counts.
      const result = page.locator(".VPLocalSearchBox .result", {
        hasText: /Feedme: live feeds.*Presence/s,
      });
      await result.first().waitFor();
      await picture("search");
      await result.first().click();
      await page.waitForURL(/feedme\.html/);
      await picture("result");

      await page.goto(`http://127.0.0.1:${server.addr.port}/api.html`);
      await picture("api");
      await page.getByRole("link", { name: "SessionBackend", exact: true })
        .first().click();
      await page.waitForURL(/reference\/client\/~\/SessionBackend\.html/);
      await page.getByText("class SessionBackend").first().waitFor();
      await page.getByText('from "@feedline/feedline/client"').first()
        .waitFor();
      assertEquals(await dark(), colorScheme === "dark");
      await picture("reference");
      assertEquals(problems, []);
    },
  );
}
