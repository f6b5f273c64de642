/**
 * The configuration that the tests run with, for what starts a deno of its own:
 * JSR's packages, or what stands in for them (see tools/task.ts).
 */
export const config: string =
  import.meta.resolve("@hono/hono").startsWith("jsr:") ||
    import.meta.resolve("@hono/hono").startsWith("https:")
    ? "deno.json"
    : "deno.npm.json";
