/** What a Feedme client sends; also for the conformance cases, on any runtime. */
export const HANDSHAKE = { MessageType: "Handshake", Versions: ["0.1"] };
export const openOf = (FeedName: string, FeedArgs = {}) => ({
  MessageType: "FeedOpen",
  FeedName,
  FeedArgs,
});
export const closeOf = (FeedName: string, FeedArgs = {}) => ({
  MessageType: "FeedClose",
  FeedName,
  FeedArgs,
});
export const actionOf = (
  ActionName: string,
  ActionArgs = {},
  CallbackId = "1",
) => ({ MessageType: "Action", ActionName, ActionArgs, CallbackId });
