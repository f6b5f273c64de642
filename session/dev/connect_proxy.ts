/**
 * The connection proxy: the gate in front of this platform's backends, for requests of
 * allowed hosts and origins.
 */
import { createGate, type Gate, type GateShellOptions } from "../gate.ts";
import { ProxyError } from "../pass/failure.ts";
import { type GuardOptions, refusal } from "./guard.ts";
import type { Registry } from "./registry.ts";

/** Options of {@linkcode createConnectProxy}. */
export interface ConnectProxyOptions
  extends Pick<GateShellOptions, "signal" | "onRefused" | "onRequest"> {
  /** The backends. */
  registry: Registry;
  /** Decides who may reach them. */
  gate: Gate;
  /** Which hosts and origins may use the proxy; without it, all of them. */
  guard: GuardOptions | undefined;
}

/** Creates the handler of the proxy's server. */
export function createConnectProxy(
  { registry, guard, ...options }: ConnectProxyOptions,
): Deno.ServeHandler {
  const { fetch } = createGate({
    ...options,
    refuse: guard && ((request) => refusal(request.headers, guard)),
    async reach({ backendId }, signal) {
      // An early request waits until the backend listens.
      const address = await registry.get(backendId)?.reach(signal);
      if (address === undefined) {
        throw new ProxyError(410, "the backend is ending or has ended");
      }
      return { origin: `http://${address}` };
    },
  });
  return (request) => fetch(request);
}
