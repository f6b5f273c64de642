/** Where a socket of a backend is dialled. */
import { parseUrl } from "../../net/url.ts";

/**
 * The WebSocket URL of `path` below a backend's URL. `path` may have a query; it always
 * stays on the backend's origin.
 *
 * @throws {TypeError} if the backend's URL is invalid; the message does not quote it,
 * because it may contain a token
 */
export function addressOf(backendUrl: string, path: string): string {
  const url = below(backendUrl);
  if (!url) {
    throw new TypeError(
      "The backend's URL must be an absolute http:, https:, ws: or wss: URL",
    );
  }
  const [, pathname, query] = /^\/*([^?]*)\??(.*)$/s.exec(path)!;
  // Without a path, the URL stays as the platform gave it.
  if (pathname) url.pathname = url.pathname.replace(/\/?$/, "/") + pathname;
  if (query) url.search += (url.search ? "&" : "?") + query;
  return url.href;
}

/** What follows a backend's URL in `url`, for {@linkcode addressOf}. */
export function pathBelow(
  backendUrl: string,
  url: string | URL,
): string | undefined {
  const base = below(backendUrl);
  const target = below(String(url));
  if (!base || !target || target.origin !== base.origin) return undefined;
  const start = base.pathname.replace(/\/?$/, "/");
  if (`${target.pathname}/` === start) return target.search;
  if (!target.pathname.startsWith(start)) return undefined;
  return target.pathname.slice(start.length) + target.search;
}

/** Parses a URL as that of a WebSocket, relative to the page if there is one. */
function below(address: string): URL | undefined {
  const url = parseUrl(address, globalThis.location?.href);
  // Browsers of 2023 accept no `http:`.
  if (url) url.protocol = url.protocol.replace(/^http/, "ws");
  return url && /^wss?:$/.test(url.protocol) ? url : undefined;
}
