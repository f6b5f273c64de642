/**
 * The page of the board. It knows one URL, the edge route. There it gets a connect
 * response without tokens, and everything else goes through that route.
 *
 * This file opens the board and follows its backend; `notes.ts` shows the notes, `people.ts`
 * who else is there, `steps.ts` the life of the backend.
 */
import { SessionBackend } from "../../client.ts";
import {
  feedmeClient,
  joinPresence,
  webSocketTransport,
} from "../../feed/feedme/mod.ts";
import type { BackendState } from "../../types.ts";
import type { BoardApi } from "./app.ts";
import { button, element, showNotice } from "./dom.ts";
import {
  clearNotes,
  countNotes,
  follow,
  showBoard,
  useBoard,
} from "./notes.ts";
import { usePresence } from "./people.ts";
import { hideOver, showOver, showSteps } from "./steps.ts";
import { at, boardName, name, nextName } from "./who.ts";

type TerminatedState = Extract<BackendState, { status: "terminated" }>;

element("board").textContent = boardName;
document.title = `${boardName || "No board"} · Feedline board`;

/** Whether the board is opened once more after its backend has ended. */
let returning = false;

/** Joins the board. The client reconnects by itself until the backend has ended. */
function join(backend: SessionBackend): void {
  if (backend.isTerminated()) return;
  const client = feedmeClient<BoardApi>({
    transport: webSocketTransport({
      url: new URL(`ws?as=${encodeURIComponent(name)}`, backend.url),
    }),
    connectRetryMs: 500,
    connectRetryBackoffMs: 1_000,
    connectRetryMaxMs: 10_000,
    connectRetryJitter: 1,
  });
  const board = client.feed("board", {});
  useBoard({ client, board });
  board.on("open", () => {
    button("add").disabled = false;
    hideOver();
    showBoard();
    if (returning) showNotice(`The board is back, with ${countNotes()}.`);
    returning = false;
  });
  board.on("action", follow);
  board.desireOpen();
  client.on("disconnect", () => {
    button("add").disabled = true;
    if (!backend.isTerminated()) {
      showOver("Connection lost", "Trying again …");
    }
  });
  // Connects, too.
  const presence = joinPresence(client, {
    feed: "people",
    action: "point",
    data: { at: null },
  });
  usePresence(presence);
  leave = () => client.close();
}

/** Leaves the board that was joined. */
let leave = () => {};

/** Shows that the backend of the board has ended. */
function showEnd({ exit_error, termination_reason }: TerminatedState): void {
  leave();
  useBoard();
  usePresence();
  button("add").disabled = true;
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

async function openBoard(): Promise<void> {
  let states: BackendState[] = [];
  clearNotes();
  showSteps(states);
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
    showSteps(states);
    button("end").disabled = state.status !== "ready";
    if (state.status === "terminated") showEnd(state);
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
if (boardName === "") {
  showOver(
    "This address names no board",
    "After “?board=”, it needs the name of one, such as “plans”.",
  );
  element("plans").hidden = false;
} else start();
