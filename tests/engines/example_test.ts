/** The engine suite in a test framework, on the engine of examples/engine/. */
import { assert } from "@std/assert";
import { engineTests, sampleBackend } from "../../session/engine_tests/mod.ts";
import { InProcessEngine } from "../../examples/engine/engine.ts";

const engine = new InProcessEngine((env, exit) =>
  sampleBackend({ env, exit, kill: () => exit(137) })
);

const cases = engineTests({
  engine,
  exceptions: {
    "traffic: WebSocket": "it passes no WebSockets on",
  },
});

for (const { area, name, exception, run } of cases) {
  Deno.test({
    name: `in one file - ${area}: ${name}${exception ? ` (${exception})` : ""}`,
    ignore: exception !== undefined,
    fn: run,
  });
}

Deno.test("in one file - most cases were run", () => {
  const run = cases.filter(({ exception }) => exception === undefined);
  assert(run.length >= 20, `${run.length}`);
});
