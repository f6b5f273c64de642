/**
 * Session backends and live data for them.
 *
 * @module
 */
export * from "./types.ts";
