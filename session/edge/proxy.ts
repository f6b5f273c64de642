/**
 * The edge route: serves session backends under a path of your own application. Your
 * code decides which user may reach which backend, and no token leaves the server.
 *
 * ```ts
 * import { Hono } from "@hono/hono";
 * import { sessionProxy } from "@feedline/feedline/proxy";
 * import { Jamsocket } from "@feedline/feedline/server";
 *
 * const app = new Hono();
 * app.route(
 *   "/sessions",
 *   sessionProxy({
 *     engine: new Jamsocket({ dev: true }),
 *     authorize: (c) => c.req.header("cookie") ? { user: "ada" } : null,
 *   }),
 * );
 * ```
 *
 * Routes below the path where you mount it, for each name that `authorize` lets in:
 *
 * | request | response |
 * |---|---|
 * | `POST /:name/connect` | finds or spawns the backend: a `ConnectResponse` with edge URLs and empty tokens |
 * | `GET /:name/status/:id` | the `BackendState` of the backend that `connect` returned; 410 if another one now holds its key |
 * | `GET /:name/status/:id/stream` | all its states, as server-sent events |
 * | `GET /:name/status`, `GET /:name/status/stream` | the same for the backend that runs now; 404 if none does: these never spawn |
 * | any method, `/:name/backend/*` | the backend's own response: HTTP, streams and WebSockets |
 *
 * `new SessionBackend(response)` and `new WebSocket(response.url)` work with the
 * edge's connect response as they do with the platform's.
 *
 * On Cloudflare Workers, WebSockets are forwarded natively, and the platform's limits
 * apply. Elsewhere the edge bridges two sockets, within the limits given as options.
 * On Bun and Node, the option `upgrade` accepts the client's.
 *
 * @module
 */
import { Hono } from "@hono/hono";
import { isPromiseLike } from "../../net/shape.ts";
import type { BackendState, ConnectResponse } from "../../types.ts";
import { askPlatform, Backends, platformError } from "./backends.ts";
import { NULL_BODY } from "../pass/forward.ts";
import { parseEventId, statusEvents } from "./events.ts";
import { isProxyError, ProxyError } from "../pass/failure.ts";
import { readDecision } from "./grants.ts";
import { isUpgrade } from "../pass/headers.ts";
import type { Context, Hono as HonoApp } from "../pass/hono.ts";
import {
  checkNumbers,
  type SessionControl,
  type SessionProxyOptions,
  type Visit,
} from "./options.ts";
import { isPause } from "./outages.ts";
import { passHttp, passJoined, passNative } from "./passage.ts";
import { findPlace, readPath } from "./mount.ts";
import { Origins } from "./origins.ts";
import { ownUpgrade } from "../pass/upgrade.ts";
import { lastAnswer, passable } from "./thrown.ts";
import { Visitors } from "./visitors.ts";

export type { WebSocketConstructor } from "../../net/dial.ts";
export {
  type ApiError,
  type BackendState,
  type BackendStatus,
  type CallOptions,
  type ConnectOptions,
  type ConnectRequest,
  type ConnectResponse,
  HTTPError,
  isHTTPError,
  type PlaneExecutable,
  type PlaneSpawnOptions,
  type Revocable,
  type RunningBackend,
  type SessionEngine,
  type SpawnOptions,
  type StatusStreamOptions,
  type TerminateOptions,
  type TerminationKind,
  type TerminationReason,
  type UnsubscribeFn,
} from "../../types.ts";
export type { BridgeHandler, BridgeSocket } from "../pass/bridge.ts";
export {
  FeedlineError,
  type FeedlineErrorCode,
  isFeedlineError,
} from "../../net/errors.ts";
export { ProxyError } from "../pass/failure.ts";
export type {
  AnonymousGrant,
  GrantScope,
  SessionGrant,
  UserGrant,
} from "./grants.ts";
export type { SessionControl, SessionProxyOptions } from "./options.ts";
export {
  type BunSocket,
  bunUpgrade,
  type BunUpgradeOptions,
  type BunWebSocketHandlers,
  type DialRequest,
  nodeUpgrade,
  type NodeUpgradeAdapter,
  type NodeUpgradeOptions,
  type NodeWebSocketServer,
  type UpgradeAdapter,
  type Upgraded,
  type UpgradeOptions,
} from "../pass/upgrade.ts";

/** The longest name, in bytes of UTF-8. */
const MAX_NAME = 1024;

/** All members of a tuple but the first. */
type Rest<T extends unknown[]> = T extends [unknown, ...infer R] ? R : never;

/**
 * Creates the edge route as a Hono application; mount it with `app.route(path, …)`.
 *
 * Connect responses are cached by name, key and user, so that most requests need no
 * round trip to the platform; `POST connect` always asks it. If a backend turns out to
 * be gone (410, 502, a failed dial), the edge asks the platform once more before it
 * reports the failure. It never resends a request whose body was already sent, or one
 * that is not idempotent and that the backend may have processed.
 *
 * Mount it before middleware that builds new responses, which would lose a WebSocket
 * that a worker forwards.
 *
 * @throws {TypeError} if `engine` or `authorize` is missing, a pattern is not an
 * origin, or neither `upstreams` nor the engine gives the backends' origins
 * @throws {RangeError} if a duration or size is NaN or negative; a TypeError if it is
 * not a number
 */
