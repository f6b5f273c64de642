/** A bounded cache whose entries expire; the least recently used entry is evicted first. */

interface Entry<T> {
  value: T;
  expires: number;
  bytes: number;
}

/** The bounds of a {@linkcode HeldMap}. */
export interface HeldBounds {
  /** The most entries it holds. */
  max: number;
  /** How long an entry is held, in milliseconds. */
  ttl: number;
  /** The most bytes that all keys and values may take. @default {32 MiB} */
  maxBytes?: number | undefined;
}

/**
 * Values by key. Times are passed in, in milliseconds. Expired entries are removed on
 * the next call rather than by a timer, because some runtimes run no timers between
 * requests.
 */
export class HeldMap<T> {
  // A Map keeps insertion order, so an entry is inserted again when it is used.
  readonly #used = new Map<string, Entry<T>>();
  /** The same entries, oldest first; all have the same time to live. */
  readonly #aging = new Map<string, Entry<T>>();
  readonly #bounds: { max: number; ttl: number; maxBytes: number };
  #bytes = 0;
  /** Before this time nothing is old. */
  #soonest = Infinity;

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

  /** `bytes` is the size of the value, without its key. */
  set(key: string, value: T, now: number, bytes = 0): void {
    const { max, ttl, maxBytes } = this.#bounds;
    this.#expire(now);
    this.#remove(key);
    // Two bytes per character, plus the overhead of the map.
    const entry = {
      value,
      expires: now + ttl,
      bytes: 2 * key.length + bytes + 200,
    };
    this.#used.set(key, entry);
    this.#aging.set(key, entry);
    this.#bytes += entry.bytes;
    this.#soonest = Math.min(this.#soonest, entry.expires);
    while (this.#used.size > max || this.#bytes > maxBytes) {
      const [oldest] = this.#used.keys();
      this.#remove(oldest!);
    }
  }

  /** Removes the entry, unless it has been replaced since. */
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

  /** Removes expired entries; stops at the first that has not expired. */
  #expire(now: number): void {
    if (now < this.#soonest) return;
    this.#soonest = Infinity;
    for (const [key, { expires }] of this.#aging) {
      if (expires > now) {
        this.#soonest = expires;
        return;
      }
      this.#remove(key);
    }
  }
}
