/**
 * What all engines share: JSON calls to a platform's HTTP API, and status streams.
 * Paths and bodies that differ by platform are in its {@linkcode EngineDialect}.
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
  readJson,
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
   * How long each call waits for the platform's response, in milliseconds.
   * `Infinity` means no limit. Does not apply to status streams.
   * @default {30_000}
   */
  timeout?: number | undefined;
}

/** Called with each state of a backend. */
export type OnStatusCallback = (backendState: BackendState) => void;

/** A request that carries the engine's headers: a `POST`, or a `GET` without a body. */
export interface Order {
  /** The path to post it to, appended to the base URL. */
  path: string;
  /** The body, sent as JSON; `undefined` for a `GET`. */
  body?: unknown;
}

/** The headers of a response that Plane's proxy makes itself. */
const PROXY_HEADERS =
  /^(access-control-allow-(origin|methods|headers)|server|date|content-length|x-plane-backend-id)$/;

/** How one platform words its requests and responses. */
export interface EngineDialect extends StatusDialect {
  /** What `connect` does, as the start of an error message. */
  readonly connecting: string;
  /** The path of a backend in calls that need no token; `id` is already encoded. */
  backendPath(id: string): string;
  /**
   * The order that connects.
   * @throws {TypeError} or {RangeError} if the platform would not accept it
   */
  connect(request: ConnectRequest): Order;
  /** The order that ends a backend; `id` is already encoded. */
  terminate(id: string, hard: boolean): Order;
  /** Converts a connect response to the common form. */
  toConnectResponse?(answer: unknown): unknown;
  /** Appended to the message if nothing responds, e.g. how to start the platform. */
  readonly unreachableHint?: string | undefined;
  /** Appended if something other than this platform responds. */
  readonly foreignHint?: string | undefined;
}

/** Where to reach a platform, and the headers that its orders carry. */
export interface EngineAddress {
  /** The URL that every path is appended to. */
  base: string;
  /** The option that `base` came from, for error messages. */
  baseName: string;
  /** Headers of orders, stored where neither JSON nor inspection shows them. */
  headers?: Record<string, string> | undefined;
}

/** The calls of one platform; see {@linkcode Jamsocket} and {@linkcode Plane}. */
export class HTTPEngine implements SessionEngine {
  readonly #dialect: EngineDialect;
  readonly #base: string;
  readonly #headers: Record<string, string>;
  /** Texts that must not appear in an error. */
  readonly #secrets: readonly string[];
  readonly #timeout: number;
  readonly #fetch: typeof fetch;

  /**
   * For the engines of this package only.
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
    // Each value as it is sent, and the credential without its scheme.
    this.#secrets = Object.values(headers).flatMap((value) => {
      const sent = `${value}`.trim();
      return [sent, sent.replace(/^\S+\s+/, "")];
    }).filter((secret) => secret !== "");
    // Looked up on each call, and never called as a method of this object.
    this.#fetch = fetch ?? ((...args) => globalThis.fetch(...args));
  }

  /**
   * Finds the backend that holds `request.key`, or spawns one. Without a key, each
   * call spawns a backend.
   *
   * If the connection to the platform fails, a call with a key is repeated once: the
   * second attempt finds the backend that the first may have spawned. A call without
   * a key is never repeated.
   *
   * @throws {HTTPError} if the platform refuses
   * @throws {TypeError} if the request is invalid, or the platform is unreachable
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
   * Reads the backend's current state. Repeated once if the connection fails.
   * @throws {HTTPError} e.g. with code 404 if the backend does not exist
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
   * Calls `onStatus` exactly once for each state of the backend, past ones first, in
   * order, until it has terminated or you call the returned function. Reconnects for
   * as long as it takes.
   *
   * @throws {HTTPError} e.g. with code 404 if the backend does not exist
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
          "statusStream needs a callback function as its second argument",
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
   * Returns the same states as an async iterable, which ends after `terminated`.
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
   * @throws {HTTPError} e.g. with code 404 if the backend does not exist
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
   * Ends the backend: softly (it is asked to end, and has some seconds to finish), or
   * at once if `hard`. Resolves when the platform has accepted the request; the body
   * of its response is ignored.
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
   * Whether the platform itself sent a response from a backend's URL; see
   * {@linkcode SessionEngine}. Plane's proxy, which Jamsocket uses too, adds a header
   * with the backend's id to responses of backends. It adds that header to its own
   * 502 as well, which it sends when the backend accepts no connection; that response
   * has no other header than the proxy's.
   */
  isPlatformAnswer(
    answer: { readonly status: number; readonly headers: Headers },
  ): boolean {
    const { status, headers } = answer;
    if (!headers.has("x-plane-backend-id")) return true;
    if (status !== 502 || !/^Plane\//.test(headers.get("server") ?? "")) {
      return false;
    }
    return [...headers.keys()].every((name) => PROXY_HEADERS.test(name));
  }

