/**
 * What may cross a proxy that stands before a session backend, and what never
 * may. No I/O: headers in, headers out.
 *
 * A name counts as the one it turns into at a backend that takes `_` for `-`
 * (CGI, WSGI), so `x_verified_username` is `x-verified-username`.
 */

/** What may cross beside what always may. */
export interface HeaderPolicy {
  /**
   * Whether cookies cross: `Cookie` towards the backend, `Set-Cookie` back. A
   * list names those that may.
   * @default {false}
   */
  cookies?: boolean | readonly string[] | undefined;
  /** Whether `Authorization` crosses towards the backend. @default {false} */
  authorization?: boolean | undefined;
}

/** Options of {@linkcode requestHeaders}. */
export interface RequestHeaderOptions extends HeaderPolicy {
  /**
   * Headers to set after all that came from the client and may not cross is
   * gone, so that nothing the client sends can remove or double them.
   */
  set?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Options of {@linkcode responseHeaders}. */
export interface ResponseHeaderOptions extends HeaderPolicy {
  /**
   * Whether the backend's CORS headers cross. They were written for an address
   * that is itself a secret; where cookies tell who asks, they are wrong.
   * @default {false}
   */
  cors?: boolean | undefined;
  /**
   * Whether the backend's `Cache-Control` crosses, as `private`. Otherwise
   * every answer says `no-store`.
   * @default {false}
   */
  cache?: boolean | undefined;
  /**
   * Whether the body was decoded: then `Content-Encoding` and `Content-Length`
   * do not describe it. @default {false}
   */
  decoded?: boolean | undefined;
  /** A header whose value contains one of these is dropped. */
  secrets?: readonly string[] | undefined;
  /**
   * The client's address of an address that the backend names in `Location`
   * and `Content-Location`; `undefined` drops the header. Without this
   * function they cross as they are.
   */
  location?: ((location: string) => string | undefined) | undefined;
  /**
   * The path that each cookie of the backend is confined to; its `Domain` goes.
   * Without it cookies that cross do so as they are.
   */
  cookiePath?: string | undefined;
}

/**
 * Of one connection, not of the message (RFC 9110, section 7.6.1). `Expect` was
 * answered by the server that took the request; `HTTP2-Settings` belongs to
 * `Upgrade`.
 */
const HOP_BY_HOP: ReadonlySet<string> = /* @__PURE__ */ new Set([
  "connection",
  "expect",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "trailers",
  "transfer-encoding",
  "upgrade",
]);

/**
 * What a client may not claim: who it is, where a request came from or was meant
 * for. `Proxy` sets `HTTP_PROXY` in a CGI program (https://httpoxy.org).
 */
const CLAIMS: ReadonlySet<string> = /* @__PURE__ */ new Set([
  "client-ip",
  "fastly-client-ip",
  "fly-client-ip",
  "fly-forwarded-port",
  "fly-forwarded-proto",
  "fly-region",
  "forwarded",
  "host",
  "proxy",
  "remote-user",
  "true-client-ip",
  "x-authenticated-user",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-forwarded",
  "x-host",
  "x-original-forwarded-for",
  "x-original-host",
  "x-original-remote-addr",
  "x-original-url",
  "x-real-ip",
  "x-remote-addr",
  "x-remote-ip",
  "x-remote-user",
  "x-rewrite-url",
  "x-webauth-user",
]);
/** All of one platform: Cloudflare, Azure, App Engine, Envoy, Vercel. */
const CLAIM_PREFIXES = [
  "x-verified-",
  "x-forwarded-",
  "cf-",
  "proxy-",
  "x-appengine-",
  "x-azure-",
  "x-arr-",
  "x-envoy-",
  "x-goog-iap-",
  "x-ms-client-principal",
  "x-vercel-",
];

/** Orders to a server before the edge: to send a file, or to whom to forward. */
const SERVER_ORDERS: ReadonlySet<string> = /* @__PURE__ */ new Set([
  "x-accel-charset",
  "x-accel-expires",
  "x-accel-limit-rate",
  "x-accel-redirect",
  "x-lighttpd-send-file",
  "x-litespeed-location",
  "x-reproxy-url",
  "x-sendfile",
]);

/** By these an answer speaks for its whole origin, which is not the backend's. */
const ORIGIN_WIDE: ReadonlySet<string> = /* @__PURE__ */ new Set([
  "accept-ch",
  "alt-svc",
  "clear-site-data",
  "nel",
  "origin-agent-cluster",
  "public-key-pins",
  "refresh",
  "report-to",
  "reporting-endpoints",
  "secure-session-challenge",
  "secure-session-registration",
  "sec-session-challenge",
  "sec-session-registration",
  "service-worker-allowed",
  "set-login",
  "strict-transport-security",
  "use-as-dictionary",
]);

/** Caches between edge and client that `Cache-Control` does not reach (RFC 9213). */
const CACHES: ReadonlySet<string> = /* @__PURE__ */ new Set([
  "akamai-cache-control",
  "cache-tag",
  "cdn-cache-control",
  "cloudflare-cdn-cache-control",
  "edge-cache-tag",
  "edge-control",
  "fastly-cdn-cache-control",
  "netlify-cdn-cache-control",
  "surrogate-control",
  "surrogate-key",
  "vercel-cdn-cache-control",
]);

/**
 * The headers with which a client's request goes on to the backend, the same
 * for plain requests and for upgrades.
 *
 * Dropped are hop-by-hop headers and those that `Connection` names, every
 * `x-verified-*`, `forwarded`, `x-forwarded-*`, `x-real-ip` and their kin,
 * `sec-websocket-*` (a dial writes its own), cookies and `Authorization` unless
 * the policy lets them pass, and `Accept-Encoding`: `fetch` decodes bodies by
 * itself and knows best what it can decode, unless `Range` asks for a part.
 */
export function requestHeaders(
  headers: Headers,
  { cookies = false, authorization = false, set }: RequestHeaderOptions = {},
): Headers {
  const named = connectionNames(headers);
  const own = new Set<string>();
  for (const [name, value] of Object.entries(set ?? {})) {
    if (value !== undefined) own.add(meaning(name.toLowerCase()));
  }
  const result: [string, string][] = [];
  headers.forEach((value, name) => {
    const meant = meaning(name);
    if (
      own.has(meant) || HOP_BY_HOP.has(meant) || CLAIMS.has(meant) ||
      named?.has(name) ||
      meant === "accept-encoding" || meant.startsWith("sec-websocket-") ||
      CLAIM_PREFIXES.some((prefix) => meant.startsWith(prefix)) ||
      meant === "authorization" && !authorization
    ) return;
    if (meant === "cookie") {
      const allowed = filterCookie(value, cookies);
      if (allowed) result.push([name, allowed]);
    } else result.push([name, value]);
  });
  const to = new Headers(result);
  // A part of a compressed body cannot be decoded. The Fetch standard says the
  // same; Bun's fetch does not do it.
  if (to.has("range")) to.set("accept-encoding", "identity");
  for (const [name, value] of Object.entries(set ?? {})) {
    if (value !== undefined) to.set(name, value);
  }
  return to;
}

/**
 * The headers with which the backend's answer goes back to the client.
 *
 * Dropped are hop-by-hop headers and those that `Connection` names, what
 * speaks for a whole origin (`Strict-Transport-Security`, `Clear-Site-Data`
 * and their kin), what a server before the edge would act on, what the options
 * do not let pass, and `Content-Encoding` with `Content-Length` where `fetch` has
 * decoded the body.
 */
export function responseHeaders(
  headers: Headers,
  {
    cookies = false,
    cors = false,
    cache = false,
    decoded = false,
    secrets = [],
    location,
    cookiePath,
  }: ResponseHeaderOptions = {},
): Headers {
  const named = connectionNames(headers);
  const result: [string, string][] = [];
  headers.forEach((value, name) => {
    if (
      HOP_BY_HOP.has(name) || ORIGIN_WIDE.has(name) ||
      SERVER_ORDERS.has(name) || named?.has(name) ||
      name.startsWith("proxy-") || name.startsWith("sec-websocket-") ||
      name === "set-cookie" || name === "cache-control" ||
      CACHES.has(name) ||
      (name === "expires" || name === "pragma") && !cache ||
      !cors && name.startsWith("access-control-") ||
      decoded && (name === "content-encoding" || name === "content-length")
    ) return;
    const own = name === "location" || name === "content-location"
      ? location ? location(value) : value
      : value;
    if (own !== undefined && !containsAny(own, secrets)) {
      result.push([name, own]);
    }
  });
  result.push([
    "cache-control",
    (cache && privately(headers.get("cache-control"))) || "no-store",
  ]);
  if (cookies !== false) {
    for (const cookie of headers.getSetCookie()) {
      const own = confineCookie(cookie, cookies, cookiePath);
      if (own && !containsAny(own, secrets)) result.push(["set-cookie", own]);
    }
  }
  return new Headers(result);
}

/** What a WebSocket constructor takes as headers: {@linkcode requestHeaders}, as a record. */
export function upgradeHeaders(
  headers: Headers,
  options?: RequestHeaderOptions,
): Record<string, string> {
  // Names are header names, checked by Headers; `__proto__` stays a plain key.
  return Object.fromEntries(requestHeaders(headers, options));
}

/**
 * The subprotocols that an upgrade request offers, best first, or `undefined`
 * if the header cannot be read (a name twice, or one that is no token).
 */
export function offeredProtocols(headers: Headers): string[] | undefined {
  const value = headers.get("sec-websocket-protocol");
  if (value === null) return [];
  const names = value.split(",").map((name) => name.trim());
  return names.every(isToken) && new Set(names).size === names.length
    ? names
    : undefined;
}

/** Whether a request asks for a WebSocket. */
export function isUpgrade({ method, headers }: Request): boolean {
  return method === "GET" &&
    headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** Whether a server can accept an upgrade (RFC 6455, section 4.2.1). */
export function isHandshake(headers: Headers): boolean {
  return connectionNames(headers)?.has("upgrade") === true &&
    headers.get("sec-websocket-version") === "13" &&
    /^[A-Za-z0-9+/]{22}==$/.test(headers.get("sec-websocket-key") ?? "");
}

/** The name that a header turns into at a backend that takes `_` for `-`. */
function meaning(name: string): string {
  return name.includes("_") ? name.replaceAll("_", "-") : name;
}

/** RFC 9110, section 5.6.2. */
function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

function connectionNames(headers: Headers): Set<string> | undefined {
  const value = headers.get("connection");
  if (value === null) return undefined;
  return new Set(value.split(",").map((name) => name.trim().toLowerCase()));
}

function containsAny(value: string, secrets: readonly string[]): boolean {
  return secrets.some((secret) => secret !== "" && value.includes(secret));
}

function allows(
  cookies: boolean | readonly string[],
  name: string,
): boolean {
  return typeof cookies === "boolean" ? cookies : cookies.includes(name);
}

function filterCookie(
  value: string,
  cookies: boolean | readonly string[],
): string {
  if (typeof cookies === "boolean") return cookies ? value : "";
  return value.split(";").map((pair) => pair.trim())
    .filter((pair) => allows(cookies, pair.split("=", 1)[0]!.trim()))
    .join("; ");
}

/** A cookie of the backend that may cross, without `Domain` and with `Path=base`. */
function confineCookie(
  cookie: string,
  cookies: boolean | readonly string[],
  base: string | undefined,
): string | undefined {
  const [pair, ...attributes] = cookie.split(";").map((part) => part.trim());
  if (!pair || !allows(cookies, pair.split("=", 1)[0]!.trim())) {
    return undefined;
  }
  if (base === undefined) return cookie;
  const kept = attributes.filter((attribute) =>
    !/^(domain|path)\s*(=|$)/i.test(attribute)
  );
  return [pair, ...kept, `Path=${base}`].join("; ");
}

/** A `Cache-Control` that no cache shared by several users may act on. */
function privately(value: string | null): string | undefined {
  if (value === null) return undefined;
  const kept = value.split(",").map((directive) => directive.trim())
    .filter((directive) =>
      directive !== "" &&
      !/^(public|private|s-maxage|proxy-revalidate)\b/i.test(directive)
    );
  return ["private", ...kept].join(", ");
}
