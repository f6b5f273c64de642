/** Timers for any number of milliseconds. */

/** The longest time that the platforms' timers take: they fire at once beyond it. */
export const LONGEST_TIMEOUT: number = 2 ** 31 - 1;

/** `setTimeout`, for which far away is far away and not now. */
export function setTimer(
  listener: () => void,
  ms: number,
): ReturnType<typeof setTimeout> {
  return setTimeout(listener, Math.min(ms, LONGEST_TIMEOUT));
}
