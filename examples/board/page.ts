/**
 * The page of the board. It knows one address, the edge route: there it gets a
 * connect response without tokens, and everything else goes through it.
 */
import { SessionBackend } from "../../client.ts";
import {
  type FeedmeClient,
  feedmeClient,
  type FeedmeFeed,
  webSocketTransport,
} from "../../feed/feedme/mod.ts";
import type { BackendState } from "../../types.ts";
import type { BoardApi } from "./app.ts";

type Client = FeedmeClient<BoardApi>;
type Note = BoardApi["actions"]["put"]["args"] & { by: string };
type People = BoardApi["feeds"]["people"]["data"]["people"];

const element = (id: string) => document.getElementById(id)!;
const button = (id: string) => element(id) as HTMLButtonElement;
const sheet = element("sheet");

const query = new URLSearchParams(location.search);
const boardName = query.get("board") ?? "plans";
// A name for this tab: the demo's edge takes it at its word.
const NAMES = ["Ada", "Grace", "Edsger", "Barbara", "Alan", "Radia", "Niklaus"];
/** Tabs of a browser take turns; where each browser begins is left to chance. */
function nextName(): string {
  const turn = Number(
    localStorage.getItem("turn") ?? Math.floor(Math.random() * NAMES.length),
  );
  localStorage.setItem("turn", String(turn + 1));
  return NAMES[turn % NAMES.length]!;
}
const name = query.get("as") ?? sessionStorage.getItem("name") ?? nextName();
sessionStorage.setItem("name", name);

/** The board's place at the edge, with who asks. */
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

// The life of the backend, step by step.

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
      const ms = Date.parse(state.time) - first;
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
}

// The notes.

const notes = new Map<string, { note: Note; card: HTMLElement }>();
/** The notes of the feed that the page shows. */
const shown = new Map<string, unknown>();
let client: Client | undefined;
let board: FeedmeFeed<BoardApi["feeds"]["board"]> | undefined;

/**
 * Notes whose change is on its way: shown as they are here until the backend
 * has answered. `next` is what has changed since.
 */
const sending = new Map<string, { next?: Note }>();

/** Sends one change of a note at a time, and the latest after it. */
async function sendNote(note: Note): Promise<void> {
  const busy = sending.get(note.id);
  if (busy) return void (busy.next = note);
  const state: { next?: Note } = { next: note };
  sending.set(note.id, state);
  while (state.next) {
    const { by: _, ...args } = state.next;
    delete state.next;
    // What was not sent is not on the board: the next feed data tells.
    await client?.action("put", args).catch(() => {});
  }
  sending.delete(note.id);
  showNotes();
}

/** Shows the notes as they are on the board. */
function showNotes(): void {
  if (board?.state() !== "open") return;
  const shared = board.data()!.notes;
  for (const id of notes.keys()) {
    if (!shared[id] && !sending.has(id)) remove(id);
  }
  for (const [id, note] of Object.entries(shared)) {
    // What did not change is the same object as before.
    if (sending.has(id) || shown.get(id) === note) continue;
    put({ id, ...note });
    shown.set(id, note);
  }
  showHint();
}

function put(note: Note): HTMLElement {
  const card = notes.get(note.id)?.card ?? makeCard(note.id);
  notes.set(note.id, { note, card });
  card.style.left = `${note.x * 100}%`;
  card.style.top = `${note.y * 100}%`;
  card.style.setProperty("--paper", `var(--n${note.color})`);
  const text = card.querySelector<HTMLElement>("[contenteditable]")!;
  if (text.textContent !== note.text) text.textContent = note.text;
  card.querySelector(".by")!.textContent = note.by;
  showHint();
  return card;
}

function remove(id: string): void {
  notes.get(id)?.card.remove();
  notes.delete(id);
  shown.delete(id);
  showHint();
}

function showHint(): void {
  element("hint").hidden = notes.size > 0;
}

