/** Finds the backend of a request: asks the platform and caches the response. */
import type { Context } from "../pass/hono.ts";
import {
  BACKEND_STATUSES,
  type BackendStatus,
  type ConnectRequest,
  type ConnectResponse,
  isHTTPError,
  type SessionEngine,
} from "../../types.ts";
import { isTimeout } from "../../net/shape.ts";
import { Deadlines } from "../../net/deadlines.ts";
import { setTimer } from "../../net/timer.ts";
import { unlessAborted } from "../../net/wait.ts";
import { isProxyError, ProxyError } from "../pass/failure.ts";
import { ANSWER_TIMEOUT } from "../pass/forward.ts";
import { Flights } from "./flights.ts";
import { HeldMap } from "./held.ts";
import { Outages } from "./outages.ts";
import type { SessionProxyOptions, Visit } from "./options.ts";
import { joinPath, type OriginTest, originTest } from "../pass/path.ts";

/** A cached connect response, as plain values, so that no request's I/O outlives it. */
export interface Held {
  readonly backendId: string;
  /** As the platform responded, or `ready` once that is known. */
  status: BackendStatus;
  readonly spawned: boolean;
  /** The backend's URL; ends with `/`. */
  readonly base: URL;
  /** Texts that must not appear in any header or message. */
  readonly secrets: readonly string[];
  /** The response itself, for an engine that sends requests to backends by itself. */
  readonly answer?: ConnectResponse;
}

/**
 * How long a request on workerd relies on another one's wait for the same backend, in
 * milliseconds. Short, because a wait that was cancelled there never ends.
 */
const START_PATIENCE = 1_000;

/** The backends of one edge route. */
export class Backends {
  readonly #options: SessionProxyOptions;
  readonly #upstreams: OriginTest | undefined;
  readonly #held: HeldMap<Held>;
  readonly #flights: Flights<Held>;
  /** Waits for backends that start, by id. */
  readonly #starting: Flights<void>;
  /** Outages of the platform, by grant. */
  readonly #refused = new Outages();
  /** Outages of backends that were unreachable. */
  readonly #lost = new Outages();
  /** How long to wait for one response of the platform, in milliseconds. */
  readonly timeout: number;
  /** How long a backend may take to respond. */
  readonly deadlines: Deadlines;

