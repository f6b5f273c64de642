/** Waiting, on any runtime: for a condition, a time, microtasks, an end. */

/** Waits until the condition holds, for `ms` at most. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = String(condition),
  // Shorter than a conformance case may take, so that this error is reported.
  ms = 30_000,
): Promise<void> {
  const end = Date.now() + ms;
  while (!await condition()) {
    if (Date.now() > end) throw new Error(`still not so: ${what}`);
    await delay(5);
  }
}

/** Waits for a time. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Blocks the event loop for `ms`; never ends on workerd, whose clock stands still. */
export function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Lets everything run that waits for microtasks only; works with fake time. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}

/** Collects what an async iterable gives until it ends. */
export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}
