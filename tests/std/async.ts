/**
 * Stands in for `@std/async` where JSR cannot be reached: the same names and
 * meanings for the part that this project uses, over the npm packages `delay`
 * and `p-timeout`.
 */
import delayPackage from "npm:delay@7.0.0";
import pTimeout from "npm:p-timeout@8.0.0";

export async function delay(
  ms: number,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  options.signal?.throwIfAborted();
  try {
    await delayPackage(ms, options);
  } catch (error) {
    throw options.signal?.aborted ? options.signal.reason : error;
  }
}

export function deadline<T>(
  promise: Promise<T>,
  ms: number,
  options: { signal?: AbortSignal } = {},
): Promise<T> {
  return pTimeout(promise, {
    milliseconds: ms,
    message: new DOMException("Signal timed out.", "TimeoutError"),
    ...options,
  });
}
