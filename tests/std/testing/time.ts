/**
 * Stands in for `@std/testing/time` where JSR cannot be reached: the same
 * `FakeTime`, over the npm package `@sinonjs/fake-timers`.
 */
// @ts-types="npm:@types/sinonjs__fake-timers@15.0.1"
import { install, type InstalledClock } from "@sinonjs/fake-timers";

const realSetTimeout = globalThis.setTimeout;

let current: FakeTime | undefined;

/**
 * Refuses a delay that is not a number. `@std/testing` never fires such a timer,
 * platforms fire it at once: no test may depend on either.
 */
function refuseNaN(name: "setTimeout" | "setInterval"): void {
  type Set = (listener: () => void, delay?: number, ...rest: []) => number;
  const set = globalThis[name] as unknown as Set;
  const checked: Set = (listener, delay, ...rest) => {
    if (Number.isNaN(delay)) {
      throw new TimeError(`${name} was handed NaN as its delay`);
    }
    return set(listener, delay, ...rest);
  };
  Object.assign(globalThis, { [name]: checked });
}

export class TimeError extends Error {
  override name = "TimeError";
}

/** Replaces `Date` and the global timers until restored or disposed. */
export class FakeTime {
  #clock: InstalledClock;

  constructor(start?: number | string | Date | null) {
    if (current) throw new TimeError("Time is already faked");
    this.#clock = install({
      now: new Date(start ?? Date.now()).valueOf(),
      toFake: [
        "Date",
        "setTimeout",
        "clearTimeout",
        "setInterval",
        "clearInterval",
      ],
    });
    refuseNaN("setTimeout");
    refuseNaN("setInterval");
    current = this;
  }

  get now(): number {
    return this.#clock.now;
  }

  tick(ms = 0): void {
    this.#clock.tick(ms);
  }

  /** As in `@std/testing`: what waits for no timer runs first, then all due timers. */
  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.#clock.tick(ms);
  }

  next(): boolean {
    const pending = this.#clock.countTimers() > 0;
    this.#clock.next();
    return pending;
  }

  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  async runAllAsync(): Promise<void> {
    while (this.#clock.countTimers() > 0) await this.nextAsync();
  }

  async runMicrotasks(): Promise<void> {
    await this.delay(0);
  }

  /** Waits in real time. */
  async delay(ms: number): Promise<void> {
    await new Promise((resolve) => realSetTimeout(resolve, ms));
  }

  restore(): void {
    if (current !== this) throw new TimeError("Time is already restored");
    this.#clock.uninstall();
    current = undefined;
  }

  [Symbol.dispose](): void {
    if (current === this) this.restore();
  }
}
