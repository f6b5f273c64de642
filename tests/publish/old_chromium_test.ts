/**
 * What pages load, in Chromiums of spring 2023 on: each client makes one round trip, from
 * the files for CDNs. What `browsers_test.ts` reads in the code, this shows.
 */
import { assert, assertEquals } from "@std/assert";
import { buildCdn } from "../../tools/cdn.ts";
import { config } from "../kit/config.ts";
import { launchChromium } from "../kit/chromium.ts";
import { OLD_CHROMIUMS, oldChromium } from "../kit/old_chromium.ts";
import { servePage } from "../kit/page_server.ts";
import { folder } from "../kit/program.ts";
import { SocketClusterServer } from "../kit/socketcluster_server.ts";

/** The files for CDNs, by the path at which a page finds them. */
let built: Promise<Record<string, string>> | undefined;
function cdnFiles(): Promise<Record<string, string>> {
  return built ??= (async () => {
    await using made = await folder();
    await buildCdn({ root: ".", config, version: "0", folder: made.path });
    const files: Record<string, string> = {};
    for (const { name } of Deno.readDirSync(made.path)) {
      files[`/cdn/${name}`] = await Deno.readTextFile(`${made.path}/${name}`);
    }
    return files;
  })();
}

/** The page; its globals `connectResponse`, `feedmeUrl` and `port` come first. */
const PAGE = `
import { SessionBackend } from "/cdn/client.js";
import { feedmeClient, webSocketTransport } from "/cdn/feedme.js";
import { create } from "/cdn/socketcluster.js";

const backend = new SessionBackend(connectResponse);
await backend.ready({ timeout: 10_000 });
const socket = backend.socket();
socket.send("hello");
const { data } = await new Promise((resolve) => socket.onmessage = resolve);
await backend.close();

const client = feedmeClient({ transport: webSocketTransport({ url: feedmeUrl }) });
const view = await client.open("board");
await client.action("add", { line: "milk" });
const { lines } = view.data;
await client.close();

const cluster = create({ hostname: "127.0.0.1", port });
const echoed = await cluster.invoke("echo", [1, 2]);
await cluster.close();

globalThis.result = { data, lines, echoed };
`;

for (const version of OLD_CHROMIUMS) {
  const [major] = version.split(".");
  Deno.test({
    name: `old browsers - the clients work in Chromium ${major}`,
    // The browser's driver keeps a child process and its pipes.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn(t) {
      const found = await oldChromium(version);
      if ("missing" in found) {
        assert(!Deno.env.has("CI"), found.missing);
        await t.step({
          name: `skipped: Chromium ${major} is not here: ${found.missing}`,
          ignore: true,
          fn() {},
        });
        return;
      }
      await using cluster = await SocketClusterServer.start();
      const files: Record<string, string> = { ...await cdnFiles() };
      await using server = servePage(files);
      const globals = {
        connectResponse: server.connectResponse,
        feedmeUrl: server.feedmeUrl,
        port: cluster.port,
      };
      files["/page.js"] = PAGE;
      files["/"] = `<!doctype html><script>Object.assign(globalThis, ${
        JSON.stringify(globals)
      })</script><script type="module" src="/page.js"></script>`;
      const browser = await launchChromium(found.path);
      try {
        assertEquals(browser.version().split(".")[0], major);
        const page = await browser.newPage();
        const problems: string[] = [];
        page.on("pageerror", (error) => problems.push(String(error)));
        await page.goto(server.url);
        await page.waitForFunction("globalThis.result", null, {
          timeout: 15_000,
        }).catch((error) => {
          throw new Error(`the page says: ${problems.join("; ")}`, {
            cause: error,
          });
        });
        assertEquals(await page.evaluate("result"), {
          data: "echo hello",
          lines: ["milk"],
          echoed: [1, 2],
        });
        assertEquals(problems, []);
      } finally {
        await browser.close();
      }
    },
  });
}
