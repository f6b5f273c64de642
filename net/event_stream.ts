/** Responds to a request with server-sent events. */
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
  /** Whether the reader has not read everything that was written. */
  readonly congested: boolean;
  /** Ends the stream after the events already written. */
  close(): void;
}

/** Options of {@linkcode eventStream}. */
export interface EventStreamOptions {
  /**
   * Milliseconds between comments that keep a quiet stream alive; 0 or `Infinity`
   * disables them.
   */
  keepAlive: number;
  /** Ends the stream. */
  signal: AbortSignal;
  /** Starts writing. Returns a function to call when the stream has ended. */
  start: (sink: EventSink) => () => void;
}

/** Creates a response with a stream of events. */
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
          // A reader that does not read needs no keep-alive comment.
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
      // `start` may have already ended the stream.
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
      // For proxies that would buffer the stream.
      "x-accel-buffering": "no",
    },
  });
}
