/**
 * The recorded conversations and test vectors in `tests/data/`. They belong to
 * the repository: a missing file fails the tests that need it.
 */

/** The parsed JSON file at `path` below `tests/data/`. */
export function readData<T>(path: string): T {
  const url = new URL(`../data/${path}`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url));
}
