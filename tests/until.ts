/** Waiting for what no event tells; on any runtime. */

/** Asks until the answer is yes, for `ms` at most. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = String(condition),
  // Shorter than a conformance case may take, so that this error is told.
  ms = 15_000,
): Promise<void> {
  const end = Date.now() + ms;
  while (!await condition()) {
    if (Date.now() > end) throw new Error(`still not so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
