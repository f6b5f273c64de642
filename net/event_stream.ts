/** Server-sent events as the answer to a request. */
import {
  formatServerEvent,
  keepAliveComment,
  type ServerEvent,
} from "./sse.ts";
import { LONGEST_TIMEOUT } from "./timer.ts";

/** The writing end of a stream. */
export interface EventSink {
  /** Writes one event. */
  send(event: ServerEvent): void;
  /** Whether the reader has not taken yet what was written. */
  readonly congested: boolean;
  /** Ends the stream after what was written. */
  close(): void;
}

/** Options of {@linkcode eventStream}. */
export interface EventStreamOptions {
  /**
   * Milliseconds between comments that keep a quiet stream alive; 0 or `Infinity`
   * means none.
   */
  keepAlive: number;
  /** Ends the stream. */
  signal: AbortSignal;
  /** Begins to write; what it returns is called when the stream is over. */
  start: (sink: EventSink) => () => void;
}

/** Answers with a stream of events. */
export function eventStream(
  { keepAlive, signal, start }: EventStreamOptions,
): Response {
  const encoder = new TextEncoder();
  let end = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      let over = false;
      let stop: (() => void) | undefined;
      const write = (text: string) => controller.enqueue(encoder.encode(text));
      const timer = keepAlive > 0 && keepAlive < Infinity
        ? setInterval(() => {
          // A reader that takes nothing needs no sign of life.
          if ((controller.desiredSize ?? 0) > 0) write(keepAliveComment);
        }, Math.min(keepAlive, LONGEST_TIMEOUT))
        : undefined;
      end = () => {
        if (over) return;
        over = true;
        clearInterval(timer);
        signal.removeEventListener("abort", close);
        stop?.();
      };
      const close = () => {
        if (over) return;
        end();
        controller.close();
      };
      if (signal.aborted) return close();
      signal.addEventListener("abort", close, { once: true });
      const begun = start({
        send: (event) => {
          if (!over) write(formatServerEvent(event));
        },
        get congested() {
          return (controller.desiredSize ?? 0) <= 0;
        },
        close,
      });
      // It may have ended the stream already.
      if (over) begun();
      else stop = begun;
    },
    cancel: () => end(),
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      // For proxies that would gather the stream.
      "x-accel-buffering": "no",
    },
  });
}
