/** How feed objects and views see their client, and how the conversation sees them. */
import type { Conversation } from "./conversation.ts";
import type { ConversationEvent, FeedNotice } from "./effects.ts";

/** A feed object as the conversation refers to it. */
export interface FeedSink {
  /** Notifies the listeners. */
  deliver(notice: FeedNotice): void;
  /** The client has been destroyed. */
  destroy(): void;
}

/** What a feed object needs from its client. */
export interface FeedHost {
  /** The part of the conversation that registers feed objects and has their data. */
  readonly core: Pick<
    Conversation<FeedSink, never>,
    "join" | "data" | "kept" | "resemble"
  >;
  /** Whether a message can be sent now. May throw `TRANSPORT_ERROR`. */
  live(): boolean;
  /** Whether the client has been destroyed. */
  readonly destroyed: boolean;
  /** Passes an event to the conversation and performs the effects. */
  handle(event: ConversationEvent<FeedSink, never>): void;
}
