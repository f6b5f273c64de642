/**
 * Who may talk to a program that listens on this machine: nobody whom a foreign
 * web page has sent. `Host` tells whether a page reached it under its own name
 * (DNS rebinding), `Origin` which page a request comes from.
 */

/** Who is let in beside this machine itself. */
export interface GuardOptions {
  /** Further host names, without a port. */
  allowedHosts: readonly string[];
  /**
   * Whether others than this machine are meant to reach it. Then addresses and
   * the machine's own name are good hosts: an address cannot be rebound.
   */
  open: boolean;
}

/** Why the request is refused, or `undefined` if it is not. */
export function refusal(
  headers: Headers,
  options: GuardOptions,
): string | undefined {
  const host = hostname(`http://${headers.get("host") ?? ""}`);
  if (host === undefined || !isAllowed(host, options)) {
    return "the Host header names another host than the dev platform's";
  }
  const origin = headers.get("origin");
  if (origin !== null) {
    const from = hostname(origin);
    return from !== undefined && isAllowed(from, options)
      ? undefined
      : "the Origin header names a foreign page";
  }
  // Without an Origin a page can still load this as an image, a script or a
  // frame. Following a link is fine.
  const foreign = headers.get("sec-fetch-site") === "cross-site" &&
    !(headers.get("sec-fetch-mode") === "navigate" &&
      headers.get("sec-fetch-dest") === "document");
  return foreign ? "the request comes from a foreign page" : undefined;
}

/** The host name of an http(s) origin and nothing else than an origin. */
function hostname(origin: string): string | undefined {
  // Parsed by the rules of a URL, a user name or path could pose as the host.
  if (!/^https?:\/\/[^/\\?#@\s]+$/i.test(origin)) return undefined;
  return URL.parse(origin)?.hostname;
}

function isAllowed(
  host: string,
  { allowedHosts, open }: GuardOptions,
): boolean {
  if (isLoopback(host) || allowedHosts.includes(host)) return true;
  return open &&
    (isAddress(host) || host === Deno.hostname().toLowerCase() ||
      host === `${Deno.hostname().toLowerCase()}.local`);
}

/** Whether `host` always means this very machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") ||
    host === "[::1]" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function isAddress(host: string): boolean {
  return host.startsWith("[") || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}
