/** Sends a backend's states as server-sent events. */
import { type EventSink, eventStream } from "../../net/event_stream.ts";
import type { BackendState } from "../../types.ts";

/** The backend that a client of the stream watched, and the number of states it has seen. */
export interface EventPosition {
  backendId: string;
  seen: number;
}

/** The `id` of the event that carries a backend's state number `seen`, counted from 1. */
export function eventId({ backendId, seen }: EventPosition): string {
  return `${encodeURIComponent(backendId)}:${seen}`;
}

/** Parses an id made by {@linkcode eventId}; returns `undefined` for anything else. */
export function parseEventId(id: string | null): EventPosition | undefined {
  const parts = /^([^:]+):(\d{1,9})$/.exec(id ?? "");
  if (!parts) return undefined;
  try {
    return {
      backendId: decodeURIComponent(parts[1]!),
      seen: Number(parts[2]),
    };
  } catch {
    return undefined;
  }
}

/** What {@linkcode statusEvents} needs. */
export interface StatusEventsOptions {
  backendId: string;
  /** The states from the first one on. The stream ends when they do. */
  states: AsyncIterator<BackendState>;
  /** The first result of `states`, already read. */
  first: IteratorResult<BackendState>;
  /** How many states to skip because the client has seen them. */
  skip: number;
  /** Milliseconds between comments that keep a quiet stream open. */
  keepAlive: number;
  /** Aborted when the client disconnects or the stream ends. */
  controller: AbortController;
  /** Called when following the states fails. */
  onError: (error: unknown) => void;
}

/**
 * Responds with a stream of states. There are few, so they are sent even to a slow
 * reader; keep-alive comments are not.
 */
export function statusEvents(
  { backendId, states, first, skip, keepAlive, controller, onError }:
    StatusEventsOptions,
): Response {
  const { signal } = controller;
  async function send(sink: EventSink): Promise<void> {
    let seen = 0;
    try {
      for (let next = first; !next.done; next = await states.next()) {
        if (++seen <= skip) continue;
        const id = eventId({ backendId, seen });
        sink.send({ id, data: JSON.stringify(next.value) });
      }
    } catch (error) {
      // The client will reconnect, and the response's status then tells it why.
      if (!signal.aborted) onError(error);
    }
    sink.close();
  }
  return eventStream({
    keepAlive,
    signal,
    start(sink) {
      send(sink);
      return () => controller.abort();
    },
  });
}
