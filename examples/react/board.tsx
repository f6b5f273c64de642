/**
 * The demo's board with hooks: notes that several people write, move and remove, and
 * where each of them points. The state is in a session backend; see `../board/app.ts`.
 */
import { type CSSProperties, type PointerEvent, useState } from "react";
import { SessionBackendProvider } from "@feedline/feedline/react";
import {
  feedmeClient,
  webSocketTransport,
} from "@feedline/feedline/feed/feedme";
import {
  at,
  type BoardApi,
  FeedmeProvider,
  name,
  type Note,
  type Pointing,
  useAction,
  useFeed,
} from "./api.ts";
import { Cursors, Header, type People, Status, usePeople } from "./people.tsx";
import { useSharedText } from "./shared_text.ts";

async function connect({ signal }: { signal: AbortSignal }) {
  const answer = await fetch(at("connect"), { method: "POST", signal });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return await answer.json();
}

const clientOf = ({ url }: { url: string }) =>
  feedmeClient<BoardApi>({
    transport: webSocketTransport({
      url: new URL(`ws?as=${encodeURIComponent(name)}`, url),
    }),
    connectRetryMs: 500,
    connectRetryJitter: 1,
  });

export function App() {
  return (
    <SessionBackendProvider connect={connect}>
      <FeedmeProvider client={clientOf}>
        <Board />
        <Status />
      </FeedmeProvider>
    </SessionBackendProvider>
  );
}

function Board() {
  const [people, point] = usePeople();
  return (
    <>
      <Header people={people.people} />
      <Sheet people={people} point={point} />
    </>
  );
}

function Sheet(
  { people, point }: { people: People; point: (pointing: Pointing) => void },
) {
  const { data, stale } = useFeed("board", {});
  const notes = Object.entries(data?.notes ?? {});
  const { run: add, error } = useAction("add", {
    feed: "board",
    optimistic: ({ notes }, { id, ...where }) => ({
      notes: { ...notes, [id]: { ...where, by: name, text: "", revision: 0 } },
    }),
  });
  return (
    <main
      className={stale ? "stale" : ""}
      onDoubleClick={(event) => {
        if (event.target !== event.currentTarget) return;
        const color = Math.floor(Math.random() * 6);
        add({ id: crypto.randomUUID(), ...place(event), color });
      }}
      onPointerMove={(event) => point({ at: place(event) })}
    >
      {notes.length === 0 && (
        <p>{data ? "Double-click anywhere." : "Opening the board …"}</p>
      )}
      {notes.map(([id, note]) => (
        <Card key={id} id={id} note={note} stale={stale} />
      ))}
      <Cursors people={people} />
      {error && <p role="alert">The note could not be added: {error.code}</p>}
    </main>
  );
}

function Card({ id, note, stale }: { id: string; note: Note; stale: boolean }) {
  const [held, setHeld] = useState(false);
  const { run: move } = useAction("move", {
    feed: "board",
    optimistic: ({ notes }, { id, x, y }) => ({
      notes: notes[id] ? { ...notes, [id]: { ...notes[id], x, y } } : notes,
    }),
  });
  const { run: remove } = useAction("remove", {
    feed: "board",
    optimistic: ({ notes: { [id]: _, ...notes } }) => ({ notes }),
  });
  return (
    <article
      className="note"
      style={{
        left: `${note.x * 100}%`,
        top: `${note.y * 100}%`,
        "--paper": `var(--n${note.color})`,
      } as CSSProperties}
      onPointerDown={(event) => {
        if ((event.target as Element).closest("textarea, button")) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setHeld(true);
      }}
      onPointerMove={(event) => {
        if (!held) return;
        move({ id, ...place(event, event.currentTarget.parentElement!) });
      }}
      onLostPointerCapture={() => setHeld(false)}
    >
      <textarea
        aria-label={`Note by ${note.by}`}
        {...useSharedText(id, note, stale)}
      />
      <small>{note.by}</small>
      <button
        type="button"
        aria-label="Remove this note"
        onClick={() => remove({ id })}
      >
        ×
      </button>
    </article>
  );
}

/** Where an event is on the sheet, from 0 to 1. */
function place(
  { clientX, clientY, currentTarget }: Pick<
    PointerEvent,
    "clientX" | "clientY" | "currentTarget"
  >,
  sheet: Element = currentTarget,
) {
  const { left, top, width, height } = sheet.getBoundingClientRect();
  return { x: (clientX - left) / width, y: (clientY - top) / height };
}
