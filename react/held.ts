/**
 * Something that runs while somebody holds it, and tells its listeners of changes.
 *
 * React lets go and takes hold again in one turn: StrictMode mounts every component
 * twice, Fast Refresh remounts it, and a new `key` replaces it. So it stops a microtask
 * after its last holder has let go, unless there is another by then.
 */
import { Listeners } from "../net/listeners.ts";

/** A resource of components, which rests while none of them is mounted. */
export class Held {
  readonly #start: () => void;
  readonly #stop: () => void;
  readonly #listeners = new Listeners();
  #holders = 0;
  #running = false;

  constructor(start: () => void, stop: () => void) {
    this.#start = start;
    this.#stop = stop;
  }

  /** Whether it runs. */
  get running(): boolean {
    return this.#running;
  }

  /**
   * Takes hold, and calls `listener` after each change; returns the function that lets
   * go, which may be called again.
   */
  readonly hold = (listener: () => void = () => {}): () => void => {
    this.#holders++;
    const remove = this.#listeners.add(listener);
    if (!this.#running) {
      this.#running = true;
      this.#start();
    }
    let holding = true;
    return () => {
      if (!holding) return;
      holding = false;
      this.#holders--;
      remove();
      queueMicrotask(() => {
        if (this.#holders > 0 || !this.#running) return;
        this.#running = false;
        this.#stop();
      });
    };
  };

  /** Tells the holders of a change. */
  notify(): void {
    this.#listeners.notify();
  }
}
