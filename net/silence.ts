/**
 * Finds connections that died without a word: nothing came from the peer for
 * longer than a limit.
 */
import { onWake } from "./lifecycle.ts";
import { checkDuration, setTimer, type Timer } from "./timer.ts";

/** A timer that fires this many milliseconds late was asleep, or kept waiting. */
const ASLEEP = 1_000;
/** How long (ms) the peer then has, as frames may be waiting behind the timer. */
const MOMENT = 1_000;

/** What a {@linkcode SilenceWatch} needs. */
export interface SilenceWatchOptions {
  /** The peer was silent for longer than the limit. The watch has stopped. */
  onSilence(): void;
  /**
   * How long (ms) the peer has to be heard from after each wake-up of the page.
   * Without it, a wake-up only matters if the limit has passed already.
   */
  probe?: number | undefined;
  /** Milliseconds since any fixed moment. @default {performance.now} */
  now?: (() => number) | undefined;
}

/**
 * Watches over a peer's silence. Each frame costs one assignment and no timer;
 * so silence is noticed between one and two times the limit after the last
 * frame, and exactly at the limit after the last `restart()`.
 */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  readonly #now: () => number;
  #limit = Infinity;
  #heard = false;
  /** Since when the present spell is watched. */
  #since = 0;
  #timer: Timer | undefined;
  #sleep: (() => void) | undefined;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Watches from now on. `limit` is in milliseconds; 0 and `Infinity` are none.
   *
   * @throws {RangeError} if `limit` is NaN or negative
   */
  start(limit: number): void {
    this.#limit = checkDuration("silence limit", limit) || Infinity;
    this.#sleep ??= onWake(() => this.#woken());
    this.restart();
  }

  /** The peer was heard just now, and the limit counts from here. */
  restart(): void {
    this.#heard = false;
    this.#since = this.#now();
    this.#arm(this.#limit, true);
  }

  /** The peer was heard. */
  heard(): void {
    this.#heard = true;
  }

  /** Whether the limit has passed in silence, though the timer has not fired yet. */
  get stale(): boolean {
    return !this.#heard && this.#now() - this.#since >= this.#limit;
  }

  /** Ends the watch. */
  stop(): void {
    // Not without need: their first mention makes Deno run microtasks.
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sleep?.();
    this.#sleep = undefined;
  }

  /** A `patient` timer that was asleep grants a moment more, once. */
  #arm(ms: number, patient: boolean): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    const due = this.#now() + ms;
    this.#timer = setTimer(() => {
      if (this.#heard) return this.restart();
      if (patient && this.#now() - due > ASLEEP) {
        return this.#arm(Math.min(MOMENT, this.#limit), false);
      }
      this.stop();
      this.#options.onSilence();
    }, ms);
  }

  #woken(): void {
    const { probe } = this.#options;
    if (this.#limit === Infinity) return;
    // A moment does not begin the spell anew: the connection stays stale.
    if (probe === undefined) {
      if (this.stale) this.#arm(Math.min(MOMENT, this.#limit), false);
      return;
    }
    this.#heard = false;
    this.#arm(Math.min(probe, this.#limit), true);
  }
}
