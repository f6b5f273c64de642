/**
 * A circuit breaker: after a few failures in a row, attempts are paused for growing
 * intervals, and `Retry-After` is respected. No I/O; times are passed in.
 */
import { ProxyError } from "../pass/failure.ts";
import { HeldMap } from "./held.ts";

/** Failures in a row before the first pause, because a restart takes a moment. */
const FREE = 2;
/** The first and the longest pause, in milliseconds. */
const FIRST = 500;
const LONGEST = 30_000;
/** The longest `Retry-After` that is respected, in milliseconds. */
const LONGEST_KEPT = 600_000;

interface Outage {
  failures: number;
  until: number;
  error: ProxyError;
}

/** The outages of one kind, by key. */
export class Outages {
  readonly #outages = new HeldMap<Outage>({ max: 10_000, ttl: LONGEST_KEPT });

  /**
   * @throws {ProxyError} during a pause, with the last failure and the time until the
   * next attempt
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

  /** Records a failure, and respects its `retryAfter`. */
  failed(key: string, error: ProxyError, now: number): void {
    const failures = (this.#outages.get(key, now)?.failures ?? 0) + 1;
    const pause = failures <= FREE
      ? 0
      : Math.min(LONGEST, FIRST * 2 ** Math.min(failures - FREE - 1, 16));
    const asked = Math.min(error.retryAfter ?? 0, LONGEST_KEPT);
    const until = now + Math.max(pause, asked);
    this.#outages.set(key, { failures, until, error }, now);
  }

  /** Records a success, which ends the outage. */
  succeeded(key: string, now: number): void {
    const outage = this.#outages.get(key, now);
    if (outage) this.#outages.delete(key, outage);
  }
}

/** Whether an error only repeats one that was already reported. */
export function isPause(error: ProxyError): boolean {
  return error.code === "NOT_CONNECTED";
}
