/** Checks limits that the application configures. */

/**
 * Checks a limit: a number, 0 or more, or `Infinity`.
 * @throws {RangeError} if it is anything else; the message names the option
 */
export function checkSize(name: string, value: unknown): void {
  if (value === undefined || typeof value === "number" && value >= 0) return;
  throw new RangeError(
    `${name} must be a number, 0 or more, or Infinity; got ${
      typeof value === "number" ? value : typeof value
    }`,
  );
}
