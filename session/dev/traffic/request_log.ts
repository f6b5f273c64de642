/** The last requests to backends. No I/O. */
import { redactPath } from "./redact.ts";

/** A request, as it is shown. */
export interface LoggedRequest {
  /** Counts the requests of a platform from 0. */
  n: number;
  /** When it arrived, in milliseconds since 1970. */
  time: number;
  /** The backend's id; `undefined` if its token was refused. */
  backend: string | undefined;
  /** The user of its token. */
  user: string | undefined;
  /** Its method. */
  method: string;
  /** Its path within the backend, without secrets; empty if its token was refused. */
  path: string;
  /** What it turned out to be. */
  kind: "http" | "events" | "websocket";
  /** The status of the response; 101 for a WebSocket; `undefined` until there is one. */
  status: number | undefined;
  /** How long the response took to begin, in milliseconds. */
  ms: number | undefined;
  /** How long a stream or a WebSocket was open, in milliseconds; `undefined` while it is. */
  open: number | undefined;
}

/** How many requests are kept. */
export const MAX_REQUESTS = 500;
/** The longest path that is kept, in characters. */
const MAX_PATH = 500;

/** What is known of a request when it arrives. */
export type Arrival = Pick<
  LoggedRequest,
  "time" | "backend" | "user" | "method" | "path" | "kind"
>;

/** Keeps the last requests, and notifies of each change. */
export class RequestLog {
  readonly #requests: LoggedRequest[] = [];
  readonly #listeners = new Set<(request: LoggedRequest) => void>();
  #next = 0;

  /** The last requests, oldest first. */
  get requests(): readonly LoggedRequest[] {
    return this.#requests;
  }

  /** Adds a request, of which listeners hear when it changes. */
  add(arrival: Arrival): {
    n: number;
    update: (change: Partial<LoggedRequest>) => void;
  } {
    const request: LoggedRequest = {
      ...arrival,
      n: this.#next++,
      path: redactPath(arrival.path).slice(0, MAX_PATH),
      status: undefined,
      ms: undefined,
      open: undefined,
    };
    this.#requests.push(request);
    if (this.#requests.length > MAX_REQUESTS) this.#requests.shift();
    return {
      n: request.n,
      update: (change) => {
        Object.assign(request, change);
        for (const listener of [...this.#listeners]) listener(request);
      },
    };
  }

  /** Calls `listener` with each request that has changed, until the result is called. */
  listen(listener: (request: LoggedRequest) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
