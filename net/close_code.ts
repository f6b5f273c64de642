/** Close codes of WebSockets. */

/**
 * The code to close a socket with if it refuses to send `code` itself: the browsers'
 * WebSocket API, which Deno and Node follow, sends only 1000 and 3000–4999.
 *
 * `1001` (a page went away) becomes `1000`, a normal end; other codes are shifted by
 * 3000 into the range for private use, e.g. `1011` to `4011`. `undefined` means to close
 * without a code.
 */
export function sendableCode(code: number): number | undefined {
  if (code === 1001) return 1000;
  if (code > 1001 && code < 1016) return code + 3000;
  return undefined;
}

/** The longest close reason that fits a close frame, in bytes of UTF-8 (RFC 6455, section 5.5). */
export const LONGEST_REASON = 123;

/**
 * Truncates a close reason to what a close frame can carry: at most 123 bytes of UTF-8,
 * without splitting a character. With a longer one, `WebSocket.close` throws and leaves
 * the socket open, or loses the close code.
 */
export function fitReason(reason: string): string {
  const fitted = new Uint8Array(LONGEST_REASON);
  // `encodeInto` writes only whole code points, and stops when the next does not fit.
  const { read } = new TextEncoder().encodeInto(reason, fitted);
  return reason.slice(0, read);
}

/**
 * The close code of a close event. If a connection is lost, Deno reports 0 and React
 * Native nothing.
 */
export function receivedCode(code: number | undefined): number {
  return code === 0 ? 1006 : code ?? 1005;
}
