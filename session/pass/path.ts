/**
 * Addresses of a session backend, seen from a proxy before it: a client's path
 * joined to the backend's prefix, the backend's redirects turned back, and the
 * origins that count as the platform's. No I/O.
 */

/** Levels of percent-encoding that are looked through; more are refused. */
const DEPTH = 4;

/**
 * The address of `path` (as the client sent it: raw, without its leading
 * slash) below `base`, or `undefined` if any server on the way could take it
 * for something that is not below `base`.
 *
 * Encoded characters are passed on as they came, and looked through for the
 * check: `a%2Fb` is fine, `..%2f`, `%252e%252e` and `/evil.example` are not.
 */
export function joinPath(
  base: URL,
  path: string,
  search = "",
): URL | undefined {
  if (!isSafe(path)) return undefined;
  const prefix = base.pathname.endsWith("/")
    ? base.pathname
    : `${base.pathname}/`;
  let url: URL;
  try {
    url = new URL(`${base.origin}${prefix}${path}${search}`);
  } catch {
    return undefined;
  }
  // What isSafe() promises, asserted on the result: this is the address dialled.
  return url.origin === base.origin && url.pathname.startsWith(prefix)
    ? url
    : undefined;
}

function isSafe(path: string): boolean {
  let decoded = path;
  for (let level = 0; decoded.includes("%"); level++) {
    // 0xC0 and 0xC1 begin no UTF-8 character, only overlong forms of "." and "/".
    if (/%c[01]/i.test(decoded)) return false;
    const next = decoded.replace(
      /%([0-7][0-9a-f])/gi,
      (_, hex) => String.fromCharCode(parseInt(hex, 16)),
    );
    if (next === decoded) break;
    if (level === DEPTH) return false;
    decoded = next;
  }
  // A leading slash would make "//host" for a backend that reads the rest of the
  // path as an address; URL parsers drop control characters and end at "#".
  // deno-lint-ignore no-control-regex
  if (/^\/|[\\\u0000-\u001f\u007f]/.test(decoded) || path.includes("#")) {
    return false;
  }
  // Some servers cut a segment at ";" before they look at it.
  return !decoded.split("/").some((segment) =>
    /^(\.|\.\.)(;|$)/.test(segment.trim())
  );
}

/**
 * What the backend at `base` calls `location` in its answer to `requested`, as
 * a path below `base` without its leading slash; `undefined` if it leads out.
 *
 * The backend does not know its prefix and takes itself for the root, so
 * `/login` and the same on its own origin mean `login` below `base`.
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

/** Whether an origin is one of those allowed. */
export type OriginTest = (origin: string) => boolean;

/**
 * A test for origins such as `https://app.example.com`,
 * `https://*.example.com` (any host below, not `example.com` itself) or
 * `http://localhost:*` (any port).
 *
 * @throws {TypeError} if a pattern is none of these
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
          `${JSON.stringify(pattern)} is no origin: ` +
            "https://host, https://*.host or http://host:* is expected",
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
    // An origin is compared as it is written: "https://a.example/" is none.
    return url !== null && url.origin === origin &&
      wild.some((test) => test(url));
  };
}
