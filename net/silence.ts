/**
 * Detects connections that died silently: nothing arrived from the peer for longer than
 * a limit.
 */
import { onWake } from "./lifecycle.ts";
import { checkDuration, setLimit } from "./timer.ts";

/** How long (ms) a stale peer gets after a wake-up: frames may be queued behind it. */
const MOMENT = 1_000;

/** When a connection counts as dead. A plain value; both in milliseconds. */
export interface Liveness {
  /** The longest silence. The peer is asked for a sign of life in the middle of it. */
  readonly limit: number;
  /** The longest silence after a wake-up of the page, which asks at once. */
  readonly probe: number;
}

/**
 * Detects a dead connection within 25 s: one period of up to half of the limit in which
 * the peer was last heard, and then the limit.
 */
export const LIVENESS: Liveness = { limit: 15_000, probe: 5_000 };

/** What a {@linkcode SilenceWatch} needs. */
export interface SilenceWatchOptions {
  /** Called when the peer was silent for longer than the limit. The watch has stopped. */
  onSilence(): void;
  /**
   * Asks the peer for a sign of life: called when it was silent for half of the limit,
   * and at each wake-up with `probe`. Without it, the peer must speak by itself.
   */
  ask?: (() => void) | undefined;
  /**
   * How long (ms) the peer may stay silent after each wake-up of the page. Without it, a
   * wake-up only matters if the limit has already passed.
   */
  probe?: number | undefined;
  /** Milliseconds since any fixed moment. @default {performance.now} */
  now?: (() => number) | undefined;
}

/**
 * Watches for a peer's silence. Each frame costs one assignment and no timer, so silence
 * is detected between one and two times the limit after the last frame, and exactly at
 * the limit after the last `restart()`.
 */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  readonly #now: () => number;
  #limit = Infinity;
  #heard = false;
  /** When the current period started. */
  #since = 0;
  /** Ends the current time limit. */
  #unset: (() => void) | undefined;
  #sleep: (() => void) | undefined;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Watches from now on. `limit` is in milliseconds; 0 and `Infinity` mean no limit.
   *
   * @throws {RangeError} if `limit` is NaN or negative
   */
  start(limit: number): void {
    this.#limit = checkDuration("silence limit", limit) || Infinity;
    this.#sleep ??= onWake(() => this.#woken());
    this.restart();
  }

  /** The peer was heard, and the limit counts from now. */
  restart(): void {
    this.#heard = false;
    this.#since = this.#now();
    const { ask } = this.#options;
    if (!ask) return this.#arm(this.#limit);
    const half = this.#limit / 2;
    this.#arm(half, () => {
      this.#arm(half);
      ask();
    });
  }

  /** The peer was heard. */
  heard(): void {
    this.#heard = true;
  }

  /** Whether the limit has passed in silence, even if the timer has not fired yet. */
  get stale(): boolean {
    return !this.#heard && this.#now() - this.#since >= this.#limit;
  }

  /** Ends the watch. */
  stop(): void {
    // Only if needed: their first use makes Deno run microtasks.
    this.#unset?.();
    this.#unset = undefined;
    this.#sleep?.();
    this.#sleep = undefined;
  }

  /**
   * Unless the peer is heard within `ms`, calls `then`; by default, the silence is over
   * the limit.
   */
  #arm(ms: number, then = () => this.#silent()): void {
    this.#unset?.();
    const judge = () => this.#heard ? this.restart() : then();
    this.#unset = setLimit(judge, ms, this.#options.now);
  }

  #silent(): void {
    this.stop();
    this.#options.onSilence();
  }

  #woken(): void {
    const { ask, probe } = this.#options;
    if (this.#limit === Infinity) return;
    // The moment does not start a new period: the connection stays stale.
    if (probe === undefined) {
      if (this.stale) this.#arm(Math.min(MOMENT, this.#limit));
      return;
    }
    this.#heard = false;
    this.#arm(Math.min(probe, this.#limit));
    ask?.();
  }
}
