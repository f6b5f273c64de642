/** How a server says no. */
import { FeedmeRejection } from "./define.ts";
import { isPromiseLike, json } from "./live_feed.ts";
import type { JsonObject } from "../wire/protocol.ts";
import { issuesOf, type Parsed } from "./schema.ts";

/** The part of a response that refuses. */
export function refusal({ errorCode, errorData }: FeedmeRejection): {
  Success: false;
  ErrorCode: string;
  ErrorData: JsonObject;
} {
  return {
    Success: false,
    ErrorCode: String(errorCode),
    ErrorData: json(errorData, "errorData"),
  };
}

/**
 * Waits only if there is something to wait for, so that requests which need no
 * waiting are served in their order.
 *
 * @throws {FeedmeRejection} if `allowed` is anything but true or left out
 */
export function permit(
  allowed: boolean | PromiseLike<boolean> | undefined,
): void | PromiseLike<void> {
  if (isPromiseLike(allowed)) {
    return allowed.then((allowed) => permit(allowed === true));
  }
  if (allowed !== undefined && allowed !== true) {
    throw new FeedmeRejection("NOT_AUTHORIZED");
  }
}

/** @throws {FeedmeRejection} if the arguments do not fit */
export function checkArgs<T>(checked: Parsed<T>): T {
  if (checked.success) return checked.data;
  throw new FeedmeRejection("INVALID_ARGUMENTS", issuesOf(checked.error));
}
