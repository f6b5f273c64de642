/**
 * Protects a program that listens on this machine from pages of other origins. `Host`
 * reveals whether a page reached it under the page's own host name (DNS rebinding), and
 * `Origin` which page a request comes from.
 */

/** Who may use the platform in addition to this machine. */
export interface GuardOptions {
  /** Additional host names, without a port. */
  allowedHosts: readonly string[];
  /**
   * Whether other machines may reach it. IP addresses and the machine's own name are then
   * allowed hosts, because an address cannot be rebound.
   */
  open: boolean;
}

/** The reason to refuse the request, or `undefined`. */
export function refusal(
  headers: Headers,
  options: GuardOptions,
): string | undefined {
  const host = hostname(`http://${headers.get("host") ?? ""}`);
  if (host === undefined) return "the Host header is missing or malformed";
  if (!isAllowed(host, options)) {
    return `the dev platform does not accept requests for host ${host}; ` +
      `start it with --allow-host ${host} to allow them`;
  }
  const origin = headers.get("origin");
  if (origin !== null) {
    const from = hostname(origin);
    if (from !== undefined && isAllowed(from, options)) return undefined;
    return "the dev platform refuses requests from pages of other origins: connect from " +
      "your server or through the edge route" +
      (from === undefined ? "" : `, or start it with --allow-host ${from}`);
  }
  // A page can load this without an Origin header, as an image, a script or a frame.
  // Following a link is allowed.
  const foreign = headers.get("sec-fetch-site") === "cross-site" &&
    !(headers.get("sec-fetch-mode") === "navigate" &&
      headers.get("sec-fetch-dest") === "document");
  return foreign
    ? "the dev platform refuses requests from pages of other origins"
    : undefined;
}

/** The host name of an http(s) origin; `undefined` for anything else. */
function hostname(origin: string): string | undefined {
  // Stricter than a URL parser, with which a user name or path could pose as the host.
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

/** Whether `host` always refers to this machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") ||
    host === "[::1]" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function isAddress(host: string): boolean {
  return host.startsWith("[") || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}
