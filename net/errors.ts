/**
 * The base of every error class in this package.
 *
 * Each error has a `code` to branch on. It is one of {@linkcode FeedlineErrorCode},
 * except where a protocol gives its own number: an {@linkcode HTTPError} has the
 * HTTP status, a lost SocketCluster connection the WebSocket close code.
 */

/** Why an operation failed. Feedme errors begin their message with it. */
export type FeedlineErrorCode =
  /** The backend ended, or you stopped watching it, before it was ready. */
  | "BACKEND_ENDED"
  /** The backend is not, or no longer, where the platform said. */
  | "BACKEND_LOST"
  /** The edge route or a proxy could not serve a request; see `status`. */
  | "PROXY"
  /** The dev platform could not start. */
  | "DEV_PLATFORM"
  /** The dev platform's API refused a request. */
  | "API_FAILURE"
  /** A Feedme action name that the feed does not know. */
  | "BAD_FEED_ACTION"
  /** The client was destroyed. */
  | "DESTROYED"
  /** The server refused the Feedme handshake. */
  | "HANDSHAKE_REJECTED"
  /** An argument or option has the wrong type or value. */
  | "INVALID_ARGUMENT"
  /** A value is not JSON, too large or nested too deeply to be sent. */
  | "INVALID_DATA"
  /** A delta does not fit the feed's data. */
  | "INVALID_DELTA"
  /** The operation needs another state of the feed. */
  | "INVALID_FEED_STATE"
  /** Feed data differs from what the server's hash says. */
  | "INVALID_HASH"
  /** A message breaks its protocol or cannot be encoded. */
  | "INVALID_MESSAGE"
  /** The operation needs another state of the object. */
  | "INVALID_STATE"
  /** A configured limit was reached. */
  | "LIMIT_REACHED"
  /** There is no connection. */
  | "NOT_CONNECTED"
  /** A consumer with `overflow: "error"` fell too far behind. */
  | "OVERFLOW"
  /** The other side refused; the error carries its reason. */
  | "REJECTED"
  /** A SocketCluster error without a more exact code. */
  | "SOCKETCLUSTER"
  /** The server closed the feed; the error carries its reason. */
  | "TERMINATED"
  /** The answer or value did not come in time. */
  | "TIMEOUT"
  /** The transport misbehaved. */
  | "TRANSPORT_ERROR"
  /** The connection was lost or could not be opened. */
  | "TRANSPORT_FAILURE"
  /** A message arrived that has no place in the present state. */
  | "UNEXPECTED_MESSAGE";

/**
 * Marks errors of every copy of this package, in every realm. A registered symbol,
 * because JSON from a server cannot contain one.
 */
const MARK: unique symbol = /* @__PURE__ */ Symbol.for("feedline.error");

/**
 * The base of every error class in this package. Test for it with
 * {@linkcode isFeedlineError} rather than `instanceof`, which fails when an
 * application contains two copies of the package.
 *
 * ```ts
 * import { FeedlineError, isFeedlineError } from "@feedline/feedline/types";
 *
 * const error: unknown = new FeedlineError("TIMEOUT", "No answer within 5000 ms");
 * if (isFeedlineError(error)) console.log(error.code); // TIMEOUT
 * ```
 */
export class FeedlineError<
  Code extends FeedlineErrorCode | number = FeedlineErrorCode | number,
> extends Error {
  /** The name of the class. */
  override readonly name: string = "FeedlineError";
  /** Why it failed: a word, or the number that a protocol gives. */
  readonly code: Code;

  /** `options.cause` is the error that led to this one. */
  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, MARK, { value: true });
  }
}

/**
 * Whether `value` is an error of this package, from whichever copy or realm; with
 * `code`, whether it is one with that code.
 *
 * ```ts
 * import { HTTPError, isFeedlineError } from "@feedline/feedline/types";
 *
 * const error: unknown = new HTTPError(404, "no such backend");
 * console.log(isFeedlineError(error)); // true
 * console.log(isFeedlineError(error, 404)); // true
 * console.log(isFeedlineError(error, "TIMEOUT")); // false
 * ```
 */
export function isFeedlineError<
  Code extends FeedlineErrorCode | number = FeedlineErrorCode | number,
>(value: unknown, code?: Code): value is FeedlineError<Code> {
  return typeof value === "object" && value !== null &&
    (value as { [MARK]?: unknown })[MARK] === true &&
    (code === undefined || (value as FeedlineError).code === code);
}
