/** Durations that an application chose, made fit for the platforms' timers. */

/** The longest delay that `setTimeout` takes; it fires a longer one at once. */
export const LONGEST_TIMEOUT: number = 2 ** 31 - 1;

/** What `setTimeout` returns on this platform. */
export type Timer = ReturnType<typeof setTimeout>;

/**
 * Calls `listener` after `ms` milliseconds. `Infinity` means never: then there is
 * no timer. Longer delays than a platform can wait are clamped to 2³¹−1 ms.
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
 * @throws {RangeError} naming the option otherwise; `NaN` would make a timer fire
 * at once
 */
export function checkDuration(name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new RangeError(
    `${name} must be a number of milliseconds, 0 or more, or Infinity; got ${
      typeof value === "number" ? value : typeof value
    }`,
  );
}
