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
  const { document } = page;
  const wake = () => listener();
  const look = () => {
    if (document!.visibilityState === "visible") listener();
  };
  page.addEventListener?.("online", wake);
  page.addEventListener?.("pageshow", wake);
  document?.addEventListener?.("visibilitychange", look);
  return () => {
    page.removeEventListener?.("online", wake);
    page.removeEventListener?.("pageshow", wake);
    document?.removeEventListener?.("visibilitychange", look);
  };
}
