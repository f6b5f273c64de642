/** Checks the numbers that an application configures, all in one way. */

/** What an option's number may be. */
export interface NumberRule {
  /** The least. @default {0} */
  least?: number;
  /** The most; without it, `Infinity` is allowed. @default {Infinity} */
  most?: number;
  /** Whether it must be whole. @default {false} */
  whole?: boolean;
  /** What it counts, for the message. */
  unit?: string;
}

/**
 * Returns `value` if it is a number that the rule allows. The message of an error names
 * the option.
 *
 * @throws {TypeError} if it is not a number: `"5" * 2` is 10, but `"5" + 2` is "52"
 * @throws {RangeError} if it is NaN or another number that the rule does not allow
 */
export function checkNumber(
  name: string,
  value: unknown,
  { least = 0, most = Infinity, whole = false, unit }: NumberRule = {},
): number {
  const isNumber = typeof value === "number";
  if (
    isNumber && value >= least && value <= most &&
    (!whole || value === Infinity || Number.isInteger(value))
  ) return value;
  const kind = `a ${whole ? "whole " : ""}number${unit ? ` of ${unit}` : ""}`;
  const range = most === Infinity
    ? `, ${least} or more, or Infinity`
    : ` from ${least} to ${most}`;
  const message = `${name} must be ${kind}${range}; got ${
    isNumber ? value : value === null ? "null" : typeof value
  }`;
  throw isNumber ? new RangeError(message) : new TypeError(message);
}
