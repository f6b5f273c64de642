/** Which backend a request reaches: asks the platform, and holds what it said. */
import type { Context } from "../pass/hono.ts";
import {
  type ConnectRequest,
  type ConnectResponse,
  isHTTPError,
  type SessionEngine,
} from "../../types.ts";
import { isTimeout } from "../../net/shape.ts";
import { setTimer } from "../../net/timer.ts";
import { unlessAborted } from "../../net/wait.ts";
import { isProxyError, ProxyError } from "../pass/failure.ts";
import { Flights } from "./flights.ts";
import { HeldMap } from "./held.ts";
import { Outages } from "./outages.ts";
import type { SessionProxyOptions, Visit } from "./options.ts";
import { joinPath, type OriginTest, originTest } from "../pass/path.ts";

/** A connect answer, as plain values: nothing of one request's I/O outlives it. */
export interface Held {
  readonly backendId: string;
  readonly status: ConnectResponse["status"];
  readonly spawned: boolean;
  /** Where the backend is reached; ends in `/`. */
  readonly base: URL;
  /** What may appear in no header and no message. */
  readonly secrets: readonly string[];
}

/** The backends of one edge route. */
export class Backends {
  readonly #options: SessionProxyOptions;
  readonly #upstreams: OriginTest | undefined;
  readonly #held: HeldMap<Held>;
  readonly #flights: Flights<Held>;
  /** Names for which the platform failed. */
  readonly #refused = new Outages();
  /** Backends that could not be reached. */
  readonly #lost = new Outages();
  /** Milliseconds for one answer of the platform. */
  readonly timeout: number;

  /** @throws {TypeError} if nothing says where backends may be */
  constructor(options: SessionProxyOptions) {
    this.#options = options;
    this.#upstreams = options.upstreams && originTest(options.upstreams);
    if (typeof options.engine === "object") this.#allowed(options.engine);
    this.#held = new HeldMap({
      max: options.maxHeld ?? 10_000,
      ttl: options.holdFor ?? 300_000,
    });
    this.timeout = options.connectTimeout ?? 10_000;
    this.#flights = new Flights(this.timeout);
  }

  engine(c: Context): SessionEngine {
    const { engine } = this.#options;
    const made = typeof engine === "function" ? engine(c) : engine;
    if (typeof made?.connect !== "function") {
      throw new TypeError(
        `the option engine must be or return a SessionEngine such as new Jamsocket(…), got ${
          Object.prototype.toString.call(made)
        }`,
      );
    }
    return made;
  }

  /** The origins at which an engine's backends may be. */
  #allowed(engine: SessionEngine): OriginTest {
    if (this.#upstreams) return this.#upstreams;
    // `origins` is the name that older engines have.
    const origins = engine.backendOrigins ?? engine.origins;
    if (!origins) {
      throw new TypeError(
        "sessionProxy needs the option upstreams: this engine does not say where its backends are",
      );
    }
    return originTest(origins);
  }

  /** The backend of a grant, held or asked for; spawns where the grant lets it. */
  async reach(visit: Visit): Promise<Held> {
    this.#lost.check(keyOf(visit), Date.now());
    return this.#find(visit) ?? await this.connect(visit);
  }

  /** The backend answered. */
  reached(visit: Visit): void {
    this.#lost.succeeded(keyOf(visit), Date.now());
  }

  /** It could not be reached, also where the platform says that it is now. */
  unreachable(visit: Visit, error: ProxyError): void {
    this.#lost.failed(keyOf(visit), error, Date.now());
  }

  /**
   * The backend of a grant that runs now, or, with `backendId`, the one of that
   * name: an answer that is held may be of a backend that has ended since.
   * @throws {ProxyError} 404 if none runs, 410 if another one does
   */
  async locate(visit: Visit, backendId?: string): Promise<Held> {
    const held = this.#find(visit);
    if (held && held.backendId === backendId) return held;
    let found: Held;
    try {
      found = await this.connect(visit, false);
    } catch (error) {
      // How a platform refuses to find a backend without spawning it.
      if (!isProxyError(error) || error.status !== 409) throw error;
      throw backendId === undefined
        ? new ProxyError(404, "no backend runs under this name")
        : gone();
    }
    if (backendId !== undefined && found.backendId !== backendId) throw gone();
    return found;
  }

  /**
   * Asks the platform, unless it is being asked the same, and holds what it
   * says.
   * @throws {ProxyError} at once where the platform said to come later
   */
  async connect(
    visit: Visit,
    spawn: ConnectRequest["spawn"] = visit.grant.spawn,
  ): Promise<Held> {
    return (await this.join(visit, spawn)).held;
  }

  /**
   * The same, and whether this request started the backend: of requests that share
   * one answer, only the one that asked did.
   */
  async join(
    visit: Visit,
    spawn: ConnectRequest["spawn"] = visit.grant.spawn,
  ): Promise<{ held: Held; spawned: boolean }> {
    const key = keyOf(visit);
    this.#refused.check(key, Date.now());
    let asked = false;
    const held = await this.#flights.join(
      JSON.stringify([key, spawn]),
      async () => {
        asked = true;
        try {
          const held = await this.#ask(visit, spawn);
          this.#refused.succeeded(key, Date.now());
          const bytes = 4 * held.base.href.length;
          this.#held.set(key, held, Date.now(), bytes);
          return held;
        } catch (error) {
          if (isProxyError(error) && isOutage(error)) {
            this.#refused.failed(key, error, Date.now());
          }
          throw error;
        }
      },
    );
    return { held, spawned: asked && held.spawned };
  }

  /** Asks the platform, and checks what it says. */
  async #ask(
    { c, name, grant }: Visit,
    spawn: ConnectRequest["spawn"],
  ): Promise<Held> {
    const { key = name, user, auth } = grant;
    const tag = typeof grant.spawn === "object" ? grant.spawn.tag : undefined;
    const engine = this.engine(c);
    const allowed = this.#allowed(engine);
    const answer = await askPlatform(this.timeout, (signal) =>
      engine.connect({
        key,
        ...(spawn === undefined ? {} : { spawn }),
        // Where it may not spawn, a running backend's tag is still to be told.
        ...(spawn === false && tag !== undefined ? { tag } : {}),
        ...(user === undefined ? {} : { user }),
        ...(auth === undefined ? {} : { auth }),
      }, { signal }));
    const url = URL.parse(answer.url);
    if (
      !url || url.username || url.password || url.search ||
      !allowed(url.origin)
    ) {
      throw new ProxyError(
        502,
        "the platform named a backend at an origin that is not allowed (see the option upstreams)",
      );
    }
    return {
      backendId: answer.backend_id,
      status: answer.status,
      spawned: answer.spawned,
      base: new URL(url.origin + url.pathname.replace(/\/?$/, "/")),
      secrets: [
        answer.token,
        answer.secret_token ?? "",
        url.pathname.replace(/^\/|\/$/g, ""),
        // Shorter ones would be found everywhere; no token is.
      ].filter((secret) => secret.length >= 4),
    };
  }

  /** Drops what turned out to be gone, unless something newer is held. */
  forget(visit: Visit, value: Held): void {
    this.#held.delete(keyOf(visit), value);
  }

  #find(visit: Visit): Held | undefined {
    return this.#held.get(keyOf(visit), Date.now());
  }
}

