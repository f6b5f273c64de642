/**
 * Keeps since when each backend had no connection, so that its idle limit goes on in a
 * later run of the platform.
 */
import type { Backend } from "./backend.ts";
import { after } from "./limits.ts";

/**
 * How long (ms) a backend must have been idle before that is written. Most backends that
 * are reached by single requests are in use again before, and cost no write.
 */
const SETTLED = 1000;

/** Writes idle times with `keep`: late that a backend is idle, at once that it is in use. */
export class IdleTimes implements Disposable {
  readonly #keep: (backend: Backend) => void;
  /** What was not written yet, by backend. */
  readonly #unwritten = new Map<string, { backend: Backend; cancel(): void }>();
  /** Which backends are idle as far as a later run knows. */
  readonly #idle = new Set<string>();
  #disposed = false;

  constructor(keep: (backend: Backend) => void) {
    this.#keep = keep;
  }

  /** To be called whenever a backend is written, whatever the reason. */
  wrote({ id, idleSince }: Backend): void {
    this.forget(id);
    if (idleSince !== undefined) this.#idle.add(id);
  }

  /** To be called when the number of a backend's connections has changed. */
  changed(backend: Backend): void {
    const { id, idleSince, spec } = backend;
    if (this.#disposed || spec.maxIdle === undefined) return;
    if (idleSince === undefined) {
      this.#unwritten.get(id)?.cancel();
      this.#unwritten.delete(id);
      // Otherwise a later run could end a backend that was in use a moment ago.
      if (this.#idle.has(id)) this.#write(backend);
    } else if (!this.#idle.has(id) && !this.#unwritten.has(id)) {
      const cancel = after(SETTLED, () => this.#write(backend));
      this.#unwritten.set(id, { backend, cancel });
    }
  }

  /** To be called when a backend is no longer kept. */
  forget(id: string): void {
    this.#unwritten.get(id)?.cancel();
    this.#unwritten.delete(id);
    this.#idle.delete(id);
  }

  /** Writes what is left; connections that are cut from now on leave a backend in use. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const { backend } of [...this.#unwritten.values()]) {
      this.#write(backend);
    }
  }

  #write(backend: Backend): void {
    this.#keep(backend);
    this.wrote(backend);
  }
}
