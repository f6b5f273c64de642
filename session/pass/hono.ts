/**
 * Aliases for Hono's types. `deno doc --lint` requires every type that a public one
 * mentions to be public as well, and Hono's mention dozens. Marking the aliases
 * internal leaves those to Hono's documentation.
 */
import type { Context as C, Hono as H } from "@hono/hono";

/**
 * The context of a request in Hono.
 * @internal
 */
export type Context = C;

/**
 * A Hono application.
 * @internal
 */
export type Hono = H;
