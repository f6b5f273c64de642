/** Follows an action of an open feed: the data after it, or why it is bad. */
import { applyDeltas } from "../wire/delta.ts";
import { Digest } from "../wire/digest.ts";
import type { FeedState } from "./effects.ts";
import { FeedmeError } from "./errors.ts";
import type { JsonObject, ServerMessage } from "../wire/protocol.ts";

/** A message about an action of a feed. */
export type FeedActionMessage = ServerMessage & {
  MessageType: "FeedAction" | "ActionRevelation";
};

/** A bad action closes its feed. */
export interface Fault {
  /** What the feed objects are told. */
  readonly reason: string;
  /** What the client is told. */
  readonly complaint: FeedmeError;
}

/** The data after an action, or a fault. Changes nothing but the digest's memory. */
export function follow(
  state: FeedState & { kind: "open" },
  message: FeedActionMessage,
): { data: JsonObject; fault?: undefined } | {
  data?: undefined;
  fault: Fault;
} {
  try {
    return applied(state, message);
  } catch (cause) {
    // An exception in this program: the data may be out of sync with the server's.
    return bad(
      "The feed action could not be applied.",
      new FeedmeError(
        "INVALID_DELTA",
        "An exception was thrown while a FeedAction was applied.",
        { serverMessage: message, cause },
      ),
    );
  }
}

function applied(
  state: FeedState & { kind: "open" },
  message: FeedActionMessage,
): { data: JsonObject } | { fault: Fault } {
  const { data, reason } = applyDeltas(state.data, message.FeedDeltas);
  if (!data) {
    return bad(
      "The server passed an invalid feed delta.",
      new FeedmeError(
        "INVALID_DELTA",
        "Received FeedAction with contextually invalid feed delta.",
        { serverMessage: message, deltaViolation: reason },
      ),
    );
  }
  if (message.FeedMd5 === undefined) return { data };
  state.digest ??= new Digest();
  if (state.digest.of(data) === message.FeedMd5) return { data };
  return bad(
    "Hash verification failed.",
    new FeedmeError(
      "INVALID_HASH",
      "Feed data MD5 verification failed.",
      { serverMessage: message },
    ),
  );
}

function bad(reason: string, complaint: FeedmeError): { fault: Fault } {
  return { fault: { reason, complaint } };
}
