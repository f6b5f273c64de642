/**
 * What the engines share: JSON calls of a platform's HTTP API and status streams.
 * The paths and words of one platform are its {@linkcode EngineDialect}.
 */
import type {
  BackendState,
  CallOptions,
  ConnectRequest,
  ConnectResponse,
  SessionEngine,
  StatusStreamOptions,
  TerminateOptions,
  UnsubscribeFn,
} from "../../types.ts";
import { notify } from "../../net/report.ts";
import { checkDuration } from "../../net/timer.ts";
import { parseUrl } from "../../net/url.ts";
import { deadline } from "../../net/wait.ts";
import {
  discard,
  reach,
  readConnectResponse,
  readState,
  toHTTPError,
  uncached,
} from "./http.ts";
import { followStatus } from "./follow.ts";
import { StatusLog } from "./status_log.ts";
import type { StatusDialect } from "./dialect.ts";

/** Options that every engine takes. */
export interface EngineOptions {
  /** The `fetch` to use. @default {globalThis.fetch} */
  fetch?: typeof fetch | undefined;
  /**
   * Milliseconds for each answer of the platform, so that no call waits without
   * end. `Infinity` means no limit. Status streams have no such limit.
   * @default {30_000}
   */
  timeout?: number | undefined;
}

/** Called with each state of a backend. */
export type OnStatusCallback = (backendState: BackendState) => void;

/** An order to the platform. */
export interface Order {
  /** Where to post it, after the base address. */
  path: string;
  /** Its JSON. */
  body: unknown;
}

/** How an engine speaks to its platform. */
export interface EngineDialect extends StatusDialect {
  /** What `connect` does, as the beginning of an error message. */
  readonly connecting: string;
  /** The path of a backend in public calls; `id` is encoded. */
  backendPath(id: string): string;
  /**
   * The order that connects.
   * @throws {TypeError} or {RangeError} if the platform would not take it
   */
  connect(request: ConnectRequest): Order;
  /** The order that ends a backend; `id` is encoded. */
  terminate(id: string, hard: boolean): Order;
  /** Changes a connect answer into the common form. */
  toConnectResponse?(answer: unknown): unknown;
  /** Appended to the message when nothing answers, e.g. how to start the platform. */
  readonly unreachableHint?: string | undefined;
  /** Appended when something answers that is not this platform. */
  readonly foreignHint?: string | undefined;
}

/** Where a platform is, and what its orders carry. */
export interface EngineAddress {
  /** The address before every path. */
  base: string;
  /** The option that `base` came from, for error messages. */
  baseName: string;
  /** Headers of orders. Kept where neither JSON nor inspection shows them. */
  headers?: Record<string, string> | undefined;
}

/** The calls of one platform; see {@linkcode Jamsocket} and {@linkcode Plane}. */
export class HTTPEngine implements SessionEngine {
  readonly #dialect: EngineDialect;
  readonly #base: string;
  readonly #headers: Record<string, string>;
  /** What must not appear in an error. */
  readonly #secrets: readonly string[];
  readonly #timeout: number;
  readonly #fetch: typeof fetch;

