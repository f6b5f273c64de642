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
  if (typeof page.addEventListener !== "function") return () => {};
  const wake = () => listener();
  const { document } = page;
  const visible = () => {
    if (document!.visibilityState === "visible") listener();
  };
  page.addEventListener("online", wake);
  page.addEventListener("pageshow", wake);
  document?.addEventListener("visibilitychange", visible);
  return () => {
    page.removeEventListener!("online", wake);
    page.removeEventListener!("pageshow", wake);
    document?.removeEventListener("visibilitychange", visible);
  };
}
