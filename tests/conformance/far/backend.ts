/**
 * The session backend of the cases: tells what it got, echoes, and does as the
 * path says. The dev platform runs one for each room.
 */
import { ticks } from "../../kit/ticks.ts";

const code = Deno.env.get("EXIT_AT_ONCE");
if (code !== undefined) Deno.exit(Number(code));

/** How many requests came for `/hit`. */
let hits = 0;

/** How many readers of `/ticks` have gone. */
let left = 0;

/** How the clients of its sockets ended them. */
const closed: [number, string][] = [];
function upgrade(request: Request, { pathname, searchParams }: URL): Response {
  const protocol = searchParams.get("choose");
  // Read before the upgrade: after it Deno has none to show.
  const hello = JSON.stringify(Object.fromEntries(request.headers));
  const { socket, response } = Deno.upgradeWebSocket(
    request,
    protocol ? { protocol } : {},
  );
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    if (pathname === "/hello") socket.send(hello);
    if (pathname === "/close") {
      const code = searchParams.get("code");
      if (code === null) socket.close();
      else socket.close(Number(code), searchParams.get("reason") ?? "");
    }
  };
  socket.onmessage = ({ data }) => socket.send(data);
  socket.onerror = (event) => event.preventDefault();
  socket.onclose = ({ code, reason }) => void closed.push([code, reason]);
  return response;
}

Deno.serve({ port: Number(Deno.env.get("PORT")), onListen() {} }, (request) => {
  const url = new URL(request.url);
  if (request.headers.get("upgrade") === "websocket") {
    return upgrade(request, url);
  }
  switch (url.pathname) {
    case "/echo":
      return new Response(request.body);
    case "/ticks":
      return ticks(20, () => left++);
    case "/counts":
      return Response.json({ left, hits, closed });
    case "/hit":
      return Response.json(++hits);
    case "/redirect":
      return new Response(null, {
        status: 302,
        headers: { location: url.searchParams.get("to")! },
      });
    case "/cookie":
      return new Response("ok", { headers: { "set-cookie": "theirs=1" } });
    case "/exit":
      setTimeout(() => Deno.exit(Number(url.searchParams.get("code"))), 10);
      return new Response("ends");
  }
  return Response.json({
    pid: Deno.pid,
    port: Deno.env.get("PORT"),
    method: request.method,
    path: url.pathname + url.search,
    headers: Object.fromEntries(request.headers),
  });
});
