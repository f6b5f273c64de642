/**
 * Assertions for the conformance cases, which run on every runtime: the names
 * and meanings of `@std/assert`, without what only some runtimes have.
 */

/** Fails unless the condition holds. */
export function assert(
  condition: unknown,
  message = "the condition does not hold",
): asserts condition {
  if (!condition) throw new Error(message);
}

/** A plain object, of whatever realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Whether two values are the same data: deeply, members with `undefined` too. */
function equal(a: unknown, b: unknown): boolean {
  if (a === b || (a !== a && b !== b)) return true;
  if (
    typeof a !== "object" || typeof b !== "object" || a === null || b === null
  ) return false;
  if (a instanceof ArrayBuffer && b instanceof ArrayBuffer) {
    return equal(new Uint8Array(a), new Uint8Array(b));
  }
  if (a instanceof Date && b instanceof Date) return equal(+a, +b);
  if (
    (a instanceof Map && b instanceof Map) ||
    (a instanceof Set && b instanceof Set)
  ) return equal([...a], [...b]);
  const samePrototype = Object.getPrototypeOf(a) === Object.getPrototypeOf(b) ||
    isPlain(a) && isPlain(b);
  const keys = Object.keys(a);
  return samePrototype && keys.length === Object.keys(b).length &&
    keys.every((key) =>
      Object.hasOwn(b, key) &&
      equal(a[key as keyof typeof a], b[key as keyof typeof b])
    ) &&
    (!(a instanceof Error) ||
      a.name === (b as Error).name && a.message === (b as Error).message);
}

/** A value as text for a message. */
function shown(value: unknown): string {
  return JSON.stringify(value, (_, part) => {
    if (part === undefined) return "(undefined)";
    if (typeof part === "bigint") return `${part}n`;
    if (part instanceof ArrayBuffer) return [...new Uint8Array(part)];
    return part instanceof Error ? String(part) : part;
  }) ?? String(value);
}

/** Fails unless both are the same data; often it came from outside, with no type. */
export function assertEquals(
  actual: unknown,
  expected: unknown,
  message = "values differ",
): void {
  if (!equal(actual, expected)) {
    throw new Error(
      `${message}: got ${shown(actual)}, expected ${shown(expected)}`,
    );
  }
}

/** Fails unless the promise rejects; gives the error. */
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  // deno-lint-ignore no-explicit-any
): Promise<any> {
  let value: unknown;
  const promise = fn();
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`did not reject, but gave ${shown(value)}`);
}

/** Fails unless the call throws; gives the error. */
// deno-lint-ignore no-explicit-any
export function assertThrows(fn: () => unknown): any {
  let value: unknown;
  try {
    value = fn();
  } catch (error) {
    return error;
  }
  throw new Error(`did not throw, but gave ${shown(value)}`);
}
