/** The notes on the sheet: what others do to them, and what this user does. */
import type {
  FeedEvents,
  FeedmeClient,
  FeedmeFeed,
} from "../../feed/feedme/mod.ts";
import type { BoardApi } from "./app.ts";
import { button, element, position, sheet, showNotice } from "./dom.ts";
import {
  apply,
  type Change,
  compose,
  diff,
  moved,
  SharedText,
  transform,
} from "./text.ts";
import { name } from "./who.ts";

type Client = FeedmeClient<BoardApi>;
type Feed = BoardApi["feeds"]["board"];
type Note = Feed["data"]["notes"][string];
/** Where something is on the sheet, as fractions of its size. */
export type Place = Pick<Note, "x" | "y">;
type BoardListener = (...happened: FeedEvents<Feed>["action"]) => void;
type ClientError = { code?: string };

/** This page's id in changes, so that it recognizes its own when the server returns them. */
const page = crypto.randomUUID();
/** Longest text of a note. The backend accepts more, as two users may write at once. */
const MAX_TEXT = 280;
/** How far an arrow key moves a note, as a fraction of the sheet. */
const STEP = 0.02;

/** One note on the sheet. */
interface Card {
  element: HTMLElement;
  /** The element that shows the text and lets the user edit it. */
  text: HTMLElement;
  shared: SharedText;
  /** The text that it shows. */
  shown: string;
  /** Changes of others that wait until an input method has finished. */
  unshown: Change | undefined;
  composing: boolean;
  x: number;
  y: number;
  held: boolean;
  /** Set while a move is being sent; `next` is the latest place since. */
  moving: { next?: Place } | undefined;
}

const cards = new Map<string, Card>();
let client: Client | undefined;
let board: FeedmeFeed<Feed> | undefined;

/** Begins to work on a board, or stops working on the last one. */
export function useBoard(
  to?: { client: Client; board: FeedmeFeed<Feed> },
): void {
  client = to?.client;
  board = to?.board;
}

/** How many notes there are. */
export const countNotes = (): string =>
  cards.size === 1 ? "1 note" : `${cards.size} notes`;

/** Takes all notes off the sheet. */
export function clearNotes(): void {
  for (const id of cards.keys()) remove(id);
}

/** Shows the notes of a board that has just been opened, or opened again. */
export function showBoard(): void {
  const { notes } = board!.data()!;
  for (const id of cards.keys()) if (!notes[id]) remove(id);
  for (const [id, note] of Object.entries(notes)) {
    const card = cards.get(id);
    if (!card) makeCard(id, note);
    else {
      put(card, note);
      showChange(card, card.shared.resume(note.text, note.revision));
      sendText(id, card);
    }
  }
  showHint();
}

/** Follows one change of the board. */
export const follow: BoardListener = (name, data, { notes }, _before) => {
  if (name === "came_back") return showBoard();
  const { id } = data;
  const note = notes[id];
  const card = cards.get(id);
  switch (name) {
    case "added":
      if (!card) makeCard(id, note!);
      else card.element.querySelector(".by")!.textContent = note!.by;
      break;
    case "moved":
      if (card && !card.held && !card.moving) put(card, note!);
      break;
    case "edited":
      if (!card) break;
      if (data.from === page) card.shared.agreed();
      else showChange(card, card.shared.receive(data.change));
      sendText(id, card);
      break;
    case "removed":
      remove(id);
  }
  showHint();
};

/** Applies another page's change to the text on this one. */
function showChange(card: Card, change: Change): void {
  card.unshown = card.unshown ? compose(card.unshown, change) : change;
  // An input method that writes a character in several steps loses its place
  // when the text around it is replaced.
  if (!card.composing) showUnshown(card);
}

function showUnshown(card: Card): void {
  const made = card.unshown;
  if (!made) return;
  card.unshown = undefined;
  const text = apply(card.shown, made);
  if (text === card.shown) return;
  const { text: field } = card;
  const selection = getSelection()!;
  const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
  const carets = document.activeElement === field && anchorNode && focusNode
    ? [
      moved(placeIn(field, anchorNode, anchorOffset), made),
      moved(placeIn(field, focusNode, focusOffset), made),
    ] as const
    : undefined;
  field.textContent = card.shown = text;
  if (!carets) return;
  const node = field.firstChild ?? field;
  selection.setBaseAndExtent(node, carets[0], node, carets[1]);
}

/** How many characters of `field` come before a place in it. */
function placeIn(field: HTMLElement, node: Node, offset: number): number {
  const range = document.createRange();
  range.setStart(field, 0);
  range.setEnd(node, offset);
  return range.toString().length;
}

/** Applies the user's edit. */
function takeInput(id: string, card: Card): void {
  const text = card.text.textContent!;
  if (text === card.shown) return;
  let change = diff(card.shown, text);
  card.shown = text;
  if (card.unshown) {
    const { unshown } = card;
    card.unshown = transform(unshown, change, "before");
    change = transform(change, unshown, "after");
  }
  card.shared.make(change);
  sendText(id, card);
}

