/**
 * Detects connections that died silently: nothing arrived from the peer for longer than
 * a limit.
 */
import { onWake } from "./lifecycle.ts";
import { checkDuration, setTimer, type Timer } from "./timer.ts";

/** If a timer fires this late (ms), the machine slept or the event loop was blocked. */
const ASLEEP = 1_000;
/** How long (ms) the peer then gets, because frames may be queued behind the timer. */
const MOMENT = 1_000;

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
  #timer: Timer | undefined;
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
    if (!ask) return this.#arm(this.#limit, true);
    const half = this.#limit / 2;
    this.#arm(half, true, () => {
      this.#arm(half, true);
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
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sleep?.();
    this.#sleep = undefined;
  }

  /**
   * Unless the peer is heard within `ms`, calls `then`; by default, the silence is over
   * the limit. A `patient` timer that fires late grants one more moment, once.
   */
  #arm(ms: number, patient: boolean, then = () => this.#silent()): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    const due = this.#now() + ms;
    this.#timer = setTimer(() => {
      if (this.#heard) return this.restart();
      if (patient && this.#now() - due > ASLEEP) {
        return this.#arm(Math.min(MOMENT, this.#limit), false, then);
      }
      then();
    }, ms);
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
      if (this.stale) this.#arm(Math.min(MOMENT, this.#limit), false);
      return;
    }
    this.#heard = false;
    this.#arm(Math.min(probe, this.#limit), true);
    ask?.();
  }
}
