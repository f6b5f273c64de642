/** The components of docs/frameworks.md, as they are there, in Chromium. */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { bundle } from "../kit/bundle.ts";
import { inChromium } from "../kit/chromium.ts";
import { config } from "../kit/config.ts";
import { blocks, modules } from "../kit/frameworks_guide.ts";
import { servePage } from "../kit/page_server.ts";
import { folder } from "../kit/program.ts";
import { until } from "../kit/wait.ts";

/** How a page shows a component, and takes it away when `leave` is called. */
const FRAMEWORKS = {
  vue: {
    language: "vue",
    main: `import { createApp } from "vue";
      import Page from "./page.js";
      const app = createApp(Page);
      app.mount("#app");
      globalThis.leave = () => app.unmount();`,
  },
  svelte: {
    language: "svelte",
    main: `import { mount, unmount } from "svelte";
      import Page from "./page.js";
      const app = mount(Page, { target: document.querySelector("#app") });
      globalThis.leave = () => unmount(app);`,
  },
  solid: {
    language: "tsx",
    main: `import { createComponent, render } from "solid-js/web";
      import Page from "./page.js";
      globalThis.leave = render(() => createComponent(Page, {}),
        document.querySelector("#app"));`,
  },
};

async function compiled(framework: string, source: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-lock",
      `--config=${config}`,
      fileURLToPath(new URL("compile.mjs", import.meta.url)),
      framework,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await ReadableStream.from([new TextEncoder().encode(source)])
    .pipeTo(child.stdin);
  const { success, stdout, stderr } = await child.output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

for (const [name, { language, main }] of Object.entries(FRAMEWORKS)) {
  inChromium(
    `docs/frameworks.md - ${name}'s component follows both stores`,
    async (browser) => {
      const { code } = blocks.find((block) => block.language === language)!;
      await using sources = await folder({
        ...modules,
        "page.js": await compiled(name, code),
        "main.js": main,
      });
      const script = new TextDecoder().decode(
        await bundle(`${sources.path}/main.js`),
      );
      await using server = servePage({
        "/": `<!doctype html><div id="app"></div>
        <script type="module" src="/main.js"></script>`,
        "/main.js": script,
      });
      const page = await browser.newPage();
      const problems: string[] = [];
      page.on("pageerror", (error) => problems.push(String(error)));
      await page.goto(server.url);
      const shows = (text: string) =>
        page.waitForFunction(
          `document.querySelector("#app").innerText.split(/\\s+/).join(" ").trim() === ${
            JSON.stringify(text)
          }`,
          null,
          { timeout: 30_000 },
        ).catch(async (cause) => {
          const html = await page.innerHTML("#app");
          throw new Error(`${html} ${problems.join("; ")}`, { cause });
        });
      await shows("ready");
      server.add("milk");
      await shows("ready milk");
      server.add("eggs");
      await shows("ready milk eggs");

      // Without the component, the server has one subscriber less: its view is closed.
      assertEquals(server.subscribers(), 1);
      await page.evaluate("leave()");
      await until(() => server.subscribers() === 0, "the view is closed");
      assertEquals(await page.innerText("#app"), "");
      assertEquals(problems, []);
    },
  );
}
