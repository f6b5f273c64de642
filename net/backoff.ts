/**
 * How long to wait before the next attempt: capped exponential growth with
 * full jitter, so that many clients which lost one server do not come back at
 * one moment.
 *
 * @see {@link https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/}
 */

/** Bounds of a delay, in milliseconds. */
export interface BackoffOptions {
  /** The window of the first delay. @default {500} */
  base?: number;
  /** No delay is longer. @default {20_000} */
  cap?: number;
}

/**
 * The delay before attempt number `attempt` (0 is the first retry), in
 * milliseconds: uniform in `[0, min(cap, base * 2 ** attempt))`.
 */
export function backoff(
  attempt: number,
  { base = 500, cap = 20_000 }: BackoffOptions = {},
  random: () => number = Math.random,
): number {
  // From 2 ** 1024 on the power is Infinity, and 0 times that is no number.
  return random() * Math.min(cap, base * 2 ** Math.min(attempt, 1023));
}