/** Whether an error of the platform may be over in a while. */
function isOutage({ status }: ProxyError): boolean {
  return status === 429 || status >= 500;
}

function gone(): ProxyError {
  return new ProxyError(410, "the backend is gone");
}

/** One text for what a grant reaches. */
function keyOf(visit: Visit): string {
  const { name, grant: { key, user, auth, spawn } } = visit;
  return visit.heldKey ??= JSON.stringify([name, key, user, auth, spawn]);
}

/**
 * The backend's address for what the client wants of it.
 * @throws {ProxyError} 400 if the path could lead out of the backend
 */
export function addressIn({ base }: Held, { rest, search }: Visit): URL {
  const to = joinPath(base, rest, search);
  if (!to) {
    throw new ProxyError(400, "the path may not lead outside the backend");
  }
  return to;
}

/** Waits for the platform at most `timeout` ms, and words its failures. */
export async function askPlatform<T>(
  timeout: number,
  ask: (signal: AbortSignal) => Promise<T>,
  controller: AbortController = new AbortController(),
): Promise<T> {
  const timer = setTimer(
    () =>
      controller.abort(
        new DOMException(`no response within ${timeout} ms`, "TimeoutError"),
      ),
    timeout,
  );
  try {
    // An engine of the application may ignore the signal.
    const { signal } = controller;
    return await unlessAborted(ask(signal), signal);
  } catch (error) {
    throw platformError(error);
  } finally {
    clearTimeout(timer);
  }
}

/** What a client may know of the platform's error. */
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
    late ? "the platform did not answer in time" : "the platform failed",
    { cause: error, retryAfter },
  );
}

/** Other codes (a refused API token, say) are between the edge and the platform. */
const MESSAGES: ReadonlyMap<number, string> = /* @__PURE__ */ new Map([
  [404, "there is no such backend"],
  [409, "no backend under this name may be used or spawned"],
  [410, "the backend is gone"],
  [429, "the platform takes no more requests for now"],
  [503, "the platform has no room for another backend at the moment"],
]);