export function sessionProxy(
  options: SessionProxyOptions,
): HonoApp & SessionControl {
  if (!options?.engine || typeof options.authorize !== "function") {
    throw new TypeError(
      "sessionProxy needs the option engine, and authorize to decide who may reach which backend",
    );
  }
  checkNumbers(options);
  const { authorize, keepAlive = 8_000 } = options;
  const upgrade = options.upgrade ?? ownUpgrade();
  const backends = new Backends(options);
  const visitors = new Visitors(options, ({ c }, error) => report(c, error));
  const origins = new Origins(options, report);
  const publicPath = readPath(options.path);

  async function connect(visit: Visit): Promise<Response> {
    const { held, spawned } = await backends.join(visit);
    const { backendId, status } = held;
    const edge = origins.own(visit.c) + visit.path;
    return json(
      {
        backend_id: backendId,
        spawned,
        status,
        token: "",
        url: `${edge}/backend/`,
        secret_token: null,
        status_url: `${edge}/status/${encodeURIComponent(backendId)}`,
        ready_url: "",
      } satisfies ConnectResponse,
    );
  }

  async function status(visit: Visit, id?: string): Promise<Response> {
    const backendId = await backends.locate(visit, id);
    const controller = untilGone(visit.c);
    try {
      return json(
        await ask(
          visit.c,
          (signal) => backends.engine(visit.c).status(backendId, { signal }),
          controller,
        ),
      );
    } finally {
      controller.abort();
    }
  }

  async function statusStream(visit: Visit, id?: string): Promise<Response> {
    const { c } = visit;
    const backendId = await backends.locate(visit, id);
    const position = parseEventId(c.req.header("last-event-id") ?? null);
    // The client watched a backend that no longer holds the key, or that never
    // belonged to this name. Reveal nothing about either.
    if (position && position.backendId !== backendId) {
      throw new ProxyError(410, "the backend is gone");
    }
    const controller = untilGone(c);
    let states!: AsyncIterator<BackendState>;
    // Reads the first state before responding, so that a failure becomes a status code.
    const first = await ask(c, (signal) => {
      states = backends.engine(c).statuses(backendId, { signal });
      return states.next();
    }, controller);
    controller.signal.addEventListener(
      "abort",
      visitors.enter(visit, {
        end: () => controller.abort(),
      }),
      { once: true },
    );
    return statusEvents({
      backendId,
      states,
      first,
      skip: position?.seen ?? 0,
      keepAlive,
      controller,
      onError: (error) => report(c, platformError(error)),
    });
  }

  function backend(visit: Visit): Promise<Response> {
    const { c } = visit;
    if (!visit.upgrade) return passHttp(visit, backends, options, visitors);
    if (!upgrade) return passNative(visit, backends, options);
    return passJoined(visit, backends, options, upgrade, {
      visitors,
      onEnd({ by, code, reason }) {
        if (by !== "bridge" || code === 4403) return;
        report(c, new Error(`WebSocket closed with code ${code}: ${reason}`));
      },
    });
  }

  /** A controller that aborts when the client disconnects; it may already have. */
  function untilGone(c: Context): AbortController {
    const controller = new AbortController();
    const { signal } = c.req.raw;
    signal.addEventListener("abort", () => controller.abort(), {
      once: true,
      signal: controller.signal,
    });
    if (signal.aborted) controller.abort();
    return controller;
  }

  /** Asks the platform on behalf of this request only. */
  async function ask<T>(
    c: Context,
    call: (signal: AbortSignal) => Promise<T>,
    controller: AbortController,
  ): Promise<T> {
    try {
      return await askPlatform(backends.timeout, call, controller);
    } catch (error) {
      if (!c.req.raw.signal.aborted) throw error;
      throw new ProxyError(499, "the client disconnected");
    }
  }

  function report(c: Context, error: unknown): void {
    // An exception here must not end a server that serves other requests.
    const failed = (thrown: unknown) =>
      console.error("sessionProxy, onError:", thrown);
    try {
      if (!options.onError) return console.error(error);
      const result: unknown = options.onError(error as Error, c);
      if (isPromiseLike(result)) result.then(undefined, failed);
    } catch (thrown) {
      failed(thrown);
    }
  }

  /** Wraps each route's handler: checks origin and name, authorizes, reports failures. */
  function route(
    serve: (visit: Visit) => Promise<Response>,
    after: number | "rest",
  ): (c: Context) => Promise<Response> {
    return async (c) => {
      const from = c.req.header("origin");
      let response: Response;
      try {
        const upgrade = isUpgrade(c.req.raw);
        origins.check(c, from, upgrade);
        const name = c.req.param("name")!;
        if (name === "." || name === "..") {
          throw new ProxyError(
            400,
            'a name cannot be "." or ".."',
          );
        }
        // A UTF-16 code unit takes one to three bytes in UTF-8.
        if (
          name.length * 3 > MAX_NAME &&
          new TextEncoder().encode(name).length > MAX_NAME
        ) {
          throw new ProxyError(400, `a name has at most ${MAX_NAME} bytes`);
        }
        const decision = readDecision(await authorize(c, name));
        switch (decision.kind) {
          case "refused":
            throw new ProxyError(403, "not allowed");
          case "answered":
            response = decision.response;
            break;
          case "granted":
            response = await serve({
              c,
              name,
              upgrade,
              grant: decision.grant,
              ...place(c, name, after),
            });
        }
      } catch (error) {
        if (!isProxyError(error)) throw passable(error);
        if (error.status >= 500 && !isPause(error)) report(c, error);
        const { message, status, retryAfter } = error;
        response = json({ error: { message, code: String(status) } }, status);
        if (retryAfter !== undefined) {
          const seconds = Math.max(1, Math.ceil(retryAfter / 1000));
          response.headers.set("retry-after", String(seconds));
        }
      }
      const answer = origins.share(c, response, from);
      if (c.req.method === "HEAD") endHead(answer);
      return answer;
    };
  }

  /** Where in its URL the request matched the route; see {@linkcode findPlace}. */
  function place(
    c: Context,
    name: string,
    after: number | "rest",
  ): Pick<Visit, "path" | "rest" | "search"> {
    const place = findPlace({
      url: c.req.url,
      name,
      after: after === "rest" ? () => matchedPath(c) : after,
    }, publicPath);
    if (place) return place;
    throw new ProxyError(
      500,
      "the request's path does not match the edge route",
      {
        cause: new Error(
          "the request's URL does not end in the route's own path, such as /:name/connect; the application's getPath must not replace it",
        ),
      },
    );
  }

  const app = new Hono();
  app.options(
    "/:name/*",
    async (c, next) => origins.preflight(c) ?? await next(),
  );
  // The number of segments after the name locates it, wherever the application mounts
  // the route.
  app.post("/:name/connect", route(connect, 1));
  app.get("/:name/status", route((visit) => status(visit), 1));
  // With a route for "stream" beside it, Hono would have to use its slower router for
  // the whole application.
  app.get(
    "/:name/status/:id",
    route((visit) => {
      const id = visit.c.req.param("id");
      return id === "stream" ? statusStream(visit) : status(visit, id);
    }, 2),
  );
  app.get(
    "/:name/status/:id/stream",
    route((visit) => statusStream(visit, visit.c.req.param("id")), 3),
  );
  app.all("/:name/backend/*", route(backend, "rest"));
  // What the application's own functions throw is for its own `onError`. Without this
  // handler, a parent of another copy of Hono would call our copy's default one.
  app.onError((error) => {
    throw error;
  });
  const { fetch } = app;
  return Object.assign(app, {
    /**
     * Only called if the route is not part of another application. `Deno.serve` passes
     * no request to a handler that declares no parameter.
     */
    async fetch(
      request: Request,
      ...rest: Rest<Parameters<typeof fetch>>
    ): Promise<Response> {
      try {
        return await fetch(request, ...rest);
      } catch (error) {
        return lastAnswer(error);
      }
    },
    revoke(user: string) {
      visitors.revoke(user);
      const { engine } = options;
      const revoked = typeof engine === "object" && engine.revoke
        ? engine.revoke({ user })
        : Promise.resolve();
      // The result may be ignored: everything that this route can end has ended.
      revoked.catch(() => {});
      return revoked;
    },
  });
}

/**
 * The decoded path up to the name, as the router matched it: its pattern with the
 * parameters filled in. "" if this version of Hono does not expose it.
 */
function matchedPath(c: Context): string {
  // Every Hono 4 has it; a later version may not.
  const { routePath } = c.req as { routePath?: string };
  const parameters = new Map(Object.entries(c.req.param()));
  const pattern = /^(.*)\/:name\/backend/.exec(routePath ?? "")?.[1] ?? "";
  return pattern.replace(
    /:([^/{}?]+)(?:\{(?:[^{}]|\{[^{}]*\})*\})?\??/g,
    (_, parameter) => parameters.get(parameter) ?? "",
  );
}

/** Prepares a response to HEAD, whose body Hono drops. */
function endHead(answer: Response): void {
  const { body, headers, status } = answer;
  // Nothing else would end it.
  body?.cancel().catch(() => {});
  // Bun would send `content-length: 0`, as if GET had an empty response.
  if (
    "Bun" in globalThis && !headers.has("content-length") &&
    !NULL_BODY.has(status)
  ) headers.set("transfer-encoding", "chunked");
}

function json(value: unknown, status = 200): Response {
  return Response.json(value, {
    status,
    headers: { "cache-control": "no-store" },
  });
}
