/** Ports of the loopback interface. */
import { wait } from "../../net/wait.ts";

/** The two addresses at which a program on this machine may listen. */
export const LOOPBACK = ["127.0.0.1", "::1"] as const;

/** Ports given out and perhaps not in use yet, so that none is given out twice. */
const reserved = new Set<number>();

/** A port that is free now, kept from other callers until `release` is called. */
export interface ReservedPort {
  /** The number. */
  port: number;
  /** Gives the number back to {@linkcode reservePort}. */
  release: () => void;
}

/**
 * Asks the system for a free port. Another program may still take it before
 * its user does.
 */
export function reservePort(): ReservedPort {
  for (;;) {
    const listener = Deno.listen({ hostname: LOOPBACK[0], port: 0 });
    const { port } = listener.addr;
    listener.close();
    if (reserved.has(port)) continue;
    reserved.add(port);
    return { port, release: () => reserved.delete(port) };
  }
}

/** Whether somebody holds `port`, so that a program cannot listen on it. */
export function isTaken(port: number): boolean {
  try {
    // Most programs listen on all interfaces. Trying that elsewhere than on
    // Linux may make a firewall ask the user.
    const hostname = Deno.build.os === "linux" ? "0.0.0.0" : LOOPBACK[0];
    Deno.listen({ hostname, port }).close();
    return false;
  } catch {
    return true;
  }
}

/** Whether a program accepts connections at `hostname` and `port`. */
async function accepts(hostname: string, port: number): Promise<boolean> {
  try {
    using connection = await Deno.connect({ hostname, port });
    // A dial to a port of the ephemeral range on which nobody listens can be
    // given that very port as its source and meet itself.
    return connection.localAddr.port !== port;
  } catch {
    return false;
  }
}

/**
 * Waits until a program accepts connections on `port` and resolves with the
 * loopback address that answered. Rejects when `signal` aborts.
 */
export async function waitForPort(
  port: number,
  signal: AbortSignal,
): Promise<string> {
  const start = performance.now();
  for (let round = 0;; round++) {
    signal.throwIfAborted();
    if (await accepts(LOOPBACK[0], port)) return LOOPBACK[0];
    // Few programs listen there alone.
    if (round % 8 === 7 && await accepts(LOOPBACK[1], port)) return LOOPBACK[1];
    // Quick at first, since most backends start in tens of milliseconds, and
    // never later than a few percent of the time it has taken so far.
    const elapsed = performance.now() - start;
    await wait(Math.min(100, Math.max(2, elapsed * 0.02)), { signal });
  }
}
