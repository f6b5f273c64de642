/**
 * The base of every error class in this package.
 *
 * Each error has a `code` to branch on. It is one of {@linkcode FeedlineErrorCode},
 * except where a protocol defines its own numbers: an {@linkcode HTTPError} has the HTTP
 * status, and the error of a lost SocketCluster connection the WebSocket close code.
 */

/** Why an operation failed. The messages of Feedme errors start with it. */
export type FeedlineErrorCode =
  /** You aborted an action after it had been sent. */
  | "ABORTED"
  /** The backend ended, or you stopped watching it, before it was ready. */
  | "BACKEND_ENDED"
  /** The backend is not, or no longer, at the URL that the platform gave. */
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
  /** A delta cannot be applied to the feed's data. */
  | "INVALID_DELTA"
  /** The operation is not possible in the feed's current state. */
  | "INVALID_FEED_STATE"
  /** Feed data does not match the server's hash. */
  | "INVALID_HASH"
  /** A message violates its protocol, or cannot be encoded. */
  | "INVALID_MESSAGE"
  /** The operation is not possible in the object's current state. */
  | "INVALID_STATE"
  /** A configured limit was reached. */
  | "LIMIT_REACHED"
  /** There is no connection. */
  | "NOT_CONNECTED"
  /** A consumer with `overflow: "error"` fell too far behind. */
  | "OVERFLOW"
  /** The other side refused; the error carries its reason. */
  | "REJECTED"
  /** A SocketCluster error without a more specific code. */
  | "SOCKETCLUSTER"
  /** The server closed the feed; the error carries its reason. */
  | "TERMINATED"
  /** The response or value did not arrive in time. */
  | "TIMEOUT"
  /** The transport broke a rule of its interface. */
  | "TRANSPORT_ERROR"
  /** The connection was lost or could not be opened. */
  | "TRANSPORT_FAILURE"
  /** A message arrived that is not allowed in the current state. */
  | "UNEXPECTED_MESSAGE";

/**
 * Marks errors of every copy of this package, in every realm. It is a symbol, because
 * JSON from a server cannot contain one, and registered, so that all copies share it.
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
 * const error: unknown = new FeedlineError("TIMEOUT", "No response within 5000 ms");
 * if (isFeedlineError(error)) console.log(error.code); // TIMEOUT
 * ```
 */
export class FeedlineError<
  Code extends FeedlineErrorCode | number = FeedlineErrorCode | number,
> extends Error {
  /** The name of the class. */
  override readonly name: string = "FeedlineError";
  /** Why it failed: a string code, or a number defined by a protocol. */
  readonly code: Code;

  /** `options.cause` is the error that led to this one. */
  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** @ignore Inherited, so that an error costs no more than its fields. */
  get [MARK](): true {
    return true;
  }
}

/**
 * Whether `value` is an error of this package, from any copy or realm; with `code`,
 * whether it also has that code.
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
