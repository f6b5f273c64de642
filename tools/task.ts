/**
 * Runs the project's tasks: `deno task <name>` ends here.
 *
 * Two sets of names exist. `deno.json` has what the published code and the
 * examples import, as ranges; `demo` and `dev` run with it alone, so that a first
 * look downloads nothing else. `tests/imports.json` adds what tests and benchmarks
 * import, and pins all of it. This script merges both into `deno.tests.json`
 * (ignored by git), the configuration of every other task.
 *
 * Where JSR cannot be reached, the same names must lead elsewhere: `@hono/hono` to
 * the npm package of the same version, `@std/*` to the stand-ins in `tests/std/`.
 *
 * Options of this script:
 *
 * - `--deps=oldest` or `--deps=newest`, for `test` and `conformance`: the oldest or
 *   the newest versions that the ranges of `deno.json` allow.
 * - `--newest`, for `test` and `conformance`: the newest release of each runtime,
 *   not the one in `tests/versions.json`.
 * - `--std=<folder>`, for `test` and `conformance`: a checkout of
 *   https://github.com/denoland/std in place of `@std/*`. Its sources would not pass
 *   our compiler options, so types are not checked then.
 */
import { globSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath as fromFileUrl, pathToFileURL } from "node:url";
import { docs } from "./docs.ts";
import { npmTarget } from "./pack.ts";

const root = new URL("../", import.meta.url);

/** Import names and what they lead to, e.g. `npm:zod@^4.0`. */
type Imports = Record<string, string>;

interface DenoJson {
  exports: Record<string, string>;
  imports: Imports;
  compilerOptions: Record<string, unknown>;
}

async function readJson(path: string): Promise<DenoJson> {
  return JSON.parse(await Deno.readTextFile(new URL(path, root)));
}

const denoJson = await readJson("deno.json");
const testsJson = await readJson("tests/imports.json");

/** Asks Deno itself, so that its cache, `JSR_URL` and proxies count. */
async function jsrReachable(imports: Imports): Promise<boolean> {
  const packages = Object.values(imports).filter((target) =>
    target.startsWith("jsr:")
  );
  // One package is enough when nothing answers; all of them when something does.
  for (const specifier of packages) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["info", "--no-config", "--json", specifier],
      cwd: root,
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(15_000),
    });
    const { success, stdout } = await child.output();
    if (!success || stdout.length === 0) return false;
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
      modules: { error?: string }[];
    };
    if (modules.length === 0 || modules.some((module) => module.error)) {
      return false;
    }
  }
  return true;
}

/** Paths of the project's files that match, from its folder on. */
function glob(pattern: string): string[] {
  return globSync(pattern, {
    cwd: fromFileUrl(root),
    exclude: (path) => path.includes("node_modules"),
  }).map((path) => path.replaceAll("\\", "/"));
}

/** The stand-ins by the names they stand in for, e.g. `@std/testing/time`. */
function standIns(): Record<string, string> {
  return Object.fromEntries(
    glob("tests/std/**/*.ts").map((path) => [
      path.replace("tests/std", "@std").replace(/\.ts$/, ""),
      `./${path}`,
    ]),
  );
}

/** The same names, each `jsr:` target replaced by what stands in for it. */
function withoutJsr(imports: Imports): Imports {
  const result: Imports = {};
  for (const [name, target] of Object.entries(imports)) {
    if (target.startsWith("jsr:@std/")) continue;
    const npm = npmTarget(target);
    result[name] = npm;
    // `deno doc` reads this file as an import map, where a sub-path needs an
    // entry of its own.
    result[`${name}/`] = npm.replace("npm:", "npm:/") + "/";
  }
  return result;
}

/** The modules of a checkout of @std by the names that their packages export. */
async function standardLibrary(folder: string): Promise<Imports> {
  const result: Imports = {};
  const path = resolve(folder);
  for (const file of globSync(`${path}/*/deno.json`)) {
    const { name, exports } = JSON.parse(await Deno.readTextFile(file));
    const all = typeof exports === "string" ? { ".": exports } : exports;
    for (const [entry, module] of Object.entries<string>(all ?? {})) {
      const url = new URL(module, pathToFileURL(file));
      result[name + entry.slice(1)] = url.href;
    }
  }
  if (!("@std/assert" in result)) {
    console.error(`--std: ${path} has no package @std/assert`);
    Deno.exit(2);
  }
  return result;
}

/** The oldest version that a range such as `npm:zod@^4.1` allows, as a pin. */
function oldest(target: string): string {
  const [, name, range] = /^(.+)@\^(\d+(?:\.\d+){0,2})$/.exec(target) ?? [];
  if (name === undefined || range === undefined) {
    throw new Error(`deno.json: "${target}" has no range of the form ^1.2.3`);
  }
  return `${name}@${[...range.split("."), "0", "0"].slice(0, 3).join(".")}`;
}

