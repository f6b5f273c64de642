/**
 * The page of the board. It knows one URL, the edge route. There it gets a connect
 * response without tokens, and everything else goes through that route.
 */
import { SessionBackend } from "../../client.ts";
import {
  type FeedEvents,
  type FeedmeClient,
  feedmeClient,
  type FeedmeFeed,
  joinPresence,
  type Presence,
  webSocketTransport,
} from "../../feed/feedme/mod.ts";
import type { BackendState } from "../../types.ts";
import type { BoardApi } from "./app.ts";
import {
  apply,
  type Change,
  compose,
  diff,
  moved,
  SharedText,
  transform,
} from "./text.ts";

type Client = FeedmeClient<BoardApi>;
type Feed = BoardApi["feeds"]["board"];
type Note = Feed["data"]["notes"][string];
type Place = Pick<Note, "x" | "y">;
type BoardListener = (...happened: FeedEvents<Feed>["action"]) => void;
type ClientError = { code?: string };
/** What a page says about its user. */
type Pointing = BoardApi["actions"]["point"]["args"]["data"];

const element = (id: string) => document.getElementById(id)!;
const button = (id: string) => element(id) as HTMLButtonElement;
const sheet = element("sheet");

const query = new URLSearchParams(location.search);
const boardName = query.get("board") || "plans";
// A name for this tab, which the demo's edge trusts.
const NAMES = ["Ada", "Grace", "Edsger", "Barbara", "Alan", "Radia", "Niklaus"];
/** Tabs of a browser take turns; each browser begins at random. */
function nextName(): string {
  const turn = Number(
    localStorage.getItem("turn") ?? Math.floor(Math.random() * NAMES.length),
  );
  localStorage.setItem("turn", String(turn + 1));
  return NAMES[turn % NAMES.length]!;
}
const name = query.get("as") ?? sessionStorage.getItem("name") ?? nextName();
sessionStorage.setItem("name", name);

/** The board's path at the edge, with the user's name. */
const at = (path: string) =>
  `/boards/${encodeURIComponent(boardName)}/${path}?as=${
    encodeURIComponent(name)
  }`;

element("board").textContent = boardName;
document.title = `${boardName} · Feedline board`;

/** A colour for a person that is the same in every tab. */
function colorOf(name: string): string {
  const known = NAMES.indexOf(name);
  const place = known >= 0 ? known : name.length + name.charCodeAt(0);
  // Steps of the golden angle keep neighbours apart.
  return `hsl(${(place * 137.5 + 210) % 360} 50% 42%)`;
}

// The backend's status, step by step.

const STEPS = ["scheduled", "loading", "starting", "waiting", "ready"];
let states: BackendState[] = [];

function showSteps(): void {
  const first = states[0] && Date.parse(states[0].time);
  const seen = new Map<string, BackendState>(
    states.map((state) => [state.status, state]),
  );
  const ends = states.map(({ status }) => status)
    .filter((status) => !STEPS.includes(status));
  element("steps").replaceChildren(...[...STEPS, ...ends].map((status) => {
    const item = document.createElement("li");
    const dot = document.createElement("span");
    dot.className = "dot";
    const state = seen.get(status);
    item.className = STEPS.includes(status) ? state ? "done" : "" : "bad";
    item.append(dot, status);
    if (state && first !== undefined) {
      const time = document.createElement("small");
      const ms = Math.max(0, Date.parse(state.time) - first);
      time.textContent = ms < 10_000 ? `${ms} ms` : `${Math.round(ms / 1e3)} s`;
      item.append(time);
    }
    return item;
  }));
}

function showOver(title: string, text: string, again = false): void {
  element("title").textContent = title;
  element("text").textContent = text;
  element("again").hidden = !again;
  element("over").hidden = false;
  if (again) element("again").focus();
}

// The notes.

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
let board: FeedmeFeed<BoardApi["feeds"]["board"]> | undefined;

