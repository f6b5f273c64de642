/** What the edge route is told: once by its owner, and for each request. */
import type { Context } from "../pass/hono.ts";
import type { WebSocketConstructor } from "../../net/dial.ts";
import type { SessionEngine } from "../../types.ts";
import type { SessionGrant } from "./grants.ts";
import { checkDuration } from "../../net/timer.ts";
import { checkSize } from "../pass/limits.ts";
import type { UpgradeAdapter } from "../pass/upgrade.ts";

/** Options of {@linkcode sessionProxy}. */
export interface SessionProxyOptions {
  /**
   * The platform that runs the backends, or a function that makes it from the
   * request where its settings come with each one (`c.env` of a worker). It is
   * one platform for all requests: what it answered is held by name, key, user
   * and auth, so the names or keys have to tell tenants apart.
   */
  engine: SessionEngine | ((c: Context) => SessionEngine);
  /**
   * Decides each request: return `{ user }` to let it in as that user (see
   * {@linkcode SessionGrant}), `{ anonymous: true }` to let it in without one, a
   * `Response` to answer it yourself, or `null` to refuse it with 403. Anything
   * else is refused with 500 and reported: `true`, `{}`, an `Error`, an unknown
   * member. `name` is the decoded name in the path, which the client chose. The
   * request's body belongs to the backend: once you have read it, it cannot be
   * passed on (500).
   */
  authorize: (
    c: Context,
    name: string,
  ) => SessionGrant | Response | null | Promise<SessionGrant | Response | null>;
  /**
   * Accepts WebSockets: needed on Bun and Node.
   * @default Deno's own way; on Workers they are passed on natively
   */
  upgrade?: UpgradeAdapter | undefined;

  /**
   * The origin under which clients reach the edge, where something in front of
   * it changes the one that requests show (a proxy that ends TLS).
   * @default that of the request
   */
  origin?: string | undefined;
  /**
   * The path under which clients reach the route, such as `/sessions`, where
   * requests do not show it: a reverse proxy strips a prefix, or the route is
   * mounted with `app.mount()`, which strips its own.
   * @default what precedes the name in the request's path
   */
  path?: string | undefined;
  /**
   * Other origins whose pages may use the route: they pass the check on
   * upgrades and on methods that change something, and get CORS headers that
   * allow credentials. Patterns such as `https://*.example.com`.
   * @default {[]}
   */
  origins?: readonly string[] | undefined;
  /**
   * Upgrades without an `Origin` header. Browsers always send one, so these
   * come from programs, which no foreign page can misuse; `authorize` decides
   * about them like about any other.
   * @default {"allow"}
   */
  missingOrigin?: "allow" | "refuse" | undefined;
  /**
   * Origins of backends. An answer of the platform that leads elsewhere is
   * refused. @default the engine's `backendOrigins`
   */
  upstreams?: readonly string[] | undefined;

  /** Whether cookies cross, or the names of those that may. @default {false} */
  cookies?: boolean | readonly string[] | undefined;
  /** Whether `Authorization` crosses. @default {false} */
  authorization?: boolean | undefined;
  /** Whether the backend's `Cache-Control` crosses, as `private`. @default {false} */
  cache?: boolean | undefined;
  /** More headers for the backend, e.g. the client's address. */
  headers?:
    | ((c: Context, name: string) => Record<string, string>)
    | undefined;

  /** Bytes of a request body; more is answered with 413. @default {100 MiB} */
  maxBody?: number | undefined;
  /** Bytes of a WebSocket message; more ends the socket with 1009. @default {16 MiB} */
  maxMessage?: number | undefined;
  /** Bytes that wait for a slow WebSocket reader; more ends it with 1013. @default {16 MiB} */
  maxBuffered?: number | undefined;
  /** Milliseconds until the backend begins to answer, or takes a WebSocket. @default {60_000} */
  timeout?: number | undefined;
  /** Milliseconds until the platform answers. @default {10_000} */
  connectTimeout?: number | undefined;
  /**
   * Milliseconds between comments on a quiet status stream. Bun ends an answer
   * that was silent for ten seconds. @default {8_000}
   */
  keepAlive?: number | undefined;
  /**
   * Milliseconds between two questions to `authorize` about each WebSocket and
   * event stream that is open, with the context of the request that opened it. It
   * ends, a WebSocket with 4403, once the answer is no longer the same grant, or
   * an error. Middleware does not run again. @default {Infinity}
   */
  recheck?: number | undefined;
  /** Connect answers that are held at most. @default {10_000} */
  maxHeld?: number | undefined;
  /** Milliseconds for which a connect answer is held. @default {300_000} */
  holdFor?: number | undefined;

  /** The `fetch` to use. @default {globalThis.fetch} */
  fetch?: typeof fetch | undefined;
  /** The `WebSocket` to dial with. @default {globalThis.WebSocket} */
  WebSocket?: WebSocketConstructor | undefined;
  /**
   * Told what failed on the way to the platform or a backend, and which sockets
   * were ended by a limit. Neither the error nor its cause has a secret in it.
   * @default {console.error}
   */
  onError?: ((error: Error, c: Context) => void) | undefined;
}

const DURATIONS = [
  "timeout",
  "connectTimeout",
  "keepAlive",
  "holdFor",
  "recheck",
] as const satisfies readonly (keyof SessionProxyOptions)[];

const SIZES = [
  "maxBody",
  "maxMessage",
  "maxBuffered",
  "maxHeld",
] as const satisfies readonly (keyof SessionProxyOptions)[];

/**
 * Checks every number among the options.
 * @throws {RangeError} naming the first that is NaN, negative or not a number
 */
export function checkNumbers(options: SessionProxyOptions): void {
  for (const name of DURATIONS) {
    if (options[name] !== undefined) checkDuration(name, options[name]);
  }
  for (const name of SIZES) checkSize(name, options[name]);
}

/** What the edge route can be told while it runs. */
export interface SessionControl {
  /**
   * Ends every WebSocket (with 4403) and event stream that is open for a user in
   * this process. `authorize` has to refuse the user from now on: the route asks
   * it when they come back. WebSockets on Workers pass through the runtime, and
   * go on.
   */
  revoke(user: string): void;
}

/** What a handler works with once its request may pass. */
export interface Visit {
  c: Context;
  name: string;
  grant: SessionGrant;
  /** The path of `/:name`, as the client writes it. */
  path: string;
  /** What follows the route's fixed part, as the client sent it. */
  rest: string;
  search: string;
  /** What its backend is held by; see `Backends`. */
  heldKey?: string;
}
