/** A platform's HTTP API as its engines call it: what Jamsocket and Plane share. */
import {
  type BackendState,
  type CallOptions,
  type ConnectResponse,
  isConnectResponse,
  type StatusStreamOptions,
  type UnsubscribeFn,
} from "../../types.ts";
import {
  abortable,
  reach,
  readJson,
  readState,
  toHTTPError,
  uncached,
} from "./http.ts";
import { callSafely, followStatus } from "./follow.ts";
import { StatusLog } from "./status_log.ts";

/** One call of a platform's API. */
interface Call extends CallOptions {
  /** What is being done, as the beginning of an error message. */
  action: string;
  /** The body, which makes it a POST. */
  json?: unknown;
  /** Whether to send the secret headers. */
  authorized?: boolean;
}

/** Where and how a platform's API is called. */
interface EngineApiOptions {
  /** The address before every path. */
  base: string;
  /** The option that the address is from. */
  baseName: string;
  /** The path before a backend's id in public calls. */
  backends: string;
  /** Headers of authorized calls. */
  headers?: Record<string, string>;
  fetch?: typeof fetch | undefined;
}

/** What all engines have in common: JSON calls and status streams. */
export class EngineApi {
  readonly #base: string;
  readonly #backends: string;
  readonly #headers: Record<string, string>;
  /** What must appear in no error. */
  readonly #secrets: readonly string[];
  readonly #fetch: typeof fetch;

  constructor(
    { base, baseName, backends, headers = {}, fetch }: EngineApiOptions,
  ) {
    this.#base = checkBase(base, baseName);
    this.#backends = backends;
    this.#headers = headers;
    // As they are sent, and without the scheme before a credential.
    this.#secrets = Object.values(headers).flatMap((value) => {
      const sent = `${value}`.trim();
      return [sent, sent.replace(/^\S+\s+/, "")];
    }).filter((secret) => secret !== "");
    // Looked up when called, and never as a method of this object.
    this.#fetch = fetch ?? ((...args) => globalThis.fetch(...args));
  }

  /** The path of one backend in public calls. */
  backendPath(backendId: string, rest: string): string {
    return `${this.#backends}/${encodeId(backendId)}${rest}`;
  }

  /** What every follower of a backend is given. */
  #follow(backendId: string) {
    return {
      statusUrl: this.#base + this.backendPath(backendId, "/status"),
      backendId,
      fetch: this.#fetch,
    };
  }

  /** Sends one request and reads its answer, which may be of any kind. */
  #request<T>(
    path: string,
    call: Call,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    return abortable(this.#send(path, call).then(read), call.signal);
  }

  #send(
    path: string,
    { action, json, authorized, signal }: Call,
  ): Promise<Response> {
    const headers = toHeaders(authorized ? this.#headers : {});
    const url = this.#base + path;
    const init: RequestInit = { headers, ...(signal ? { signal } : {}) };
    if (json === undefined) {
      return reach(action, uncached(url), init, this.#fetch);
    }
    headers.set("content-type", "application/json");
    const body = JSON.stringify(json);
    return reach(action, url, {
      ...init,
      method: "POST",
      body,
      // Elsewhere than at the platform nobody is to see the headers, and most
      // redirects would lose the order itself.
      redirect: "manual",
    }, this.#fetch);
  }

  /** The JSON of a successful answer. */
  call(path: string, call: Call): Promise<unknown> {
    const { action } = call;
    return this.#request(path, call, async (response) => {
      if (!response.ok) {
        throw await toHTTPError(response, action, this.#secrets);
      }
      return await readJson(response, action);
    });
  }

  /** A backend's present state. */
  async status(
    backendId: string,
    { signal }: CallOptions = {},
  ): Promise<BackendState> {
    const action = `Reading the status of backend ${quote(backendId)}`;
    return await this.#request(
      this.backendPath(backendId, "/status"),
      { action, signal },
      (response) => readState(response, action),
    );
  }

  /** Follows a backend's states; resolves once the platform answered. */
  statusStream(
    backendId: string,
    onStatus: (state: BackendState) => void,
    { signal, onError }: StatusStreamOptions = {},
  ): Promise<UnsubscribeFn> {
    if (typeof onStatus !== "function") {
      throw new TypeError("statusStream needs a function");
    }
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const controller = new AbortController();
      const stop = () => controller.abort(signal?.reason);
      signal?.addEventListener("abort", stop, { once: true });
      let opened = false;
      followStatus({
        ...this.#follow(backendId),
        signal: controller.signal,
        onState: onStatus,
        onOpen: () => {
          opened = true;
          resolve(stop);
        },
        onRetry: (error) => onError?.(error, { final: false }),
      }).catch((error) => {
        if (!opened) return reject(error);
        if (controller.signal.aborted) return;
        if (onError) callSafely(onError, error, { final: true });
        else console.error(error);
      }).finally(() => signal?.removeEventListener("abort", stop));
    });
  }

  /** The same states, pulled. */
  async *statuses(
    backendId: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<BackendState, void, void> {
    signal?.throwIfAborted();
    const log = new StatusLog();
    const controller = new AbortController();
    const following = followStatus({
      ...this.#follow(backendId),
      signal: controller.signal,
      onState: (state) => log.add(state),
    }).then(() => log.end(), (error) => log.end(error));
    try {
      yield* log.read(signal);
    } finally {
      controller.abort();
      await following;
    }
  }
}

/**
 * The address before every path, from the option `name`. Not quoted in the
 * error: it may hold a password.
 */
function checkBase(base: unknown, name: string): string {
  const url = typeof base === "string" ? URL.parse(base) : null;
  if (
    !url || !/^https?:$/.test(url.protocol) || url.username || url.password ||
    url.search || url.hash
  ) {
    throw new TypeError(
      `${name} must begin with http:// or https:// and hold no credentials, query or fragment`,
    );
  }
  return url.href.replace(/\/+$/, "");
}

/** Runtimes quote a value that they cannot send; here it would be a secret. */
function toHeaders(record: Record<string, string>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(record)) {
    try {
      headers.append(name, value);
    } catch {
      throw new TypeError(
        `The header ${
          quote(name)
        } of calls to the platform has characters that a header cannot carry`,
      );
    }
  }
  return headers;
}

/** Fails without quoting the answer: it may hold tokens. */
export function readConnectResponse(
  value: unknown,
  action: string,
): ConnectResponse {
  if (!isConnectResponse(value)) {
    const fields = Object(value) as Record<string, unknown>;
    const bad = ["backend_id", "status", "token", "url", "status_url"]
      .filter((name) => typeof fields[name] !== "string");
    throw new TypeError(
      `${action} was answered with something else than a connect response${
        bad.length > 0 ? `: no text in ${bad.join(", ")}` : ""
      }`,
    );
  }
  return value;
}

/** Refuses what would be sent as a request without a key, e.g. the key alone. */
export function checkRequest(request: unknown): void {
  if (typeof request !== "object" || request === null) {
    throw new TypeError(
      `connect takes an object such as { key: "room-1" }, got ${typeof request}`,
    );
  }
}

/** A name as it stands in a message. */
export function quote(name: string): string {
  return JSON.stringify(name);
}

/** A backend's id as a path segment. */
export function encodeId(backendId: string): string {
  // Dots alone would be taken for a step in the path.
  if (typeof backendId !== "string" || /^\.{0,2}$/.test(backendId)) {
    // Nothing but a text is quoted: a connect answer has tokens in it.
    throw new TypeError(
      `A backend id must be a string that names one, got ${
        typeof backendId === "string" ? quote(backendId) : typeof backendId
      }`,
    );
  }
  return encodeURIComponent(backendId);
}