  /** @throws {TypeError} if neither `upstreams` nor the engine gives the backends' origins */
  constructor(options: SessionProxyOptions) {
    this.#options = options;
    this.#upstreams = options.upstreams && originTest(options.upstreams);
    if (typeof options.engine === "object" && !options.engine.fetch) {
      this.#allowed(options.engine);
    }
    this.#held = new HeldMap({
      max: options.maxHeld ?? 10_000,
      ttl: options.holdFor ?? 300_000,
    });
    if (options.connectTimeout !== undefined) {
      console.warn(
        "sessionProxy: the option connectTimeout is now called platformTimeout",
      );
    }
    this.timeout = options.platformTimeout ?? options.connectTimeout ?? 10_000;
    this.#flights = new Flights(this.timeout);
    this.deadlines = new Deadlines(options.timeout ?? ANSWER_TIMEOUT);
    this.#starting = new Flights(START_PATIENCE);
  }

  engine(c: Context): SessionEngine {
    const { engine } = this.#options;
    const made = typeof engine === "function" ? engine(c) : engine;
    if (typeof made?.connect !== "function") {
      throw new TypeError(
        `the option engine must be or return a SessionEngine such as new Jamsocket(…); got ${
          Object.prototype.toString.call(made)
        }`,
      );
    }
    return made;
  }

  /** The origins allowed for an engine's backends. */
  #allowed(engine: SessionEngine): OriginTest {
    if (this.#upstreams) return this.#upstreams;
    // Older engines use the name `origins`.
    const origins = engine.backendOrigins ?? engine.origins;
    if (!origins) {
      throw new TypeError(
        "sessionProxy needs the option upstreams: this engine does not declare where its backends run",
      );
    }
    return originTest(origins);
  }

  /**
   * The backend of a grant, from the cache or the platform; spawns one if the grant
   * allows it.
   */
  reach(visit: Visit): Held | Promise<Held> {
    this.#lost.check(keyOf(visit), Date.now());
    return this.#find(visit) ?? this.connect(visit);
  }

  /**
   * Waits until a backend that was starting is ready or ends. Plane's proxy, too, holds
   * a request for a backend that starts, but may miss the event that it waits for; once
   * the backend is ready, it does not wait. If the status cannot be read, the request
   * goes there unprepared. `undefined` if there is nothing to wait for.
   *
   * @throws {ProxyError} 504 after the option `timeout`
   */
  starting(visit: Visit, held: Held): Promise<void> | undefined {
    return isStarting(held.status) ? this.#start(visit, held) : undefined;
  }

  async #start(visit: Visit, held: Held): Promise<void> {
    const { backendId } = held;
    await unlessLeft(visit, (left) =>
      this.#starting.join(
        backendId,
        (controller) => this.#follow(visit.c, backendId, controller),
        left,
      ));
    held.status = "ready";
  }

  /** Follows the status of a backend until it is no longer starting. */
  async #follow(
    c: Context,
    backendId: string,
    controller: AbortController,
  ): Promise<void> {
    const { signal } = controller;
    const ms = this.#options.timeout ?? ANSWER_TIMEOUT;
    const late = new ProxyError(
      504,
      `the backend was not ready within ${ms} ms`,
    );
    const timer = setTimer(() => controller.abort(late), ms);
    const follow = async () => {
      for await (
        const { status } of this.engine(c).statuses(backendId, { signal })
      ) if (!isStarting(status)) return;
    };
    try {
      await unlessAborted(follow(), signal);
    } catch (error) {
      if (signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The backend responded: ends its outage. */
  reached(visit: Visit): void {
    this.#lost.succeeded(keyOf(visit), Date.now());
  }

  /** The backend was unreachable, even at the address that the platform just gave. */
  unreachable(visit: Visit, error: ProxyError): void {
    this.#lost.failed(keyOf(visit), error, Date.now());
  }

  /**
   * The id of the running backend of a grant. With `backendId`, it must have that id: a cached
   * response may describe a backend that has since ended.
   * @throws {ProxyError} 404 if none runs, 410 if another one does
   */
  async locate(visit: Visit, backendId?: string): Promise<string> {
    const held = this.#find(visit);
    if (held && held.backendId === backendId) return backendId;
    let found: Held;
    try {
      found = await this.connect(visit, false);
    } catch (error) {
      // 409 is how a platform says that connecting would need a spawn.
      if (!isProxyError(error) || error.status !== 409) throw error;
      // It still holds the key, but accepts no connections.
      const { cause } = error;
      const ending = isHTTPError(cause) ? cause.error?.backend_id : undefined;
      if (ending !== undefined && ending === backendId) return ending;
      throw backendId === undefined
        ? new ProxyError(404, "no backend runs under this name")
        : gone();
    }
    if (backendId !== undefined && found.backendId !== backendId) throw gone();
    return found.backendId;
  }

  /**
   * Asks the platform, sharing a request that is already in flight, and caches the
   * response.
   * @throws {ProxyError} immediately during an outage or the platform's `Retry-After`
   */
  async connect(
    visit: Visit,
    spawn: ConnectRequest["spawn"] = visit.grant.spawn,
  ): Promise<Held> {
    return (await this.join(visit, spawn)).held;
  }

  /**
   * Like `connect`, and reports whether this request spawned the backend: of requests
   * that share one response, only the one that asked did.
   */
  async join(
    visit: Visit,
    spawn: ConnectRequest["spawn"] = visit.grant.spawn,
  ): Promise<{ held: Held; spawned: boolean }> {
    const key = keyOf(visit);
    this.#refused.check(key, Date.now());
    let asked = false;
    const ask = async (controller: AbortController) => {
      asked = true;
      try {
        const held = await this.#ask(visit, spawn, controller);
        this.#refused.succeeded(key, Date.now());
        const bytes = 4 * held.base.href.length;
        this.#held.set(key, held, Date.now(), bytes);
        return held;
      } catch (error) {
        if (!abandoned(controller) && isProxyError(error) && isOutage(error)) {
          this.#refused.failed(key, error, Date.now());
        }
        throw error;
      }
    };
    const held = await unlessLeft(
      visit,
      (left) => this.#flights.join(JSON.stringify([key, spawn]), ask, left),
    );
    return { held, spawned: asked && held.spawned };
  }

  /** Asks the platform and checks its response. */
  async #ask(
    { c, name, grant }: Visit,
    spawn: ConnectRequest["spawn"],
    controller: AbortController,
  ): Promise<Held> {
    const { key = name, user, auth } = grant;
    const tag = typeof grant.spawn === "object" ? grant.spawn.tag : undefined;
    const engine = this.engine(c);
    // An engine that sends the requests itself needs no origin to be dialled.
    const allowed = engine.fetch && !this.#upstreams
      ? () => true
      : this.#allowed(engine);
    const answer = await askPlatform(
      this.timeout,
      (signal, onWait) =>
        engine.connect({
          key,
          ...(spawn === undefined ? {} : { spawn }),
          // Without a spawn, the running backend's tag still has to be given.
          ...(spawn === false && tag !== undefined ? { tag } : {}),
          ...(user === undefined ? {} : { user }),
          ...(auth === undefined ? {} : { auth }),
        }, { signal, onWait }),
      controller,
    );
    const url = URL.parse(answer.url);
    if (
      !url || url.username || url.password || url.search ||
      !allowed(url.origin)
    ) {
      throw new ProxyError(
        502,
        "the platform returned a backend at an origin that is not allowed (see the option upstreams)",
      );
    }
    return {
      backendId: answer.backend_id,
      status: answer.status,
      spawned: answer.spawned,
      base: new URL(url.origin + url.pathname.replace(/\/?$/, "/")),
      ...(engine.fetch ? { answer } : {}),
      secrets: [
        answer.token,
        answer.secret_token ?? "",
        url.pathname.replace(/^\/|\/$/g, ""),
        // Shorter texts would match everywhere, and no token is that short.
      ].filter((secret) => secret.length >= 4),
    };
  }

  /** How a request reaches the backend: through the engine, if it sends requests itself. */
  fetchFor({ c }: Visit, { answer }: Held): typeof fetch | undefined {
    const { fetch } = this.#options;
    if (!answer) return fetch;
    const engine = this.engine(c);
    return engine.fetch
      ? (input, init) => engine.fetch!(new Request(input, init), answer)
      : fetch;
  }

  /** Drops a backend that turned out to be gone, unless a newer one is cached. */
  forget(visit: Visit, value: Held): void {
    this.#held.delete(keyOf(visit), value);
  }

  #find(visit: Visit): Held | undefined {
    return this.#held.get(keyOf(visit), Date.now());
  }
}

