/**
 * The configuration that the tests run with, for what starts a Deno of its own.
 * tools/task.ts writes it: published and tests' dependencies at pinned versions,
 * from JSR or from what stands in for it.
 */
export const config = "deno.tests.json";
