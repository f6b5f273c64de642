/** Deno, Bun, Node: the far ends come as an argument, the outcomes go to stdout. */
import { areas } from "../cases/mod.ts";
import { run } from "../suite.ts";

// deno-lint-ignore no-explicit-any
const [, , far, only] = (globalThis as any).process.argv;
const outcomes = await run(areas, JSON.parse(far), only);
console.log(JSON.stringify(outcomes));
