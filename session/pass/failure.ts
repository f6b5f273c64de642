/** Errors of a proxy, without secrets. */

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
  /** The HTTP status of the response. */
  readonly status: number;
  /** Milliseconds to wait before the next attempt, if known. */
  readonly retryAfter: number | undefined;

  /** The message may be shown to the client; `cause` is for the proxy's operator. */
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

/** The backend is not, or no longer, at the URL that the platform gave. */
export class LostError extends ProxyError {
  /** Takes the arguments of {@linkcode ProxyError}; the code is `BACKEND_LOST`. */
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(status, message, { ...options, code: "BACKEND_LOST" });
  }
}

/** Whether `error` is a {@linkcode ProxyError}, from any copy of the package or realm. */
export function isProxyError(error: unknown): error is ProxyError {
  return isFeedlineError(error) && error.name === "ProxyError";
}

/** Whether `error` is a {@linkcode LostError}, from any copy of the package or realm. */
export function isLostError(error: unknown): error is LostError {
  return isFeedlineError(error, "BACKEND_LOST");
}

/**
 * Copies `error` for a log: joins its message and those of its causes in one line,
 * with each secret replaced. Runtimes put the whole URL into the message of a failed
 * fetch, and a backend's URL is a capability.
 */
export function redacted(error: unknown, secrets: readonly string[]): Error {
  const messages: string[] = [];
  // Bounded, because a chain of causes may be circular.
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
  // The stack of the copy would point here, not to the failure.
  copy.stack = `${copy.name}: ${text}`;
  return copy;
}