/** Shows the notes of a board that has just been opened, or opened again. */
function showBoard(): void {
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
const follow: BoardListener = (name, data, { notes }, _before) => {
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

let noticed: number | undefined;
/** Shows a message for some seconds. */
function showNotice(text: string): void {
  element("notice").textContent = text;
  element("notice").hidden = false;
  clearTimeout(noticed);
  noticed = setTimeout(() => element("notice").hidden = true, 6_000);
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

function position(event: MouseEvent): Place {
  const box = sheet.getBoundingClientRect();
  return {
    x: (event.clientX - box.left) / box.width,
    y: (event.clientY - box.top) / box.height,
  };
}

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

// The other users, and where they point.

const cursors = new Map<string, HTMLElement>();
let presence: Presence<Pointing> | undefined;

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

// The connection.

/** Whether the board is opened once more after its backend has ended. */
let returning = false;

function countNotes(): string {
  return cards.size === 1 ? "with 1 note" : `with ${cards.size} notes`;
}

/** Joins the board. The client reconnects by itself until the backend has ended. */
function join(backend: SessionBackend): void {
  if (backend.isTerminated()) return;
  const joined = client = feedmeClient<BoardApi>({
    transport: webSocketTransport({
      url: new URL(`ws?as=${encodeURIComponent(name)}`, backend.url),
    }),
    connectRetryMs: 500,
    connectRetryBackoffMs: 1_000,
    connectRetryMaxMs: 10_000,
    connectRetryJitter: 1,
  });
  board = joined.feed("board", {});
  board.on("open", () => {
    button("add").disabled = false;
    element("over").hidden = true;
    showBoard();
    if (returning) showNotice(`The board is back, ${countNotes()}.`);
    returning = false;
  });
  board.on("action", follow);
  board.desireOpen();
  joined.on("disconnect", () => {
    button("add").disabled = true;
    if (!backend.isTerminated()) {
      showOver("Connection lost", "Trying again …");
    }
  });
  // Connects, too.
  presence = joinPresence(joined, {
    feed: "people",
    action: "point",
    data: { at: null },
  });
  presence.subscribe(showPeople);
}

/** Leaves a board whose backend has ended. */
function leave(): void {
  client?.close();
  client = board = presence = undefined;
  button("add").disabled = true;
  showPeople();
}

async function openBoard(): Promise<void> {
  states = [];
  for (const id of cards.keys()) remove(id);
  showSteps();
  showOver("Opening the board …", "Its own process is starting.");
  const response = await fetch(at("connect"), { method: "POST" });
  if (!response.ok) {
    const { error } = await response.json().catch(() => ({}));
    throw new Error(error?.message ?? `HTTP ${response.status}`);
  }
  const answer = await response.json();
  const backend = new SessionBackend(answer);
  backend.onStatus((state) => {
    states = [...states, state];
    showSteps();
    button("end").disabled = state.status !== "ready";
    if (state.status === "terminated") {
      leave();
      const { exit_error, termination_reason } = state;
      const reason = termination_reason
        ? `Reason: ${termination_reason}.`
        : exit_error
        ? "Its process failed."
        : "";
      showOver(
        "This backend has ended",
        `${reason} The notes are saved: a new backend brings them back.`,
        true,
      );
    }
  });
  try {
    await backend.ready({ timeout: 60_000 });
  } catch (error) {
    if (backend.isTerminated()) return;
    throw error;
  }
  join(backend);
}

function start(): void {
  openBoard().catch((error) =>
    showOver("The board could not be opened", String(error.message), true)
  );
}

button("again").addEventListener("click", () => {
  returning = true;
  start();
});
button("end").addEventListener("click", () => {
  button("end").disabled = true;
  fetch(at("end"), { method: "POST" });
});
button("share").addEventListener("click", () => {
  let as = nextName();
  if (as === name) as = nextName();
  const url = new URL(location.href);
  url.search = new URLSearchParams({ board: boardName, as }).toString();
  globalThis.open(url);
});
start();
