/**
 * Parses `Retry-After`, the time of the next attempt.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9110#field.retry-after}
 */

/**
 * Milliseconds until the time given by `Retry-After`, in seconds or as a date;
 * `undefined` if the header is missing or invalid. A date counts from the response's own
 * `Date` if there is one, so that the clocks need not agree.
 */
export function retryAfterOf(
  headers: Headers,
  now: number = Date.now(),
): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const until = parseDate(value);
  if (until === undefined) return undefined;
  const from = parseDate(headers.get("date") ?? "") ?? now;
  return Math.max(0, until - from);
}

/** Parses an HTTP date in any of its three forms; returns milliseconds since 1970. */
function parseDate(text: string): number | undefined {
  // "Sun, 06 Nov 1994 08:49:37 GMT" and "Sunday, 06-Nov-94 08:49:37 GMT"
  if (/^[A-Z][a-z]+, \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} [\d:]+ GMT$/.test(text)) {
    return toTime(Date.parse(text));
  }
  // "Sun Nov  6 08:49:37 1994" is UTC too, although it does not say so.
  if (/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]+ \d{4}$/.test(text)) {
    return toTime(Date.parse(`${text} GMT`));
  }
  return undefined;
}

function toTime(time: number): number | undefined {
  return Number.isNaN(time) ? undefined : time;
}
