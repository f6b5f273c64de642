/** The symbols of disposal where the runtime may not have them yet. */
export { asyncDispose } from "../../net/dispose.ts";

/** `Symbol.dispose`, or what lowered code takes for it; see `net/dispose.ts`. */
export const dispose: typeof Symbol.dispose = Symbol.dispose ??
  Symbol.for("Symbol.dispose");
