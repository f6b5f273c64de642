/** The few assertions of the cases, so that they need no test framework. */
import { wait } from "../../net/wait.ts";

/** @throws {Error} unless `condition` holds */
export function check(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** @throws {Error} unless both have the same JSON; shows both */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [actual, expected].map((value) => JSON.stringify(value));
  check(is === should, `${what}: got ${is}, expected ${should}`);
}

/**
 * The code of the error with which `promise` rejects, such as the HTTP status of an
 * `HTTPError`.
 * @throws {Error} if it resolves
 */
export async function codeOf(
  promise: Promise<unknown>,
  what: string,
): Promise<unknown> {
  const error = await promise.then(
    () => {
      throw new Error(`${what}: expected an error, but the call succeeded`);
    },
    (error) => error as { code?: unknown } | undefined,
  );
  return error?.code;
}

/** The values up to the first for which `until` holds, or to the end. */
export async function collect<T>(
  values: AsyncIterable<T>,
  until: (value: T) => boolean = () => false,
): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) {
    all.push(value);
    if (until(value)) break;
  }
  return all;
}

/** Calls `attempt` until it returns something other than `undefined`. */
export async function eventually<T>(
  attempt: () => Promise<T | undefined>,
  signal: AbortSignal,
  pause = 50,
): Promise<T> {
  for (;;) {
    const result = await attempt();
    if (result !== undefined) return result;
    await wait(pause, { signal });
  }
}
