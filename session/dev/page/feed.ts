/** The events for the page at `/`: first everything, then each change. */
import type { BackendState } from "../../../types.ts";
import type { Backend, LogLine } from "../backend.ts";
import { type EventSink, eventStream } from "../../../net/event_stream.ts";
import type { Registry } from "../registry.ts";
import type { LoggedRequest } from "../traffic/request_log.ts";
import type { Traffic } from "../traffic/traffic.ts";
import type { Usage, UsageMeter } from "../usage.ts";

/** What the page shows about the platform. */
export interface PlatformInfo {
  /** The command that each backend runs. */
  runs: string;
  /** What crosses the gate, if the page shows it. */
  traffic?: Traffic | undefined;
  /** Measures what processes take, if the page shows it. */
  usage?: UsageMeter | undefined;
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
  /** Milliseconds until it ends because it is idle, if it is. */
  idleLeft: number | undefined;
  /** Its time limits, in milliseconds. */
  maxIdle: number | undefined;
  lifetime: number | undefined;
  /** The names of the variables of its spawn request; their values may be secrets. */
  env: string[];
  states: readonly BackendState[];
}

/** Everything that happened since the last event. */
interface PageEvent {
  /** Only in the first event. */
  runs?: string;
  /** Only in the first event: whether there are requests and messages to show. */
  traffic?: boolean;
  /** Backends that are new or have changed. */
  backends: PageBackend[];
  /** New lines of output by backend. */
  lines: [id: string, lines: LogLine[]][];
  /** Requests that are new or have changed. */
  requests: LoggedRequest[];
  /** What processes take, by process id; `null` if this system does not tell. */
  usage?: [pid: number, usage: Usage][] | null;
}

/** Milliseconds between events; frequent enough for a page. */
const PACE = 50;
/** The most lines of one backend that wait for a slow page; older ones are dropped. */
const MAX_WAITING = 1000;

/** Responds with the events of the page. */
export function pageFeed(
  registry: Registry,
  { runs, traffic, usage }: PlatformInfo,
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
      for (const request of traffic?.log.requests ?? []) feed.request(request);
      feed.flush({ runs, traffic: traffic !== undefined });
      const unlisten = registry.listen({
        onState: (backend) => feed.changed(backend),
        onConnections: (backend) => feed.changed(backend),
        onLine: (backend, line) => feed.line(backend, line),
      });
      const unlog = traffic?.log.listen((request) => feed.request(request));
      const unmeter = usage?.listen((usage) => feed.usage(usage));
      return () => {
        unlisten();
        unlog?.();
        unmeter?.();
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
  readonly #requests = new Set<LoggedRequest>();
  #usage: PageEvent["usage"];
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

  request(request: LoggedRequest): void {
    // One that is still pending is shown when it is answered.
    if (request.status === undefined) return;
    this.#requests.add(request);
    if (this.#requests.size > MAX_WAITING) {
      this.#requests.delete(this.#requests.values().next().value!);
    }
    this.#schedule();
  }

  usage(usage: ReadonlyMap<number, Usage> | undefined): void {
    this.#usage = usage ? [...usage] : null;
    this.#schedule();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#sink.congested) this.#schedule();
      else this.flush();
    }, PACE);
  }

  flush(first: Pick<PageEvent, "runs" | "traffic"> = {}): void {
    this.stop();
    const event: PageEvent = {
      ...first,
      backends: [...this.#changed].map(toPageBackend),
      lines: [...this.#lines],
      requests: [...this.#requests],
      ...(this.#usage === undefined ? {} : { usage: this.#usage }),
    };
    this.#requests.clear();
    this.#usage = undefined;
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
  const { id, key, tag, account, service, environment, ...spec } = backend.spec;
  return {
    id,
    key,
    tag,
    scope: [account, service, environment].filter((name) => name !== undefined),
    pid: backend.pid,
    address: backend.address,
    connections: backend.connections,
    idleLeft: backend.idleLeft,
    maxIdle: spec.maxIdle,
    lifetime: spec.lifetime,
    env: Object.keys(spec.executable.env ?? {}),
    states: backend.life.history,
  };
}
