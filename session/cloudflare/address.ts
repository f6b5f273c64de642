/** How the engine addresses its calls to objects. */

/** The host that requests to an object are written to; it is never looked up. */
export const HOST = "https://durable-object.invalid";

/** The path of connect requests. */
export const CONNECT = "/v2/connect";

/** What the path of any other call asks of which backend. */
export function readPath(
  path: string,
): { backendId: string; action: string } | undefined {
  const [, id, action] = /^\/v2\/backend\/([^/]+)\/(.+)$/.exec(path) ?? [];
  if (id === undefined || action === undefined) return undefined;
  return { backendId: decodeURIComponent(id), action };
}