/** Whether a call ended because its last caller left; a limit of time is a failure. */
function abandoned({ signal }: AbortController): boolean {
  return signal.aborted && !isTimeout(signal.reason);
}

/**
 * Waits with a signal that aborts when the client disconnects.
 * @throws {ProxyError} 499 if it does
 */
async function unlessLeft<T>(
  { c, left = c.req.raw.signal }: Visit,
  wait: (left: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await wait(left);
  } catch (error) {
    throw left.aborted ? new ProxyError(499, "the client disconnected") : error;
  }
}

/** Whether a backend with this status is not ready yet. */
function isStarting(status: BackendStatus): boolean {
  const position = BACKEND_STATUSES.indexOf(status);
  return position >= 0 && position < BACKEND_STATUSES.indexOf("ready");
}

/** Whether an error of the platform may be temporary. */
function isOutage({ status }: ProxyError): boolean {
  return status === 429 || status >= 500;
}

function gone(): ProxyError {
  return new ProxyError(410, "the backend is gone");
}

/**
 * The cache key of a grant. JSON alone would be a notable part of what a small request
 * costs, and few grants have more than names.
 */
function keyOf(visit: Visit): string {
  const { name, grant: { key, user, auth, spawn } } = visit;
  return visit.heldKey ??= measured(name) + measured(key) + measured(user) +
    (auth === undefined && typeof spawn !== "object"
      ? spawn
      : JSON.stringify([auth, spawn]));
}

/** A text after its length, so that texts in a row cannot be mistaken for others. */
function measured(text: string | undefined): string {
  return text === undefined ? "-" : `${text.length}:${text}`;
}

/**
 * The URL within the backend that the client requested.
 * @throws {ProxyError} 400 if the path could escape the backend's URL
 */
export function addressIn({ base }: Held, { rest, search }: Visit): string {
  const to = joinPath(base, rest, search);
  if (to === undefined) {
    throw new ProxyError(400, "the path must not lead outside the backend");
  }
  return to;
}

/**
 * Waits for the platform for at most `timeout` ms; failures become `ProxyError`s.
 * `extend` starts that time anew.
 */
export async function askPlatform<T>(
  timeout: number,
  ask: (signal: AbortSignal, extend: () => void) => Promise<T>,
  controller: AbortController = new AbortController(),
): Promise<T> {
  const start = () =>
    setTimer(
      () =>
        controller.abort(
          new DOMException(`no response within ${timeout} ms`, "TimeoutError"),
        ),
      timeout,
    );
  let timer = start();
  let over = false;
  const extend = () => {
    clearTimeout(timer);
    if (!over) timer = start();
  };
  try {
    // An engine of the application may ignore the signal, or answer at once.
    const { signal } = controller;
    const answer = async () => await ask(signal, extend);
    return await unlessAborted(answer(), signal);
  } catch (error) {
    throw platformError(error);
  } finally {
    over = true;
    clearTimeout(timer);
  }
}

/** Converts a platform's error to one that may be shown to clients. */
export function platformError(error: unknown): ProxyError {
  const retryAfter = isHTTPError(error) ? error.retryAfter : undefined;
  if (isHTTPError(error)) {
    const message = MESSAGES.get(error.code);
    if (message) {
      return new ProxyError(error.code, message, { cause: error, retryAfter });
    }
  }
  const late = isTimeout(error);
  return new ProxyError(
    late ? 504 : 502,
    late ? "the platform did not respond in time" : "the platform failed",
    { cause: error, retryAfter },
  );
}

/** Messages for clients. Other codes, such as a rejected API token, are not their concern. */
const MESSAGES: ReadonlyMap<number, string> = /* @__PURE__ */ new Map([
  [404, "no such backend"],
  [409, "no backend under this name may be used or spawned"],
  [410, "the backend is gone"],
  [429, "the platform is limiting requests; try again later"],
  [503, "the platform has no capacity for another backend right now"],
]);
