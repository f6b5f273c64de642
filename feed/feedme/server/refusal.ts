/** Rejects actions and feeds. */
import { FeedmeRejection } from "./define.ts";
import { isPromiseLike } from "../../../net/shape.ts";
import { checkJsonObject, type JsonObject } from "../wire/json.ts";
import { issuesOf, type Parsed } from "./schema.ts";

/** The part of a response that rejects the request. */
export interface Refusal {
  Success: false;
  ErrorCode: string;
  ErrorData: JsonObject;
}

/** @throws {DataError} if `errorData` is not a JSON object */
export function refusal({ errorCode, errorData }: FeedmeRejection): Refusal {
  return {
    Success: false,
    ErrorCode: errorCode,
    ErrorData: checkJsonObject(errorData, "errorData"),
  };
}

/**
 * Checks the result of `authorize`. Waits only if it is a promise, so that synchronous
 * requests are served in order.
 *
 * @throws {FeedmeRejection} if `allowed` is neither `true` nor absent
 */
export function permit(
  allowed: boolean | undefined | PromiseLike<boolean | undefined>,
): void | PromiseLike<void> {
  if (isPromiseLike(allowed)) {
    return allowed.then((allowed) => permit(allowed === true));
  }
  if (allowed !== undefined && allowed !== true) {
    throw new FeedmeRejection("NOT_AUTHORIZED");
  }
}

/** @throws {FeedmeRejection} if the arguments do not match their schema */
export function checkArgs<T>(checked: Parsed<T>): T {
  if (checked.success) return checked.data;
  throw new FeedmeRejection("INVALID_ARGUMENTS", issuesOf(checked.error));
}
