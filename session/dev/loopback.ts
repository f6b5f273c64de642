/**
 * Keeps requests to this machine from going through an HTTP proxy. With `HTTP_PROXY` set,
 * Deno sends every request there, even those to `localhost`, which the proxy then
 * resolves to itself or refuses.
 */

/** The variables that set a proxy; they are read in lower case too. */
const PROXY = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
/** The names of this machine in URLs. */
const LOOPBACK = "localhost,127.0.0.1,::1,[::1]";

/**
 * Adds this machine to `NO_PROXY` if a proxy is set. Deno reads the variables once, on the
 * first request of the process, so call this before it.
 */
export function exemptLoopback(env: Pick<Deno.Env, "get" | "set">): void {
  const get = (name: string) => env.get(name) || env.get(name.toLowerCase());
  if (!PROXY.some(get)) return;
  const given = [env.get("NO_PROXY"), env.get("no_proxy")];
  const list = [...new Set([...given, LOOPBACK].filter(Boolean))].join(",");
  env.set("NO_PROXY", list);
  env.set("no_proxy", list);
}
