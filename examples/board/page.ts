/**
 * The page of the board. It knows one address, the edge route: there it gets a
 * connect response without tokens, and everything else goes through it.
 */
import { SessionBackend } from "../../client.ts";
import type { BackendState } from "../../types.ts";
import { backoff } from "../../net/backoff.ts";

interface Note {
  id: string;
  x: number;
  y: number;
  text: string;
  color: number;
  by?: string;
}

const element = (id: string) => document.getElementById(id)!;
const button = (id: string) => element(id) as HTMLButtonElement;
const sheet = element("sheet");

const query = new URLSearchParams(location.search);
const board = query.get("board") ?? "plans";
// A name for this tab: the demo's edge takes it at its word.
const NAMES = ["Ada", "Grace", "Edsger", "Barbara", "Alan", "Radia", "Niklaus"];
const name = query.get("as") ??
  sessionStorage.getItem("name") ??
  NAMES[Math.floor(Math.random() * NAMES.length)]!;
sessionStorage.setItem("name", name);

/** The board's place at the edge, with who asks. */
const at = (path: string) =>
  `/boards/${encodeURIComponent(board)}/${path}?as=${encodeURIComponent(name)}`;

element("board").textContent = board;
document.title = `${board} · Feedline board`;

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
let socket: WebSocket | undefined;

function send(message: unknown): void {
  if (socket?.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify(message));
  }
}

function put(note: Note): HTMLElement {
  const card = notes.get(note.id)?.card ?? makeCard(note.id);
  notes.set(note.id, { note, card });
  card.style.left = `${note.x * 100}%`;
  card.style.top = `${note.y * 100}%`;
  card.style.setProperty("--paper", `var(--n${note.color})`);
  const text = card.querySelector<HTMLElement>("[contenteditable]")!;
  if (text.textContent !== note.text) text.textContent = note.text;
  card.querySelector(".by")!.textContent = note.by ?? name;
  showHint();
  return card;
}

function remove(id: string): void {
  notes.get(id)?.card.remove();
  notes.delete(id);
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
    send({ type: "note", note });
  };
  text.addEventListener(
    "input",
    () => change({ text: text.textContent!.slice(0, 280) }),
  );
  close.addEventListener("click", () => {
    send({ type: "remove", id });
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
  };
  put(note).querySelector<HTMLElement>("[contenteditable]")!.focus();
  send({ type: "note", note });
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
let names = new Map<string, string>();

function showPeople(people: { id: string; name: string }[]): void {
  names = new Map(people.map(({ id, name }) => [id, name]));
  const sorted = [...people].sort((a, b) =>
    Number(b.id === you) - Number(a.id === you)
  );
  element("people").replaceChildren(...sorted.map(({ id, name }) => {
    const item = document.createElement("li");
    item.textContent = name.slice(0, 2);
    item.title = id === you ? `${name} (you)` : name;
    item.className = id === you ? "you" : "";
    item.style.setProperty("--who", colorOf(name));
    return item;
  }));
}

function showCursor(id: string, x: number, y: number): void {
  let cursor = cursors.get(id);
  if (!cursor) {
    cursor = document.createElement("div");
    cursor.className = "cursor";
    cursor.innerHTML =
      '<svg viewBox="0 0 18 18"><path d="M2 1l13 6-6 2-2 6z"/></svg>';
    const label = document.createElement("span");
    label.textContent = names.get(id) ?? "";
    cursor.append(label);
    cursor.style.setProperty("--who", colorOf(names.get(id) ?? ""));
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
  send({ type: "cursor", ...position(event) });
});

// The connection.

function receive(message: Record<string, unknown>): void {
  switch (message.type) {
    case "welcome":
      you = message.you as string;
      for (const id of [...notes.keys()]) remove(id);
      for (const note of message.notes as Note[]) put(note);
      showHint();
      break;
    case "note":
      put(message.note as Note);
      break;
    case "remove":
      remove(message.id as string);
      break;
    case "people":
      showPeople(message.people as { id: string; name: string }[]);
      break;
    case "cursor":
      showCursor(
        message.id as string,
        message.x as number,
        message.y as number,
      );
      break;
    case "left":
      hideCursor(message.id as string);
      break;
  }
}

/** Joins the board, again and again until its backend has ended. */
function join(backend: SessionBackend, attempt = 0): void {
  if (backend.isTerminated()) return;
  const url = new URL(`ws?as=${encodeURIComponent(name)}`, backend.url);
  url.protocol = url.protocol.replace("http", "ws");
  socket = new WebSocket(url);
  socket.onopen = () => {
    attempt = 0;
    button("add").disabled = false;
    element("over").hidden = true;
  };
  socket.onmessage = ({ data }) => receive(JSON.parse(data));
  socket.onclose = () => {
    button("add").disabled = true;
    for (const id of [...cursors.keys()]) hideCursor(id);
    showPeople([]);
    if (!backend.isTerminated()) {
      showOver("Connection lost", "Trying again …");
      setTimeout(() => join(backend, attempt + 1), backoff(attempt));
    }
  };
}

async function openBoard(): Promise<void> {
  states = [];
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
  const others = NAMES.filter((other) => other !== name);
  const as = others[Math.floor(Math.random() * others.length)]!;
  const url = new URL(location.href);
  url.search = new URLSearchParams({ board, as }).toString();
  globalThis.open(url);
});
start();
