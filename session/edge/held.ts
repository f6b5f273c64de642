/** A bounded map whose entries grow old: the least recently used one goes first. */

interface Entry<T> {
  value: T;
  expires: number;
  bytes: number;
}

/** Bounds of a {@linkcode HeldMap}. */
export interface HeldBounds {
  /** Entries. */
  max: number;
  /** Milliseconds for which an entry is held. */
  ttl: number;
  /** Bytes of all keys and values together. @default {32 MiB} */
  maxBytes?: number | undefined;
}

/**
 * Values by key. Times are passed in, in milliseconds. Whatever is old leaves
 * with the next call, so that nothing needs a timer: some runtimes have none
 * between two requests.
 */
export class HeldMap<T> {
  // A Map keeps the order of insertion, so a used entry is put in anew.
  readonly #used = new Map<string, Entry<T>>();
  /** The same, the oldest first: all live equally long. */
  readonly #aging = new Map<string, Entry<T>>();
  readonly #bounds: { max: number; ttl: number; maxBytes: number };
  #bytes = 0;

  constructor({ max, ttl, maxBytes = 32 * 1024 ** 2 }: HeldBounds) {
    this.#bounds = { max, ttl, maxBytes };
  }

  get size(): number {
    return this.#used.size;
  }

  get(key: string, now: number): T | undefined {
    this.#expire(now);
    const entry = this.#used.get(key);
    if (!entry) return undefined;
    this.#used.delete(key);
    this.#used.set(key, entry);
    return entry.value;
  }

  /** `bytes` are what the value takes, beside its key. */
  set(key: string, value: T, now: number, bytes = 0): void {
    const { max, ttl, maxBytes } = this.#bounds;
    this.#expire(now);
    this.#remove(key);
    // Two bytes for each character, and what a map needs for itself.
    const entry = {
      value,
      expires: now + ttl,
      bytes: 2 * key.length + bytes + 200,
    };
    this.#used.set(key, entry);
    this.#aging.set(key, entry);
    this.#bytes += entry.bytes;
    while (this.#used.size > max || this.#bytes > maxBytes) {
      const [oldest] = this.#used.keys();
      this.#remove(oldest!);
    }
  }

  /** Drops the entry, unless it is another one by now. */
  delete(key: string, value: T): void {
    if (this.#used.get(key)?.value === value) this.#remove(key);
  }

  #remove(key: string): void {
    const entry = this.#used.get(key);
    if (!entry) return;
    this.#used.delete(key);
    this.#aging.delete(key);
    this.#bytes -= entry.bytes;
  }

  /** Each entry is looked at once, when it goes, and the first that stays. */
  #expire(now: number): void {
    for (const [key, { expires }] of this.#aging) {
      if (expires > now) return;
      this.#remove(key);
    }
  }
}
