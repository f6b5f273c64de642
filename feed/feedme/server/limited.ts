/** Limits how long the application's code may take. */
import { FeedlineError } from "../../../net/errors.ts";
import { isPromiseLike } from "../../../net/shape.ts";
import { setTimer } from "../../../net/timer.ts";

/** Code of the application did not finish in time. */
export class CallbackTimeoutError extends FeedlineError<"TIMEOUT"> {
  /** The name of the class. */
  override readonly name = "CallbackTimeoutError";
}

/** Whether `error` says that the application's code did not finish in time. */
export function isLate(error: unknown): error is CallbackTimeoutError {
  return (error as CallbackTimeoutError | undefined)?.name ===
    "CallbackTimeoutError";
}

/** How long a callback may take. */
export interface CallbackLimit {
  /** The name of the callback, for the error. */
  what: string;
  /** In milliseconds; `Infinity` for no limit. */
  ms: number;
  /** After it aborts nothing waits for the callback, so the limit ends. */
  signal: AbortSignal;
  /** Called if the callback finishes after all. */
  late?: (() => unknown) | undefined;
}

/**
 * `result`, which is what a callback of the application returned. A promise rejects with
 * a {@linkcode CallbackTimeoutError} if it takes too long.
 */
export function limited<T>(
  result: T | PromiseLike<T>,
  { what, ms, signal, late }: CallbackLimit,
): T | PromiseLike<T> {
  if (!isPromiseLike(result) || ms === Infinity || signal.aborted) {
    return result;
  }
  return new Promise<T>((resolve, reject) => {
    let over = false;
    const stop = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    };
    const timer = setTimer(() => {
      over = true;
      stop();
      reject(
        new CallbackTimeoutError(
          "TIMEOUT",
          `${what} did not finish within ${ms} ms; raise the option callbackTimeout if it may take longer`,
        ),
      );
    }, ms);
    signal.addEventListener("abort", stop);
    result.then((value) => {
      stop();
      if (over) late?.();
      else resolve(value as T);
    }, (error) => {
      stop();
      reject(error);
    });
  });
}
