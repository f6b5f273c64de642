/** Waits that can be cancelled. */
import { checkDuration, setTimer } from "./timer.ts";

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

/** What `promise` gives; rejects with the signal's reason if that aborts first. */
export function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() =>
      signal.removeEventListener("abort", abort)
    );
  });
}

/** Options of {@linkcode deadline}. */
export interface DeadlineOptions {
  /** End the call early: the promise rejects with the reason of the first. */
  signals: readonly (AbortSignal | undefined)[];
  /** Milliseconds; `Infinity` means no limit. */
  timeout: number;
  /** The message of the `TimeoutError`. */
  message: string;
}

/**
 * Runs `call` with a signal that aborts with the reason of one of `signals`, or after
 * `timeout` ms with a `TimeoutError`. If it aborts, the promise rejects with that
 * very reason, whatever `call` rejects with: workerd's `fetch` rejects with a copy,
 * other runtimes' bodies with an error of theirs.
 *
 * @throws {RangeError} if `timeout` is not a duration
 */
export async function deadline<T>(
  options: DeadlineOptions,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timeout, message, signals } = options;
  checkDuration("timeout", timeout);
  for (const signal of signals) signal?.throwIfAborted();
  // By hand: browsers before 2024 have no `AbortSignal.any`.
  const controller = new AbortController();
  const abort = ({ target }: Event) =>
    controller.abort((target as AbortSignal).reason);
  for (const signal of signals) signal?.addEventListener("abort", abort);
  const timer = setTimer(
    () => controller.abort(new DOMException(message, "TimeoutError")),
    timeout,
  );
  try {
    return await call(controller.signal);
  } catch (error) {
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    for (const signal of signals) signal?.removeEventListener("abort", abort);
  }
}
