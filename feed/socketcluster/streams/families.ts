/**
 * The five families of streams of a socket. Keys are strings, as on the wire, even if a
 * program passes a number as a name.
 */
import { StreamFamily } from "../../streams.ts";

/** The streams of a socket. */
export interface Families {
  /** The socket's events. */
  listeners: StreamFamily;
  /** Messages from the server. */
  receivers: StreamFamily;
  /** Calls from the server. */
  procedures: StreamFamily;
  /** Data published to channels. */
  outputs: StreamFamily;
  /** The channels' events, see {@linkcode channelEventKey}. */
  channelListeners: StreamFamily;
}

/** Families without streams. */
export function createFamilies(): Families {
  return {
    listeners: new StreamFamily(),
    receivers: new StreamFamily(),
    procedures: new StreamFamily(),
    outputs: new StreamFamily(),
    channelListeners: new StreamFamily(),
  };
}

function channelPrefix(channelName: string): string {
  // The length distinguishes "a" with event "b/c" from "a/b" with event "c".
  const { length } = String(channelName);
  return `${length}:${channelName}/`;
}

/** The key of an event of a channel. */
export function channelEventKey(
  channelName: string,
  eventName: string,
): string {
  return channelPrefix(channelName) + eventName;
}

/** Selects the events of a channel. */
export function inChannel(channelName: string): (key: string) => boolean {
  const prefix = channelPrefix(channelName);
  return (key) => key.startsWith(prefix);
}
