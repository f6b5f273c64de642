/** Close codes of WebSockets. */

/**
 * The code to close a socket with where it refuses to send `code` itself:
 * browsers' WebSocket API, which Deno and Node keep to, sends 1000 and
 * 3000–4999 only.
 *
 * `1001` (a page went away) becomes `1000`, a normal end; other codes move by
 * 3000 into the range for private use, `1011` to `4011`. `undefined` means to
 * close without a code.
 */
export function sendableCode(code: number): number | undefined {
  if (code === 1001) return 1000;
  if (code > 1001 && code < 1016) return code + 3000;
  return undefined;
}
