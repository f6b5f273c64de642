/**
 * Server-sent events, read from a body and written to one.
 *
 * @see {@link https://html.spec.whatwg.org/multipage/server-sent-events.html}
 */
import { createParser, type EventSourceMessage } from "eventsource-parser";

/** What happens while a stream is read. */
export interface ServerEventHandlers {
  /** An event with data. */
  onEvent(event: EventSourceMessage): void;
  /** The id to send as `Last-Event-ID` after a reconnect, also of events without data. */
  onId?: ((id: string) => void) | undefined;
  /** The server asks for this many milliseconds before a reconnect. */
  onRetry?: ((ms: number) => void) | undefined;
  /** Bytes arrived, whatever they mean: the peer is alive. */
  onActivity?: (() => void) | undefined;
  /** Asked after each chunk: whether enough has been read. */
  until?: (() => boolean) | undefined;
  /** Characters that one unfinished event may take. @default {65_536} */
  maxEventSize?: number | undefined;
  /**
   * Ends the reading: then it resolves. Not left to the `fetch` that the body is
   * from: on Deno, a read that waits does not always notice an abort.
   */
  signal?: AbortSignal | undefined;
}

/**
 * Reads `body` to its end, or `until` enough is read. Rejects if it fails, if an
 * event grows beyond `maxEventSize`, or if a handler throws; then it cancels the
 * body.
 */
export async function readServerEvents(
  body: ReadableStream<Uint8Array>,
  { maxEventSize = 65_536, onActivity, until, signal, ...handlers }:
    ServerEventHandlers,
): Promise<void> {
  let overflow = false;
  const parser = createParser({
    ...handlers,
    maxBufferSize: maxEventSize,
    onError: (error) => overflow ||= error.type === "max-buffer-size-exceeded",
  });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  // Resolves a read that waits.
  const cancel = () => void reader.cancel().catch(() => {});
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    if (signal?.aborted) return;
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      onActivity?.();
      parser.feed(decoder.decode(value, { stream: true }));
      if (overflow) {
        throw new RangeError(
          `A server-sent event is longer than ${maxEventSize} characters`,
        );
      }
      if (until?.()) return;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    // After the end or a failure this does nothing; otherwise it frees the peer.
    cancel();
  }
}

/**
 * Whether a content type is that of server-sent events. Of several values, which a
 * proxy may have joined to one, the last counts; parameters do not, because the
 * encoding is always UTF-8.
 *
 * @see {@link https://fetch.spec.whatwg.org/#concept-header-extract-mime-type}
 */
export function isEventStream(contentType: string | null): boolean {
  const values = (contentType ?? "").split(",");
  const last = values.findLast((value) => value.includes("/")) ?? "";
  const [essence = ""] = last.split(";");
  return essence.trim().toLowerCase() === "text/event-stream";
}

/** The parts of an event to write. Line breaks in `data` are kept. */
export interface ServerEvent {
  /** What the event says. */
  data: string;
  /** Its kind; readers take `message` when there is none. */
  event?: string;
  /** Where a reconnecting reader resumes. */
  id?: string;
  /** Milliseconds that a reader should wait before it reconnects. */
  retry?: number;
}

/** One event as text. `event` and `id` must not contain a line break. */
export function formatServerEvent(
  { data, event, id, retry }: ServerEvent,
): string {
  let text = "";
  if (event !== undefined) text += `event: ${event}\n`;
  if (id !== undefined) text += `id: ${id}\n`;
  if (retry !== undefined) text += `retry: ${retry}\n`;
  for (const line of data.split(/\r\n|\r|\n/)) text += `data: ${line}\n`;
  return text + "\n";
}

/** A comment, which readers skip: it keeps a quiet stream from being cut. */
export const keepAliveComment = ":\n\n";
