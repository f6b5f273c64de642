/** What crosses the gate, for the page and the terminal: requests, and messages on demand. */
import type { GateRequest, GateTrace } from "../../gate.ts";
import { isEventStream } from "../../../net/sse.ts";
import { EventReader, Inspector } from "./inspector.ts";
import { RequestLog } from "./request_log.ts";

/** Logs requests, and shows messages to those who look. */
export class Traffic {
  /** The last requests. */
  readonly log: RequestLog = new RequestLog();
  /** The messages. */
  readonly inspector: Inspector = new Inspector();

  /** Follows a request through the gate. */
  follow({ access, method, path, upgrade }: GateRequest): GateTrace {
    const { log, inspector } = this;
    const backend = access?.backendId;
    // A difference of times must not become negative when the clock is set.
    const began = performance.now();
    const elapsed = () => Math.round((performance.now() - began) * 10) / 10;
    let answered = 0;
    let streams = upgrade;
    const { n, update } = log.add({
      time: Date.now(),
      backend,
      user: access?.user,
      method,
      path,
      kind: upgrade ? "websocket" : "http",
    });
    const keep = (
      from: "client" | "backend",
      data: string | ArrayBuffer | Uint8Array,
      type?: string,
    ) => {
      const kind = upgrade ? "websocket" : "event";
      const time = Date.now();
      inspector.add(backend!, { request: n, kind, from, time }, data, type);
    };
    const events = upgrade ? undefined : new EventReader(
      (type, data) => keep("backend", data, type),
    );
    return {
      onAnswer(status, headers) {
        answered = elapsed();
        const isEvents = isEventStream(headers.get("content-type"));
        streams = status === 101 || isEvents;
        update({
          status,
          ms: answered,
          ...(isEvents ? { kind: "events" } : {}),
        });
      },
      onData(from, data) {
        if (backend === undefined || !inspector.looks(backend)) {
          return events?.stop();
        }
        if (events) events.push(data as Uint8Array);
        else keep(from, data);
      },
      onEnd() {
        if (streams) update({ open: Math.max(0, elapsed() - answered) });
      },
    };
  }
}
