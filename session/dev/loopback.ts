/**
 * Requests to this machine do not go through a company's HTTP proxy. With
 * `HTTP_PROXY` set Deno sends every request there, also those to `localhost`,
 * which the proxy then takes for itself or refuses.
 */

/** Variables that name a proxy, in capitals; they are read in lower case too. */
const PROXY = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
/** This machine, in the forms in which it stands in URLs. */
const LOOPBACK = "localhost,127.0.0.1,::1,[::1]";

/**
 * Adds this machine to `NO_PROXY` where a proxy is set. Deno reads the variables
 * once, with the first request of the process, so this has to come before it.
 */
export function exemptLoopback(env: Pick<Deno.Env, "get" | "set">): void {
  const get = (name: string) => env.get(name) || env.get(name.toLowerCase());
  if (!PROXY.some(get)) return;
  const given = [env.get("NO_PROXY"), env.get("no_proxy")];
  const list = [...new Set([...given, LOOPBACK].filter(Boolean))].join(",");
  env.set("NO_PROXY", list);
  env.set("no_proxy", list);
}
