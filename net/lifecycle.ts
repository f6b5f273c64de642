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
  const page = globalThis as Partial<Pick<EventTarget, "addEventListener">> & {
    document?: EventTarget & { visibilityState: string };
  };
  if (typeof page.addEventListener !== "function") return () => {};
  const controller = new AbortController();
  const { signal } = controller;
  page.addEventListener("online", () => listener(), { signal });
  page.addEventListener("pageshow", () => listener(), { signal });
  const { document } = page;
  document?.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") listener();
  }, { signal });
  return () => controller.abort();
}
