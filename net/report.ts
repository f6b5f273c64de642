/**
 * Handles exceptions in the application's listeners, in the same way everywhere in this
 * package.
 *
 * An exception, or a rejection of the promise that a listener returns, stops neither the
 * caller nor other listeners. It is reported like any uncaught exception: with
 * `reportError` if the runtime has it (pages, Deno, Workers, Bun), otherwise by rethrowing
 * it in a microtask (Node: `uncaughtException`). On Deno and Node, an uncaught exception
 * ends the process unless you handle it there.
 */
import { isPromiseLike } from "./shape.ts";

/** Reports an exception that has no caller. */
export function report(error: unknown): void {
  const { reportError } = globalThis as {
    reportError?: (error: unknown) => void;
  };
  if (typeof reportError === "function") return reportError(error);
  queueMicrotask(() => {
    throw error;
  });
}

/** Calls a listener; reports what it throws, also later, if it returns a promise. */
export function notify<Args extends unknown[]>(
  listener: (...args: Args) => void,
  ...args: Args
): void {
  try {
    const result: unknown = listener(...args);
    if (isPromiseLike(result)) result.then(undefined, report);
  } catch (error) {
    report(error);
  }
}
