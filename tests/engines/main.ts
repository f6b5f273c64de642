/**
 * The engine suite: the same cases on every platform that this machine has.
 *
 * `deno task engines [--on=plane] [--only=text]`
 */
import { parseArgs } from "node:util";
import {
  type EngineOutcome,
  runEngineTests,
} from "../../session/engine_tests/mod.ts";
import { type Column, exceptions, table } from "../conformance/table.ts";
import type { EngineColumn } from "./column.ts";

const { on, only, counts } = parseArgs({
  options: {
    /** Columns whose name contains this. */
    on: { type: "string", default: "" },
    /** Cases whose area and name contain this. */
    only: { type: "string", default: "" },
    /** A file for what passed and failed, as JSON. */
    counts: { type: "string" },
  },
}).values;

const columns: EngineColumn[] = [];
const files = new URL("columns/", import.meta.url);
for await (const { name } of Deno.readDir(files)) {
  columns.push((await import(new URL(name, files).href)).default);
}
columns.sort((a, b) => a.order - b.order);

const wanted = columns.filter(({ name }) =>
  name.toLowerCase().includes(on.toLowerCase())
);
if (wanted.length === 0) {
  console.error(
    `engines: no platform is named ${JSON.stringify(on)}: ${
      columns.map(({ name }) => name).join(", ")
    }`,
  );
  Deno.exit(2);
}

const results: Column[] = [];
for (const column of wanted) {
  const start = Date.now();
  results.push(await run(column));
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  console.error(`${column.name}: ${seconds} s`);
}

/** Runs the cases on one platform and tells of each that failed. */
async function run({ name, start }: EngineColumn): Promise<Column> {
  const outcomes: NonNullable<Column["outcomes"]>[number][] = [];
  try {
    const running = await start();
    if ("missing" in running) {
      // Containers and Plane are for Linux; other systems run what they have.
      return { name, ...running, optional: Deno.build.os !== "linux" };
    }
    await using _ = running;
    for await (const outcome of runEngineTests(running.subject, { only })) {
      outcomes.push(outcome);
      tell(name, outcome);
    }
  } catch (error) {
    const failure = (error as Error).stack ?? String(error);
    const outcome = { area: "all", name: "runs at all", failure, took: 0 };
    tell(name, outcome);
    outcomes.push(outcome);
  }
  return { name, outcomes };
}

function tell(
  column: string,
  { area, name, failure, took }: EngineOutcome,
): void {
  if (failure === undefined) return;
  console.error(`\n${column}: ${area}: ${name} (${took} ms)\n${failure}`);
}

const outcomes = results.flatMap(({ outcomes = [] }) => outcomes);
const ran = outcomes.filter(({ exception }) => exception === undefined);
const missing = results.filter(({ missing }) => missing !== undefined);
if (ran.length === 0 && missing.length < results.length) {
  console.error(`engines: no case is named ${JSON.stringify(only)}`);
  Deno.exit(2);
}
const failures = ran.filter(({ failure }) => failure !== undefined).length;
// In CI a platform that is missing is a failure.
const failed = failures +
  (Deno.env.get("CI") ? missing.filter((one) => !one.optional).length : 0);
const passed = ran.length - failures;

console.log();
for (const line of exceptions(results)) console.log(line);
for (const { name, missing: why } of missing) console.log(`${name}: ${why}`);
console.log(`\n${table(results)}\n`);
if (counts) {
  await Deno.writeTextFile(counts, JSON.stringify({ passed, failed }));
} else console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed > 0 ? 1 : 0);
