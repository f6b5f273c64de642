/** Checks the durations that an application configures, and makes them safe for timers. */

/** The longest delay (ms) that `setTimeout` supports; a longer one fires immediately. */
export const LONGEST_TIMEOUT: number = 2 ** 31 - 1;

/** What `setTimeout` returns on this platform. */
export type Timer = ReturnType<typeof setTimeout>;

/**
 * Calls `listener` after `ms` milliseconds. `Infinity` means never, and sets no timer.
 * Longer delays than a platform supports are clamped to 2³¹−1 ms.
 */
export function setTimer(
  listener: () => void,
  ms: number,
): Timer | undefined {
  if (ms === Infinity) return undefined;
  return setTimeout(listener, Math.min(ms, LONGEST_TIMEOUT));
}

/**
 * Returns `value` if it is a duration: 0 or more milliseconds, or `Infinity`.
 *
 * @throws {RangeError} if it is anything else; the message names the option. `NaN` would
 * make a timer fire immediately
 */
export function checkDuration(name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new RangeError(
    `${name} must be a number of milliseconds, 0 or more, or Infinity; got ${
      typeof value === "number" ? value : typeof value
    }`,
  );
}
