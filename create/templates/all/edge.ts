/**
 * The edge: the part of your application that decides who may enter which room, and
 * forwards their requests to the session backend of that room.
 */
import { type Context, Hono } from "hono";
import { env } from "hono/adapter";
import { getSignedCookie, setSignedCookie } from "hono/cookie";
import { sessionProxy, type UpgradeAdapter } from "@feedline/feedline/proxy";
import { Jamsocket } from "@feedline/feedline/server";

/** The key that signs cookies. */
function secret(c: Context): string {
  const { COOKIE_SECRET } = env<{ COOKIE_SECRET?: string }>(c);
  if (!COOKIE_SECRET) throw new Error("COOKIE_SECRET is not set");
  return COOKIE_SECRET;
}

/** `upgrade` says how Node and Bun accept a WebSocket; other runtimes need none. */
export function edge(upgrade?: UpgradeAdapter): Hono {
  const app = new Hono();

  // Replace this with your application's sign-in. Here, every visitor gets a name.
  app.post("/sign-in", async (c) => {
    const known = await getSignedCookie(c, secret(c), "user");
    const user = known || `guest-${crypto.randomUUID().slice(0, 4)}`;
    await setSignedCookie(c, "user", user, secret(c), {
      httpOnly: true,
      sameSite: "Lax",
      path: "/",
    });
    return c.json({ user });
  });

  const rooms = sessionProxy({
    engine: (c) => Jamsocket.fromEnv(env(c)),
    // Decides every request: null refuses it.
    async authorize(c, room) {
      const user = await getSignedCookie(c, secret(c), "user");
      if (!user || !/^[a-z0-9-]{1,40}$/.test(room)) return null;
      return { key: `room-${room}`, user, spawn: { max_idle_seconds: 60 } };
    },
    upgrade,
  });
  app.route("/rooms", rooms);
  return app;
}
