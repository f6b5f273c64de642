/** The platform's two servers. */
import { FeedlineError, isFeedlineError } from "../../net/errors.ts";
import { isError } from "../../net/shape.ts";
import { LOOPBACK } from "./port.ts";

/** The platform could not be started. The message is one line. */
export class DevPlatformError extends FeedlineError<"DEV_PLATFORM"> {
  /** The name of the class. */
  override readonly name = "DevPlatformError";

  /** `options.cause` is the error that led to this one. */
  constructor(message: string, options?: ErrorOptions) {
    super("DEV_PLATFORM", message, options);
  }
}

/** Whether an error is a {@linkcode DevPlatformError}, from any copy of the package. */
export function isDevPlatformError(error: unknown): error is DevPlatformError {
  return isFeedlineError(error, "DEV_PLATFORM");
}

/** Whether an error is Deno's `AddrInUse`. */
export function isAddressInUse(error: unknown): boolean {
  return isError(error) && error.name === "AddrInUse";
}

/** A server that listens on one port at one or more addresses. */
export interface Server {
  /** The port. */
  port: number;
  /** Gives running responses a moment to finish, then ends everything. */
  close: () => Promise<void>;
}

/** How long running responses may take when the server closes, in milliseconds. */
const CLOSE_GRACE = 500;

/**
 * Serves `handler` at `host`; errors name `option`. `localhost` means both loopback
 * addresses, so that clients reach it whichever they resolve the name to.
 *
 * @throws {DevPlatformError} if it cannot listen there
 */
export function listen(
  host: string,
  option: "--port" | "--proxy-port",
  port: number,
  handler: Deno.ServeHandler,
): Server {
  const hostnames = host === "localhost" ? LOOPBACK : [host];
  const abort = new AbortController();
  const servers: Deno.HttpServer<Deno.NetAddr>[] = [];
  for (const hostname of hostnames) {
    try {
      servers.push(Deno.serve({
        hostname,
        port: servers[0]?.addr.port ?? port,
        signal: abort.signal,
        onListen: () => {},
      }, handler));
    } catch (error) {
      // A machine without IPv6 has only the first address.
      const missing = !isAddressInUse(error);
      if (missing && servers.length > 0) continue;
      abort.abort();
      // Another program uses the other address of the port that the system chose.
      if (!missing && port === 0) return listen(host, option, port, handler);
      throw new DevPlatformError(
        missing
          ? `cannot listen on ${host}:${port}: ${(error as Error).message}`
          : `port ${port} is in use, perhaps by another dev platform; ` +
            `choose another with ${option}, or 0 for any`,
        { cause: error },
      );
    }
  }
  return {
    port: servers[0]!.addr.port,
    async close() {
      const timer = setTimeout(() => abort.abort(), CLOSE_GRACE);
      await Promise.all(servers.map((server) => server.shutdown()));
      clearTimeout(timer);
      await Promise.all(servers.map((server) => server.finished));
    },
  };
}
