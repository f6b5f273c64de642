/** The matrix as text: counts where all passed, both numbers where not. */
import { assertEquals } from "@std/assert";
import type { Outcome } from "./suite.ts";
import { exceptions, table } from "./table.ts";

const outcome = (area: string, name: string, more: Partial<Outcome> = {}) => ({
  area,
  name,
  took: 1,
  ...more,
});
const columns = [
  {
    name: "Deno 2",
    outcomes: [
      outcome("proxy", "a"),
      outcome("proxy", "b"),
      outcome("end", "c"),
    ],
  },
  {
    name: "Bun 1",
    outcomes: [
      outcome("proxy", "a", { failure: "Error: no" }),
      outcome("proxy", "b"),
      outcome("end", "c", { exception: "nothing ends there" }),
    ],
  },
  { name: "Node", missing: "npm cannot be reached" },
];

Deno.test("table - counts what passed, failed and was skipped", () => {
  assertEquals(
    table(columns),
    `
       Deno 2          Bun 1      Node
proxy       2  1 of 2 failed  not here
end         1              —  not here
all         3  1 of 2 failed  not here`.slice(1),
  );
});

Deno.test("table - an exception is named with where and why", () => {
  assertEquals(exceptions(columns), [
    "not on Bun 1: end: c — nothing ends there",
  ]);
});
