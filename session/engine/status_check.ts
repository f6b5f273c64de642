/**
 * Reads the status itself while its stream is quiet.
 *
 * A quiet stream proves little. Platforms open one for a backend that does not
 * exist. And Plane's streams miss a state now and then: ids of events that
 * overlap are committed out of order, and its notification loop skips them.
 */
import type { BackendState } from "../../types.ts";
import { setTimer, type Timer } from "../../net/timer.ts";
import type { StatusTracker } from "./tracker.ts";

/** No pause while a state passes is longer than this times `quiet`, plus jitter. */
const LONGEST = 10;
/** By how much each pause is longer than the one before. */
const GROWTH = 1.5;
/** The share of `quiet` that an event may take longer than a reading. */
const GRACE = 0.3;
/** So often the stream is opened anew for a state that it missed. */
const CHANCES = 2;

/** What a {@linkcode StatusCheck} needs. */
export interface StatusCheckOptions {
  tracker: StatusTracker;
  /** Reads the status. */
  read(signal: AbortSignal): Promise<BackendState>;
  /** Whether streams of this platform miss states. */
  losesStates: boolean;
  /** Milliseconds after which a stream is quiet while a state passes. */
  quiet: number;
  /** The same at rest. */
  rest: number;
  /** The backend exists. */
  onKnown(): void;
  /**
   * The stream missed a state, and is to be opened anew: that repeats all states
   * in order.
   */
  onMissed(): void;
  /** The stream missed `state` again and again. */
  onFound(state: BackendState): void;
  /** The status could not be read. */
  onError(error: unknown): void;
}

/** Checks one backend's streams, one after the other. */
export class StatusCheck {
  readonly #options: StatusCheckOptions;
  /** Readings, and streams that missed a state, since the last news. */
  #readings = 0;
  #misses = 0;
  #timer: Timer | undefined;
  #signal: AbortSignal | undefined;

  constructor(options: StatusCheckOptions) {
    this.#options = options;
  }

  /** A stream has opened; `signal` aborts when it is over. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    this.#after(this.#options.quiet, () => this.#check());
  }

  /** An event came, and with it perhaps a new state. */
  heard(news: boolean): void {
    if (news) this.#readings = this.#misses = 0;
    if (this.#options.losesStates) this.#again();
    else this.stop();
  }

  /** The stream is over. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #after(ms: number, job: () => void): void {
    this.stop();
    this.#timer = setTimer(() => {
      this.#timer = undefined;
      job();
    }, ms);
  }

  #again(): void {
    const { tracker, quiet, rest } = this.#options;
    const growth = Math.min(LONGEST, GROWTH ** this.#readings);
    // With jitter, so that the clients of one platform do not ask together.
    const pause = quiet * growth * (1 + Math.random());
    this.#after(tracker.passing ? pause : rest, () => this.#check());
  }

  async #check(): Promise<void> {
    const { tracker, losesStates, quiet, read, onKnown, onError } =
      this.#options;
    const signal = this.#signal!;
    this.#readings++;
    let state: BackendState;
    try {
      state = await read(signal);
    } catch (error) {
      if (signal.aborted) return;
      onError(error);
      // Unless that ended the stream, and unless an event has come meanwhile.
      if (!signal.aborted && losesStates && !this.#timer) this.#again();
      return;
    }
    if (signal.aborted) return;
    onKnown();
    if (!losesStates || this.#timer) return;
    if (!tracker.isNews(state)) return this.#again();
    // The event may be on its way.
    this.#after(quiet * GRACE, () => {
      if (!tracker.isNews(state)) this.#again();
      else if (this.#misses++ < CHANCES) this.#options.onMissed();
      else {
        this.#readings = this.#misses = 0;
        this.#options.onFound(state);
        if (!signal.aborted) this.#again();
      }
    });
  }
}
