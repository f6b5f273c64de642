/**
 * The Feedme client compared to npm's feedme-client 0.0.35 (with feedme-util 0.2.1,
 * without which it cannot talk to any server), in Deno and in Node 24.
 *
 * Both clients are bundled into one file, which runs in a child process of each runtime.
 * Packages come from npm, via `deno install` in a separate folder, because only there can
 * the version of a transitive dependency be chosen.
 */
import * as esbuild from "esbuild";
import { pathToFileURL } from "node:url";
import { bundledSize } from "../tests/kit/bundle.ts";
import { requireRuntime } from "../tests/kit/runtimes.ts";
import { printTable, type Row } from "./compare.ts";

interface Result {
  plain: number[];
  md5: number[];
  opening: number;
  /** The share of opening that is the platform's `JSON.parse`. */
  parsing: number;
  openingMd5: number;
}

async function run(
  command: string,
  args: string[],
  cwd?: URL,
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    ...(cwd && { cwd }),
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) {
    throw new Error(
      `${command} ${args[0]} failed:\n${text}${
        new TextDecoder().decode(stderr)
      }`,
    );
  }
  return text;
}

/** Installs the peers and bundles; returns the URL of the bundle. */
async function prepare(folder: URL): Promise<URL> {
  const manifest = {
    private: true,
    dependencies: {
      "feedme-client": "0.0.35",
      "feedme-util": "0.2.1",
    },
    overrides: { "feedme-util": "0.2.1" },
  };
  await Deno.writeTextFile(
    new URL("package.json", folder),
    JSON.stringify(manifest, null, 2),
  );
  await Deno.writeTextFile(
    new URL("deno.json", folder),
    '{ "nodeModulesDir": "auto", "lock": false }',
  );
  await run(Deno.execPath(), ["install", "--quiet"], folder);
  const bundle = new URL("run.cjs", folder);
  await esbuild.build({
    entryPoints: [new URL("feedme_run.ts", import.meta.url).pathname],
    outfile: bundle.pathname,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "es2023",
    logLevel: "error",
    nodePaths: [new URL("node_modules", folder).pathname],
  });
  return bundle;
}

const SIZES = [10, 1_000, 10_000, 100_000];

/** Measures each figure in its own process, so that none inherits another's garbage. */
async function measure(command: string, args: string[]): Promise<Result> {
  const ask = async (...what: string[]) =>
    JSON.parse(await run(command, [...args, ...what]));
  const result: Result = {
    plain: [],
    md5: [],
    opening: 0,
    parsing: 0,
    openingMd5: 0,
  };
  for (const size of SIZES) {
    result.plain.push(await ask("actions", `${size}`));
    result.md5.push(await ask("actions", `${size}`, "md5"));
  }
  const { ratio, parsing } = await ask("opening");
  result.opening = ratio;
  result.parsing = parsing;
  result.openingMd5 = (await ask("opening", "md5")).ratio;
  return result;
}

function times(ratio: number): string {
  return `${ratio < 20 ? ratio.toFixed(1) : Math.round(ratio)}×`;
}

/** Prints the tables. */
export async function benchFeedme(): Promise<void> {
  const { href } = pathToFileURL(await Deno.makeTempDir() + "/");
  const folder = new URL(href);
  const bundle = await prepare(folder);
  const node = await requireRuntime("node24");
  const inDeno = await measure(Deno.execPath(), [
    "run",
    "-A",
    "--v8-flags=--expose-gc",
    bundle.pathname,
  ]);
  const inNode = await measure(node, ["--expose-gc", bundle.pathname]);
  await Deno.remove(folder, { recursive: true });
  const bytes = await bundledSize("feed/feedme/mod.ts");
  await esbuild.stop();

  const columns: [string, number[], number[]][] = [
    ["no digest, Deno", inDeno.plain, [3, 100, 600, 500]],
    ["no digest, Node 24", inNode.plain, [3, 90, 450, 110]],
    ["with FeedMd5, Deno", inDeno.md5, [3.5, 8, 10, 9]],
    ["with FeedMd5, Node 24", inNode.md5, []],
  ];
  const rows: Row[] = columns.flatMap(([name, ratios, targets]) =>
    ratios.map((ratio, index) => ({
      what: `${SIZES[index]!.toLocaleString("en")} entries, ${name}`,
      measured: times(ratio),
      target: targets[index] === undefined ? "report" : `≥ ${targets[index]}×`,
    }))
  );
  for (
    const [runtime, result] of [["Deno", inDeno], ["Node 24", inNode]] as const
  ) {
    rows.push(
      {
        what: `opening a feed of 1 MB, no digest, ${runtime}`,
        measured: times(result.opening),
        target: "≥ 2×",
      },
      {
        what: `opening it up to its first FeedMd5, ${runtime}`,
        measured: times(result.openingMd5),
        target: "≥ 2×",
      },
      {
        what: `JSON.parse alone, share of ours, ${runtime}`,
        measured: `${Math.round(100 * result.parsing)} %`,
        target: "report",
      },
    );
  }
  rows.push(
    {
      what: "the client for browsers, gzip",
      measured: `${(bytes / 1000).toFixed(1)} kB`,
      target: "≤ 10 kB",
    },
  );
  printTable("Feedme client beside feedme-client 0.0.35: times as fast", rows);
}

if (import.meta.main) await benchFeedme();
