/** The README's lines, run as they stand there. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { deadline, delay } from "@std/async";
import { Jamsocket } from "../server.ts";
import { type DevPlatform, startDevPlatform } from "../session/dev/mod.ts";
import { inChromium } from "./chromium.ts";
import { config } from "./config.ts";

const root = new URL("..", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", root));
const [server, edge, page, , , backend] = [
  ...readme.matchAll(/```ts ignore\n([\s\S]*?)```/g),
].map(([, code]) => code!) as string[] as [
  string,
  string,
  string,
  string,
  string,
  string,
];

/** A folder with one file of the README in it. */
async function written(
  code: string,
): Promise<{ path: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/main.ts`;
  await Deno.writeTextFile(path, code);
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function platformOf(module: string): Promise<DevPlatform> {
  return await startDevPlatform({ module, port: 0, proxyPort: 0 });
}

/** The code as for another port of the dev platform. */
function onPort(code: string, { apiUrl }: DevPlatform): string {
  assertStringIncludes(code, "{ dev: true }");
  return code.replaceAll(
    "{ dev: true }",
    `{ dev: true, port: ${new URL(apiUrl).port} }`,
  );
}

/** A deno that has the same packages as this one. */
function deno(args: string[], env: Record<string, string> = {}): Deno.Command {
  const [subcommand, ...rest] = args as [string, ...string[]];
  return new Deno.Command(Deno.execPath(), {
    args: [subcommand, `--config=${config}`, ...rest],
    cwd: root,
    env: { ...env, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  });
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

Deno.test("README: the server's lines spawn a backend, watch it and reach it", async () => {
  await using module = await written(backend);
  await using platform = await platformOf(module.path);
  await using main = await written(onPort(server, platform));
  const { stdout, stderr, success } = await deno(["run", "-A", main.path])
    .output();
  assert(success, text(stderr));
  const lines = text(stdout).trim().split("\n");
  assertEquals(lines.at(-1), "hello stranger");
  assertEquals(lines.slice(0, -1).map((line) => line.split(" ")[1]), [
    "scheduled",
    "loading",
    "starting",
    "waiting",
    "ready",
  ]);
});

inChromium(
  "README: the page's lines work through the edge's",
  async (browser) => {
    await using module = await written(backend);
    await using platform = await platformOf(module.path);
    await using main = await written(onPort(edge, platform));
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const { port } = listener.addr;
    listener.close();
    await using child = deno(["run", "-A", main.path], {
      DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`,
    }).spawn();
    const origin = `http://127.0.0.1:${port}`;
    for (let i = 0; i < 200; i++) {
      const answer = await fetch(origin).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer) break;
      await delay(25);
    }
    await using script = await written(page);
    const bundled = await deno([
      "bundle",
      "-q",
      "--platform=browser",
      script.path,
    ])
      .output();
    assert(bundled.success, text(bundled.stderr));

    const context = await browser.newContext();
    await context.addCookies([{ name: "session", value: "1", url: origin }]);
    const tab = await context.newPage();
    const logged: string[] = [];
    tab.on("console", (message) => {
      if (message.type() === "log") logged.push(message.text());
    });
    await tab.route(`${origin}/`, (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<script type="module">${
          text(bundled.stdout)
        }\ndocument.title = "done"</script>`,
      }));
    await tab.goto(`${origin}/`);
    await deadline(
      (async () => {
        while (!logged.includes("ready")) await delay(10);
      })(),
      20_000,
    );
    assertEquals(logged.slice(-5), [
      "scheduled",
      "loading",
      "starting",
      "waiting",
      "ready",
    ]);
    const { id } = platform.backends[0]!;
    await new Jamsocket({
      dev: true,
      port: Number(new URL(platform.apiUrl).port),
    }).terminate(id, { hard: true });
    await tab.waitForFunction('document.title === "done"');
    child.kill();
    await child.output();
  },
);