function makeCard(id: string): HTMLElement {
  const card = document.createElement("article");
  card.className = "note";
  const text = document.createElement("div");
  text.contentEditable = "plaintext-only";
  text.role = "textbox";
  text.ariaLabel = "Note";
  const by = document.createElement("span");
  by.className = "by";
  const close = document.createElement("button");
  close.className = "remove";
  close.textContent = "×";
  close.ariaLabel = "Remove this note";
  card.append(text, by, close);
  sheet.append(card);

  const change = (changes: Partial<Note>) => {
    const note = { ...notes.get(id)!.note, ...changes };
    put(note);
    sendNote(note);
  };
  text.addEventListener(
    "input",
    () => change({ text: text.textContent!.slice(0, 280) }),
  );
  close.addEventListener("click", () => {
    client?.action("remove", { id }).catch(() => {});
    remove(id);
  });
  card.addEventListener("pointerdown", (event) => {
    if (event.target !== card && event.target !== by) return;
    card.setPointerCapture(event.pointerId);
    card.classList.add("held");
    const { note } = notes.get(id)!;
    const grip = position(event);
    const move = (event: PointerEvent) => {
      const { x, y } = position(event);
      change({ x: note.x + x - grip.x, y: note.y + y - grip.y });
    };
    card.addEventListener("pointermove", move);
    card.addEventListener("lostpointercapture", () => {
      card.classList.remove("held");
      card.removeEventListener("pointermove", move);
    }, { once: true });
  });
  return card;
}

function position(event: MouseEvent): { x: number; y: number } {
  const box = sheet.getBoundingClientRect();
  return {
    x: (event.clientX - box.left) / box.width,
    y: (event.clientY - box.top) / box.height,
  };
}

function add(x: number, y: number): void {
  const note: Note = {
    id: crypto.randomUUID(),
    x,
    y,
    text: "",
    color: Math.floor(Math.random() * 6),
    by: name,
  };
  put(note).querySelector<HTMLElement>("[contenteditable]")!.focus();
  sendNote(note);
}

button("add").addEventListener(
  "click",
  () => add(0.2 + Math.random() * 0.6, 0.25 + Math.random() * 0.5),
);
sheet.addEventListener("dblclick", (event) => {
  const { x, y } = position(event);
  if (event.target === sheet && !button("add").disabled) add(x, y);
});

// Who is here, and where they point.

const cursors = new Map<string, HTMLElement>();
let you = "";

function showPeople(people: People): void {
  const sorted = Object.entries(people).sort(([a], [b]) =>
    Number(b === you) - Number(a === you)
  );
  element("people").replaceChildren(...sorted.map(([id, { name }]) => {
    const item = document.createElement("li");
    item.textContent = name.slice(0, 2);
    item.title = id === you ? `${name} (you)` : name;
    item.className = id === you ? "you" : "";
    item.style.setProperty("--who", colorOf(name));
    return item;
  }));
  for (const id of [...cursors.keys()]) if (!people[id]) hideCursor(id);
  for (const [id, { name, at }] of sorted) {
    if (at && id !== you) showCursor(id, name, at.x, at.y);
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

let pointed = 0;
sheet.addEventListener("pointermove", (event) => {
  if (event.timeStamp - pointed < 50) return;
  pointed = event.timeStamp;
  client?.action("point", position(event)).catch(() => {});
});

// The connection.

/** Joins the board; the client comes back by itself until the backend has ended. */
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
    showNotes();
  });
  board.on("action", showNotes);
  board.desireOpen();

  const people = joined.feed("people", {});
  const show = () => showPeople(people.data()?.people ?? {});
  people.on("open", show);
  people.on("action", show);
  people.on("close", () => showPeople({}));
  people.desireOpen();

  joined.on("connect", async () => {
    const answer = await joined.action("me", {}).catch(() => undefined);
    you = answer?.id ?? "";
    show();
  });
  joined.on("disconnect", () => {
    button("add").disabled = true;
    if (!backend.isTerminated()) {
      showOver("Connection lost", "Trying again …");
    }
  });
  joined.connect();
}

/** Leaves a board whose backend has ended. */
function leave(): void {
  client?.[Symbol.asyncDispose]();
  client = board = undefined;
  button("add").disabled = true;
  showPeople({});
}

async function openBoard(): Promise<void> {
  states = [];
  for (const id of [...notes.keys()]) remove(id);
  showSteps();
  showOver("Opening the board …", "A process of its own is started for it.");
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
        `${reason} The notes lived in that process and went with it.`,
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

button("again").addEventListener("click", start);
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
