/** The options of the edge route, and the data that its handlers share. */
import type { Context } from "../pass/hono.ts";
import type { WebSocketConstructor } from "../../net/dial.ts";
import type { SessionEngine } from "../../types.ts";
import type { SessionGrant } from "./grants.ts";
import { checkNumber } from "../../net/number.ts";
import { checkDuration } from "../../net/timer.ts";
import type { UpgradeAdapter } from "../pass/upgrade.ts";

/** Options of {@linkcode sessionProxy}. */
export interface SessionProxyOptions {
  /**
   * The platform that runs the backends, or a function that makes it from the
   * request, if its settings come with each request (`c.env` of a Worker). All
   * requests share one platform: the route holds its responses by name, key, user
   * and auth, so names or keys must tell tenants apart.
   */
  engine: SessionEngine | ((c: Context) => SessionEngine);
  /**
   * Decides each request: return `{ user }` to let it in as that user (see
   * {@linkcode SessionGrant}), `{ anonymous: true }` to let it in without one, a
   * `Response` to respond yourself, or `null` to refuse it with 403. Anything else
   * is refused with 500 and reported: `true`, `{}`, an `Error`, a grant with an
   * unknown field. `name` is the decoded name in the path, which the client chose. The
   * request's body belongs to the backend: if you read it, the route cannot
   * forward it (500).
   */
  authorize: (
    c: Context,
    name: string,
  ) => SessionGrant | Response | null | Promise<SessionGrant | Response | null>;
  /**
   * Accepts WebSockets. Bun and Node need it.
   * @default Deno's own upgrade; Workers forward WebSockets natively
   */
  upgrade?: UpgradeAdapter | undefined;

  /**
   * The origin under which clients reach the edge, if something in front of it
   * (such as a proxy that terminates TLS) changes the origin that requests show.
   * @default that of the request
   */
  origin?: string | undefined;
  /**
   * The path at which clients reach the route, such as `/sessions`. Set it if
   * requests arrive without it, because a reverse proxy strips a prefix or the route
   * is mounted with `app.mount()`, which strips its own. With `replaceRequest: false`,
   * `app.mount()` strips nothing, and the route would not be found: mount
   * `new Hono().route("/sessions", sessionProxy(…))` then, without `path`.
   * @default the part of the request's path before the name
   */
  path?: string | undefined;
  /**
   * Other origins whose pages may use the route, as patterns such as
   * `https://*.example.com`. They pass the origin check on upgrades and unsafe
   * methods, and get CORS headers that allow credentials.
   * @default {[]}
   */
  origins?: readonly string[] | undefined;
  /**
   * What to do with upgrades without an `Origin` header. Browsers always send one,
   * so these come from other programs, which no web page can misuse. `authorize`
   * still decides about each of them.
   * @default {"allow"}
   */
  missingOrigin?: "allow" | "refuse" | undefined;
  /**
   * Origins of backends. The route refuses a response of the platform that leads
   * elsewhere. @default the engine's `backendOrigins`
   */
  upstreams?: readonly string[] | undefined;

  /** Whether cookies are forwarded, or the names of those that are. @default {false} */
  cookies?: boolean | readonly string[] | undefined;
  /** Whether `Authorization` is forwarded. @default {false} */
  authorization?: boolean | undefined;
  /** Whether the backend's `Cache-Control` is forwarded, as `private`. @default {false} */
  cache?: boolean | undefined;
  /** Returns additional headers for the backend, e.g. the client's address. */
  headers?:
    | ((
      c: Context,
      name: string,
    ) => Record<string, string> | Promise<Record<string, string>>)
    | undefined;

  /** Longest request body in bytes; a longer one gets 413. @default {100 MiB} */
  maxBody?: number | undefined;
  /** Longest WebSocket message in bytes; a longer one closes the socket with 1009. @default {16 MiB} */
  maxMessage?: number | undefined;
  /**
   * Unread bytes that may wait for a slow WebSocket reader; more close the socket
   * with 1013. On Node and Bun the backend has to wait long before that.
   * @default {16 MiB}
   */
  maxBuffered?: number | undefined;
  /** Milliseconds until the backend must begin to respond, or accept a WebSocket. @default {60_000} */
  timeout?: number | undefined;
  /** Milliseconds until the platform must respond. @default {10_000} */
  platformTimeout?: number | undefined;
  /**
   * The former name of {@linkcode SessionProxyOptions.platformTimeout}; it prints
   * one warning.
   * @deprecated Use `platformTimeout`: elsewhere `connectTimeout` is the time to
   * open a connection.
   */
  connectTimeout?: number | undefined;
  /**
   * Milliseconds between comments on a quiet status stream. Bun ends a response
   * that was silent for ten seconds. @default {8_000}
   */
  keepAlive?: number | undefined;
  /**
   * Milliseconds between two calls of `authorize` for each open WebSocket and
   * event stream, with the context of the request that opened it. Once `authorize`
   * throws or no longer returns the same grant, the route ends the stream, or
   * closes the WebSocket with 4403. Middleware does not run again. @default {Infinity}
   */
  recheck?: number | undefined;
  /** How many connect responses to hold at most. @default {10_000} */
  maxHeld?: number | undefined;
  /** Milliseconds for which to hold a connect response. @default {300_000} */
  holdFor?: number | undefined;

  /** The `fetch` to use. @default {globalThis.fetch} */
  fetch?: typeof fetch | undefined;
  /** The `WebSocket` to dial with. @default {globalThis.WebSocket} */
  WebSocket?: WebSocketConstructor | undefined;
  /**
   * Called when a request to the platform or a backend fails, when a limit closes a
   * socket, and for the first page that is refused for its origin. Neither the error
   * nor its cause contains a secret.
   * @default {console.error}
   */
  onError?: ((error: Error, c: Context) => void) | undefined;
}

const DURATIONS = [
  "timeout",
  "platformTimeout",
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
 * @throws {TypeError} naming the first that is not a number
 * @throws {RangeError} naming the first that is NaN or negative
 */
export function checkNumbers(options: SessionProxyOptions): void {
  for (const name of DURATIONS) {
    if (options[name] !== undefined) checkDuration(name, options[name]);
  }
  for (const name of SIZES) {
    if (options[name] !== undefined) checkNumber(name, options[name]);
  }
}

/** Controls an edge route while it runs. */
export interface SessionControl {
  /**
   * Closes every WebSocket (with 4403) and ends every event stream that is open
   * for a user in this process. From then on, `authorize` must refuse the user,
   * because the route asks it when they come back. On Workers, WebSockets pass
   * through the runtime and stay open, unless the platform ends them.
   *
   * If `engine` is an object with `revoke`, the platform also ends what the user has
   * open there, and the user's connection URLs. The promise settles when it has
   * responded, and may be ignored.
   */
  revoke(user: string): Promise<void>;
}

/** A request that `authorize` has let in, as handlers see it. */
export interface Visit {
  c: Context;
  name: string;
  /** Whether it asks for a WebSocket. */
  upgrade: boolean;
  grant: SessionGrant;
  /** The path up to and including `/:name`, as the client writes it. */
  path: string;
  /** The path after the route's fixed part, as the client sent it. */
  rest: string;
  search: string;
  /** Aborts when the client disconnects, if the request's own signal does not. */
  left?: AbortSignal;
  /** The cache key of its backend; see `Backends`. */
  heldKey?: string;
}
