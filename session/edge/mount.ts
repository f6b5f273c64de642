/**
 * Finds where an application mounted the route, from the request alone: Hono does
 * not expose the matched pattern, and another version or copy of Hono, the
 * application's `getPath` or a reverse proxy may have changed it. No I/O.
 */

/** The three parts of a request's URL that concern the route. */
export interface Place {
  /** The path up to and including `/:name`, as the client writes it. */
  path: string;
  /** The path after `/:name/backend/`, as the client sent it. */
  rest: string;
  /** The query with its `?`, or "". */
  search: string;
}

/** The router's view of the request. */
export interface Matched {
  /** The URL, as the client sent it. */
  url: string;
  /** The decoded name. */
  name: string;
  /**
   * How many segments follow the name. If `/backend/` and arbitrary segments follow,
   * a function that returns the decoded path before the name, as far as the router
   * knows it: name and `backend` may occur more than once in a URL.
   */
  after: number | (() => string);
}

/**
 * Finds the name in the URL as the client sent it: some runtimes show it before `..`
 * or `%2e` is resolved, and the rest has to reach the path check unchanged.
 *
 * Returns `undefined` if the URL does not contain the name, because the application
 * routes by something other than the path.
 */
export function findPlace(
  { url, name, after }: Matched,
  publicPath?: string,
): Place | undefined {
  const { path, search } = splitUrl(url);
  let before: string;
  let rest = "";
  const direct = typeof after === "number" ? -1 : onlyPlace(path, name);
  if (direct >= 0) {
    before = path.slice(0, direct);
    rest = path.slice(direct + name.length + "//backend/".length);
  } else {
    const segments = path.split("/");
    const at = typeof after === "number"
      ? fromEnd(segments, after)
      : beforeBackend(segments, name, after);
    // Segment 0 is the empty one before the leading slash.
    if (at < 1) return undefined;
    before = segments.slice(0, at).join("/");
    rest = segments.slice(at + 2).join("/");
  }
  // It becomes a cookie's path, and semicolons separate a cookie's attributes.
  const base = (publicPath ?? before).replace(SEPARATORS, encodeURIComponent);
  return { path: `${base}/${encodeURIComponent(name)}`, rest, search };
}

/**
 * The index of `/:name/backend/` in a path without encoded characters; -1 if it
 * occurs more than once or not at all. Most requests need no closer look.
 */
function onlyPlace(path: string, name: string): number {
  if (path.includes("%")) return -1;
  const part = `/${name}/backend/`;
  const at = path.indexOf(part);
  return at === path.lastIndexOf(part) ? at : -1;
}

const SEPARATORS = /[;,\\\s]/g;

/** The index of the name if `after` segments follow it. */
function fromEnd(segments: readonly string[], after: number): number {
  // A Hono application with `strict: false` ignores a trailing slash.
  const end = segments.at(-1) === "" ? segments.length - 1 : segments.length;
  return end - 1 - after;
}

/** The index of the name if `backend` follows it. */
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

/** Decodes the parts that can be decoded, as Hono does. */
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

/** Splits a URL without the normalisation of a URL parser. */
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
 * Reads the option `path`, and removes a trailing slash.
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
