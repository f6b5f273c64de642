/**
 * `npm create feedline`: each template is created, installed, checked and started, and two
 * tabs of Chromium see one another. npm packages come from npm, except ours, which are
 * packed from this checkout; JSR packages are mapped onto the checkout and npm.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { LAYERS, TEMPLATE_FILES, TEMPLATES } from "../../create/templates.ts";
import { pack, packCreate } from "../../tools/pack.ts";
import { isRunning } from "../dev/helpers.ts";
import { inChromium } from "../kit/chromium.ts";
import { inPlaceOfJsr } from "../kit/jsr.ts";
import { family, folder, spawnHeard } from "../kit/program.ts";
import { runtime } from "../kit/runtimes.ts";
import { until } from "../kit/wait.ts";
import testImports from "../imports.json" with { type: "json" };
import versions from "../versions.json" with { type: "json" };

const root = fileURLToPath(new URL("../../", import.meta.url));
const MAIN = `${root}create/main.ts`;
const denoJson = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Versions of npm packages that the templates ask for as ranges. */
const PINNED: Record<string, string> = {
  ...Object.fromEntries(
    ["hono", "ws", "zod", "react", "react-dom", "esbuild", "@hono/node-server"]
      .map((name) => {
        const imports: Record<string, string> = testImports.imports;
        const target = imports[name] ?? imports[`@hono/${name}`]!;
        return [name, target.replace(/^.*@/, "")];
      }),
  ),
  wrangler: versions.wrangler,
  concurrently: "10.0.7",
  typescript: "7.0.2",
  vite: "8.3.8",
  "@vitejs/plugin-react": "6.3.0",
  "@types/node": "24.19.2",
  "@types/react": "19.3.0",
  "@types/react-dom": "19.3.0",
  "@types/ws": "8.18.2",
};

/** Runs a program to its end: what it printed, and its exit code. */
async function run(
  command: string,
  args: string[],
  options: Deno.CommandOptions = {},
): Promise<{ code: number; said: string }> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args,
    stdin: "null",
    ...options,
    env: { NO_COLOR: "1", ...options.env },
  }).output();
  return { code, said: decode(stdout) + decode(stderr) };
}

/** Runs the creator on Deno, as `deno run -A jsr:@feedline/create` does. */
function create(cwd: string, args: string[], main = MAIN) {
  return run(Deno.execPath(), ["run", "-A", "--no-config", main, ...args], {
    cwd,
  });
}

