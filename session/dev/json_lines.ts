/** Events of a platform as JSON, one object a line, for a collector of logs. No I/O. */
import type { DevEvent } from "./platform.ts";

/** The line of an event. */
export function jsonLine(event: DevEvent, now: Date): string {
  const time = now.toISOString();
  switch (event.type) {
    case "note":
      return JSON.stringify({ time, event: "note", text: event.text });
    case "line":
      return JSON.stringify({
        time,
        event: "line",
        ...named(event.backend),
        from: event.from,
        text: event.text,
      });
    case "request": {
      const { backend, ...request } = event.request;
      return JSON.stringify({
        time,
        event: "request",
        ...(backend ? named(backend) : {}),
        ...request,
      });
    }
    case "state": {
      const { time: reached, ...state } = event.state;
      return JSON.stringify({
        time: reached,
        event: "state",
        ...named(event.backend),
        ...state,
      });
    }
  }
}

function named({ id, key }: { id: string; key: string | undefined }) {
  return { backend: id, key };
}
