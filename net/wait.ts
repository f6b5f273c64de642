/** Waits that can be cancelled. */

/** Options of {@linkcode wait}. */
export interface WaitOptions {
  /** Ends the wait early: the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Told how to cut the wait short when it begins; what it returns is called
   * when the wait is over. {@linkcode onWake} fits.
   */
  wake?: ((cut: () => void) => () => void) | undefined;
}

/** Resolves after `ms` milliseconds, or when woken; rejects when aborted. */
export function wait(
  ms: number,
  { signal, wake }: WaitOptions = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      sleepless?.();
      settle();
    };
    const abort = () => end(() => reject(signal!.reason));
    const timer = setTimeout(() => end(resolve), ms);
    signal?.addEventListener("abort", abort, { once: true });
    const sleepless = wake?.(() => end(resolve));
  });
}
