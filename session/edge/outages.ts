/**
 * What failed is not tried again at once: after a few failures in a row the
 * pauses grow, and a `Retry-After` is kept. No I/O; times are passed in.
 */
import { ProxyError } from "../pass/failure.ts";
import { HeldMap } from "./held.ts";

/** Failures in a row before the first pause: a restart takes a moment. */
const FREE = 2;
/** Milliseconds of the first pause and of the longest. */
const FIRST = 500;
const LONGEST = 30_000;
/** Milliseconds for which a `Retry-After` is believed. */
const LONGEST_KEPT = 600_000;

interface Outage {
  failures: number;
  until: number;
  error: ProxyError;
}

/** The failures of one kind, by what failed. */
export class Outages {
  readonly #outages = new HeldMap<Outage>({ max: 10_000, ttl: LONGEST_KEPT });

  /**
   * @throws {ProxyError} with what failed before and the time until the next
   * attempt, while there is a pause
   */
  check(key: string, now: number): void {
    const outage = this.#outages.get(key, now);
    if (!outage || outage.until <= now) return;
    const { status, message } = outage.error;
    throw new ProxyError(status, `${message}; the edge tries again later`, {
      code: "NOT_CONNECTED",
      retryAfter: outage.until - now,
    });
  }

  /** One more failure; its `retryAfter` is kept. */
  failed(key: string, error: ProxyError, now: number): void {
    const failures = (this.#outages.get(key, now)?.failures ?? 0) + 1;
    const pause = failures <= FREE
      ? 0
      : Math.min(LONGEST, FIRST * 2 ** Math.min(failures - FREE - 1, 16));
    const asked = Math.min(error.retryAfter ?? 0, LONGEST_KEPT);
    const until = now + Math.max(pause, asked);
    this.#outages.set(key, { failures, until, error }, now);
  }

  /** It works. */
  succeeded(key: string, now: number): void {
    const outage = this.#outages.get(key, now);
    if (outage) this.#outages.delete(key, outage);
  }
}

/** Whether an error only repeats one that was reported. */
export function isPause(error: ProxyError): boolean {
  return error.code === "NOT_CONNECTED";
}
