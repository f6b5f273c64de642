/** Waits that can be cancelled. */
import { setTimer } from "./timer.ts";

/** Options of whatever waits. */
export interface WaitOptions {
  /** Ends the wait early: the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A wait that may also be cut short. */
interface Wakeable extends WaitOptions {
  /**
   * Told how to cut the wait short when it begins; what it returns is called
   * when the wait is over. {@linkcode onWake} fits.
   */
  wake?: ((cut: () => void) => () => void) | undefined;
}

/** Resolves after `ms` milliseconds, or when woken; rejects when aborted. */
export function wait(ms: number, options: Wakeable = {}): Promise<void> {
  const { signal, wake } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      unlisten?.();
      settle();
    };
    const abort = () => end(() => reject(signal!.reason));
    const timer = setTimer(() => end(resolve), ms);
    signal?.addEventListener("abort", abort, { once: true });
    const unlisten = wake?.(() => end(resolve));
  });
}
