/** Values to expect, and how to take as many from a stream. */

/** Numbers from one to another. */
export const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** The next `count` values. */
export async function take<T>(
  values: AsyncIterator<T>,
  count: number,
): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) {
    const { value, done } = await values.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}
