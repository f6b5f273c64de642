/** The error class of this client. */
import {
  FeedlineError,
  type FeedlineErrorCode,
  isFeedlineError,
} from "../../../net/errors.ts";
import type { JsonObject } from "../wire/protocol.ts";

/** What is known about an action that failed. */
export type ActionOutcome =
  /** It was not passed to the transport. */
  | "not_sent"
  /** The server responded that it rejects the action. */
  | "rejected"
  /** It was sent, but no response arrived in time. The server may have performed it. */
  | "timed_out"
  /**
   * It was sent, but the connection was lost, the response was unusable or you aborted
   * it. The server may have performed it.
   */
  | "unknown";

/** The word before the colon of an error's message. */
export type FeedmeErrorCode = Extract<
  FeedlineErrorCode,
  | "ABORTED"
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

/** Details of an error besides its code; each is present only where it applies. */
export interface FeedmeErrorDetails {
  /** What is known about the action that failed. */
  outcome?: ActionOutcome;
  /** The server's reason to reject or terminate. */
  serverErrorCode?: string;
  /** The details that the server sent with its reason. */
  serverErrorData?: object;
  /** The error that the transport reported. */
  transportError?: unknown;
  /** The offending message: parsed, or its text if it is not JSON. */
  serverMessage?: unknown;
  /** The error thrown by the JSON parser. */
  parseError?: Error;
  /** The exception that caused the error, if neither of the others did. */
  cause?: unknown;
  /** Where a message violates the specification. */
  schemaViolation?: string;
  /** Why a delta cannot be applied to the feed data. */
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
  // Only declared; the constructor assigns those that apply, so that an error has no
  // properties that are always undefined.
  /** What is known about an action that failed. */
  declare readonly outcome?: ActionOutcome;
  /** The server's reason to reject or terminate. */
  declare readonly serverErrorCode?: string;
  /** The details that the server sent with its reason. */
  declare readonly serverErrorData?: object;
  /** The error that the transport reported; also the `cause`. */
  declare readonly transportError?: unknown;
  /** The offending message: parsed, or its text if it is not JSON. */
  declare readonly serverMessage?: unknown;
  /** The error thrown by the JSON parser. */
  declare readonly parseError?: Error;
  /** Where a message violates the specification. */
  declare readonly schemaViolation?: string;
  /** Why a delta cannot be applied to the feed data. */
  declare readonly deltaViolation?: string;

  /** Builds the message from `code` and `text`, and copies the details. */
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

/** The server's reason to reject or terminate, as details of an error. */
export function reasonOf(
  { ErrorCode, ErrorData }: { ErrorCode: string; ErrorData: JsonObject },
): FeedmeErrorDetails {
  return { serverErrorCode: ErrorCode, serverErrorData: ErrorData };
}

/** The longest name or code that a message quotes, in UTF-16 code units. */
const QUOTED = 100;

/**
 * What the server did to an action or feed, and why, such as `Server rejected the action
 * request: "add" (FULL).` Names no arguments, which may be secret.
 */
export function refusalText(
  deed: string,
  name: string,
  { ErrorCode }: { ErrorCode: string },
): string {
  const quoted = JSON.stringify(name.slice(0, QUOTED));
  return `${deed}: ${quoted} (${ErrorCode.slice(0, QUOTED)}).`;
}

/** Creates the error for an invalid argument. */
export function invalid(text: string, cause?: unknown): FeedmeError {
  return new FeedmeError("INVALID_ARGUMENT", text, cause ? { cause } : {});
}

/** Whether `value` is an error of this client, from any copy of the package. */
export function isFeedmeError(value: unknown): value is FeedmeError {
  return isFeedlineError(value) && value.name === "FeedmeError";
}

/** The error of a method that is called after the client was destroyed. */
export function destroyed(): FeedmeError {
  return new FeedmeError(
    "DESTROYED",
    "The client instance has been destroyed.",
  );
}
