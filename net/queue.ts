import { notify } from "./report.ts";

/**
 * Calls the application's listeners in order: first in, first out, each in its
 * own microtask, never inside a method call. Code that awaits a promise therefore
 * continues before the next event is delivered.
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
