/** Parses URLs that may be malformed. */

/**
 * Parses a URL, relative to `base` if given; returns `undefined` if it is invalid. Like
 * `URL.parse`, which browsers before 2024 lack.
 */
export function parseUrl(address: string, base?: string): URL | undefined {
  try {
    return new URL(address, base);
  } catch {
    return undefined;
  }
}
