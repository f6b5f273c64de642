/** The messages of one backend, as events for the page that looks at them. */
import { eventStream } from "../../../net/event_stream.ts";
import {
  type Frame,
  type Inspector,
  MAX_FRAMES,
} from "../traffic/inspector.ts";

/** Milliseconds between two events. */
const PACE = 100;

/** Responds with the messages of a backend, from the first look on. */
export function frameFeed(
  inspector: Inspector,
  backend: string,
  options: { keepAlive: number; signal: AbortSignal },
): Response {
  return eventStream({
    ...options,
    start(sink) {
      let waiting: Frame[] = [];
      /** How many did not fit, because the page is slow. */
      let missed = 0;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const flush = () => {
        timer = undefined;
        if (sink.congested) return schedule();
        sink.send({ data: JSON.stringify({ frames: waiting, missed }) });
        waiting = [];
        missed = 0;
      };
      const schedule = () => void (timer ??= setTimeout(flush, PACE));
      const stop = inspector.look(backend, (frame) => {
        waiting.push(frame);
        if (waiting.length > MAX_FRAMES) {
          waiting.shift();
          missed++;
        }
        schedule();
      });
      sink.send({
        data: JSON.stringify({
          first: true,
          frames: inspector.frames(backend),
          missed,
        }),
        retry: 500,
      });
      return () => {
        stop();
        clearTimeout(timer);
      };
    },
  });
}
