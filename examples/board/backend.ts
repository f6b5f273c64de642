/**
 * A session backend: one board of notes. `app.ts` defines the board; this file
 * connects it to the network and the disk.
 *
 * The board lives in this process. A copy in a file restores it after the process
 * has ended: because no user had the board open for a while, its code changed, or
 * a user pressed "Kill".
 */
import { feedmeServer } from "../../feed/feedme/server/server.ts";
import { verifiedUser } from "../../server.ts";
import { application, board, people } from "./app.ts";
import { BoardFile, fileName } from "./file.ts";

const server = feedmeServer(application, {
  onConnect: ({ user }) => console.log(`${user} came`),
  onDisconnect: ({ user }) => console.log(`${user} left`),
});
const live = server.feed(board);

const folder = Deno.env.get("BOARD_FOLDER") ?? "./boards";
const key = Deno.env.get("SESSION_BACKEND_KEY") ?? "board";
const file = new BoardFile(
  `${folder}/${await fileName(key)}`,
  () => live.data.notes,
);
const saved = await file.load();
if (saved) {
  live.update("came_back", {}, { notes: saved });
  const count = Object.keys(saved).length;
  console.log(`came back with ${count} ${count === 1 ? "note" : "notes"}`);
}
file.keep();

if (Deno.build.os !== "windows") {
  // The platform sends this first, and SIGKILL only after a grace period.
  Deno.addSignalListener("SIGTERM", async () => {
    await file.save();
    Deno.exit(0);
  });
}

// Prints no URL: users open the edge's URL.
const address = { port: Number(Deno.env.get("PORT") ?? 8000), onListen() {} };
Deno.serve(address, (request) => {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return Response.json({
      notes: Object.keys(live.data.notes).length,
      people: server.feed(people.feed).subscribers,
    });
  }
  // The proxy in front of this process has verified the user.
  const user = verifiedUser(request.headers);
  const subprotocols = request.headers.get("sec-websocket-protocol");
  const { socket, response } = Deno.upgradeWebSocket(request, {
    protocol: "feedme",
  });
  server.accept(socket, { ...user, subprotocols });
  return response;
});