/** The published dependencies as this run wants them: `--deps`. */
function publishedImports(): Imports {
  if (deps === "newest") return denoJson.imports;
  if (deps === "oldest") {
    return Object.fromEntries(
      Object.entries(denoJson.imports).map((
        [name, target],
      ) => [name, oldest(target)]),
    );
  }
  return {}; // as tests/imports.json pins them
}

/** Writes a configuration beside `deno.json`, which its paths start from. */
async function writeConfig(name: string, config: DenoJson): Promise<string> {
  const text = JSON.stringify(config, null, 2) + "\n";
  await Deno.writeTextFile(new URL(name, root), text);
  return name;
}

/** What runs in a page: checked against the types of one, and of nothing else. */
const PAGES = [
  "examples/board/dom.ts",
  "examples/board/notes.ts",
  "examples/board/page.ts",
  "examples/board/people.ts",
  "examples/board/steps.ts",
  "examples/board/who.ts",
  "tests/react/page.ts",
  "tests/react/seed.tsx",
  "examples/react/main.tsx",
];

/** Import names of packages and their sub-paths that lead to their types alone. */
function typesAsPackages(...names: string[]): Imports {
  return Object.fromEntries(names.flatMap((name) => {
    const target = testsJson.imports[`@types/${name}`]!;
    return [[name, target], [`${name}/`, target.replace(":", ":/") + "/"]];
  }));
}

/** Types of the whole project; what a browser loads against the DOM's alone. */
async function check(): Promise<void> {
  const files = glob("**/*.ts").filter((path) =>
    !PAGES.includes(path) && !path.startsWith("examples/react/") &&
    // Each is checked as its own project, in tests/publish/create_test.ts.
    !path.startsWith("create/templates/")
  );
  await deno("check", `--config=${config}`, ...files);
  const dom = await writeConfig("deno.dom.json", {
    ...tests,
    imports: {
      ...tests.imports,
      // Nothing runs here, and React's types are packages of their own.
      ...typesAsPackages("react", "react-dom"),
    },
    compilerOptions: {
      ...tests.compilerOptions,
      jsx: "react-jsx",
      jsxImportSource: "react",
      lib: ["esnext", "dom", "dom.iterable", "dom.asynciterable"],
    },
  });
  const portable = entryPoints.filter((path) => !path.includes("/dev/"));
  await deno("check", `--config=${dom}`, ...portable, ...PAGES);
}

/** Runs `deno <args>` in the project's folder: its exit code. */
async function run(...args: string[]): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), { args, cwd: root }).spawn();
  // Ctrl-C reaches the child by itself; this script only has to outlive it.
  const ignore = () => {};
  Deno.addSignalListener("SIGINT", ignore);
  const forward = () => child.kill("SIGTERM");
  Deno.addSignalListener("SIGTERM", forward);
  const { code } = await child.status;
  Deno.removeSignalListener("SIGINT", ignore);
  Deno.removeSignalListener("SIGTERM", forward);
  return code;
}

/** The same, and ends with its exit code unless that is 0. */
async function deno(...args: string[]): Promise<void> {
  const code = await run(...args);
  if (code !== 0) Deno.exit(code);
}

/**
 * The unit tests run Deno as users do: by default it aborts a request's signal
 * after success as well, and prints one warning about it. The matrix runs with
 * `--unstable-no-legacy-abort`.
 */
function testCommand(): string[] {
  const check = std === undefined ? [] : ["--no-check"];
  return ["test", "-A", "--doc", `--config=${config}`, ...check];
}

function unitTests(...args: string[]): Promise<void> {
  return deno(...testCommand(), ...args);
}

/** The same cases on every runtime; see tests/conformance/main.ts. */
function conformance(...args: string[]): Promise<void> {
  return deno(
    "run",
    "-A",
    // Without it Deno prints one harmless warning about `request.signal`.
    "--unstable-no-legacy-abort",
    `--config=${config}`,
    "tests/conformance/main.ts",
    ...args,
  );
}

/** The same cases on every platform; see tests/engines/main.ts. */
function engines(...args: string[]): Promise<number> {
  return run(
    "run",
    "-A",
    // Without it Deno prints one harmless warning about `request.signal`.
    "--unstable-no-legacy-abort",
    `--config=${config}`,
    "tests/engines/main.ts",
    ...args,
  );
}

/** Runs them, and counts what passed and failed. */
async function enginesCounted(): Promise<{ passed: number; failed: number }> {
  const counts = await Deno.makeTempFile({ suffix: ".json" });
  const code = await engines(`--counts=${counts}`);
  const text = await Deno.readTextFile(counts);
  await Deno.remove(counts);
  // Empty where the run broke off.
  return text === "" ? { passed: 0, failed: code || 1 } : JSON.parse(text);
}

