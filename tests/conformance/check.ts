/** Assertions for the cases: `@std/assert` would bring what not every runtime has. */

export { until } from "../until.ts";
export { asyncDispose } from "../../net/dispose.ts";

/** `Symbol.dispose`, or what lowered code takes for it; see `net/dispose.ts`. */
export const dispose: typeof Symbol.dispose = Symbol.dispose ??
  Symbol.for("Symbol.dispose");

/** Fails unless `condition` holds. */
export function ok(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`not so: ${what}`);
}

/** A value as JSON with sorted names, for comparison; bytes as numbers. */
function shown(value: unknown): string {
  return JSON.stringify(value, (_, part) => {
    if (part === undefined) return "(undefined)";
    if (part instanceof ArrayBuffer) return [...new Uint8Array(part)];
    if (ArrayBuffer.isView(part)) return [...part as Uint8Array];
    if (typeof part !== "object" || part === null || Array.isArray(part)) {
      return part;
    }
    return Object.fromEntries(
      Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1),
    );
  }) ?? String(value);
}

/** Fails unless both are the same data. */
export function same(actual: unknown, expected: unknown, what = "data"): void {
  const [a, b] = [shown(actual), shown(expected)];
  if (a !== b) throw new Error(`${what}: got ${a}, expected ${b}`);
}

/** Fails unless the promise rejects; the error. */
// deno-lint-ignore no-explicit-any
export async function rejects(promise: Promise<unknown>): Promise<any> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`did not reject, but gave ${shown(value)}`);
}

/** Fails unless the call throws; the error. */
// deno-lint-ignore no-explicit-any
export function thrown(call: () => unknown): any {
  let value: unknown;
  try {
    value = call();
  } catch (error) {
    return error;
  }
  throw new Error(`did not throw, but gave ${shown(value)}`);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What an async iterable gives until it ends. */
export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}
