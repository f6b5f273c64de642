/** The other users, and where they point. */
import type { Presence } from "../../feed/feedme/mod.ts";
import type { BoardApi } from "./app.ts";
import { element, position, sheet } from "./dom.ts";
import { colorOf } from "./who.ts";

/** What a page says about its user. */
type Pointing = BoardApi["actions"]["point"]["args"]["data"];

const cursors = new Map<string, HTMLElement>();
let presence: Presence<Pointing> | undefined;

/** Follows the people of a board, or no longer follows those of the last one. */
export function usePresence(to?: Presence<Pointing>): void {
  presence = to;
  if (to) to.subscribe(showPeople);
  else showPeople();
}

/** Shows who is here, and where they point. */
function showPeople(): void {
  const { people = {}, me: you, stale } = presence?.getSnapshot() ?? {};
  const present = stale ? [] : Object.entries(people);
  const sorted = present.sort(([a], [b]) =>
    Number(b === you) - Number(a === you)
  );
  element("people").replaceChildren(...sorted.map(([id, { user }]) => {
    const item = document.createElement("li");
    const name = user ?? "somebody";
    item.textContent = name.slice(0, 2);
    item.title = id === you ? `${name} (you)` : name;
    item.className = id === you ? "you" : "";
    item.style.setProperty("--who", colorOf(name));
    return item;
  }));
  for (const id of [...cursors.keys()]) {
    if (stale || !people[id]) hideCursor(id);
  }
  for (const [id, { user, data: { at } }] of sorted) {
    if (at && id !== you) showCursor(id, user ?? "somebody", at.x, at.y);
  }
}

function showCursor(id: string, name: string, x: number, y: number): void {
  let cursor = cursors.get(id);
  if (!cursor) {
    cursor = document.createElement("div");
    cursor.className = "cursor";
    cursor.innerHTML =
      '<svg viewBox="0 0 18 18"><path d="M2 1l13 6-6 2-2 6z"/></svg>';
    const label = document.createElement("span");
    label.textContent = name;
    cursor.append(label);
    cursor.style.setProperty("--who", colorOf(name));
    cursors.set(id, cursor);
    sheet.append(cursor);
  }
  cursor.style.left = `${x * 100}%`;
  cursor.style.top = `${y * 100}%`;
}

function hideCursor(id: string): void {
  cursors.get(id)?.remove();
  cursors.delete(id);
}

sheet.addEventListener("pointermove", (event) => {
  presence?.set({ at: position(event) });
});