  #statusPath(backendId: string): string {
    return `${this.#dialect.backendPath(encodeId(backendId))}/status`;
  }

  /** The options that every `followStatus` call shares. */
  #followed(backendId: string) {
    return {
      statusUrl: this.#base + this.#statusPath(backendId),
      backendId,
      dialect: this.#dialect,
      fetch: this.#fetch,
    };
  }

  /**
   * Sends an order of one platform only, or reads `path` without the engine's headers;
   * returns the JSON of the response.
   * @ignore
   */
  protected ask(
    action: string,
    what: { order: Order } | { path: string },
    { signal }: CallOptions,
  ): Promise<unknown> {
    const idempotent = !("order" in what && "body" in what.order);
    return this.#call(
      { action, ...what, idempotent, signal },
      (response) => readJson(response, action),
    );
  }

  /** Sends one order, or reads `path`; `read` gets the successful response. */
  async #call<T>(call: Call, read: (response: Response) => Promise<T>) {
    const { action, order, path = "" } = call;
    const { unreachableHint, foreignHint } = this.#dialect;
    const options = { idempotent: call.idempotent, hint: unreachableHint };
    const url = order ? this.#base + order.path : uncached(this.#base + path);
    const init = order ? this.#guarded(order) : {};
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

  #guarded({ body }: Order): RequestInit {
    const headers = toHeaders(this.#headers);
    if (body !== undefined) headers.set("content-type", "application/json");
    return {
      ...(body === undefined
        ? { method: "GET" }
        : { method: "POST", body: JSON.stringify(body) }),
      headers,
      // Only the platform may see the headers, and most redirects turn a POST into
      // a GET.
      redirect: "manual",
    };
  }
}

/** One call to the platform: an order, or else a read of `path`. */
interface Call extends CallOptions {
  /** The operation, as the start of an error message. */
  action: string;
  order?: Order;
  path?: string;
  /** Whether the call may be sent twice. */
  idempotent?: boolean | undefined;
}

/**
 * Checks the base URL, given as the option `name`. The error does not echo it,
 * because it may contain a password.
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

/** Replaces the runtime's error, which would quote the value: it may be a secret. */
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

/** Rejects a bare key, which would be sent as a request without a key. */
function checkRequest(request: unknown): void {
  if (typeof request !== "object" || request === null) {
    throw new TypeError(
      `connect needs an object such as { key: "room-1" }; got ${typeof request}`,
    );
  }
}

/** Quotes a name for a message. */
export function quote(name: string): string {
  return JSON.stringify(name);
}

/** Encodes a backend's id as a path segment. */
function encodeId(backendId: string): string {
  // "." and ".." would be resolved as path steps.
  if (typeof backendId !== "string" || /^\.{0,2}$/.test(backendId)) {
    // Quotes only strings: a connect response passed by mistake contains tokens.
    throw new TypeError(
      `A backend id must be a non-empty string other than "." and ".."; got ${
        typeof backendId === "string" ? quote(backendId) : typeof backendId
      }`,
    );
  }
  return encodeURIComponent(backendId);
}