  /**
   * For engines of this package.
   * @ignore
   */
  constructor(
    dialect: EngineDialect,
    address: EngineAddress,
    options: EngineOptions,
  ) {
    const { base, baseName, headers = {} } = address;
    const { fetch, timeout = 30_000 } = options;
    this.#dialect = dialect;
    this.#base = checkBase(base, baseName);
    this.#headers = headers;
    this.#timeout = checkDuration("timeout", timeout);
    // As they are sent, and without the scheme before a credential.
    this.#secrets = Object.values(headers).flatMap((value) => {
      const sent = `${value}`.trim();
      return [sent, sent.replace(/^\S+\s+/, "")];
    }).filter((secret) => secret !== "");
    // Looked up when called, and never as a method of this object.
    this.#fetch = fetch ?? ((...args) => globalThis.fetch(...args));
  }

  /**
   * Finds the backend that holds `request.key`, or spawns one. Without a key,
   * each call spawns one.
   *
   * With a key, the call is repeated once if the connection to the platform fails:
   * the second attempt finds the backend that the first may have spawned. Without
   * a key it never is.
   *
   * @throws {HTTPError} if the platform refuses
   * @throws {TypeError} if the request is not usable, or nothing answers
   * @throws {DOMException} a `TimeoutError` after the engine's `timeout`
   */
  async connect(
    request: ConnectRequest = {},
    options: CallOptions = {},
  ): Promise<ConnectResponse> {
    checkRequest(request);
    const dialect = this.#dialect;
    const action = dialect.connecting;
    return await this.#call({
      action,
      order: dialect.connect(request),
      idempotent: request.key !== undefined,
      signal: options.signal,
    }, (response) =>
      readConnectResponse(
        response,
        action,
        dialect.toConnectResponse,
        dialect.foreignHint,
      ));
  }

  /**
   * The backend's present state. Repeated once if the connection fails.
   * @throws {HTTPError} e.g. with code 404 if there is no such backend
   * @throws {DOMException} a `TimeoutError` after the engine's `timeout`
   */
  async status(
    backendId: string,
    options: CallOptions = {},
  ): Promise<BackendState> {
    const action = `Reading the status of backend ${quote(backendId)}`;
    const path = this.#statusPath(backendId);
    return await this.#call(
      { action, path, idempotent: true, signal: options.signal },
      (response) => readState(response, action, this.#dialect),
    );
  }

  /**
   * Calls `onStatus` exactly once for every state of the backend, past ones
   * first, in order, until it is terminated or you call the returned function.
   * Reconnects without end.
   *
   * @throws {HTTPError} e.g. with code 404 if there is no such backend
   */
  statusStream(
    backendId: string,
    onStatus: OnStatusCallback,
    options: StatusStreamOptions = {},
  ): Promise<UnsubscribeFn> {
    const { signal, onError } = options;
    return new Promise((resolve, reject) => {
      if (typeof onStatus !== "function") {
        throw new TypeError(
          "statusStream expects a callback function as its second argument",
        );
      }
      const target = this.#followed(backendId);
      if (signal?.aborted) return reject(signal.reason);
      const controller = new AbortController();
      const stop = () => controller.abort(signal?.reason);
      signal?.addEventListener("abort", stop, { once: true });
      let opened = false;
      followStatus({
        ...target,
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
        if (onError) notify(onError, error, { final: true });
        else console.error(error);
      }).finally(() => signal?.removeEventListener("abort", stop));
    });
  }

  /**
   * The same states as an async iterable, which ends after `terminated`.
   *
   * ```ts ignore
   * import { Jamsocket } from "@feedline/feedline/server";
   *
   * const jamsocket = new Jamsocket({ dev: true });
   * const { backend_id } = await jamsocket.connect();
   * for await (const { status, time } of jamsocket.statuses(backend_id)) {
   *   console.log(time, status);
   * }
   * ```
   *
   * @throws {HTTPError} e.g. with code 404 if there is no such backend
   */
  statuses(
    backendId: string,
    options: CallOptions = {},
  ): AsyncGenerator<BackendState, void, void> {
    const log = new StatusLog();
    const states = this.#read(backendId, log, options.signal);
    const leave = states.return.bind(states);
    // By itself, a generator's return() waits until a pending next() has settled.
    states.return = (value) => {
      log.end();
      return leave(value);
    };
    return states;
  }

  async *#read(
    backendId: string,
    log: StatusLog,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<BackendState, void, void> {
    signal?.throwIfAborted();
    const controller = new AbortController();
    const following = followStatus({
      ...this.#followed(backendId),
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

  /**
   * Ends the backend: softly (it is asked, and has some seconds to finish), or
   * `hard`, at once. Resolves when the platform has accepted the order, whatever
   * else its answer says.
   *
   * @throws {HTTPError} if the platform refuses
   * @throws {DOMException} a `TimeoutError` after the engine's `timeout`
   */
  async terminate(
    backendId: string,
    options: TerminateOptions = {},
  ): Promise<void> {
    const { hard = false, signal } = options;
    const order = this.#dialect.terminate(encodeId(backendId), hard);
    const action = `Terminating backend ${quote(backendId)}`;
    await this.#call({ action, order, signal }, discard);
  }

  /**
   * Whether the platform itself gave an answer at a backend's address; see
   * {@linkcode SessionEngine}. Plane's proxy, which Jamsocket uses too, names the
   * backend in the answers of backends, and not in its own.
   */
  isPlatformAnswer(
    answer: { readonly status: number; readonly headers: Headers },
  ): boolean {
    return !answer.headers.has("x-plane-backend-id");
  }

  #statusPath(backendId: string): string {
    return `${this.#dialect.backendPath(encodeId(backendId))}/status`;
  }

  /** What every follower of a backend needs. */
  #followed(backendId: string) {
    return {
      statusUrl: this.#base + this.#statusPath(backendId),
      backendId,
      dialect: this.#dialect,
      fetch: this.#fetch,
    };
  }

  /** Sends one order, or reads `path`; `read` gets an answer of success. */
  async #call<T>(call: Call, read: (response: Response) => Promise<T>) {
    const { action, order, path = "" } = call;
    const { unreachableHint, foreignHint } = this.#dialect;
    const options = { idempotent: call.idempotent, hint: unreachableHint };
    const url = order ? this.#base + order.path : uncached(this.#base + path);
    const init = order ? this.#post(order) : {};
    return await deadline({
      timeout: this.#timeout,
      message: `${action} failed: no response within ${this.#timeout} ms`,
      signals: [call.signal],
    }, async (signal) => {
      const sent = { ...init, signal };
      const response = await reach(action, url, sent, this.#fetch, options);
      if (response.ok) return await read(response);
      throw await toHTTPError(response, action, this.#secrets, foreignHint);
    });
  }

  #post({ body }: Order): RequestInit {
    const headers = toHeaders(this.#headers);
    headers.set("content-type", "application/json");
    return {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      // Only the platform may see the headers, and most redirects would drop the
      // order itself.
      redirect: "manual",
    };
  }
}

/** One call of the platform: an order, or else a read of `path`. */
interface Call extends CallOptions {
  /** What is being done, as the beginning of an error message. */
  action: string;
  order?: Order;
  path?: string;
  /** Whether it may be sent twice. */
  idempotent?: boolean | undefined;
}

/**
 * The address before every path, from the option `name`. The error does not echo
 * it: it may hold a password.
 */
function checkBase(base: unknown, name: string): string {
  const url = typeof base === "string" ? parseUrl(base) : undefined;
  if (
    !url || !/^https?:$/.test(url.protocol) || url.username || url.password ||
    url.search || url.hash
  ) {
    throw new TypeError(
      `${name} must begin with http:// or https:// and contain no credentials, query or fragment`,
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
        } for calls to the platform contains characters that a header cannot carry`,
      );
    }
  }
  return headers;
}

/** Refuses a key alone, which would be sent as a request without a key. */
function checkRequest(request: unknown): void {
  if (typeof request !== "object" || request === null) {
    throw new TypeError(
      `connect expects an object such as { key: "room-1" }, got ${typeof request}`,
    );
  }
}

/** A name as it stands in a message. */
export function quote(name: string): string {
  return JSON.stringify(name);
}

/** A backend's id as a path segment. */
function encodeId(backendId: string): string {
  // Dots alone would be taken for a step in the path.
  if (typeof backendId !== "string" || /^\.{0,2}$/.test(backendId)) {
    // Quotes only strings: a connect answer has tokens in it.
    throw new TypeError(
      `A backend id must be a non-empty string other than "." and "..", got ${
        typeof backendId === "string" ? quote(backendId) : typeof backendId
      }`,
    );
  }
  return encodeURIComponent(backendId);
}
