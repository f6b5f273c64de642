/**
 * What is deployed, as far as that goes without a cloud: the examples by
 * wrangler, and the edge's worker under `wrangler dev` and `deno serve`, with a
 * page in Chromium that talks through it to a backend of the dev platform.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { deadline } from "@std/async";
import type { Browser } from "playwright-core";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { Jamsocket } from "../../server.ts";
import type { DevPlatform } from "../../session/dev/mod.ts";
import { bundle } from "../kit/bundle.ts";
import { inChromium } from "../kit/chromium.ts";
import { config } from "../kit/config.ts";
import { isRunning, platform } from "../dev/helpers.ts";
import { family, folder, spawnHeard } from "../kit/program.ts";
import { runtime } from "../kit/runtimes.ts";
import { until } from "../kit/wait.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const node = await runtime("node");
const tool = await runtime("wrangler");
const lacking = [node, tool].flatMap((found) =>
  "missing" in found ? [found.missing] : []
).join("; ");
// In CI everything is meant to be there, so that its absence is a failure.
const ignore = lacking !== "" && !Deno.env.has("CI");

/** The name of a test that needs wrangler. */
function named(name: string): string {
  return `${name}${ignore ? ` (skipped: ${lacking})` : ""}`;
}

/**
 * A copy of an example, and how wrangler is run in it: without a login, without
 * reports to its makers, and with a `deno` that has the packages of these tests.
 */
async function example(name: string) {
  if ("missing" in node || "missing" in tool) throw new Error(lacking);
  const files: Record<string, Uint8Array> = {};
  for await (const entry of Deno.readDir(`${root}examples/${name}`)) {
    if (!entry.isFile) continue;
    files[entry.name] = await Deno.readFile(
      `${root}examples/${name}/${entry.name}`,
    );
  }
  const copy = await folder(files);
  await Deno.mkdir(`${copy.path}/bin`);
  await Deno.writeTextFile(
    `${copy.path}/bin/deno`,
    `#!/bin/sh
command=$1
shift
exec '${Deno.execPath()}' "$command" '--config=${root}${config}' "$@"
`,
    { mode: 0o755 },
  );
  return {
    ...copy,
    command: node.path,
    program: tool.path,
    options: {
      cwd: copy.path,
      env: {
        PATH: `${copy.path}/bin:${Deno.env.get("PATH")}`,
        XDG_CONFIG_HOME: copy.path,
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_SEND_ERROR_REPORTS: "false",
        WRANGLER_HIDE_BANNER: "true",
        CLOUDFLARE_CF_FETCH_ENABLED: "false",
        NO_COLOR: "1",
      },
    },
  };
}

/** What `wrangler deploy` would upload: what it says of it, and the files. */
async function dryRun(name: string) {
  await using copy = await example(name);
  const { success, stdout, stderr } = await new Deno.Command(copy.command, {
    args: [copy.program, "deploy", "--dry-run", "--outdir=out"],
    ...copy.options,
  }).output();
  const said = decode(stdout) + decode(stderr);
  assert(success, said);
  assert(!said.includes("[WARNING]"), said);
  const files: string[] = [];
  for await (const { name } of Deno.readDir(`${copy.path}/out`)) {
    if (!/\.(md|map)$/.test(name)) files.push(name);
  }
  assertEquals(files, ["worker.js"]);
  return {
    said,
    worker: await Deno.readTextFile(`${copy.path}/out/worker.js`),
  };
}