/** The paths of all files in a folder. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      `${parentPath}/${name}`.slice(folder.length + 1)
    ).sort();
}

Deno.test("create - the files that it lists are those of its templates", () => {
  assertEquals(
    [...TEMPLATE_FILES].sort(),
    filesOf(`${root}create/templates`).map((path) => `templates/${path}`),
  );
});

Deno.test("create - has the version of the package, and templates ask for it", async () => {
  const { version } = JSON.parse(
    await Deno.readTextFile(`${root}create/deno.json`),
  );
  assertEquals(version, denoJson.version);
  let asked = 0;
  for (const path of TEMPLATE_FILES) {
    const text = await Deno.readTextFile(`${root}create/${path}`);
    for (
      const [, range] of text.matchAll(
        /@feedline\/feedline(?:@|": "(?=\^))\^([\d.]+)/g,
      )
    ) {
      assertEquals(range, version, path);
      asked++;
    }
  }
  assertEquals(asked, 4);
});

Deno.test("create - names what is wrong, and leaves the folder as it was", async () => {
  await using files = await folder({ "kept.txt": "mine" });
  const { path } = files;
  await Deno.mkdir(`${path}/full`);
  await Deno.writeTextFile(`${path}/full/a.txt`, "a");
  for (
    const [args, message] of [
      [
        ["full", "--template=deno"],
        /^create: the folder .*full is not empty; choose another, or empty it\n$/,
      ],
      [
        ["kept.txt", "--template=deno"],
        /^create: .*kept.txt is a file; choose another folder\n$/,
      ],
      [
        ["new", "--template=denno"],
        /^create: there is no template "denno"; did you mean deno\?\n$/,
      ],
      [
        ["new", "--template", "Worker"],
        /^create: there is no template "Worker"; did you mean workers\?\n$/,
      ],
      [
        ["new", "--template=svelte"],
        /^create: there is no template "svelte"; choose workers, deno, react\n$/,
      ],
      [
        ["new"],
        /^create: pass a folder and --template, because this is not a terminal; see --help\n$/,
      ],
      [
        ["new", "more", "--template=deno"],
        /^create: pass one folder; also got more\n$/,
      ],
      [
        ["new", "--tempate=deno"],
        /^create: Unknown option '--tempate'; did you mean --template\?\n$/,
      ],
      [
        ["--hlep"],
        /^create: Unknown option '--hlep'; did you mean --help\?\n$/,
      ],
      [["new", "--force"], /^create: Unknown option '--force'; see --help\n$/],
      [["new", "--template"], /^create: Option '--template[^\n]*\n$/],
    ] as const
  ) {
    const { code, said } = await create(path, [...args]);
    assertMatch(said, message);
    assertEquals(code, 1);
  }
  assertEquals(filesOf(path), ["full/a.txt", "kept.txt"]);
  const help = await create(path, ["--help"]);
  assertEquals(help.code, 0);
  for (const name of Object.keys(TEMPLATES)) {
    assert(help.said.includes(name), help.said);
  }
});

Deno.test("create - from a server, as JSR is one, writes the same files", async () => {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async ({ url }) => {
      const file = await Deno.readFile(`${root}create${new URL(url).pathname}`)
        .catch(() => undefined);
      return new Response(file, {
        status: file ? 200 : 404,
        headers: { "content-type": "application/typescript" },
      });
    },
  );
  await using files = await folder();
  const { path } = files;
  const main = `http://127.0.0.1:${server.addr.port}/main.ts`;
  // Some people begin with the repository.
  await Deno.mkdir(`${path}/far/.git`, { recursive: true });
  const far = await create(path, ["far", "--template=react"], main);
  assertEquals(far.code, 0, far.said);
  await create(path, ["Near By", "--template=react"]);
  const names = filesOf(`${path}/far`);
  assertEquals(names, filesOf(`${path}/Near By`));
  assertEquals(
    names.length,
    TEMPLATES.react.layers.flatMap((layer) => LAYERS[layer]).length,
  );
  const name = async (folder: string) =>
    JSON.parse(await Deno.readTextFile(`${path}/${folder}/package.json`)).name;
  assertEquals([await name("far"), await name("Near By")], ["far", "near-by"]);
});

const script = await run("script", ["--version"]).catch(() => undefined);
Deno.test({
  name: `create - asks in a terminal for what is missing${
    script ? "" : " (skipped: no script(1) here)"
  }`,
  ignore: !script && !Deno.env.has("CI"),
  async fn() {
    await using files = await folder();
    const child = new Deno.Command("script", {
      args: [
        "-qec",
        `'${Deno.execPath()}' run -A --no-config '${MAIN}'`,
        "/dev/null",
      ],
      cwd: files.path,
      env: { NO_COLOR: "1", npm_config_user_agent: "pnpm/10.0.0 npm/? node/?" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let said = "";
    const reading = (async () => {
      for await (
        const text of child.stdout.pipeThrough(new TextDecoderStream())
      ) {
        said += text;
      }
    })();
    const writer = child.stdin.getWriter();
    const answer = async (question: RegExp, text: string) => {
      // Without what moves the cursor.
      // deno-lint-ignore no-control-regex
      const plain = () => said.replace(/\x1b\[[\d;]*[A-Z]/g, "");
      await until(() => question.test(plain()), `${question}`, 30_000);
      said = "";
      await writer.write(new TextEncoder().encode(`${text}\n`));
    };
    await answer(/Folder \(my-app\): $/, "rooms");
    await answer(/1 {2}workers[^]*> $/, "nothing");
    await answer(/1 {2}workers[^]*> $/, "1");
    await child.status;
    await writer.close().catch(() => {});
    await reading;
    assertMatch(said, /cd rooms\s+pnpm install\s+pnpm run dev/);
    // deno-lint-ignore no-control-regex
    assert(!/\x1b\[[\d;]*m/.test(said), "NO_COLOR");
    assert(filesOf(`${files.path}/rooms`).includes("wrangler.jsonc"));
  },
});

/** Ports that are free now. */
function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return ports;
}

/** Changes a file. */
async function edit(
  path: string,
  ...changes: [from: string, to: string][]
): Promise<void> {
  let text = await Deno.readTextFile(path);
  for (const [from, to] of changes) {
    assert(text.includes(from), `${path} does not contain ${from}`);
    text = text.replaceAll(from, to);
  }
  await Deno.writeTextFile(path, text);
}

