/** Waits that can be cancelled. */
import { domException } from "./dom_exception.ts";
import { checkDuration, setTimer } from "./timer.ts";

/** Options of functions that wait. */
export interface WaitOptions {
  /** Ends the wait early: the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Options of a wait that can also end early. */
interface Wakeable extends WaitOptions {
  /**
   * Called at the start with a function that ends the wait early; returns a function to
   * call when the wait is over. {@linkcode onWake} is one.
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

/** Resolves like `promise`; rejects with the signal's reason if that aborts first. */
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
  /** End the call early; the promise rejects with the reason of the first that aborts. */
  signals: readonly (AbortSignal | undefined)[];
  /** Milliseconds; `Infinity` means no limit. */
  timeout: number;
  /** The message of the `TimeoutError`. */
  message: string;
}

/**
 * Runs `call` with a signal that aborts with the reason of one of `signals`, or after
 * `timeout` ms with a `TimeoutError`. If it aborts, the promise rejects with exactly that
 * reason, whatever `call` rejects with: workerd's `fetch` rejects with a copy, and other
 * runtimes' bodies with their own error.
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
  // Not `AbortSignal.any`, which browsers before 2024 lack.
  const controller = new AbortController();
  const abort = ({ target }: Event) =>
    controller.abort((target as AbortSignal).reason);
  for (const signal of signals) signal?.addEventListener("abort", abort);
  const timer = setTimer(
    () => controller.abort(domException(message, "TimeoutError")),
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
