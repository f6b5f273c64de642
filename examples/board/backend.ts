/**
 * A session backend: one board of notes, kept in this process and nowhere else.
 *
 * The platform runs one of these for each board. Everybody who opens the board
 * reaches the same process, so its variables are the shared state: no database,
 * no locks. When nobody is left for a while the platform ends it.
 */

interface Note {
  id: string;
  /** The place of its middle, from 0 to 1 in both directions. */
  x: number;
  y: number;
  text: string;
  color: number;
  by: string;
}

const MAX_NOTES = 200;
const MAX_TEXT = 280;

const notes = new Map<string, Note>();
const people = new Map<WebSocket, { id: string; name: string }>();
let visitors = 0;

function place(value: unknown): number {
  return typeof value === "number" ? Math.min(1, Math.max(0, value)) : 0.5;
}

/** Sends to everyone, except to who caused it and knows already. */
function broadcast(message: unknown, except?: WebSocket): void {
  const text = JSON.stringify(message);
  for (const socket of people.keys()) {
    if (socket !== except && socket.readyState === WebSocket.OPEN) {
      socket.send(text);
    }
  }
}

function broadcastPeople(): void {
  broadcast({ type: "people", people: [...people.values()] });
}

/** A message of a client; what it does not understand it leaves alone. */
function receive(socket: WebSocket, data: unknown): void {
  const person = people.get(socket);
  if (!person || typeof data !== "string" || data.length > 4_096) return;
  let message;
  try {
    message = JSON.parse(data);
  } catch {
    return;
  }
  switch (message?.type) {
    case "note": {
      const { id, x, y, text, color } = message.note ?? {};
      if (typeof id !== "string" || id.length > 64) return;
      const known = notes.get(id);
      if (!known && notes.size >= MAX_NOTES) return;
      const note: Note = {
        id,
        x: place(x),
        y: place(y),
        text: String(text ?? "").slice(0, MAX_TEXT),
        color: Number.isInteger(color) ? Math.abs(color) % 6 : 0,
        // Who asks was verified by the platform, not told by the message.
        by: known?.by ?? person.name,
      };
      notes.set(id, note);
      broadcast({ type: "note", note }, socket);
      break;
    }
    case "remove":
      if (notes.delete(message.id)) {
        broadcast({ type: "remove", id: message.id });
      }
      break;
    case "cursor":
      broadcast({
        type: "cursor",
        id: person.id,
        x: place(message.x),
        y: place(message.y),
      }, socket);
      break;
  }
}

function join(socket: WebSocket, name: string): void {
  const person = { id: `p${++visitors}`, name };
  socket.onopen = () => {
    people.set(socket, person);
    console.log(`${name} came, ${people.size} here`);
    socket.send(JSON.stringify({
      type: "welcome",
      you: person.id,
      notes: [...notes.values()],
    }));
    broadcastPeople();
  };
  socket.onmessage = ({ data }) => receive(socket, data);
  socket.onclose = () => {
    people.delete(socket);
    console.log(`${name} left, ${people.size} here`);
    broadcast({ type: "left", id: person.id });
    broadcastPeople();
  };
}

Deno.serve({ port: Number(Deno.env.get("PORT") ?? 8000) }, (request) => {
  const name = request.headers.get("x-verified-username") ?? "somebody";
  if (request.headers.get("upgrade")?.toLowerCase() === "websocket") {
    const { socket, response } = Deno.upgradeWebSocket(request);
    join(socket, name);
    return response;
  }
  return Response.json({ notes: notes.size, people: people.size });
});
