/** The retry policy of the client's link. */
import type { LinkPolicy } from "../../../net/link.ts";
import type { FeedmeError } from "./errors.ts";
import type { Settings } from "./options.ts";

/** What the retry policy needs to know about a connection that ended. */
export interface Ended {
  /** Why; `undefined` if the application disconnected. */
  reason: FeedmeError | undefined;
  /** Whether the handshake had succeeded. */
  wasUp: boolean;
}

/**
 * The formula of feedme-client, with optional jitter: the first wait is
 * `connectRetryMs`, and each further one is longer by `connectRetryBackoffMs`, up to
 * `connectRetryMaxMs`.
 */
export function retryPolicy(settings: Settings): LinkPolicy<Ended> {
  return {
    delay(retries, { reason, wasUp }) {
      if (reason?.code !== "TIMEOUT" && reason?.code !== "TRANSPORT_FAILURE") {
        return undefined;
      }
      if (wasUp && !settings.reconnect) return undefined;
      const { connectRetryMs, connectRetryMaxAttempts: most } = settings;
      if (connectRetryMs < 0 || (most > 0 && retries >= most)) return undefined;
      const wait = Math.min(
        connectRetryMs + retries * settings.connectRetryBackoffMs,
        settings.connectRetryMaxMs,
      );
      return wait * (1 - settings.connectRetryJitter * Math.random());
    },
  };
}
