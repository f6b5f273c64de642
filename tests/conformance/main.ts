/**
 * The conformance matrix: the same cases on every runtime, against far ends
 * that this driver starts: the dev platform, `feedme-server-core` and
 * `socketcluster-server` from npm, a scripted peer for faults, and what each
 * runtime itself serves.
 *
 * `deno task conformance [--on=bun] [--only=text] [--newest]`
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as esbuild from "esbuild";
import { startDevPlatform } from "../../session/dev/mod.ts";
import { bundle } from "../kit/bundle.ts";
import {
  addModule,
  type BrowserName,
  BROWSERS,
  openBrowser,
  TITLES,
} from "../kit/browsers.ts";
import { config } from "../kit/config.ts";
import { folder, startProgram } from "../kit/program.ts";
import { type Found, newest, runtime } from "../kit/runtimes.ts";
import { SocketClusterServer } from "../kit/socketcluster_server.ts";
import { startWorker } from "../kit/workerd.ts";
import { TextLineStream } from "../kit/lines.ts";
import { startFeedmeServer } from "./far/feedme_server.ts";
import { startScriptedPeer } from "./far/scripted_peer.ts";
import { startTcpProxies } from "./far/tcp_proxy.ts";
import { type FarEnds, isNamed, type Outcome } from "./suite.ts";
import { type Column, exceptions, table } from "./table.ts";

/** Ends a run that makes no sense. */
function refuse(why: string): never {
  console.error(`conformance: ${why}`);
  Deno.exit(2);
}

