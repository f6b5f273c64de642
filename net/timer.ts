/**
 * Checks the durations that an application configures, and makes them safe for timers.
 * Time limits forgive a blocked event loop.
 */

import { checkNumber } from "./number.ts";

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

/** A timer that fires this late (ms) was kept from running: frames may be queued behind it. */
const LATE = 10;
/** How long (ms) a wait then gets, so that those frames are read first. */
const MOMENT = 1_000;

/**
 * Calls `listener` when a wait has taken `ms` milliseconds, unless the returned function
 * ends the limit earlier. If the machine slept or the event loop was blocked when the
 * limit passed, what the peer sent in time may not have been read yet, so the wait gets
 * one more second (or `ms`, if that is shorter), once.
 *
 * @param now milliseconds since any fixed moment
 */
export function setLimit(
  listener: () => void,
  ms: number,
  // If this clock is set forward, a wait gets the moment in vain. Unlike that of
  // `performance`, fake timers of every kind move it.
  now: () => number = Date.now,
): () => void {
  if (ms === Infinity) return () => {};
  const due = now() + Math.min(ms, LONGEST_TIMEOUT);
  let timer = setTimer(() => {
    if (now() - due <= LATE) return listener();
    timer = setTimer(listener, Math.min(MOMENT, ms));
  }, ms);
  return () => clearTimeout(timer);
}

/**
 * Returns `value` if it is a duration: 0 or more milliseconds, or `Infinity`.
 *
 * @throws {TypeError} if it is not a number; the message names the option
 * @throws {RangeError} if it is negative or NaN, which would make a timer fire immediately
 */
export function checkDuration(name: string, value: unknown): number {
  return checkNumber(name, value, { unit: "milliseconds" });
}
