/**
 * Recognizes values by their shape.
 *
 * `instanceof` is false for a value from another realm (an iframe, Node's `vm`, a test
 * runner) or from a second copy of a package, so published code does not use it;
 * `tests/publish/shapes_test.ts` checks that.
 */

/**
 * The built-in kind of a value from any realm, such as `"Date"`, `"ArrayBuffer"` or
 * `"Error"`.
 */
export function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** Whether `value` is an object that is neither an array nor a function. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether `value` is an error of any realm; a `DOMException` is one. */
export function isError(value: unknown): value is Error {
  const tag = tagOf(value);
  return tag === "Error" || tag === "DOMException";
}

/** Whether `value` is the default abort reason of an `AbortController`. */
export function isAbort(value: unknown): value is Error {
  return isError(value) && value.name === "AbortError";
}

/** Whether `value` is the platform's timeout error. */
export function isTimeout(value: unknown): value is Error {
  return isError(value) && value.name === "TimeoutError";
}

/** Whether `value` can be awaited. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === "object" || typeof value === "function") &&
    value !== null &&
    typeof (value as PromiseLike<unknown>).then === "function";
}
