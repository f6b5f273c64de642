/**
 * A session backend: one board of notes, kept in this process and nowhere else.
 * `app.ts` says what a board is; here it meets the network. When nobody is left
 * for a while the platform ends the process.
 */
import { feedmeServer } from "../../feed/feedme/server/server.ts";
import { verifiedUser } from "../../server.ts";
import { application, board, people } from "./app.ts";

const server = feedmeServer(application, {
  onConnect: ({ user }) => console.log(`${user} came`),
  onDisconnect: ({ user }) => console.log(`${user} left`),
});

// Without a word: the address to open is the edge's.
const address = { port: Number(Deno.env.get("PORT") ?? 8000), onListen() {} };
Deno.serve(address, (request) => {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return Response.json({
      notes: Object.keys(server.feed(board).data.notes).length,
      people: server.feed(people).subscribers,
    });
  }
  // The proxy before this process says who it is, and lets nobody else say it.
  const user = verifiedUser(request.headers);
  const { socket, response } = Deno.upgradeWebSocket(request, {
    protocol: "feedme",
  });
  server.accept(socket, user);
  return response;
});
