/**
 * Hono's types by names of our own. `deno doc --lint` wants every type that a
 * public one mentions to be public as well, and Hono's mention dozens; marked
 * internal, they are left to Hono's documentation.
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