const { on, only, ...unit } = (() => {
  try {
    return parseArgs({
      options: {
        /** Columns whose name contains this, e.g. `bun` or `workerd`. */
        on: { type: "string", default: "" },
        /** Cases whose area and name contain this. */
        only: { type: "string", default: "" },
        /** How many unit tests passed and failed before: counted in. */
        passed: { type: "string", default: "0" },
        failed: { type: "string", default: "0" },
      },
    }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
})();

/** The far ends that all runtimes share. */
type Shared = Omit<FarEnds, "runtime" | "edge" | "feedmeServer" | "run">;

/** Where a runtime's own server listens. */
interface Served {
  edge: number;
  feedme: number;
}

/** Runs the cases somewhere. */
type Runner = (far: FarEnds) => Promise<Outcome[]>;

/** The Deno of the column: the one that runs this, or the newest release. */
const found = newest ? await runtime("deno") : undefined;
if (found && "missing" in found) refuse(found.missing);
const { path: deno, version: denoVersion } = found ??
  { path: Deno.execPath(), version: Deno.version.deno };

await using started = new AsyncDisposableStack();

async function startShared(): Promise<Shared> {
  const platform = started.use(
    await startDevPlatform({
      module: new URL("far/backend.ts", import.meta.url),
      config: fileURLToPath(new URL(`../../${config}`, import.meta.url)),
      port: 0,
      proxyPort: 0,
      grace: 2_000,
    }),
  );
  const peer = started.use(await startScriptedPeer());
  return {
    platform: Number(new URL(platform.apiUrl).port),
    scripted: peer.origin,
    proxies: started.use(startTcpProxies()).origin,
    feedme: await startFeedmeServer(),
    socketcluster: started.use(await SocketClusterServer.start()).port,
  };
}

/** One file of a program and all it imports, for a runtime that resolves no names. */
async function bundled(path: string, platform = "browser"): Promise<string> {
  const code = await bundle(
    `tests/conformance/${path}`,
    `--platform=${platform}`,
  );
  // The cases say `await using`, which Node 22 does not know. The library does not.
  const lowered = await esbuild.transform(code, {
    target: "es2022",
    format: "esm",
  });
  return lowered.code;
}

/** How the servers find the dev platform. */
const env = (shared: Shared) => ({
  JAMSOCKET_DEV: "true",
  JAMSOCKET_DEV_PORT: String(shared.platform),
});

async function serveOnDeno(shared: Shared): Promise<Served> {
  const program = started.use(
    await startProgram(deno, [
      "run",
      "-A",
      // Without it Deno prints one harmless warning about `request.signal`.
      "--unstable-no-legacy-abort",
      `--config=${config}`,
      "tests/conformance/servers/deno.ts",
    ], env(shared)),
  );
  return JSON.parse(program.said);
}

/** The case that only the driver can see. */
const END = { area: "disposal", name: "the process ends by itself", took: 0 };
const NO_END = { ...END, exception: "it lives until it is closed" };

/** Runs a program to its end, which has to come by itself. */
async function runCommand(
  command: string,
  args: string[],
): Promise<Outcome[]> {
  const child = new Deno.Command(command, {
    args: [...args, only],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const outcomes: Outcome[] = [];
  let ended = false;
  let hung = false;
  const give = (ms: number) =>
    setTimeout(() => {
      hung = true;
      child.kill("SIGKILL");
    }, ms);
  let timer = give(300_000);
  for await (
    const line of child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream())
  ) {
    if (line !== "all") {
      outcomes.push(JSON.parse(line));
      continue;
    }
    ended = true;
    // What is left open would keep the process.
    clearTimeout(timer);
    timer = give(5_000);
  }
  clearTimeout(timer);
  const { code } = await child.status;
  const last = outcomes.at(-1)?.name;
  const failure = !ended
    ? `it ${hung ? "hung" : "ended"} (code ${code}) after "${last}"`
    : hung
    ? "something keeps the process"
    : code === 0
    ? undefined
    : `it ended with code ${code}`;
  return [...outcomes, { ...END, ...(failure && { failure }) }];
}

/** A column of a program that is installed, or why it is missing. */
async function commandColumn(
  name: string,
  runtime: "bun" | "node",
  found: Found,
): Promise<Column> {
  if ("missing" in found) return { name, missing: found.missing };
  const server = started.use(
    await folder({
      "server.mjs": await bundled(`servers/${runtime}.ts`, "deno"),
    }),
  );
  await using program = await startProgram(
    found.path,
    [`${server.path}/server.mjs`],
    env(shared),
  );
  return await column(
    `${name} ${found.version}`,
    { runtime },
    JSON.parse(program.said),
    (far) =>
      runCommand(found.path, [
        // A look at `localStorage` would be remarked upon.
        ...(runtime === "node"
          ? ["--disable-warning=ExperimentalWarning"]
          : []),
        `${casesFile.path}/cases.mjs`,
        JSON.stringify(far),
      ]),
  );
}

async function workerdColumn(compatibilityDate: string): Promise<Column> {
  await using server = await startWorker({
    module: await bundled("servers/workerd.ts"),
    compatibilityDate,
    vars: env(shared),
    objects: { LIVE: "Live", DOOR: "Door" },
  });
  await using runner = await startWorker({ module: worker, compatibilityDate });
  return await column(
    `workerd ${compatibilityDate}`,
    { runtime: "workerd", date: compatibilityDate },
    { edge: server.port, feedme: server.port },
    async (far) => {
      const answer = await fetch(`http://127.0.0.1:${runner.port}/`, {
        method: "POST",
        body: JSON.stringify({ far, only }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(text);
      return [...JSON.parse(text), NO_END];
    },
  );
}

async function browserColumn(runtime: BrowserName): Promise<Column> {
  const browser = await openBrowser(runtime);
  if ("missing" in browser) {
    // Debian has packages of Firefox and WebKit; other systems bring their own.
    const optional = runtime !== "chromium" && Deno.build.os !== "linux";
    return { name: TITLES[runtime], optional, ...browser };
  }
  await using _ = browser;
  return await column(
    `${TITLES[runtime]} ${shortVersion(browser.version)}`,
    { runtime },
    denoServes,
    async (far) => {
      await browser.open(far.edge);
      await addModule(browser, await bundled("runners/page.ts"));
      const outcomes = await browser.evaluate<Outcome[]>(
        `conformance(${JSON.stringify(far)}, ${JSON.stringify(only)})`,
      );
      return [...outcomes, NO_END];
    },
  );
}

/** What tells one version of a browser from the next: `150`, or `2.50` of WebKit. */
function shortVersion(version: string): string {
  const [major, minor] = version.split(".");
  return Number(major) > 10 ? major! : `${major}.${minor}`;
}

/** Runs the cases and tells of each that failed. */
async function column(
  name: string,
  here: Pick<FarEnds, "runtime" | "date">,
  served: Served,
  runner: Runner,
): Promise<Column> {
  const all = await runner({
    ...shared,
    ...here,
    edge: `http://127.0.0.1:${served.edge}`,
    feedmeServer: `ws://127.0.0.1:${served.feedme}/feedme`,
    run: crypto.randomUUID().slice(0, 8),
  });
  // How the process ended counts unasked if that was wrong.
  const outcomes = all.filter((one) => one.failure || isNamed(one, only));
  for (const { area, name: what, failure } of outcomes) {
    if (failure) console.error(`\n${name}: ${area}: ${what}\n${failure}`);
  }
  return { name, outcomes };
}

const columns: Record<string, () => Promise<Column>> = {
  deno: () =>
    column(
      `Deno ${denoVersion}`,
      { runtime: "deno" },
      denoServes,
      (far) =>
        runCommand(deno, [
          "run",
          "-A",
          `${casesFile.path}/cases.mjs`,
          JSON.stringify(far),
        ]),
    ),
  bun: async () => commandColumn("Bun", "bun", await runtime("bun")),
  node22: async () => commandColumn("Node", "node", await runtime("node22")),
  node: async () => commandColumn("Node", "node", await runtime("node")),
  // Before and after the changes of 2026 to WebSockets: the binary type
  // (2026-03-17) and the answer to a close frame (2026-04-07).
  "workerd 2026-03-01": () => workerdColumn("2026-03-01"),
  "workerd 2026-10-01": () => workerdColumn("2026-10-01"),
  ...Object.fromEntries(
    BROWSERS.map((name) => [name, () => browserColumn(name)]),
  ),
};

const wanted = Object.entries(columns).filter(([name]) => name.includes(on));
if (wanted.length === 0) {
  refuse(
    `no runtime is named ${JSON.stringify(on)}: ${
      Object.keys(columns).join(", ")
    }`,
  );
}

const cases = await bundled("runners/command.ts");
const casesFile = started.use(await folder({ "cases.mjs": cases }));
const worker = await bundled("runners/worker.ts");
const shared = await startShared();
const denoServes = await serveOnDeno(shared);

const matrix: Column[] = [];
for (const [name, run] of wanted) {
  const start = Date.now();
  try {
    matrix.push(await run());
  } catch (error) {
    const failure = (error as Error).stack ?? String(error);
    console.error(`\n${name}\n${failure}`);
    const what = { area: "all", name: "runs at all", failure, took: 0 };
    matrix.push({ name, outcomes: [what] });
  }
  console.error(`${name}: ${((Date.now() - start) / 1000).toFixed(1)} s`);
}

const outcomes = matrix.flatMap(({ outcomes = [] }) => outcomes);
const ran = outcomes.filter(({ exception }) => exception === undefined);
const failed = ran.filter(({ failure }) => failure !== undefined).length;
const missing = matrix.filter(({ missing }) => missing !== undefined);
if (outcomes.length === 0 && missing.length < matrix.length) {
  await started.disposeAsync();
  refuse(`no case is named ${JSON.stringify(only)}`);
}

console.log();
for (const line of exceptions(matrix)) console.log(line);
for (const { name, missing: why } of missing) console.log(`${name}: ${why}`);
console.log(`\n${table(matrix)}\n`);
// In CI a runtime that is missing is a failure.
const allFailed = Number(unit.failed) + failed +
  (Deno.env.get("CI") ? missing.filter((one) => !one.optional).length : 0);
const allPassed = Number(unit.passed) + ran.length - failed;
console.log(`${allPassed} passed, ${allFailed} failed`);
await started.disposeAsync();
await esbuild.stop();
Deno.exit(allFailed > 0 ? 1 : 0);
