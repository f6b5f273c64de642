/** A backend's states as server-sent events. */
import type { BackendState } from "../types.ts";

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

/** What {@linkcode eventStream} needs. */
export interface EventStreamOptions {
  backendId: string;
  /** The states from the first one on; ends the stream when it ends. */
  states: AsyncIterator<BackendState>;
  /** What `states` gave already. */
  first: IteratorResult<BackendState>;
  /** States to leave out because the client saw them. */
  skip: number;
  /** Milliseconds between comments that keep a quiet stream open. */
  keepAlive: number;
  /** The client is gone, or the states cannot be followed any longer. */
  onEnd: (error?: unknown) => void;
}

/**
 * The bytes of an event stream. There are few states, so they are not held
 * back for a slow reader; comments are.
 */
export function eventStream(
  { backendId, states, first, skip, keepAlive, onEnd }: EventStreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setInterval>;
  let open = true;
  const end = (error?: unknown) => {
    if (!open) return;
    open = false;
    clearInterval(timer);
    onEnd(error);
  };
  return new ReadableStream<Uint8Array>({
    start(stream) {
      timer = setInterval(() => {
        if (stream.desiredSize! > 0) stream.enqueue(encoder.encode(":\n\n"));
      }, keepAlive);
      (async () => {
        let seen = 0;
        try {
          for (let next = first; !next.done; next = await states.next()) {
            if (!open) return;
            if (++seen <= skip) continue;
            const id = eventId({ backendId, seen });
            const data = JSON.stringify(next.value);
            stream.enqueue(encoder.encode(`id: ${id}\ndata: ${data}\n\n`));
          }
          if (open) stream.close();
          end();
        } catch (error) {
          // The client asks again and learns then, by the answer's status.
          if (open) stream.close();
          end(error);
        }
      })();
    },
    cancel: () => end(),
  });
}
