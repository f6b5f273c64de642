/** The retry policy of the client's link. */
import { isUnsupported } from "../../../net/dial.ts";
import type { LinkPolicy } from "../../../net/link.ts";
import type { FeedmeError } from "./errors.ts";
import type { Settings } from "./options.ts";

/** What the retry policy needs to know about a connection that ended. */
export interface Ended {
  /** Why; `undefined` if the application disconnected. */
  reason: FeedmeError | undefined;
  /** Whether the handshake had succeeded. */
  wasUp: boolean;
  /** Whether it had, and the connection was then lost rather than closed. */
  lost: boolean;
}

/**
 * The formula of feedme-client, with optional jitter: the first wait is
 * `connectRetryMs`, and each further one is longer by `connectRetryBackoffMs`, up to
 * `connectRetryMaxMs`. After a lost connection, the first attempt is immediate, but with
 * jitter it comes at a random moment within the share of the first wait.
 */
export function retryPolicy(
  settings: Settings,
  random: () => number = Math.random,
): LinkPolicy<Ended> {
  return {
    delay(retries, { reason, wasUp, lost }) {
      if (reason?.code !== "TIMEOUT" && reason?.code !== "TRANSPORT_FAILURE") {
        return undefined;
      }
      if (isUnsupported(Object(reason.transportError).cause)) return undefined;
      if (wasUp && !settings.reconnect) return undefined;
      const { connectRetryMs, connectRetryMaxAttempts: most } = settings;
      if (lost) {
        const window = Math.max(0, connectRetryMs);
        return window * settings.connectRetryJitter * random();
      }
      if (connectRetryMs < 0 || (most > 0 && retries >= most)) return undefined;
      const wait = Math.min(
        connectRetryMs + retries * settings.connectRetryBackoffMs,
        settings.connectRetryMaxMs,
      );
      return wait * (1 - settings.connectRetryJitter * random());
    },
  };
}
