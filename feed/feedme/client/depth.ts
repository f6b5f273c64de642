/**
 * Limits how deeply the data of a message may be nested. A delta's path counts as well
 * as its value, so feed data stays within the limit whatever deltas arrive. Checks
 * parsed messages rather than their text, because the caller needs to know which feed
 * or action a message is about.
 */
import { isNestedDeeper } from "../wire/json.ts";
import type { Delta, ServerMessage } from "../wire/protocol.ts";

/** Whether the data in `message` has, or would result in, more than `max` levels. */
export function isTooDeep(message: ServerMessage, max: number): boolean {
  switch (message.MessageType) {
    case "HandshakeResponse":
    case "FeedCloseResponse":
      return false;
    case "ViolationResponse":
      return isNestedDeeper(message.Diagnostics, max);
    case "ActionResponse":
      return isNestedDeeper(
        message.Success ? message.ActionData : message.ErrorData,
        max,
      );
    case "FeedOpenResponse":
      return isNestedDeeper(
        message.Success ? message.FeedData : message.ErrorData,
        max,
      );
    case "FeedTermination":
      return isNestedDeeper(message.ErrorData, max);
    case "FeedAction":
    case "ActionRevelation":
      return isNestedDeeper(message.ActionData, max) ||
        message.FeedDeltas.some((delta) => isDeltaTooDeep(delta, max));
    default:
      return message satisfies never;
  }
}

function isDeltaTooDeep(delta: Delta, max: number): boolean {
  switch (delta.Operation) {
    case "Set":
    case "InsertBefore":
    case "InsertAfter":
      return isNestedDeeper(delta.Value, max - delta.Path.length);
    case "InsertFirst":
    case "InsertLast":
      // The path leads to the array that receives the value.
      return isNestedDeeper(delta.Value, max - delta.Path.length - 1);
    case "DeleteValue":
      // The value is only compared, and too deep a value would match nothing.
      return isNestedDeeper(delta.Value, max);
    case "Delete":
    case "Prepend":
    case "Append":
    case "Increment":
    case "Decrement":
    case "Toggle":
    case "DeleteFirst":
    case "DeleteLast":
      return false;
    default:
      return delta satisfies never;
  }
}
