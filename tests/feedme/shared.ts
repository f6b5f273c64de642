/** Recorded data beside the repository; a checkout may lack it. */

/** The parsed file, or `undefined` where it is missing. */
export function readShared<T>(path: string): T | undefined {
  const url = new URL(`../../../shared/data/${path}`, import.meta.url);
  try {
    return JSON.parse(Deno.readTextFileSync(url));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
