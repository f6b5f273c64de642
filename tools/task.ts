/**
 * Runs the project's tasks: `deno task <name>` ends here.
 *
 * The sources import JSR packages by the names in `deno.json`. Where JSR cannot
 * be reached, the same names must lead elsewhere: `@hono/hono` to the npm
 * package of the same version, `@std/*` to the stand-ins in `tests/std/`. This
 * script finds out which applies, writes the second set of names to
 * `deno.npm.json` (ignored by git) when it is needed, and passes the chosen
 * configuration on to the `deno` subcommand that does the work.
 */
import { globSync } from "node:fs";
import { fileURLToPath as fromFileUrl } from "node:url";
import { npmTarget } from "./pack.ts";

const root = new URL("../", import.meta.url);

interface DenoJson {
  exports: Record<string, string>;
  imports: Record<string, string>;
  compilerOptions: Record<string, unknown>;
}

const denoJson: DenoJson = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", root)),
);

/** Asks Deno itself, so that its cache, `JSR_URL` and proxies count. */
async function jsrReachable(): Promise<boolean> {
  const packages = Object.values(denoJson.imports).filter((target) =>
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

/** The names of `deno.json`, each `jsr:` target replaced by what stands in for it. */
function withoutJsr(imports: Record<string, string>): Record<string, string> {
  const result = standIns();
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

/** Writes a configuration beside `deno.json`, which its paths start from. */
async function writeConfig(name: string, config: DenoJson): Promise<string> {
  const text = JSON.stringify(config, null, 2) + "\n";
  await Deno.writeTextFile(new URL(name, root), text);
  return name;
}

/** Chooses the packages and says so in one line. */
async function choosePackages(): Promise<DenoJson> {
  if (await jsrReachable()) {
    console.log("packages: from JSR");
    return denoJson;
  }
  console.log(
    "packages: JSR cannot be reached, so @hono/hono is npm's hono and @std/* the stand-ins of tests/std/",
  );
  return { ...denoJson, imports: withoutJsr(denoJson.imports) };
}

/** What runs in a page: checked against the types of one, and of nothing else. */
const PAGES = ["examples/board/page.ts"];

/** Types of the whole project; what a browser loads against the DOM's alone. */
async function check(): Promise<void> {
  const files = glob("**/*.ts").filter((path) => !PAGES.includes(path));
  await deno("check", `--config=${config}`, ...files);
  const dom = await writeConfig("deno.dom.json", {
    ...packages,
    compilerOptions: {
      ...packages.compilerOptions,
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
 * As users run Deno, whose default makes a request's signal fire after success as
 * well: it remarks that once. The matrix runs with `--unstable-no-legacy-abort`.
 */
function unitTests(...args: string[]): Promise<void> {
  return deno("test", "-A", "--doc", `--config=${config}`, ...args);
}

/** The same cases on every runtime; see tests/conformance/main.ts. */
function conformance(...args: string[]): Promise<void> {
  return deno(
    "run",
    "-A",
    // Without it Deno remarks that a request's signal will once mean less.
    "--unstable-no-legacy-abort",
    `--config=${config}`,
    "tests/conformance/main.ts",
    ...args,
  );
}

/** The unit tests and the matrix, whose last line counts both. */
async function allTests(): Promise<void> {
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  const code = await run(
    "test",
    "-A",
    "--doc",
    `--config=${config}`,
    `--junit-path=${report}`,
  );
  const text = await Deno.readTextFile(report);
  await Deno.remove(report);
  const count = (name: string) =>
    [...text.matchAll(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`, "g"))]
      .reduce((sum, [, number]) => sum + Number(number), 0);
  const failed = count("failures") + count("errors");
  const passed = count("tests") - count("disabled") - failed;
  await conformance(
    `--passed=${passed}`,
    // A test run may also fail as a whole, e.g. when a file does not load.
    `--failed=${failed || (code === 0 ? 0 : 1)}`,
  );
}

const [name, ...rest] = Deno.args;
const packages = await choosePackages();
const config = packages === denoJson
  ? "deno.json"
  : await writeConfig("deno.npm.json", packages);
const entryPoints = Object.values(denoJson.exports);

switch (name) {
  case "ok":
    await deno("fmt", "--check");
    await deno("lint", `--config=${config}`);
    await check();
    await deno(
      "doc",
      "--lint",
      ...(config === "deno.json" ? [] : [`--import-map=${config}`]),
      ...entryPoints,
    );
    await deno("publish", "--dry-run", "--allow-dirty", `--config=${config}`);
    break;
  case "test":
    if (rest.length > 0) await unitTests(...rest);
    else await allTests();
    break;
  case "conformance":
    await conformance(...rest);
    break;
  case "bench":
    await deno("run", "-A", `--config=${config}`, "bench/main.ts", ...rest);
    break;
  case "demo":
    await deno(
      "run",
      "-A",
      // Without it Deno remarks that a request's signal will once mean less.
      "--unstable-no-legacy-abort",
      `--config=${config}`,
      "examples/demo.ts",
      ...rest,
    );
    break;
  case "dev":
    await deno(
      "run",
      "-A",
      `--config=${config}`,
      "session/dev/mod.ts",
      // Backends of this checkout need the same packages.
      ...(config === "deno.json" ? [] : [`--config=${config}`]),
      ...rest,
    );
    break;
  default:
    console.error(
      `unknown task ${
        JSON.stringify(name)
      }: ok, test, conformance, bench, demo or dev`,
    );
    Deno.exit(2);
}