function sendText(id: string, card: Card): void {
  const next = card.shared.send();
  if (!next) return;
  const args = { id, ...next, change: [...next.change], from: page };
  // Its backend has ended, and the page waits for the next.
  if (!client) return card.shared.lost();
  client.action("edit", args).catch((error: ClientError) => {
    // Without a connection, the change is kept and sent after the reconnect.
    if (error.code !== "REJECTED") return card.shared.lost();
    const note = board?.data()?.notes[id];
    if (!note) return;
    showNotice("Your last change could not be made.");
    card.shared = new SharedText(note.text, note.revision);
    card.unshown = undefined;
    showChange(card, diff(card.shown, note.text));
  });
}

/** Sends one move of a note at a time, and the latest place after it. */
async function move(id: string, card: Card, place: Place): Promise<void> {
  put(card, place);
  if (card.moving) return void (card.moving.next = place);
  const state = card.moving = { next: place } as { next?: Place };
  while (state.next) {
    const args = { id, ...state.next };
    delete state.next;
    await client?.action("move", args).catch(() => {});
  }
  card.moving = undefined;
}

function put(card: Card, { x, y }: Place): void {
  const within = (value: number) => Math.min(1, Math.max(0, value));
  Object.assign(card, { x: within(x), y: within(y) });
  card.element.style.left = `${card.x * 100}%`;
  card.element.style.top = `${card.y * 100}%`;
}

function remove(id: string): void {
  cards.get(id)?.element.remove();
  cards.delete(id);
  showHint();
}

function showHint(): void {
  element("hint").hidden = cards.size > 0;
}

function makeCard(id: string, note: Note): Card {
  const article = document.createElement("article");
  article.className = "note";
  article.tabIndex = 0;
  article.ariaLabel = `Note by ${note.by}. The arrow keys move it.`;
  article.style.setProperty("--paper", `var(--n${note.color})`);
  const text = document.createElement("div");
  text.contentEditable = "plaintext-only";
  text.role = "textbox";
  text.ariaLabel = "Text of the note";
  text.ariaMultiLine = "true";
  text.textContent = note.text;
  const by = document.createElement("span");
  by.className = "by";
  by.textContent = note.by;
  const close = document.createElement("button");
  close.className = "remove";
  close.textContent = "×";
  close.ariaLabel = "Remove this note";
  article.append(text, by, close);
  sheet.append(article);
  const card: Card = {
    element: article,
    text,
    shared: new SharedText(note.text, note.revision),
    shown: note.text,
    unshown: undefined,
    composing: false,
    x: note.x,
    y: note.y,
    held: false,
    moving: undefined,
  };
  cards.set(id, card);
  put(card, note);
  showHint();

  text.addEventListener("beforeinput", (event) => {
    const added = event.data ?? event.dataTransfer?.getData("text/plain") ?? "";
    const full = text.textContent!.length + added.length > MAX_TEXT;
    if (added && full && !event.isComposing) event.preventDefault();
  });
  text.addEventListener("input", () => takeInput(id, card));
  text.addEventListener("compositionstart", () => card.composing = true);
  text.addEventListener("compositionend", () => {
    card.composing = false;
    takeInput(id, card);
    showUnshown(card);
  });
  close.addEventListener("click", () => {
    client?.action("remove", { id }).catch(() => {});
    remove(id);
  });
  article.addEventListener("keydown", (event) => {
    if (event.target !== article) return;
    const [x, y] = ARROWS.get(event.key) ?? [];
    if (x === undefined || y === undefined) return;
    event.preventDefault();
    move(id, card, { x: card.x + x * STEP, y: card.y + y * STEP });
  });
  article.addEventListener("pointerdown", (event) => {
    if (event.target !== article && event.target !== by) return;
    article.setPointerCapture(event.pointerId);
    article.classList.add("held");
    card.held = true;
    const { x, y } = card;
    const grip = position(event);
    const drag = (event: PointerEvent) => {
      const now = position(event);
      move(id, card, { x: x + now.x - grip.x, y: y + now.y - grip.y });
    };
    article.addEventListener("pointermove", drag);
    article.addEventListener("lostpointercapture", () => {
      article.classList.remove("held");
      card.held = false;
      article.removeEventListener("pointermove", drag);
    }, { once: true });
  });
  return card;
}

const ARROWS = new Map([
  ["ArrowLeft", [-1, 0]],
  ["ArrowRight", [1, 0]],
  ["ArrowUp", [0, -1]],
  ["ArrowDown", [0, 1]],
]);

function add(x: number, y: number): void {
  const id = crypto.randomUUID();
  const color = Math.floor(Math.random() * 6);
  makeCard(id, { x, y, color, by: name, text: "", revision: 0 }).text.focus();
  client?.action("add", { id, x, y, color }).catch((error: ClientError) => {
    remove(id);
    showNotice(
      error.code === "REJECTED"
        ? "The board is full. Remove a note to make room."
        : "The note could not be added: the connection was lost.",
    );
  });
}

button("add").addEventListener(
  "click",
  () => add(0.2 + Math.random() * 0.6, 0.25 + Math.random() * 0.5),
);
sheet.addEventListener("dblclick", (event) => {
  const { x, y } = position(event);
  if (event.target === sheet && !button("add").disabled) add(x, y);
});
