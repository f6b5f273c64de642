/** The events for the page at `/`: first everything, then each change. */
import type { BackendState } from "../../types.ts";
import type { Backend, LogLine } from "./backend.ts";
import { type EventSink, eventStream } from "../../net/event_stream.ts";
import type { Registry } from "./registry.ts";

/** What the page shows about the platform. */
export interface PlatformInfo {
  /** The command that each backend runs. */
  runs: string;
}

/** A backend as sent to the page, without tokens, secrets and environment. */
interface PageBackend {
  id: string;
  key: string | undefined;
  tag: string;
  scope: string[];
  pid: number | undefined;
  address: string | undefined;
  connections: number;
  states: readonly BackendState[];
}

/** Everything that happened since the last event. */
interface PageEvent {
  /** Only in the first event. */
  runs?: string;
  /** Backends that are new or have changed. */
  backends: PageBackend[];
  /** New lines of output by backend. */
  lines: [id: string, lines: LogLine[]][];
}

/** Milliseconds between events; frequent enough for a page. */
const PACE = 50;
/** The most lines of one backend that wait for a slow page; older ones are dropped. */
const MAX_WAITING = 1000;

/** Responds with the events of the page. */
export function pageFeed(
  registry: Registry,
  { runs }: PlatformInfo,
  options: { keepAlive: number; signal: AbortSignal },
): Response {
  return eventStream({
    ...options,
    start(sink) {
      const feed = new Feed(sink);
      for (const backend of registry.backends) {
        feed.changed(backend);
        for (const line of backend.log) feed.line(backend, line);
      }
      feed.flush({ runs });
      const unlisten = registry.listen({
        onState: (backend) => feed.changed(backend),
        onConnections: (backend) => feed.changed(backend),
        onLine: (backend, line) => feed.line(backend, line),
      });
      return () => {
        unlisten();
        feed.stop();
      };
    },
  });
}

/** Combines changes into events that a page can keep up with. */
class Feed {
  readonly #sink: EventSink;
  readonly #changed = new Set<Backend>();
  readonly #lines = new Map<string, LogLine[]>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(sink: EventSink) {
    this.#sink = sink;
  }

  changed(backend: Backend): void {
    this.#changed.add(backend);
    this.#schedule();
  }

  line({ id }: Backend, line: LogLine): void {
    let lines = this.#lines.get(id);
    if (!lines) this.#lines.set(id, lines = []);
    lines.push(line);
    if (lines.length > MAX_WAITING) lines.shift();
    this.#schedule();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#sink.congested) this.#schedule();
      else this.flush();
    }, PACE);
  }

  flush(first: Pick<PageEvent, "runs"> = {}): void {
    this.stop();
    const event: PageEvent = {
      ...first,
      backends: [...this.#changed].map(toPageBackend),
      lines: [...this.#lines],
    };
    this.#changed.clear();
    this.#lines.clear();
    this.#sink.send({ data: JSON.stringify(event), retry: 500 });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function toPageBackend(backend: Backend): PageBackend {
  const { id, key, tag, account, service, environment } = backend.spec;
  return {
    id,
    key,
    tag,
    scope: [account, service, environment].filter((name) => name !== undefined),
    pid: backend.pid,
    address: backend.address,
    connections: backend.connections,
    states: backend.life.history,
  };
}
