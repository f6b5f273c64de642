/** Elements of the page, and the message that shows for some seconds. */
import type { Place } from "./notes.ts";

/** The element with that id, which is in `page.html`. */
export const element = (id: string) => document.getElementById(id)!;
/** The same, for a button. */
export const button = (id: string) => element(id) as HTMLButtonElement;
/** What the notes are on. */
export const sheet = element("sheet");

/** Where a pointer is on the sheet, as fractions of its size. */
export function position(event: MouseEvent): Place {
  const box = sheet.getBoundingClientRect();
  return {
    x: (event.clientX - box.left) / box.width,
    y: (event.clientY - box.top) / box.height,
  };
}

let noticed: number | undefined;

/** Shows a message for some seconds. */
export function showNotice(text: string): void {
  element("notice").textContent = text;
  element("notice").hidden = false;
  clearTimeout(noticed);
  noticed = setTimeout(() => element("notice").hidden = true, 6_000);
}
