/**
 * Reads and formats server-sent events.
 *
 * @see {@link https://html.spec.whatwg.org/multipage/server-sent-events.html}
 */
import { createParser, type EventSourceMessage } from "eventsource-parser";

/** Handlers for reading a stream. */
export interface ServerEventHandlers {
  /** An event with data. */
  onEvent(event: EventSourceMessage): void;
  /** The id to send as `Last-Event-ID` after a reconnect, even from events without data. */
  onId?: ((id: string) => void) | undefined;
  /** The server asks for this delay before a reconnect, in milliseconds. */
  onRetry?: ((ms: number) => void) | undefined;
  /** Bytes arrived, so the peer is alive. */
  onActivity?: (() => void) | undefined;
  /** Called after each chunk; returns whether enough has been read. */
  until?: (() => boolean) | undefined;
  /** The most characters of one unfinished event. @default {65_536} */
  maxEventSize?: number | undefined;
  /**
   * Stops reading; the promise then resolves. Needed even if the `fetch` has the same
   * signal: on Deno, a pending read does not always notice an abort.
   */
  signal?: AbortSignal | undefined;
}

/**
 * Reads `body` to its end, or `until` enough has been read. Rejects, and cancels the
 * body, if reading fails, an event exceeds `maxEventSize`, or a handler throws.
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
  // Resolves a pending read.
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
    // Does nothing after the end or a failure; otherwise it frees the peer.
    cancel();
  }
}

/**
 * Whether a content type is that of server-sent events. If a proxy has joined several
 * values, the last counts. Parameters are ignored, because the encoding is always UTF-8.
 *
 * @see {@link https://fetch.spec.whatwg.org/#concept-header-extract-mime-type}
 */
export function isEventStream(contentType: string | null): boolean {
  const values = (contentType ?? "").split(",");
  const last = values.findLast((value) => value.includes("/")) ?? "";
  const [essence = ""] = last.split(";");
  return essence.trim().toLowerCase() === "text/event-stream";
}

/** An event to write. Line breaks in `data` are preserved. */
export interface ServerEvent {
  /** The data. */
  data: string;
  /** The type; readers default to `message`. */
  event?: string;
  /** The id from which a reconnecting reader resumes. */
  id?: string;
  /** How long a reader should wait before it reconnects, in milliseconds. */
  retry?: number;
}

/** Formats an event as text. `event` and `id` must not contain line breaks. */
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

/** A comment, which readers skip; it keeps a quiet stream from being closed. */
export const keepAliveComment = ":\n\n";