Deno.test({
  name: named(
    "wrangler deploy - the edge, as small as it is measured, without Node's API",
  ),
  ignore,
  async fn() {
    const { said, worker } = await dryRun("edge");
    const [, gzip] = /gzip: ([\d.]+) KiB/.exec(said)!;
    // Held to its budget in budgets_test.ts.
    const { byteLength } = gzipSync(
      await bundle("examples/edge/worker.ts", "--minify"),
    );
    assert(Number(gzip) * 1024 < byteLength * 1.02, `${gzip}, ${byteLength}`);
    assert(!/["'`]node:|\brequire\(/.test(worker));
    assertMatch(said, /env\.JAMSOCKET_ACCOUNT/);
  },
});

Deno.test({
  name: named("wrangler deploy - feeds from Durable Objects"),
  ignore,
  async fn() {
    const { said } = await dryRun("durable");
    assertMatch(said, /env\.POLLS \(Poll\)/);
  },
});

/** A server that prints its address, and ends with all its processes when it is disposed of. */
async function start(
  command: string,
  args: string[],
  options: Deno.CommandOptions,
): Promise<{ origin: string } & AsyncDisposable> {
  const { child, said, drained } = spawnHeard(command, args, options);
  const address = () => / on (http:\/\/127\.0\.0\.1:\d+)/.exec(said())?.[1];
  const end = async () => {
    const all = await family(child.pid);
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    await deadline(child.status, 10_000).catch(() => {});
    const left: number[] = [];
    for (const pid of all) if (await isRunning(pid)) left.push(pid);
    for (const pid of left) Deno.kill(pid, "SIGKILL");
    await drained;
    assertEquals(left, [], `processes left of ${all}`);
  };
  try {
    await until(() => address() !== undefined, "the server's address");
  } catch (error) {
    await end();
    throw new Error(said(), { cause: error });
  }
  return { origin: address()!, [Symbol.asyncDispose]: end };
}

/** What the page does; runs in the page. */
async function talk(client: string) {
  const { SessionBackend }: typeof import("../../client.ts") = await import(
    client
  );
  const connect = () => fetch("/rooms/lobby/connect", { method: "POST" });
  const stranger = (await connect()).status;
  await fetch("/sign-in/ada", { method: "POST" });
  const answer = await (await connect()).json();

  const backend = new SessionBackend(answer);
  const statuses: string[] = [];
  backend.onStatus(({ status }) => statuses.push(status));
  await backend.ready({ timeout: 30_000 });

  const { pid, path, headers } = await (await fetch(`${backend.url}a?b=c`))
    .json();
  const socket = new WebSocket(`${backend.url.replace("http", "ws")}ws`);
  const next = () =>
    new Promise<string>((resolve, reject) => {
      socket.onmessage = ({ data }) => resolve(data);
      socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
    });
  const first = JSON.parse(await next());
  const heard: string[] = [];
  for (const word of ["here", "there"]) {
    socket.send(word);
    heard.push(await next());
  }
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;

  await fetch("/end-of-talk");
  await backend.onTerminatedPromise;
  return {
    stranger,
    tokens: [answer.token, answer.secret_token],
    url: answer.url as string,
    statuses,
    path: path as string,
    users: [headers, first].map((seen) => seen["x-verified-username"]),
    cookies: [headers, first].map((seen) => seen.cookie ?? "none"),
    heard,
    pid: pid as number,
  };
}

/** The conversation of a page of the edge with a backend. */
async function converse(
  browser: Browser,
  origin: string,
  dev: DevPlatform,
): Promise<void> {
  const page = await browser.newPage();
  await page.route(`${origin}/client.js`, async (route) =>
    route.fulfill({
      contentType: "text/javascript",
      body: decode(await bundle("client.ts")),
    }));
  await page.route(`${origin}/end-of-talk`, async (route) => {
    const port = Number(new URL(dev.apiUrl).port);
    await new Jamsocket({ dev: true, port })
      .terminate(dev.backends[0]!.id, { hard: true });
    await route.fulfill({ body: "" });
  });
  // It serves no page; one that it does not have is of its origin as well.
  assertEquals((await page.goto(`${origin}/`))!.status(), 404);
  const { statuses, pid, ...rest } = await page.evaluate(talk, "/client.js");
  assertEquals(rest, {
    stranger: 403,
    tokens: ["", null],
    url: `${origin}/rooms/lobby/backend/`,
    path: "/a?b=c",
    users: ["ada", "ada"],
    cookies: ["none", "none"],
    heard: ["here", "there"],
  });
  assert(statuses.includes("ready"), statuses.join());
  assertEquals(statuses.at(-1), "terminated");
  await until(async () => !await isRunning(pid), "the backend's end");
}

const throughWrangler =
  "wrangler dev - a page talks to a backend, and nothing is left running";
if (ignore) Deno.test({ name: named(throughWrangler), ignore, fn() {} });
else {
  inChromium(throughWrangler, async (browser) => {
    await using dev = await platform();
    await using copy = await example("edge");
    await using edge = await start(copy.command, [
      copy.program,
      "dev",
      "--ip=127.0.0.1",
      "--port=0",
      "--inspector-port=0",
      "--var=JAMSOCKET_DEV:true",
      `--var=JAMSOCKET_DEV_PORT:${new URL(dev.apiUrl).port}`,
      "--var=COOKIE_SECRET:secret",
    ], copy.options);
    await converse(browser, edge.origin, dev);
  });
}

inChromium(
  "deno serve - the same file, the same page",
  async (browser) => {
    await using dev = await platform();
    await using edge = await start(Deno.execPath(), [
      "serve",
      `--config=${config}`,
      "--allow-net",
      "--allow-env",
      "--host=127.0.0.1",
      "--port=0",
      "examples/edge/worker.ts",
    ], {
      cwd: root,
      env: {
        JAMSOCKET_DEV: "true",
        JAMSOCKET_DEV_PORT: new URL(dev.apiUrl).port,
        COOKIE_SECRET: "secret",
      },
    });
    await converse(browser, edge.origin, dev);
  },
);
