/**
 * Stands in for `@std/assert` where JSR cannot be reached: the same names and
 * meanings, over `node:assert`.
 */
import nodeAssert, { AssertionError } from "node:assert";

export { AssertionError };

// deno-lint-ignore no-explicit-any
type AnyConstructor = new (...args: any[]) => any;
type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

function fails(standard: string, message?: string): never {
  throw new AssertionError({
    message: message === undefined ? standard : `${standard}: ${message}`,
  });
}

export function assert(condition: unknown, message = ""): asserts condition {
  if (!condition) throw new AssertionError({ message });
}

export function assertFalse(
  condition: unknown,
  message = "",
): asserts condition is false {
  if (condition) throw new AssertionError({ message });
}

export function assertEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  nodeAssert.deepStrictEqual(actual, expected, message);
  if (!sameErrors(actual, expected)) {
    fails("errors with other stacks are not equal; compare messages", message);
  }
}

/** Whether errors in equal values have the same stack: `@std/assert` compares it. */
function sameErrors(
  a: unknown,
  b: unknown,
  seen: Set<unknown> = new Set(),
): boolean {
  if (typeof a !== "object" || a === null || a === b || seen.has(a)) {
    return true;
  }
  seen.add(a);
  if (a instanceof Error) return a.stack === (b as Error).stack;
  return Object.entries(a).every(([key, value]) =>
    sameErrors(value, b![key as keyof typeof b], seen)
  );
}

export function assertNotEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  nodeAssert.notDeepStrictEqual(actual, expected, message);
}

export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T {
  nodeAssert.strictEqual(actual, expected, message);
}

export function assertNotStrictEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  nodeAssert.notStrictEqual(actual, expected, message);
}

export function assertExists<T>(
  actual: T,
  message?: string,
): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    fails("expected a value that is not null or undefined", message);
  }
}

export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  message?: string,
): asserts actual is InstanceType<T> {
  if (!(actual instanceof expectedType)) {
    fails(`expected an instance of ${expectedType.name}`, message);
  }
}

export function assertMatch(
  actual: string,
  expected: RegExp,
  message?: string,
): void {
  nodeAssert.match(actual, expected, message);
}

export function assertNotMatch(
  actual: string,
  expected: RegExp,
  message?: string,
): void {
  nodeAssert.doesNotMatch(actual, expected, message);
}

export function assertStringIncludes(
  actual: string,
  expected: string,
  message?: string,
): void {
  if (!actual.includes(expected)) {
    fails(
      `expected ${JSON.stringify(actual)} to contain ${
        JSON.stringify(expected)
      }`,
      message,
    );
  }
}

export function assertGreater<T>(actual: T, low: T, message?: string): void {
  if (!(actual > low)) fails(`expected ${actual} > ${low}`, message);
}

export function assertGreaterOrEqual<T>(
  actual: T,
  low: T,
  message?: string,
): void {
  if (!(actual >= low)) fails(`expected ${actual} >= ${low}`, message);
}

export function assertLess<T>(actual: T, high: T, message?: string): void {
  if (!(actual < high)) fails(`expected ${actual} < ${high}`, message);
}

export function assertLessOrEqual<T>(
  actual: T,
  high: T,
  message?: string,
): void {
  if (!(actual <= high)) fails(`expected ${actual} <= ${high}`, message);
}

export function assertIsError<E extends Error = Error>(
  error: unknown,
  // deno-lint-ignore no-explicit-any
  ErrorClass?: ErrorClass<E> | (abstract new (...args: any[]) => E),
  messageMatches?: string | RegExp,
  message?: string,
): asserts error is E {
  if (!(error instanceof Error)) {
    fails(`expected an Error, not ${typeof error}`, message);
  }
  if (ErrorClass && !(error instanceof ErrorClass)) {
    fails(
      `expected ${ErrorClass.name}, got ${error.name}: ${error.message}`,
      message,
    );
  }
  const matches = messageMatches === undefined ||
    (typeof messageMatches === "string"
      ? error.message.includes(messageMatches)
      : messageMatches.test(error.message));
  if (!matches) {
    fails(
      `expected a message with ${messageMatches}, got ${error.message}`,
      message,
    );
  }
}

export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  // deno-lint-ignore no-explicit-any
  ErrorClass?: abstract new (...args: any[]) => E,
  messageIncludes?: string,
  message?: string,
): E {
  try {
    fn();
  } catch (error) {
    assertIsError(error, ErrorClass, messageIncludes, message);
    return error;
  }
  return fails("expected the function to throw", message);
}

export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  // deno-lint-ignore no-explicit-any
  ErrorClass?: abstract new (...args: any[]) => E,
  messageIncludes?: string,
  message?: string,
): Promise<E> {
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    fails(`expected a rejection, but the function threw ${error}`, message);
  }
  try {
    await promise;
  } catch (error) {
    assertIsError(error, ErrorClass, messageIncludes, message);
    return error;
  }
  return fails("expected the promise to reject", message);
}

export function fail(message?: string): never {
  throw new AssertionError({
    message: message === undefined ? "Failed assertion." : message,
  });
}

export function unreachable(message?: string): never {
  fails("unreachable code was reached", message);
}
