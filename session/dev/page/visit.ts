/** Looks whether a backend answers over HTTP, before a browser is sent there. */

/** How long (ms) a backend may take to answer. */
const LIMIT = 3000;

/**
 * Why a browser would show no page at `address`, or `undefined` if it would. Asks with
 * HEAD, which must change nothing (RFC 9110, section 9.2.1).
 */
export async function whyNoPage(
  address: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { status, body } = await fetch(`http://${address}/`, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT)]),
    });
    await body?.cancel();
    // 405 and 501 refuse the method and not the page.
    if (status === 426) return "it speaks only WebSockets (HTTP 426)";
    if (status < 500 || status === 501) return undefined;
    return `it answers HTTP ${status} at /, as one that speaks only WebSockets may`;
  } catch {
    return "it does not answer over HTTP";
  }
}
