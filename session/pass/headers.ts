/**
 * Decides which headers a proxy in front of a session backend forwards, and which it
 * never does. No I/O: headers in, headers out.
 *
 * Names are compared with `_` read as `-`, as some backends do (CGI, WSGI), so
 * `x_verified_username` counts as `x-verified-username`.
 */

/** Headers that are forwarded only on request. */
export interface HeaderPolicy {
  /**
   * Whether cookies are forwarded: `Cookie` to the backend, `Set-Cookie` to the
   * client. A list names the cookies that are.
   * @default {false}
   */
  cookies?: boolean | readonly string[] | undefined;
  /** Whether `Authorization` is forwarded to the backend. @default {false} */
  authorization?: boolean | undefined;
}

/** Options of {@linkcode requestHeaders}. */
export interface RequestHeaderOptions extends HeaderPolicy {
  /**
   * Headers to set after the client's have been filtered, so that nothing the client
   * sends can remove or duplicate them.
   */
  set?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Options of {@linkcode responseHeaders}. */
export interface ResponseHeaderOptions extends HeaderPolicy {
  /**
   * Whether the backend's CORS headers are forwarded. They were written for a URL
   * that is itself a secret, and are unsafe where cookies identify the user.
   * @default {false}
   */
  cors?: boolean | undefined;
  /**
   * Whether the backend's `Cache-Control` is forwarded, as `private`. Otherwise every
   * response gets `no-store`.
   * @default {false}
   */
  cache?: boolean | undefined;
  /** A header whose value contains one of these is dropped. */
  secrets?: readonly string[] | undefined;
  /**
   * Maps a URL in the backend's `Location` or `Content-Location` to the client's URL;
   * returning `undefined` drops the header. Without this function both are forwarded
   * unchanged.
   */
  location?: ((location: string) => string | undefined) | undefined;
  /**
   * The path that the backend's cookies are confined to; their `Domain` is removed.
   * Without it, cookies are forwarded unchanged.
   */
  cookiePath?: string | undefined;
}

/**
 * Headers of the connection rather than the message (RFC 9110, section 7.6.1).
 * `Expect` was handled by the server that received the request; `HTTP2-Settings`
 * belongs to `Upgrade`.
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
 * Claims that a client must not make: its identity, and the origin or target of a
 * request. `Proxy` sets `HTTP_PROXY` in a CGI program (https://httpoxy.org).
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
/** Prefixes of platforms' headers: Cloudflare, Azure, App Engine, Envoy, Vercel. */
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
/** How all of those begin. Most names do not, and need no further check. */
const CLAIM_START = /^(x-|cf-|proxy-)/;

/** Instructions to a server in front of the edge, such as to send a file. */
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

/** Headers that affect the whole origin, which does not belong to the backend. */
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

/** Headers for caches between edge and client that override `Cache-Control` (RFC 9213). */
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
 * Returns the headers of a client's request to send to the backend, for plain requests
 * and upgrades alike.
 *
 * Drops hop-by-hop headers and those that `Connection` names; every `x-verified-*`;
 * `forwarded`, `x-forwarded-*`, `x-real-ip` and the like; `sec-websocket-*`, because a
 * dial sets its own; cookies and `Authorization`, unless the policy allows them; and
 * `Accept-Encoding`, because `fetch` sets the codings that it can decode. A request
 * with `Range` asks for `identity` instead.
 */
export function requestHeaders(
  headers: Headers,
  options?: RequestHeaderOptions,
): Headers {
  return new Headers(requestFields(headers, options));
}

/**
 * {@linkcode requestHeaders} as a list, for `fetch`. A `Headers` in between would
 * copy every field once more, which is most of what a small request costs.
 */
export function requestFields(
  headers: Headers,
  { cookies = false, authorization = false, set }: RequestHeaderOptions = {},
): [string, string][] {
  const named = connectionNames(headers);
  const own = set && checkedHeaders(set);
  const meant = new Set<string>();
  own?.forEach((_, name) => meant.add(meaning(name)));
  const result: [string, string][] = [];
  let part = false;
  headers.forEach((value, name) => {
    const means = meaning(name);
    if (
      meant.has(means) || HOP_BY_HOP.has(means) || CLAIMS.has(means) ||
      named?.has(name) ||
      means === "accept-encoding" || means.startsWith("sec-websocket-") ||
      CLAIM_START.test(means) &&
        CLAIM_PREFIXES.some((prefix) => means.startsWith(prefix)) ||
      means === "authorization" && !authorization
    ) return;
    if (means === "cookie") {
      const allowed = filterCookie(value, cookies);
      if (allowed) result.push([name, allowed]);
      return;
    }
    if (name === "range") part = true;
    result.push([name, value]);
  });
  // Part of a compressed body cannot be decoded. The Fetch standard requires this
  // header; Bun's fetch does not set it.
  if ((part || own?.has("range")) && !own?.has("accept-encoding")) {
    result.push(["accept-encoding", "identity"]);
  }
  own?.forEach((value, name) => result.push([name, value]));
  return result;
}

/** @throws {TypeError} if a name or value is not valid in a header */
function checkedHeaders(
  set: Readonly<Record<string, string | undefined>>,
): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(set)) {
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}

