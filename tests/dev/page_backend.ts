/** A backend for the tests of the page: colours, events, Feedme and SocketCluster frames. */
const id = Deno.env.get("SESSION_BACKEND_ID");
console.log(`plain line of ${id}`);
console.log(
  "\x1b[32mgreen\x1b[0m and \x1b[1;38;5;196mbright\x1b[0m <img src=x>",
);
console.error("\x1b[2J\x1b[31mred trouble\x1b[0m");
console.log(`COLOR is ${Deno.env.get("COLOR")}`);

/** Looks like a connection token. */
const TOKEN =
  "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoiYWRhIn0.c2lnbmF0dXJlLW9mLXRoaXM";
const FRAMES = [
  { MessageType: "HandshakeResponse", Success: true, Version: "0.1" },
  {
    MessageType: "FeedAction",
    FeedName: "board",
    FeedArgs: { room: "plans" },
    ActionName: "moved",
    ActionData: { id: "n1" },
    FeedDeltas: [
      { Operation: "Set", Path: ["notes", "n1", "x"], Value: 0.5 },
      { Operation: "Delete", Path: ["notes", "n2"] },
    ],
  },
  { event: "#publish", data: { channel: "chat", data: "hi" }, cid: 3 },
  { event: "#setAuthToken", data: { token: TOKEN }, cid: 4 },
  { rid: 7, data: { ok: true } },
];

Deno.serve({ port: Number(Deno.env.get("PORT")), onListen() {} }, (request) => {
  if (request.headers.get("upgrade") === "websocket") {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = () => {
      for (const frame of FRAMES) socket.send(JSON.stringify(frame));
    };
    return response;
  }
  const { pathname } = new URL(request.url);
  if (pathname === "/events") {
    const events =
      `event: progress\ndata: {"done": 1, "secret": "sesame"}\n\ndata: two\n\n`;
    let timer: ReturnType<typeof setInterval>;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const send = () => controller.enqueue(new TextEncoder().encode(events));
        timer = setInterval(send, 50);
      },
      cancel: () => clearInterval(timer),
    });
    return new Response(body, {
      headers: { "content-type": "text/event-stream" },
    });
  }
  if (pathname === "/missing") return new Response("no", { status: 404 });
  if (pathname === "/broken") return new Response("no", { status: 500 });
  return new Response(
    `hello ${request.headers.get("x-verified-username") ?? "stranger"}`,
  );
});
