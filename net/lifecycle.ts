/**
 * The moments at which a page may have regained its network: `online`, `pageshow` (from
 * the back/forward cache) and becoming visible. Without a page (Deno, Workers, Node, Bun)
 * none of them occurs.
 */

/**
 * Calls `listener` at each of those moments until the returned function is
 * called.
 */
export function onWake(listener: () => void): () => void {
  const page = globalThis as Partial<EventTarget> & {
    document?: EventTarget & { visibilityState: string };
  };
  const stop = new AbortController();
  const { signal } = stop;
  const { document } = page;
  const wake = () => listener();
  page.addEventListener?.("online", wake, { signal });
  page.addEventListener?.("pageshow", wake, { signal });
  document?.addEventListener?.("visibilitychange", () => {
    if (document.visibilityState === "visible") listener();
  }, { signal });
  return () => stop.abort();
}
