/** The page of a room: who is here, and the lines that they have written. */
import { type FormEvent, useEffect } from "react";
import {
  feedmeClient,
  joinPresence,
  webSocketTransport,
} from "@feedline/feedline/feed/feedme";
import {
  feedmeHooks,
  SessionBackendProvider,
  useBackendState,
  useConnectionState,
} from "@feedline/feedline/react";
import type { RoomApi } from "../room.ts";

const { FeedmeProvider, useAction, useFeed, useFeedmeClient } = feedmeHooks<
  RoomApi
>();

const room = new URLSearchParams(location.search).get("room") ?? "lobby";

async function post(path: string, signal: AbortSignal) {
  const answer = await fetch(path, { method: "POST", signal });
  if (!answer.ok) throw new Error(await answer.text());
  return await answer.json();
}

/** Finds the backend of the room, or starts it. */
async function connect({ signal }: { signal: AbortSignal }) {
  await post("/sign-in", signal);
  return await post(`/rooms/${room}/connect`, signal);
}

const clientOf = ({ url }: { url: string }) =>
  feedmeClient<RoomApi>({ transport: webSocketTransport({ url }) });

export function App() {
  return (
    // `respawn`: a room that has ended starts again.
    <SessionBackendProvider connect={connect} respawn>
      <FeedmeProvider client={clientOf}>
        <Room />
      </FeedmeProvider>
    </SessionBackendProvider>
  );
}

function Room() {
  const { phase } = useBackendState();
  const connection = useConnectionState(useFeedmeClient());
  const { data: lines } = useFeed("room", {}, { select: ({ lines }) => lines });
  const { run: write, error } = useAction("write");

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    await write({ text: String(new FormData(form).get("text")) });
    form.reset();
  }
  return (
    <>
      <h1>A room</h1>
      <p>
        Open this page in a second tab:{" "}
        <b id="status">{phase === "ready" ? connection : phase}</b>.
      </p>
      <h2>Here now</h2>
      <People />
      <h2>Written so far</h2>
      <ol id="lines">
        {lines?.map(({ by, text }, place) => <li key={place}>{by}: {text}</li>)}
      </ol>
      <form id="form" onSubmit={(event) => submit(event).catch(() => {})}>
        <input name="text" aria-label="Your line" maxLength={280} required />
        <button type="submit">Write</button>
      </form>
      {error && <p role="alert">Not sent: {error.code}</p>}
    </>
  );
}

/** Who has the room open, this page among them. */
function People() {
  const client = useFeedmeClient();
  useEffect(() => {
    if (!client) return;
    const joined = joinPresence(client, {
      feed: "people",
      action: "enter",
      data: {},
    });
    return () => joined.close();
  }, [client]);
  const { data: people } = useFeed("people", {}, {
    select: ({ people }) => people,
  });
  return (
    <ul id="people">
      {people &&
        Object.entries(people).map(([id, { user }]) => (
          <li key={id}>{user ?? "somebody"}</li>
        ))}
    </ul>
  );
}
