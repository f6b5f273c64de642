/** Deno, Bun, Node: the far ends come as an argument, each outcome is a line. */
import { areas } from "../cases/mod.ts";
import { run } from "../suite.ts";

// deno-lint-ignore no-explicit-any
const [, , far, only] = (globalThis as any).process.argv;
for await (const outcome of run(areas, JSON.parse(far), only)) {
  console.log(JSON.stringify(outcome));
}
console.log("all");
