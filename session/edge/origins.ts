/**
 * Which pages may use the edge route: the check of the `Origin` header, and CORS for the
 * pages of other origins that the application lists.
 */
import { ProxyError } from "../pass/failure.ts";
import type { Context } from "../pass/hono.ts";
import { type OriginTest, originTest } from "../pass/path.ts";
import { splitUrl } from "./mount.ts";
import type { SessionProxyOptions } from "./options.ts";

/** Safe methods, which change nothing and need no origin check. */
const SAFE = /^(GET|HEAD|OPTIONS)$/;

/** The origins of one edge route. */
export class Origins {
  readonly #own: string | undefined;
  readonly #missing: "allow" | "refuse";
  readonly #report: (c: Context, error: Error) => void;
  /** Whether pages of other origins are listed, and whether an origin is among them. */
  readonly #listed: boolean;
  readonly #foreign: OriginTest;
  #hinted = false;

  /** @throws {TypeError} if an option is not an origin */
  constructor(
    { origin, origins = [], missingOrigin = "allow" }: SessionProxyOptions,
    report: (c: Context, error: Error) => void,
  ) {
    this.#foreign = originTest(origins);
    this.#listed = origins.length > 0;
    this.#own = readOrigin(origin);
    this.#missing = missingOrigin;
    this.#report = report;
  }

  /** The origin at which clients reach the edge. */
  own(c: Context): string {
    return this.#own ?? splitUrl(c.req.url).origin;
  }

  /**
   * Refuses pages of other origins, whose requests would carry the user's cookies.
   *
   * @throws {ProxyError} 403
   */
  check(c: Context, from: string | undefined, upgrade: boolean): void {
    if (SAFE.test(c.req.method) && !upgrade) return;
    const allowed = from === undefined
      ? !upgrade || this.#missing === "allow"
      : from === this.own(c) || this.#foreign(from);
    if (allowed) return;
    // Once, because any page can cause it.
    if (from !== undefined && !this.#hinted) {
      this.#hinted = true;
      this.#report(c, refusedOrigin(from, this.own(c)));
    }
    throw new ProxyError(
      403,
      "requests from this origin are not allowed (see the options origin and origins)",
    );
  }

  /** Lets a page of a listed origin read the response. */
  share(c: Context, response: Response, from: string | undefined): Response {
    if (!this.#listed || response.status === 101) return response;
    // A copy, because some responses have immutable headers.
    const copy = new Response(response.body, response);
    copy.headers.append("vary", "Origin");
    if (from !== undefined && from !== this.own(c) && this.#foreign(from)) {
      copy.headers.set("access-control-allow-origin", from);
      copy.headers.set("access-control-allow-credentials", "true");
    }
    return copy;
  }

  /**
   * The response to a preflight request; `undefined` for another one. They carry no
   * cookies, so the origin decides, not `authorize`.
   */
  preflight(c: Context): Response | undefined {
    const from = c.req.header("origin");
    const method = c.req.header("access-control-request-method");
    if (from === undefined || method === undefined) return undefined;
    const headers = c.req.header("access-control-request-headers");
    return new Response(null, {
      status: this.#foreign(from) ? 204 : 403,
      headers: this.#foreign(from)
        ? {
          "access-control-allow-origin": from,
          "access-control-allow-credentials": "true",
          "access-control-allow-methods": method,
          ...(headers ? { "access-control-allow-headers": headers } : {}),
          "access-control-max-age": "600",
          "vary": "Origin",
        }
        : { "vary": "Origin" },
    });
  }
}

/**
 * Reads the option `origin`, in any spelling of an origin.
 * @throws {TypeError} if it is not an origin: no request could come from it
 */
function readOrigin(origin: string | undefined): string | undefined {
  if (origin === undefined) return undefined;
  const url = URL.parse(origin);
  if (
    !url || !/^https?:$/.test(url.protocol) || url.pathname !== "/" ||
    url.search || url.hash || url.username || url.password
  ) {
    throw new TypeError(
      `the option origin must be an origin such as "https://app.example"; got ${
        JSON.stringify(origin)
      }`,
    );
  }
  return url.origin;
}

/** What to say to the operator about a page at `from`, refused by an edge at `own`. */
function refusedOrigin(from: string, own: string): Error {
  const page = from.slice(0, 200);
  return new Error(
    `the edge at ${own} refused a page of ${page}: if a proxy in front of the edge ` +
      `rewrites Host, as Vite's shorthand does, keep Host (changeOrigin: false) or set the ` +
      `option origin to ${page}; list pages of other origins in the option origins`,
  );
}
