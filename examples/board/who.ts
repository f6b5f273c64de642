/** Which board the page shows, and as whom. */

const query = new URLSearchParams(location.search);
/** The board's name; empty if the address has an empty one. */
export const boardName = query.get("board")?.trim() ?? "plans";

const NAMES = ["Ada", "Grace", "Edsger", "Barbara", "Alan", "Radia", "Niklaus"];
/** Tabs of a browser take turns; each browser begins at random. */
export function nextName(): string {
  const turn = Number(
    localStorage.getItem("turn") ?? Math.floor(Math.random() * NAMES.length),
  );
  localStorage.setItem("turn", String(turn + 1));
  return NAMES[turn % NAMES.length]!;
}

/** The user's name in this tab, which the demo's edge trusts. */
export const name = query.get("as") ?? sessionStorage.getItem("name") ??
  nextName();
sessionStorage.setItem("name", name);

/** The board's path at the edge, with the user's name. */
export const at = (path: string) =>
  `/boards/${encodeURIComponent(boardName)}/${path}?as=${
    encodeURIComponent(name)
  }`;

/** A colour for a person that is the same in every tab. */
export function colorOf(name: string): string {
  const known = NAMES.indexOf(name);
  const place = known >= 0 ? known : name.length + name.charCodeAt(0);
  // Steps of the golden angle keep neighbours apart. White text can be read on each.
  return `hsl(${(place * 137.5 + 210) % 360} 50% 30%)`;
}
