/**
 * The connection proxy: the gate in front of this platform's backends, for requests of
 * allowed hosts and origins.
 */
import { createGate, type Gate, type GateShellOptions } from "../gate.ts";
import { ProxyError } from "../pass/failure.ts";
import { type GuardOptions, refusal } from "./guard.ts";
import { isUsable } from "./lifecycle.ts";
import type { Registry } from "./registry.ts";

/** Options of {@linkcode createConnectProxy}. */
export interface ConnectProxyOptions
  extends Pick<GateShellOptions, "signal" | "onRefused"> {
  /** The backends. */
  registry: Registry;
  /** Decides who may reach them. */
  gate: Gate;
  /** Which hosts and origins may use the proxy. */
  guard: GuardOptions;
}

/** Creates the handler of the proxy's server. */
export function createConnectProxy(
  { registry, guard, ...options }: ConnectProxyOptions,
): Deno.ServeHandler {
  const { fetch } = createGate({
    ...options,
    refuse: (request) => refusal(request.headers, guard),
    async reach({ backendId }, signal) {
      const backend = registry.get(backendId);
      // An early request waits until the backend listens.
      const state = await backend?.life.reached(
        ({ status }) => status === "ready" || status === "terminating",
        signal,
      );
      if (!backend?.address || !state || !isUsable(state)) {
        throw new ProxyError(410, "the backend is ending or has ended");
      }
      return { origin: `http://${backend.address}` };
    },
  });
  return (request) => fetch(request);
}
