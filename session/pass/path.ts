/**
 * Maps URLs between a proxy's clients and a session backend: joins a client's path to
 * the backend's URL, maps the backend's redirects back, and matches the origins that
 * belong to the platform. No I/O.
 */

/** The most levels of percent-encoding that are decoded for the check; more are refused. */
const DEPTH = 4;

/** Paths that mean the same to every server and that no URL parser changes. */
const PLAIN_PATH = /^(?![./])[\w~!$&'()*+,=:@.\/-]*$/;
/** Queries that no URL parser changes. */
const PLAIN_QUERY = /^(?:\?[\w~!$&()*+,;=:@.\/?%-]*)?$/;

/**
 * The URL of `path` below `base`, which has neither a query nor a fragment; `path` is
 * raw, as the client sent it, without its leading slash. Returns `undefined` if any
 * server on the way could interpret it as a URL that is not below `base`.
 *
 * Encoded characters are forwarded unchanged, but decoded for the check: `a%2Fb` is
 * fine, `..%2f`, `%252e%252e` and `/evil.example` are not.
 */
export function joinPath(
  base: URL,
  path: string,
  search = "",
): string | undefined {
  const { href } = base;
  const prefix = href.endsWith("/") ? href : `${href}/`;
  // Most requests; parsing would be a notable part of what a small one costs.
  if (
    PLAIN_PATH.test(path) && !path.includes("/.") && PLAIN_QUERY.test(search)
  ) return prefix + path + search;
  if (!isSafe(path)) return undefined;
  let url: URL;
  try {
    url = new URL(prefix + path + search);
  } catch {
    return undefined;
  }
  // Verifies the result of isSafe() on the final URL, because that is what is dialled.
  return url.href.startsWith(prefix) ? url.href : undefined;
}

function isSafe(path: string): boolean {
  let decoded = path;
  for (let level = 0; decoded.includes("%"); level++) {
    // 0xC0 and 0xC1 start no UTF-8 character, only overlong forms of "." and "/".
    if (/%c[01]/i.test(decoded)) return false;
    const next = decoded.replace(
      /%([0-7][0-9a-f])/gi,
      (_, hex) => String.fromCharCode(parseInt(hex, 16)),
    );
    if (next === decoded) break;
    if (level === DEPTH) return false;
    decoded = next;
  }
  // With a leading slash, a backend that parses the rest of the path as a URL would
  // see "//host". URL parsers drop control characters and stop at "#".
  // deno-lint-ignore no-control-regex
  if (/^\/|[\\\u0000-\u001f\u007f]/.test(decoded) || path.includes("#")) {
    return false;
  }
  // Some servers cut a segment at ";" before they interpret it.
  return !decoded.split("/").some((segment) =>
    /^(\.|\.\.)(;|$)/.test(segment.trim())
  );
}

/**
 * Resolves a `location` in the backend's response to `requested`, as a path below
 * `base` without its leading slash; `undefined` if it points elsewhere.
 *
 * The backend does not know its prefix and treats its own root as `/`, so `/login`,
 * with or without its origin, means `login` below `base`.
 */
export function pathWithin(
  base: URL,
  requested: URL,
  location: string,
): string | undefined {
  let url: URL;
  try {
    url = new URL(location, requested);
  } catch {
    return undefined;
  }
  if (url.origin !== base.origin || url.username || url.password) {
    return undefined;
  }
  const path = url.pathname.startsWith(base.pathname)
    ? url.pathname.slice(base.pathname.length)
    : url.pathname.slice(1);
  return isSafe(path) ? path + url.search + url.hash : undefined;
}

/** Returns whether an origin is allowed. */
export type OriginTest = (origin: string) => boolean;

/**
 * Compiles patterns such as `https://app.example.com`, `https://*.example.com` (any
 * subdomain, but not `example.com` itself) or `http://localhost:*` (any port).
 *
 * @throws {TypeError} if a pattern has none of these forms
 */
export function originTest(patterns: readonly string[]): OriginTest {
  const exact = new Set<string>();
  const wild: ((url: URL) => boolean)[] = [];
  for (const pattern of patterns) {
    const parts = /^(https?):\/\/(\*\.)?([^/?#@*]+?)(:\*)?\/?$/i.exec(pattern);
    const plain = parts && URL.parse(`${parts[1]}://${parts[3]}`);
    if (!plain) {
      if (pattern !== "null") {
        throw new TypeError(
          `${JSON.stringify(pattern)} is not an origin ` +
            "such as https://host, https://*.host or http://host:*",
        );
      }
      exact.add(pattern);
    } else if (!parts[2] && !parts[4]) exact.add(plain.origin);
    else {
      wild.push((url) =>
        url.protocol === plain.protocol &&
        (parts[4] ? true : url.port === plain.port) &&
        (parts[2]
          ? url.hostname.endsWith(`.${plain.hostname}`)
          : url.hostname === plain.hostname)
      );
    }
  }
  return (origin) => {
    if (exact.has(origin)) return true;
    if (wild.length === 0) return false;
    const url = URL.parse(origin);
    // Only the exact form of an origin matches: "https://a.example/" is a URL.
    return url !== null && url.origin === origin &&
      wild.some((test) => test(url));
  };
}
