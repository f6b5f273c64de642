/**
 * The page of a room. It knows the edge only: `connect` finds or starts the room's
 * backend, and everything else goes through the same route.
 */
import { SessionBackend } from "@feedline/feedline/client";
import {
  feedmeClient,
  joinPresence,
  webSocketTransport,
} from "@feedline/feedline/feed/feedme";
import type { RoomApi } from "./room.ts";

const room = new URLSearchParams(location.search).get("room") ?? "lobby";
const element = (id: string) => document.getElementById(id)!;

function show(id: string, texts: string[]): void {
  element(id).replaceChildren(...texts.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
}

async function post(path: string) {
  const answer = await fetch(path, { method: "POST" });
  if (!answer.ok) throw new Error(await answer.text());
  return await answer.json();
}

/** Stays in the room until its backend ends. */
async function enter(): Promise<void> {
  await using backend = new SessionBackend(
    await post(`/rooms/${room}/connect`),
  );
  await using client = feedmeClient<RoomApi>({
    transport: webSocketTransport({ url: backend.url }),
  });
  client.subscribe(() => element("status").textContent = client.state());
  client.connect();

  const lines = client.feed("room", {});
  lines.subscribe(() =>
    show(
      "lines",
      lines.snapshot()?.lines.map(({ by, text }) => `${by}: ${text}`) ?? [],
    )
  );
  lines.desireOpen();

  const people = joinPresence(client, {
    feed: "people",
    action: "enter",
    data: {},
  });
  people.subscribe(() => {
    const { people: all } = people.getSnapshot();
    show("people", Object.values(all).map(({ user }) => user ?? "somebody"));
  });

  const form = element("form") as HTMLFormElement;
  form.onsubmit = (event) => {
    event.preventDefault();
    const text = String(new FormData(form).get("text"));
    client.action("write", { text }).then(
      () => form.reset(),
      (error) => element("status").textContent = `not sent: ${error.code}`,
    );
  };
  await backend.onTerminatedPromise;
}

await post("/sign-in");
// A room ends when it has been empty for a while, or its code has changed.
while (true) {
  await enter().catch((error) => element("status").textContent = String(error));
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
