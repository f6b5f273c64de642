import { notify } from "./report.ts";

/**
 * Brings everything that the application is told into one order: first in,
 * first out, each in a microtask of its own, never within a call of a method.
 * So what waits for a promise continues before the next event is delivered.
 */
export class Queue {
  #last: Promise<void> = Promise.resolve();

  /**
   * Calls `job` after all that were added before. What it throws is reported and
   * stops no other job; see `report.ts`.
   */
  add(job: () => void): void {
    this.#last = this.#last.then(() => notify(job));
  }
}
