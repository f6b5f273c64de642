/** What goes wrong in a proxy, told without what must stay secret. */

import {
  FeedlineError,
  type FeedlineErrorCode,
  isFeedlineError,
} from "../../net/errors.ts";
import { isError } from "../../net/shape.ts";

/** A request that a proxy could not serve. */
export class ProxyError extends FeedlineError<FeedlineErrorCode> {
  /** The name of the class. */
  override readonly name = "ProxyError";
  /** The HTTP status to answer with. */
  readonly status: number;
  /** Milliseconds until another attempt makes sense, where that is known. */
  readonly retryAfter: number | undefined;

  /** The message may reach the client; `cause` is for the proxy's owner. */
  constructor(
    status: number,
    message: string,
    { code = "PROXY", retryAfter, ...options }: ErrorOptions & {
      code?: FeedlineErrorCode | undefined;
      retryAfter?: number | undefined;
    } = {},
  ) {
    super(code, message, options);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** A backend is not, or no longer, where the platform said. */
export class LostError extends ProxyError {
  /** The same as of a {@linkcode ProxyError}, with the code `BACKEND_LOST`. */
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(status, message, { ...options, code: "BACKEND_LOST" });
  }
}

/** Whether `error` is a {@linkcode ProxyError}, from whichever copy or realm. */
export function isProxyError(error: unknown): error is ProxyError {
  return isFeedlineError(error) && error.name === "ProxyError";
}

/** Whether `error` is a {@linkcode LostError}, from whichever copy or realm. */
export function isLostError(error: unknown): error is LostError {
  return isFeedlineError(error, "BACKEND_LOST");
}

/**
 * A copy of `error` for a log: the messages of the error and of its causes, in
 * one line, each secret replaced. Runtimes put the whole address into the
 * message of a failed fetch, and the address of a backend is a capability.
 */
export function redacted(error: unknown, secrets: readonly string[]): Error {
  const messages: string[] = [];
  // Bounded, because a chain of causes may be a ring.
  for (let at = error, depth = 0; at !== undefined && depth < 5; depth++) {
    messages.push(isError(at) ? at.message || at.name : String(at));
    at = isError(at) ? at.cause : undefined;
  }
  let text = messages.join(": ");
  for (const secret of secrets) {
    if (secret !== "") text = text.replaceAll(secret, "[redacted]");
  }
  const copy = new Error(text);
  copy.name = isError(error) ? error.name : "Error";
  // Where it was made says nothing about where it happened.
  copy.stack = `${copy.name}: ${text}`;
  return copy;
}
