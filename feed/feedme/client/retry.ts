/** When to try to connect again. */
import { onWake } from "../../../net/lifecycle.ts";
import type { Settings } from "./options.ts";
import { setTimer } from "../../../net/timer.ts";

/** Calls `dial` after the waits that the options prescribe. */
export class Retry {
  readonly #settings: Settings;
  readonly #dial: () => void;
  /** Retries since the last success, or since the application connected. */
  #count = 0;
  #stop: (() => void) | undefined;

  constructor(settings: Settings, dial: () => void) {
    this.#settings = settings;
    this.#dial = dial;
  }

  /** Counts from the beginning. */
  reset(): void {
    this.#count = 0;
  }

  /** An attempt has failed: waits for the next, if there is to be one. */
  schedule(): void {
    const {
      connectRetryMs,
      connectRetryBackoffMs,
      connectRetryMaxMs,
      connectRetryMaxAttempts: most,
      connectRetryJitter,
    } = this.#settings;
    if (connectRetryMs < 0 || (most > 0 && this.#count >= most)) return;
    const wait = Math.min(
      connectRetryMs + this.#count++ * connectRetryBackoffMs,
      connectRetryMaxMs,
    );
    const timer = setTimer(
      this.#dial,
      wait * (1 - connectRetryJitter * Math.random()),
    );
    // The network is back, or somebody looks again: no reason to wait longer.
    const sleep = onWake(this.#dial);
    this.#stop = () => {
      clearTimeout(timer);
      sleep();
    };
  }

  /** Gives up the attempt that is pending; tells whether one was. */
  cancel(): boolean {
    const stop = this.#stop;
    this.#stop = undefined;
    stop?.();
    return stop !== undefined;
  }
}
