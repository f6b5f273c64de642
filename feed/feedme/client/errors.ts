/** The one class of error of this client. */
import {
  FeedlineError,
  type FeedlineErrorCode,
  isFeedlineError,
} from "../../../net/errors.ts";
import type { JsonObject } from "../wire/protocol.ts";

/** What is known about an action that failed. */
export type ActionOutcome =
  /** Nothing was handed to the transport. */
  | "not_sent"
  /** The server answered that it refuses. */
  | "rejected"
  /** It was sent; no answer came in time. The server may have acted on it. */
  | "timed_out"
  /**
   * It was sent; then the link was lost, or the response could not be taken. The
   * server may have acted on it.
   */
  | "unknown";

/** The word before the colon of an error's message. */
export type FeedmeErrorCode = Extract<
  FeedlineErrorCode,
  | "INVALID_ARGUMENT"
  | "INVALID_STATE"
  | "INVALID_FEED_STATE"
  | "DESTROYED"
  | "TRANSPORT_ERROR"
  | "TIMEOUT"
  | "HANDSHAKE_REJECTED"
  | "TRANSPORT_FAILURE"
  | "NOT_CONNECTED"
  | "REJECTED"
  | "TERMINATED"
  | "BAD_FEED_ACTION"
  | "INVALID_MESSAGE"
  | "UNEXPECTED_MESSAGE"
  | "INVALID_DATA"
  | "INVALID_DELTA"
  | "INVALID_HASH"
  | "OVERFLOW"
>;

/** Details of an error beside its code; each is present only where it applies. */
export interface FeedmeErrorDetails {
  /** What is known about the action that failed. */
  outcome?: ActionOutcome;
  /** The server's reason to reject or terminate. */
  serverErrorCode?: string;
  /** What the server added to its reason. */
  serverErrorData?: object;
  /** The error that the transport reported. */
  transportError?: unknown;
  /** The offending message: parsed, or its text where that is not JSON. */
  serverMessage?: unknown;
  /** What the JSON parser threw. */
  parseError?: Error;
  /** The exception that is behind the error, where neither of those is. */
  cause?: unknown;
  /** Where a message departs from the specification. */
  schemaViolation?: string;
  /** Why a delta does not fit the feed data. */
  deltaViolation?: string;
}

/**
 * An error of the Feedme client. Its message is the code, a colon and a
 * sentence, e.g. `NOT_CONNECTED: The client is not connected.`
 *
 * ```ts
 * import { FeedmeError } from "@feedline/feedline/feed/feedme";
 *
 * const error = new FeedmeError("TIMEOUT", "The server did not respond.", {
 *   outcome: "timed_out",
 * });
 * console.log(error.code, error.outcome, error.message);
 * ```
 */
export class FeedmeError extends FeedlineError<FeedmeErrorCode> {
  /** The name of the class. */
  override readonly name = "FeedmeError";
  // Declared only, and assigned by the constructor where they apply: an error has
  // no properties that say nothing.
  /** What is known about an action that failed. */
  declare readonly outcome?: ActionOutcome;
  /** The server's reason to reject or terminate. */
  declare readonly serverErrorCode?: string;
  /** What the server added to its reason. */
  declare readonly serverErrorData?: object;
  /** The error that the transport reported; also the `cause`. */
  declare readonly transportError?: unknown;
  /** The offending message: parsed, or its text where that is not JSON. */
  declare readonly serverMessage?: unknown;
  /** What the JSON parser threw. */
  declare readonly parseError?: Error;
  /** Where a message departs from the specification. */
  declare readonly schemaViolation?: string;
  /** Why a delta does not fit the feed data. */
  declare readonly deltaViolation?: string;

  /** Makes the message from `code` and `text`, and takes over the details. */
  constructor(
    code: FeedmeErrorCode,
    text: string,
    details: FeedmeErrorDetails = {},
  ) {
    const { cause = details.transportError ?? details.parseError, ...rest } =
      details;
    super(
      code,
      `${code}: ${text}`,
      cause === undefined ? undefined : { cause },
    );
    Object.assign(this, rest);
  }
}

/** The server's reason to reject or terminate, as an error tells it. */
export function reasonOf(
  { ErrorCode, ErrorData }: { ErrorCode: string; ErrorData: JsonObject },
): FeedmeErrorDetails {
  return { serverErrorCode: ErrorCode, serverErrorData: ErrorData };
}

/** The error of an argument that cannot be used. */
export function invalid(text: string, cause?: unknown): FeedmeError {
  return new FeedmeError("INVALID_ARGUMENT", text, cause ? { cause } : {});
}

/** Whether `value` is an error of this client, from whichever copy of it. */
export function isFeedmeError(value: unknown): value is FeedmeError {
  return isFeedlineError(value) && value.name === "FeedmeError";
}
