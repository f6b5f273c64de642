/**
 * Brings everything that the application is told into one order: first in,
 * first out, each in a microtask of its own, never within a call of a method.
 * So what waits for a promise continues before the next event is delivered.
 */
export class Queue {
  #jobs: (() => void)[] = [];
  #next = 0;
  #running = false;

  /** Calls `job`, which must not throw, after all that were added before. */
  add(job: () => void): void {
    this.#jobs.push(job);
    if (!this.#running) {
      this.#running = true;
      queueMicrotask(this.#run);
    }
  }

  readonly #run = (): void => {
    this.#jobs[this.#next++]!();
    if (this.#next < this.#jobs.length) {
      queueMicrotask(this.#run);
    } else {
      this.#jobs = [];
      this.#next = 0;
      this.#running = false;
    }
  };
}
