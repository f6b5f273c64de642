/** Ports of the loopback interface. */
import { wait } from "../../net/wait.ts";

/** The two addresses at which a program on this machine may listen. */
export const LOOPBACK = ["127.0.0.1", "::1"] as const;

/** Ports handed out but perhaps not in use yet, so that none is handed out twice. */
const reserved = new Set<number>();

/** A port that is free now, kept from other callers until `release` is called. */
export interface ReservedPort {
  /** The number. */
  port: number;
  /** Gives the number back to {@linkcode reservePort}. */
  release: () => void;
}

/** How many ports to request until the system returns one that is not reserved. */
const MAX_TRIES = 1000;

/**
 * Asks the system for a free port. Another program may still take it before it is used.
 *
 * @throws if no port is free
 */
export function reservePort(): ReservedPort {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const port = freePort();
    if (reserved.has(port)) continue;
    reserved.add(port);
    return { port, release: () => reserved.delete(port) };
  }
  throw new Error(NO_FREE_PORT);
}

const NO_FREE_PORT = "no free port on this machine: end some backends, or " +
  "other programs that hold many connections";

function freePort(): number {
  try {
    const listener = Deno.listen({ hostname: LOOPBACK[0], port: 0 });
    listener.close();
    return listener.addr.port;
  } catch (cause) {
    // The system's own message, "address in use", does not explain the cause.
    if ((cause as Error).name !== "AddrInUse") throw cause;
    throw new Error(NO_FREE_PORT, { cause });
  }
}

/** Whether `port` is in use, so that no other program can listen on it. */
export function isTaken(port: number): boolean {
  try {
    // Most programs listen on all interfaces. Trying that on systems other than Linux may
    // make a firewall prompt the user.
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
    // A connection to an unused ephemeral port can get that same port as its source, and
    // so connect to itself.
    return connection.localAddr.port !== port;
  } catch {
    return false;
  }
}

/** Whether a port that is in use here is closed at this machine's other addresses. */
export async function isLoopbackOnly(port: number): Promise<boolean> {
  const other = Deno.networkInterfaces().find(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.")
  );
  return other !== undefined && !await accepts(other.address, port);
}

/**
 * Waits until a program accepts connections on `port`; resolves with the loopback address
 * that accepted. Rejects when `signal` aborts.
 */
export async function waitForPort(
  port: number,
  signal: AbortSignal,
): Promise<string> {
  const start = performance.now();
  for (let round = 0;; round++) {
    signal.throwIfAborted();
    if (await accepts(LOOPBACK[0], port)) return LOOPBACK[0];
    // Few programs listen only there.
    if (round % 8 === 7 && await accepts(LOOPBACK[1], port)) return LOOPBACK[1];
    // Polls quickly at first, because most backends start in tens of milliseconds, and
    // later at a few percent of the elapsed time.
    const elapsed = performance.now() - start;
    await wait(Math.min(100, Math.max(2, elapsed * 0.02)), { signal });
  }
}
