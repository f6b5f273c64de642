#!/usr/bin/env node
/**
 * The command `feedline` of the npm package: runs the platform, on Deno.
 *
 * The platform starts processes and containers, which web standards cannot do, and uses
 * Deno's API for that. On a machine without Deno, this script fetches npm's `deno` once
 * into the user's cache. It is not a dependency of the package, because most who install
 * that never run the platform.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The version that is fetched. */
const VERSION = "2.9.6";
/** The oldest version that an installed Deno may have. */
const OLDEST = [2, 9];

/** A Deno of the machine that is new enough. */
function installed() {
  const { stdout, status } = spawnSync("deno", ["--version"], {
    encoding: "utf8",
  });
  const [, major, minor] = /^deno (\d+)\.(\d+)/.exec(stdout ?? "") ?? [];
  const fits = status === 0 && Number(major) === OLDEST[0] &&
    Number(minor) >= OLDEST[1];
  return fits ? "deno" : undefined;
}

/** The folder for what can be fetched again. */
function cache() {
  const { LOCALAPPDATA, XDG_CACHE_HOME } = process.env;
  if (process.platform === "win32" && LOCALAPPDATA) return LOCALAPPDATA;
  if (process.platform === "darwin") return join(homedir(), "Library/Caches");
  return XDG_CACHE_HOME || join(homedir(), ".cache");
}

/** npm's Deno, which is fetched if it is not there. */
function fetched() {
  const folder = join(cache(), "feedline", `deno-${VERSION}`);
  if (!existsSync(folder)) {
    console.error(
      `Fetching Deno ${VERSION} from npm, once (45 MB), into ${folder}`,
    );
    // Made whole beside its place: an interrupted download leaves nothing in it.
    const part = `${folder}.${process.pid}`;
    mkdirSync(part, { recursive: true });
    // Without it, npm would install into the project that surrounds the folder.
    writeFileSync(join(part, "package.json"), "{}\n");
    const { status } = spawnSync(
      "npm",
      ["install", "--no-audit", "--no-fund", "--silent", `deno@${VERSION}`],
      {
        cwd: part,
        stdio: ["ignore", "ignore", "inherit"],
        // npm is a script on Windows.
        shell: process.platform === "win32",
      },
    );
    if (status !== 0) {
      rmSync(part, { recursive: true, force: true });
      console.error(
        `feedline: npm could not fetch Deno ${VERSION}; check the network, or install Deno from https://deno.com`,
      );
      process.exit(1);
    }
    try {
      renameSync(part, folder);
    } catch {
      // Another run was faster.
      rmSync(part, { recursive: true, force: true });
    }
  }
  const require = createRequire(join(folder, "index.js"));
  // Finds the program of this system, whether or not npm ran install scripts.
  return require("deno/install_api.cjs").runInstall();
}

const deno = installed() ?? fetched();
const platform = fileURLToPath(
  new URL("../session/dev/mod.js", import.meta.url),
);
const child = spawn(
  deno,
  [
    "run",
    "--allow-all",
    // The package's own dependencies, whatever configuration the project has.
    "--no-config",
    "--node-modules-dir=manual",
    "--quiet",
    platform,
    ...process.argv.slice(2),
  ],
  { stdio: "inherit" },
);
// The terminal sends Ctrl+C to both; the child decides when it ends.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
process.on("SIGHUP", () => child.kill("SIGHUP"));
child.on("error", ({ message }) => {
  console.error(`feedline: Deno could not be started: ${message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  process.exit(code ?? (signal === "SIGINT" ? 130 : 143));
});
