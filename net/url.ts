/** Addresses that may be malformed. */

/**
 * Parses an address, relative to `base` if there is one. Like `URL.parse`, which
 * browsers before 2024 do not have.
 */
export function parseUrl(address: string, base?: string): URL | undefined {
  try {
    return new URL(address, base);
  } catch {
    return undefined;
  }
}
