/**
 * The files for CDNs, as a page loads them: the HTML of docs/feedme.md and docs/react.md
 * in Chromium, where a stand-in for the CDNs answers from the npm tarball, and for React
 * from npm's package.
 */
import { assert, assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { pack } from "../../tools/pack.ts";
import { bundle } from "../kit/bundle.ts";
import { inChromium } from "../kit/chromium.ts";
import { type PageServer, servePage } from "../kit/page_server.ts";
import { folder } from "../kit/program.ts";

/** The tarball's `cdn/` and its `package.json`. */
let packed: Promise<ReadonlyMap<string, string>> | undefined;
function packageFiles(): Promise<ReadonlyMap<string, string>> {
  return packed ??= (async () => {
    await using made = await folder();
    const { path } = made;
    await pack(`${path}/feedline.tgz`);
    const { success } = await new Deno.Command("tar", {
      args: ["xzf", "feedline.tgz"],
      cwd: path,
    }).output();
    assert(success);
    const files = new Map<string, string>();
    const read = (name: string) => Deno.readTextFile(`${path}/package/${name}`);
    files.set("package.json", await read("package.json"));
    for (const { name } of Deno.readDirSync(`${path}/package/cdn`)) {
      files.set(`cdn/${name}`, await read(`cdn/${name}`));
    }
    return files;
  })();
}

const guide = await Deno.readTextFile(
  new URL("../../docs/feedme.md", import.meta.url),
);
/** The pages of the guide: with the script, and with the module. */
const pages = [...guide.matchAll(/^```html\n([^]*?)^```$/gm)]
  .map(([, html]) => html!);

/** Answers for the CDN: a file of the package, or the one its `field` names. */
async function beCdn(page: Page, field: "jsdelivr" | "unpkg"): Promise<void> {
  const files = await packageFiles();
  const manifest = JSON.parse(files.get("package.json")!);
  const host = { jsdelivr: "cdn.jsdelivr.net/npm", unpkg: "unpkg.com" }[field];
  const base = `https://${host}/@feedline/feedline@${manifest.version}`;
  await page.route(/^https:/, (route) => {
    const url = route.request().url();
    const path = url === base
      ? manifest[field].replace("./", "")
      : url.slice(base.length + 1);
    const body = url.startsWith(base) ? files.get(path) : undefined;
    return body === undefined ? route.fulfill({ status: 404 }) : route.fulfill({
      body,
      contentType: "text/javascript",
      headers: { "access-control-allow-origin": "*" },
    });
  });
}

/** Opens a page of the guide; `then` runs with it and with the server. */
async function withPage(
  browser: Browser,
  html: string,
  field: "jsdelivr" | "unpkg",
  then: (page: Page, server: PageServer) => Promise<void>,
): Promise<void> {
  const files: Record<string, string> = {};
  await using server = servePage(files);
  files["/"] = html.replaceAll("ws://localhost:1/live", server.feedmeUrl);
  assert(files["/"].includes(server.feedmeUrl), "the guide's address");
  await using context = await browser.newContext();
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => problems.push(message.text()));
  await beCdn(page, field);
  await page.goto(server.url);
  try {
    await then(page, server);
  } catch (error) {
    throw new Error(`the page says: ${problems.join("; ")}`, { cause: error });
  }
  // Chromium asks for an icon by itself.
  assertEquals(problems.filter((text) => !text.includes("404")), []);
}

const titled = (page: Page, title: string) =>
  page.waitForFunction(`document.title === ${JSON.stringify(title)}`, null, {
    timeout: 30_000,
  });

for (const field of ["jsdelivr", "unpkg"] as const) {
  inChromium(
    `cdn - a page with nothing but the script tag of ${field} works`,
    async (browser) => {
      const html = pages[0]!.replace(
        "https://cdn.jsdelivr.net/npm/",
        field === "unpkg" ? "https://unpkg.com/" : "$&",
      );
      await withPage(browser, html, field, async (page, server) => {
        await titled(page, "0 lines");
        server.add("milk");
        await titled(page, "added milk");
        assertEquals(
          await page.evaluate(
            "[typeof feedmeClient, typeof feedmeClient.joinPresence, feedmeClient.feedmeClient]",
          ),
          ["function", "function", undefined],
        );
      });
    },
  );
}

/**
 * React as a CDN serves it. One module for both of its packages, because the second
 * would otherwise bring its own copy of the first.
 */
async function reactModule(): Promise<string> {
  await using made = await folder({
    "react.ts": `
      export { createContext, createElement, Fragment, startTransition, use,
        useCallback, useContext, useEffect, useMemo, useRef, useState,
        useSyncExternalStore, useLayoutEffect, useInsertionEffect } from "react";
      export { createRoot } from "react-dom/client";`,
  });
  return new TextDecoder().decode(
    await bundle(`${made.path}/react.ts`, "--platform=browser"),
  );
}

inChromium("cdn - hooks, with React from an import map", async (browser) => {
  const react = await Deno.readTextFile(
    new URL("../../docs/react.md", import.meta.url),
  );
  const [, html] = /^```html\n([^]*?)^```$/m.exec(react)!;
  const files: Record<string, string> = {};
  await using server = servePage(files);
  files["/"] = html!;
  await using context = await browser.newContext();
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => problems.push(message.text()));
  await beCdn(page, "jsdelivr");
  const module = await reactModule();
  await page.route(/^https:\/\/esm\.sh\/react/, (route) =>
    route.fulfill({
      body: new URL(route.request().url()).pathname.startsWith("/react-dom")
        ? `export * from "https://esm.sh/react@19.3.1";`
        : module,
      contentType: "text/javascript",
      headers: { "access-control-allow-origin": "*" },
    }));
  await page.route(
    "**/rooms/room-1/connect",
    (route) => route.fulfill({ json: server.connectResponse }),
  );
  await page.goto(server.url);
  try {
    await page.getByText("Everyone is here.").waitFor({ timeout: 30_000 });
  } catch (error) {
    throw new Error(`the page says: ${problems.join("; ")}`, { cause: error });
  }
});

inChromium("cdn - a module imports the client", async (browser) => {
  await withPage(
    browser,
    pages[1]!,
    "jsdelivr",
    (page) => titled(page, "0 lines").then(() => {}),
  );
});

/** What a page must have once. */
const IMPORTS: Record<string, string[]> = {
  "cdn/react.js": ["react"],
  "cdn/socketio.js": ["react", "socket.io-client"],
};

Deno.test("cdn - each file is complete, named and minified", async () => {
  const files = await packageFiles();
  const { version } = JSON.parse(files.get("package.json")!);
  const found: string[] = [];
  for (const [name, code] of files) {
    if (!name.startsWith("cdn/")) continue;
    found.push(name);
    assert(code.startsWith(`/*! @feedline/feedline ${version}, MIT`), name);
    assert(!code.includes("file://"), name);
    assert(!/\bimport\s*["'(]/.test(code), `${name} imports`);
    assertEquals(
      [...new Set(code.matchAll(/\bfrom\s*"(.*?)"/g).map(([, from]) => from))]
        .sort(),
      IMPORTS[name] ?? [],
      name,
    );
    assert(code.split("\n").length < 20, `${name} is not minified`);
    const gzipped = gzipSync(code, { level: 9 }).byteLength;
    console.log(`${name}: ${gzipped} bytes gzipped`);
  }
  assertEquals(found.sort(), [
    "cdn/client.js",
    "cdn/feedme.global.js",
    "cdn/feedme.js",
    "cdn/react.js",
    "cdn/socketcluster.js",
    "cdn/socketio.js",
  ]);
});