/**
 * Returns the headers of the backend's response to send to the client.
 *
 * Drops hop-by-hop headers and those that `Connection` names; headers that affect a
 * whole origin (`Strict-Transport-Security`, `Clear-Site-Data` and the like);
 * instructions to a server in front of the edge; headers that the options do not
 * allow; and, if `fetch` has `decoded` the body, `Content-Encoding` and
 * `Content-Length`, which no longer describe it.
 */
export function responseHeaders(
  headers: Headers,
  options?: ResponseHeaderOptions,
  decoded?: boolean,
): Headers {
  return new Headers(responseFields(headers, options, decoded));
}

/** {@linkcode responseHeaders} as a list, for `new Response`. */
export function responseFields(
  headers: Headers,
  {
    cookies = false,
    cors = false,
    cache = false,
    secrets = [],
    location,
    cookiePath,
  }: ResponseHeaderOptions = {},
  decoded = false,
): [string, string][] {
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
  return result;
}

/** {@linkcode requestHeaders} as a record, for a WebSocket constructor. */
export function upgradeHeaders(
  headers: Headers,
  options?: RequestHeaderOptions,
): Record<string, string> {
  // Headers has checked the names; fromEntries keeps `__proto__` a plain key.
  return Object.fromEntries(requestHeaders(headers, options));
}

/**
 * The subprotocols that an upgrade request offers, best first; `undefined` if the
 * header is malformed (a duplicate name, or one that is not a token).
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

/** The name of a header as seen by a backend that reads `_` as `-`. */
function meaning(name: string): string {
  return name.includes("_") ? name.replaceAll("_", "-") : name;
}

/** Whether `text` is a token (RFC 9110, section 5.6.2). */
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

/** Whether the cookie `name=value` may cross. */
function allows(
  cookies: boolean | readonly string[],
  pair: string,
): boolean {
  if (typeof cookies === "boolean") return cookies;
  const end = pair.indexOf("=");
  // Without "=" all of it is the value of a cookie that has no name.
  return end >= 0 && cookies.includes(pair.slice(0, end).trim());
}

/** Several `Cookie` fields may have been joined by a comma, like any others. */
const PAIRS = /;|, (?=[^\s;,="]+=)/;

function filterCookie(
  value: string,
  cookies: boolean | readonly string[],
): string {
  if (typeof cookies === "boolean") return cookies ? value : "";
  return value.split(PAIRS).map((pair) => pair.trim())
    .filter((pair) => allows(cookies, pair))
    .join("; ");
}

/**
 * Removes `Domain` from a cookie of the backend that may be forwarded, and sets its
 * path. Drops `__Host-` cookies, whose path must be `/`.
 */
function confineCookie(
  cookie: string,
  cookies: boolean | readonly string[],
  base: string | undefined,
): string | undefined {
  const [pair, ...attributes] = cookie.split(";").map((part) => part.trim());
  if (!pair || !allows(cookies, pair)) return undefined;
  if (base === undefined) return cookie;
  if (/^\s*=?\s*__host-/i.test(pair)) return undefined;
  const kept = attributes.filter((attribute) =>
    attribute !== "" && !/^(domain|path)\s*(=|$)/i.test(attribute)
  );
  return [pair, ...kept, `Path=${base}`].join("; ");
}

/** Makes a `Cache-Control` private, so that shared caches do not store the response. */
function privately(value: string | null): string | undefined {
  if (value === null) return undefined;
  const kept = value.split(",").map((directive) => directive.trim())
    .filter((directive) =>
      directive !== "" &&
      !/^(public|private|s-maxage|proxy-revalidate)\b/i.test(directive)
    );
  return ["private", ...kept].join(", ");
}
