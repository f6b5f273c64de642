/**
 * Reads the status directly while its stream is quiet.
 *
 * A quiet stream proves little. Platforms open a stream even for a backend that does
 * not exist. And Plane's streams occasionally miss a state: the ids of overlapping
 * events are committed out of order, and its notification loop skips some.
 */
import type { BackendState } from "../../types.ts";
import { setTimer, type Timer } from "../../net/timer.ts";
import type { StatusTracker } from "./tracker.ts";

/** In a transitional state, a pause is at most this many times `quiet`, plus jitter. */
const LONGEST = 10;
/** The factor by which each pause exceeds the previous one. */
const GROWTH = 1.5;
/** How much later than a reading an event may arrive, as a share of `quiet`. */
const GRACE = 0.3;
/** How many times the stream is reopened for a state that it missed. */
const CHANCES = 2;

/** What a {@linkcode StatusCheck} needs. */
export interface StatusCheckOptions {
  tracker: StatusTracker;
  /** Reads the status. */
  read(signal: AbortSignal): Promise<BackendState>;
  /** Whether streams of this platform miss states; if so, it is also asked at rest. */
  losesStates: boolean;
  /** Milliseconds after which a stream counts as quiet in a transitional state. */
  quiet: number;
  /** The same in a state that may last. */
  rest: number;
  /** Called when the backend is known to exist. */
  onKnown(): void;
  /**
   * Called when the stream missed a state. Must reopen the stream, which repeats all
   * states in order.
   */
  onMissed(): void;
  /** Called when reopening the stream did not deliver `state`. */
  onFound(state: BackendState): void;
  /** Called when the status could not be read. */
  onError(error: unknown): void;
}

/** Checks one backend's streams, one after the other. */
export class StatusCheck {
  readonly #options: StatusCheckOptions;
  /** Readings, and streams that missed a state, since the last new state. */
  #readings = 0;
  #misses = 0;
  #timer: Timer | undefined;
  /** When the timer fires. */
  #fires = 0;
  /** What it waits for: later than it fires if an event has arrived since it was set. */
  #wait: { job: () => void; ms: number; due: number } | undefined;
  #signal: AbortSignal | undefined;

  constructor(options: StatusCheckOptions) {
    this.#options = options;
  }

  /** A stream has opened; `signal` aborts when it ends. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    this.#after(this.#options.quiet, () => this.#check());
  }

  /** An event arrived; `news` is whether it brought a new state. */
  heard(news: boolean): void {
    if (news) this.#readings = this.#misses = 0;
    this.#again();
  }

  /** The stream has ended. */
  stop(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** A timer that fires earlier stays: setting a new one for each event is slow. */
  #after(ms: number, job: () => void): void {
    const due = Date.now() + ms;
    this.#wait = { job, ms, due };
    if (this.#timer !== undefined && this.#fires <= due) return;
    this.stop();
    this.#set(due, ms);
  }

  #set(due: number, ms: number): void {
    this.#fires = due;
    this.#timer = setTimer(() => {
      this.#timer = undefined;
      const wait = this.#wait!;
      const now = Date.now();
      // Not much longer if the clock has been set back.
      const left = Math.min(wait.due - now, wait.ms);
      if (left <= 0) return wait.job();
      wait.due = now + left;
      this.#set(wait.due, left);
    }, ms);
  }

  #again(): void {
    const { tracker, quiet, rest, losesStates } = this.#options;
    if (!tracker.passing && !losesStates) return this.stop();
    const growth = Math.min(LONGEST, GROWTH ** this.#readings);
    // With jitter, so that the clients of one platform do not ask in unison.
    const pause = Math.floor(quiet * growth * (1 + Math.random()));
    this.#after(tracker.passing ? pause : rest, () => this.#check());
  }

  async #check(): Promise<void> {
    const { tracker, quiet, read, onKnown, onError } = this.#options;
    const signal = this.#signal!;
    this.#readings++;
    let state: BackendState;
    try {
      state = await read(signal);
    } catch (error) {
      if (signal.aborted) return;
      onError(error);
      // Not if onError ended the stream, or if an event has arrived in the meantime.
      if (!signal.aborted && !this.#timer) this.#again();
      return;
    }
    if (signal.aborted) return;
    onKnown();
    if (this.#timer) return;
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
