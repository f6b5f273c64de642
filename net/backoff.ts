/**
 * How long to wait before the next attempt: capped exponential backoff with full jitter,
 * so that the many clients of a lost server do not all reconnect at the same moment.
 *
 * @see {@link https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/}
 */

/** Bounds of a delay, in milliseconds. */
export interface BackoffOptions {
  /** The window of the first delay. @default {500} */
  base?: number;
  /** The upper bound of every delay. @default {20_000} */
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
  // 2 ** 1024 is Infinity, and 0 * Infinity is NaN.
  return random() * Math.min(cap, base * 2 ** Math.min(attempt, 1023));
}
