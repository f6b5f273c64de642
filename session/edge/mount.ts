/**
 * Where an application put the route, told from the request alone: Hono keeps
 * the pattern that matched to itself, and another version or copy of Hono, a
 * `getPath` of the application or a reverse proxy may have changed it. No I/O.
 */

/** The three parts of a request's address that concern the route. */
export interface Place {
  /** The path of `/:name`, as the client writes it. */
  path: string;
  /** What follows `/:name/backend/`, as the client sent it. */
  rest: string;
  /** The query with its `?`, or "". */
  search: string;
}

/** What the router says about the request. */
export interface Matched {
  /** The address, as the client sent it. */
  url: string;
  /** The decoded name. */
  name: string;
  /**
   * How many segments follow the name. Where `/backend/` and any others follow
   * it, the decoded path before the name, as far as the router tells it: the
   * words may occur twice in an address.
   */
  after: number | (() => string);
}

/**
 * Finds the name in the address. Read from the address as the client sent it:
 * some runtimes show it before any `..` or `%2e` was resolved, and the rest has
 * to reach the check as it is.
 *
 * `undefined` if the address has no such place, because an application routes
 * by something else than the path.
 */
export function findPlace(
  { url, name, after }: Matched,
  publicPath?: string,
): Place | undefined {
  const { path, search } = splitUrl(url);
  const segments = path.split("/");
  const at = typeof after === "number"
    ? fromEnd(segments, after)
    : beforeBackend(segments, name, after);
  // The first segment is the empty one before the leading slash.
  if (at < 1) return undefined;
  let base = publicPath ?? segments.slice(0, at).join("/");
  // It becomes the path of cookies, whose attributes semicolons separate.
  base = base.replace(SEPARATORS, encodeURIComponent);
  return {
    path: `${base}/${encodeURIComponent(name)}`,
    rest: segments.slice(at + 2).join("/"),
    search,
  };
}

const SEPARATORS = /[;,\\\s]/g;

/** The name's index where `after` segments follow it. */
function fromEnd(segments: readonly string[], after: number): number {
  // An application that is not strict ignores a slash at the end.
  const end = segments.at(-1) === "" ? segments.length - 1 : segments.length;
  return end - 1 - after;
}

/** The name's index where `backend` follows it. */
function beforeBackend(
  segments: readonly string[],
  name: string,
  matched: () => string,
): number {
  const found: number[] = [];
  for (let index = 1; index + 1 < segments.length; index++) {
    if (
      decode(segments[index + 1]!) === "backend" &&
      decode(segments[index]!) === name
    ) found.push(index);
  }
  if (found.length < 2) return found[0] ?? -1;
  const before = matched();
  return found.find((index) =>
    decode(segments.slice(0, index).join("/")) === before
  ) ?? found[0]!;
}

/** Decodes what can be decoded, as Hono does. */
function decode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replace(/(?:%[0-9a-f]{2})+/gi, (part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });
  }
}

/** The parts of an address, none of them normalised as a URL parser would. */
export function splitUrl(
  url: string,
): { origin: string; path: string; search: string } {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const query = url.indexOf("?", start);
  return {
    origin: url.slice(0, start),
    path: query < 0 ? url.slice(start) : url.slice(start, query),
    search: query < 0 ? "" : url.slice(query),
  };
}

/**
 * Reads the option `path`: a path without a slash at its end.
 * @throws {TypeError} if it is not a path
 */
export function readPath(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  if (
    typeof path !== "string" || !/^\/[^?#;,\\\s]*$/.test(path) ||
    /^\/\/|\/\//.test(path)
  ) {
    throw new TypeError(
      `the option path must be a path such as "/sessions"; got ${
        JSON.stringify(path)
      }`,
    );
  }
  return path.replace(/\/$/, "");
}

/**
 * Reads the option `origin`, in any of the ways to write one.
 * @throws {TypeError} if it is anything else, which no request would come from
 */
export function readOrigin(origin: string | undefined): string | undefined {
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
