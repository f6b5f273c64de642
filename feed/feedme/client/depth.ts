/**
 * Limits how deeply the data of a message may be nested. A delta's path counts as well
 * as its value, so feed data stays within the limit whatever deltas arrive. Checks
 * parsed messages rather than their text, because the caller needs to know which feed
 * or action a message is about.
 */
import { isNestedDeeper } from "../wire/json.ts";
import { levelsAround, type ServerMessage } from "../wire/protocol.ts";

/** Whether the data in `message` has, or would result in, more than `max` levels. */
export function isTooDeep(message: ServerMessage, max: number): boolean {
  switch (message.MessageType) {
    case "HandshakeResponse":
    case "FeedCloseResponse":
    case "FeedResumeResponse":
    case "Alive":
    case "AliveResponse":
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
        message.FeedDeltas.some((delta) =>
          "Value" in delta &&
          isNestedDeeper(delta.Value, max - levelsAround(delta))
        );
    default:
      return message satisfies never;
  }
}