/** Starts a template by its command, until its page answers at `url`. */
async function start(
  url: string,
  command: string,
  args: string[],
  options: Deno.CommandOptions,
): Promise<AsyncDisposable> {
  const { child, said, drained } = spawnHeard(command, args, options);
  let ended = false;
  child.status.then(() => ended = true);
  const end = async () => {
    const all = await family(child.pid);
    // As a terminal does on Ctrl-C.
    for (const pid of all) {
      try {
        Deno.kill(pid, "SIGINT");
      } catch {
        // It has ended already.
      }
    }
    const running = async () => {
      const states = await Promise.all(all.map(isRunning));
      return all.filter((_, index) => states[index]);
    };
    await until(async () => (await running()).length === 0, "the end", 30_000)
      .catch(() => {});
    const left = await running();
    for (const pid of left) Deno.kill(pid, "SIGKILL");
    await drained;
    assertEquals(left, [], said());
  };
  try {
    await until(
      async () => {
        if (ended) throw new Error("it ended");
        const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) })
          .catch(() => undefined);
        await answer?.body?.cancel();
        return answer?.ok ?? false;
      },
      `${url} answers`,
      90_000,
    );
  } catch (error) {
    await end().catch(() => {});
    throw new Error(said(), { cause: error });
  }
  return { [Symbol.asyncDispose]: end };
}

/** Two tabs see that the other is here, and what it writes. */
async function twoTabs(
  browser: Browser,
  url: string,
  room = "hall",
): Promise<void> {
  const context = await browser.newContext();
  const tabs: Page[] = [];
  const errors: string[] = [];
  for (let count = 1; count <= 2; count++) {
    const tab = await context.newPage();
    tab.on("pageerror", ({ message }) => errors.push(message));
    await tab.goto(`${url}/?room=${room}`);
    tabs.push(tab);
  }
  const wait = { timeout: 60_000 };
  for (const tab of tabs) {
    await tab.locator("#people li").nth(1).waitFor(wait);
    assertEquals(await tab.locator("#people li").count(), 2);
  }
  for (const [index, tab] of tabs.entries()) {
    await tab.locator("input").fill(`line ${index}`);
    await tab.locator("button").click();
    for (const each of tabs) {
      await each.locator("#lines li", { hasText: `line ${index}` })
        .waitFor(wait);
    }
  }
  const [line] = await tabs[0]!.locator("#lines li").allTextContents();
  assertMatch(line!, /^guest-[0-9a-f]{4}: line 0$/);
  assertEquals(errors, []);

  // Who did not sign in is refused.
  const stranger = await fetch(`${url}/rooms/${room}/connect`, {
    method: "POST",
  });
  await stranger.body?.cancel();
  assertEquals(stranger.status, 403);
  await tabs[0]!.close();
  await tabs[1]!.locator("#people li").nth(1).waitFor({
    ...wait,
    state: "detached",
  });
  await context.close();
}

const node = await runtime("node");
const npm =
  (await run("npm", ["--version"]).catch(() => undefined))?.code === 0;
const missing = "missing" in node
  ? node.missing
  : npm
  ? undefined
  : "npm is not here";

/** A test of a template that npm installs. */
function onNpm(name: string, body: (browser: Browser) => Promise<void>): void {
  if (missing && !Deno.env.has("CI")) {
    Deno.test({ name: `${name} (skipped: ${missing})`, ignore: true, fn() {} });
  } else inChromium(name, body);
}

/** Creates a template with npm's package, installs it and checks its types. */
async function installed(template: "workers" | "react") {
  if ("missing" in node) throw new Error(node.missing);
  const made = await folder();
  const { path } = made;
  await Promise.all([
    pack(`${path}/feedline.tgz`),
    packCreate(`${path}/create-feedline.tgz`),
  ]);
  // The programs that a command finds: this Node and this Deno first.
  await Deno.mkdir(`${path}/bin`);
  await Deno.symlink(node.path, `${path}/bin/node`);
  await Deno.symlink(Deno.execPath(), `${path}/bin/deno`);
  const env = {
    PATH: `${path}/bin:${Deno.env.get("PATH")}`,
    NO_COLOR: "1",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
  };
  const succeed = async (cwd: string, args: string[]) => {
    const { code, said } = await run("npm", args, { cwd, env });
    assertEquals(code, 0, said);
    return said;
  };
  const said = await succeed(path, [
    "exec",
    "--yes",
    `--package=${path}/create-feedline.tgz`,
    "--",
    "create-feedline",
    "app",
    `--template=${template}`,
  ]);
  assertMatch(said, /cd app\s+npm install\s+npm run dev/);

  const app = `${path}/app`;
  const manifest = JSON.parse(await Deno.readTextFile(`${app}/package.json`));
  for (const group of ["dependencies", "devDependencies"]) {
    for (const name of Object.keys(manifest[group])) {
      manifest[group][name] = name === denoJson.name
        ? "file:../feedline.tgz"
        : PINNED[name];
    }
  }
  manifest.overrides = { workerd: versions.workerd };
  await Deno.writeTextFile(`${app}/package.json`, JSON.stringify(manifest));
  await succeed(app, [
    "install",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
  ]);
  await succeed(app, ["run", "check"]);
  return { ...made, app, env, succeed };
}

