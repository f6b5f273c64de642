/** Access that ends while something is open. */
import { assertEquals } from "@std/assert";
import { Hono } from "@hono/hono";
import { sessionProxy } from "../../session/edge/proxy.ts";
import { testOn } from "../kit/runtimes.ts";
import { delay, until } from "../kit/wait.ts";
import { startBundled, startPlatform } from "./platform.ts";
import { open, ScriptedEngine, serve, startBackend } from "./support.ts";

/** A WebSocket, the backend's stream and the status stream of a user. */
async function enter(room: string, user: string) {
  const headers = { "x-user": user };
  const socket = await open(`${room}/backend/ws`, [], headers);
  const answers = await Promise.all(
    ["backend/ticks?every=10", "status/stream"].map((path) =>
      fetch(`${room}/${path}`, { headers })
    ),
  );
  assertEquals(answers.map(({ status }) => status), [200, 200]);
  const texts = answers.map((answer) => answer.text());
  return { socket, ended: Promise.all([socket.closed, ...texts]) };
}

/** An edge whose users may be banned. */
function start(options: { recheck?: number } = {}) {
  const backend = startBackend();
  const engine = new ScriptedEngine(backend);
  const banned = new Set<string>();
  const errors: Error[] = [];
  const sessions = sessionProxy({
    engine,
    authorize(c) {
      const user = c.req.header("x-user")!;
      if (user === "broken" && banned.has(user)) throw new Error("no database");
      return banned.has(user) ? null : { user };
    },
    onError: (error) => void errors.push(error),
    ...options,
  });
  const edge = serve(new Hono().route("/sessions", sessions).fetch);
  return {
    backend,
    engine,
    banned,
    errors,
    sessions,
    enter: (user: string) => enter(`${edge.origin}/sessions/doc`, user),
    async [Symbol.asyncDispose]() {
      await until(() => backend.sockets.size === 0, "no socket is left");
      await until(() => engine.following === 0, "no stream is left");
      await edge[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

Deno.test("revoke - ends what is open for a user, and nothing else", async () => {
  await using test = start();
  const ada = await test.enter("ada");
  const bob = await test.enter("bob");
  test.banned.add("ada");
  test.sessions.revoke("ada");
  const [closed] = await ada.ended;
  assertEquals(closed, [4403, "access was revoked"]);
  await until(() => test.backend.cancelled === 1, "the backend's stream ended");
  assertEquals(test.backend.closed, [[4403, "access was revoked"]]);
  // The engine looks at its signal every few milliseconds.
  await until(() => test.engine.following === 1, "ada's status stream ended");
  bob.socket.socket.send("still here");
  assertEquals(await bob.socket.next(), "still here");
  test.sessions.revoke("bob");
  test.sessions.revoke("nobody");
  await bob.ended;
  assertEquals(test.errors, []);
});

Deno.test("recheck - authorize is asked again, and ends what it no longer grants", async () => {
  await using test = start({ recheck: 30 });
  const ada = await test.enter("ada");
  const bob = await test.enter("bob");
  await new Promise((resolve) => setTimeout(resolve, 100));
  assertEquals(ada.socket.socket.readyState, WebSocket.OPEN);
  test.banned.add("ada");
  const [closed] = await ada.ended;
  assertEquals(closed, [4403, "access was revoked"]);
  assertEquals(bob.socket.socket.readyState, WebSocket.OPEN);
  bob.socket.socket.close();
  test.sessions.revoke("bob");
  await bob.ended;
});

Deno.test("recheck - an error of authorize ends it too, and is reported", async () => {
  await using test = start({ recheck: 30 });
  const { ended } = await test.enter("broken");
  test.banned.add("broken");
  const [closed] = await ended;
  assertEquals(closed[0], 4403);
  await until(() => test.errors.length === 3, "each of the three is reported");
  assertEquals(test.errors.map(({ message }) => message), [
    "no database",
    "no database",
    "no database",
  ]);
});

for (const name of ["bun", "node"] as const) {
  for (const how of ["revoke", "recheck"] as const) {
    await testOn(
      name,
      `${how} - WebSockets and streams end at the edge`,
      async (path) => {
        await using platform = startPlatform();
        const env = { ...(how === "recheck" && { RECHECK: "50" }) };
        await using edge = await startBundled(
          path,
          `access_${name}`,
          platform,
          env,
        );
        const { backend, engine } = platform;
        const room = `${edge.origin}/rooms/doc`;
        const ada = await enter(room, "ada");
        const bob = await enter(room, "bob");
        const ban = async (user: string) => {
          const url = `${edge.origin}/ban/${user}?${how}`;
          await (await fetch(url, { method: "POST" })).text();
        };
        await ban("ada");
        const [closed] = await ada.ended;
        assertEquals(closed, [4403, "access was revoked"]);
        await until(
          () => backend.cancelled === 1,
          "the backend's stream ended",
        );
        await until(() => engine.following === 1, "one status stream is left");
        await until(() => backend.sockets.size === 1, "one socket is left");
        assertEquals(backend.closed, [[4403, "access was revoked"]]);
        // Longer than any interval between two checks.
        await delay(200);
        bob.socket.socket.send("still here");
        assertEquals(await bob.socket.next(), "still here");
        await ban("bob");
        assertEquals((await bob.ended)[0], [4403, "access was revoked"]);
        await until(() => engine.following === 0, "no stream is left");
        await until(() => backend.cancelled === 2, "the backend knows");
      },
    );
  }
}
