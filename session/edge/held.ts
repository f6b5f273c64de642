/** A bounded map whose entries grow old: the least recently used one goes first. */

interface Entry<T> {
  value: T;
  expires: number;
}

/**
 * Values by key, at most `max` of them, none older than `ttl` ms. Times are
 * passed in, in milliseconds. No operation looks at more than one entry.
 */
export class HeldMap<T> {
  // A Map keeps the order of insertion, so a used entry is put in anew.
  readonly #entries = new Map<string, Entry<T>>();
  readonly #max: number;
  readonly #ttl: number;

  constructor(max: number, ttl: number) {
    this.#max = max;
    this.#ttl = ttl;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string, now: number): T | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (entry.expires <= now) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: T, now: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, expires: now + this.#ttl });
    if (this.#entries.size > this.#max) {
      const [oldest] = this.#entries.keys();
      this.#entries.delete(oldest!);
    }
  }

  /** Drops the entry, unless it is another one by now. */
  delete(key: string, value: T): void {
    if (this.#entries.get(key)?.value === value) this.#entries.delete(key);
  }
}