onNpm("create - workers: two tabs see one another", async (browser) => {
  await using made = await installed("workers");
  const { app, env } = made;
  const [api, proxy, edge] = freePorts(3);
  await edit(
    `${app}/package.json`,
    [
      "feedline --watch",
      `feedline --port=${api} --proxy-port=${proxy} --watch`,
    ],
    [
      "wrangler dev",
      `wrangler dev --ip=127.0.0.1 --port=${edge} --inspector-port=0`,
    ],
  );
  await edit(`${app}/development.env`, [
    "JAMSOCKET_DEV=true",
    `JAMSOCKET_DEV=true\nJAMSOCKET_DEV_PORT=${api}`,
  ]);
  const url = `http://127.0.0.1:${edge}`;
  await using _ = await start(url, "npm", ["run", "dev"], { cwd: app, env });
  await twoTabs(browser, url);
});

onNpm("create - react: two tabs see one another", async (browser) => {
  await using made = await installed("react");
  const { app, env, succeed } = made;
  await succeed(app, ["run", "build"]);
  const [api, proxy, edge, page] = freePorts(4);
  await edit(
    `${app}/package.json`,
    [
      "feedline --watch",
      `feedline --port=${api} --proxy-port=${proxy} --watch`,
    ],
    ['"vite"', `"vite --host=127.0.0.1 --port=${page} --strictPort"`],
  );
  await edit(`${app}/development.env`, [
    "JAMSOCKET_DEV=true",
    `JAMSOCKET_DEV=true\nJAMSOCKET_DEV_PORT=${api}`,
  ]);
  const url = `http://127.0.0.1:${page}`;
  await using _ = await start(url, "npm", ["run", "dev"], {
    cwd: app,
    env: { ...env, EDGE_PORT: String(edge) },
  });
  await twoTabs(browser, url);
  // The edge serves the page that was built.
  await twoTabs(browser, `http://localhost:${edge}`, "yard");
});

inChromium("create - deno: two tabs see one another", async (browser) => {
  await using made = await folder();
  const { code, said } = await create(made.path, ["app", "--template=deno"]);
  assertEquals(code, 0, said);
  assertMatch(said, /cd app\s+deno install\s+deno task dev/);
  const app = `${made.path}/app`;

  const sources = `${made.path}/feedline/`;
  const config = JSON.parse(await Deno.readTextFile(`${app}/deno.json`));
  Object.assign(config.imports, await inPlaceOfJsr(sources));
  config.lock = false;
  const [api, proxy, edge] = freePorts(3);
  config.tasks.backends = config.tasks.backends.replace(
    `jsr:${denoJson.name}@^${denoJson.version}/dev`,
    `--config=deno.json '${sources}session/dev/mod.ts' --port=${api} --proxy-port=${proxy}`,
  );
  assert(!config.tasks.backends.includes("jsr:"));
  await Deno.writeTextFile(`${app}/deno.json`, JSON.stringify(config));
  await edit(`${app}/development.env`, [
    "JAMSOCKET_DEV=true",
    `JAMSOCKET_DEV=true\nJAMSOCKET_DEV_PORT=${api}`,
  ]);
  // Its tasks run this Deno.
  await Deno.mkdir(`${made.path}/bin`);
  await Deno.symlink(Deno.execPath(), `${made.path}/bin/deno`);
  const env = {
    PATH: `${made.path}/bin:${Deno.env.get("PATH")}`,
    NO_COLOR: "1",
    EDGE_PORT: String(edge),
  };
  for (const args of [["install"], ["task", "check"]]) {
    const { code, said } = await run(Deno.execPath(), args, { cwd: app, env });
    assertEquals(code, 0, said);
  }
  const url = `http://localhost:${edge}`;
  await using _ = await start(url, Deno.execPath(), ["task", "dev"], {
    cwd: app,
    env,
  });
  await twoTabs(browser, url);
});