/** The unit tests, the engines and the matrix, whose last line counts them all. */
async function allTests(): Promise<void> {
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  const code = await run(...testCommand(), `--junit-path=${report}`);
  const text = await Deno.readTextFile(report);
  await Deno.remove(report);
  const count = (name: string) =>
    [...text.matchAll(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`, "g"))]
      .reduce((sum, [, number]) => sum + Number(number), 0);
  const failed = count("failures") + count("errors");
  const passed = count("tests") - count("disabled") - failed;
  const platforms = await enginesCounted();
  await conformance(
    `--passed=${passed + platforms.passed}`,
    // A test run may also fail as a whole, e.g. when a file does not load.
    `--failed=${(failed || (code === 0 ? 0 : 1)) + platforms.failed}`,
  );
}

/** Takes `--name=value` or `--name` out of the arguments. */
function takeOption(args: string[], name: string): string | undefined {
  const at = args.findIndex((arg) =>
    arg === `--${name}` || arg.startsWith(`--${name}=`)
  );
  if (at < 0) return undefined;
  const [found] = args.splice(at, 1);
  return found!.slice(name.length + 3);
}

const [name, ...rest] = Deno.args;
const ofTests = name === "test" || name === "conformance" ||
  name === "engines";
const deps = ofTests ? takeOption(rest, "deps") : undefined;
if (deps !== undefined && deps !== "oldest" && deps !== "newest") {
  console.error(`--deps must be oldest or newest; got ${deps}`);
  Deno.exit(2);
}
if (ofTests && takeOption(rest, "newest") !== undefined) {
  Deno.env.set("FEEDLINE_NEWEST", "1"); // read by tests/kit/runtimes.ts
}
const std = ofTests ? takeOption(rest, "std") : undefined;

/** Whether the task runs on what is published alone, and fetches nothing else. */
const lean = name === "demo" || name === "dev" || name === "docs";
const jsr = await jsrReachable((lean ? denoJson : testsJson).imports);
const map = jsr ? (imports: Imports) => imports : withoutJsr;
console.log(
  jsr
    ? "packages: from JSR"
    : lean
    ? "packages: JSR cannot be reached, so @hono/hono is npm's hono"
    : "packages: JSR cannot be reached, so @hono/hono is npm's hono and @std/* " +
      (std === undefined ? "the stand-ins of tests/std/" : `is in ${std}`),
);

/** The configuration of what is published, and of the examples. */
const published = jsr ? "deno.json" : await writeConfig("deno.npm.json", {
  ...denoJson,
  imports: map(denoJson.imports),
});

/** The configuration of tests, benchmarks and the gate; see tests/kit/config.ts. */
const tests: DenoJson = {
  ...denoJson,
  imports: {
    ...(jsr ? {} : standIns()),
    ...map({ ...testsJson.imports, ...publishedImports() }),
    ...(std === undefined ? {} : await standardLibrary(std)),
  },
};
const config = "deno.tests.json";
if (!lean) await writeConfig(config, tests);

if (deps === "newest") {
  // Or Deno would answer from its cache.
  const names = Object.values(map(denoJson.imports))
    .filter((target) => /^(npm|jsr):[^/]/.test(target))
    .map((target) => target.replace(/(?<=.)@[^@/]*$/, ""));
  const reload = `--reload=${names.join()}`;
  await deno("cache", "--quiet", reload, `--config=${config}`, "mod.ts");
}
const entryPoints = Object.values(denoJson.exports);

switch (name) {
  case "ok":
    await deno("fmt", "--check");
    await deno("lint", `--config=${config}`);
    await check();
    await deno(
      "doc",
      "--lint",
      ...(jsr ? [] : [`--import-map=${published}`]),
      ...entryPoints,
    );
    await deno(
      "publish",
      "--dry-run",
      "--allow-dirty",
      `--config=${published}`,
    );
    await deno(
      "publish",
      "--dry-run",
      "--allow-dirty",
      "--config=create/deno.json",
    );
    break;
  case "test":
    if (rest.length > 0) await unitTests(...rest);
    else await allTests();
    break;
  case "conformance":
    await conformance(...rest);
    break;
  case "engines":
    Deno.exit(await engines(...rest));
    break;
  case "bench":
    await deno("run", "-A", `--config=${config}`, "bench/main.ts", ...rest);
    break;
  case "demo":
    await deno(
      "run",
      "-A",
      // Without it Deno prints one harmless warning about `request.signal`.
      "--unstable-no-legacy-abort",
      `--config=${published}`,
      "examples/demo.ts",
      ...rest,
    );
    break;
  case "dev":
    await deno(
      "run",
      "-A",
      `--config=${published}`,
      "session/dev/mod.ts",
      // Backends of this checkout need the same packages.
      ...(jsr ? [] : [`--config=${published}`]),
      ...rest,
    );
    break;
  case "docs":
    await docs({
      serve: takeOption(rest, "build") === undefined,
      args: rest,
      imports: jsr ? [] : [`--import-map=${published}`],
    });
    break;
  default:
    console.error(
      `unknown task ${
        JSON.stringify(name)
      }: ok, test, conformance, engines, bench, demo, dev or docs`,
    );
    Deno.exit(2);
}
