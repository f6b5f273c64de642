/** Stands in for `@std/testing`, whose parts are imported by sub-path alone. */
export {};
