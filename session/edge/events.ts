/** A backend's states as server-sent events. */
import { type EventSink, eventStream } from "../../net/event_stream.ts";
import type { BackendState } from "../../types.ts";

/** Which backend a client of the stream was watching, and how many states it saw. */
export interface EventPosition {
  backendId: string;
  seen: number;
}

/** The `id` of the event that carries a backend's state number `seen` (from 1). */
export function eventId({ backendId, seen }: EventPosition): string {
  return `${encodeURIComponent(backendId)}:${seen}`;
}

/** Reads what {@linkcode eventId} wrote; `undefined` for anything else. */
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
  /** The states from the first one on; ends the stream when it ends. */
  states: AsyncIterator<BackendState>;
  /** What `states` gave already. */
  first: IteratorResult<BackendState>;
  /** States to leave out because the client saw them. */
  skip: number;
  /** Milliseconds between comments that keep a quiet stream open. */
  keepAlive: number;
  /** Aborted when the client is gone or the stream has ended. */
  controller: AbortController;
  /** The states cannot be followed any longer. */
  onError: (error: unknown) => void;
}

/**
 * Answers with the states. There are few, so they are not held back for a slow
 * reader; comments are.
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
      // The client asks again and learns then, by the answer's status.
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
