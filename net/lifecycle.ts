/**
 * The moments at which a page may have got its network back: `online`,
 * `pageshow` (from the back/forward cache) and becoming visible. Where there is no
 * page (Deno, Workers, Node, Bun) none of them ever comes.
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
