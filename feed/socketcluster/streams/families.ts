/**
 * The five families of streams that a socket has. Keys are text, as on the wire,
 * even where a program passes a number as a name.
 */
import { StreamFamily } from "../../streams.ts";

/** The streams of a socket. */
export interface Families {
  /** The socket's events. */
  listeners: StreamFamily;
  /** Messages from the server. */
  receivers: StreamFamily;
  /** Calls by the server. */
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
  // The length keeps "a" with event "b/c" apart from "a/b" with event "c".
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
