/**
 * An application whose users meet in rooms. Each room is a session backend.
 * Users who have signed in may enter any room, and backends learn their name from
 * the signed cookie.
 */
import { type Context, Hono } from "@hono/hono";
import { getSignedCookie, setSignedCookie } from "@hono/hono/cookie";
import {
  sessionProxy,
  type SessionProxyOptions,
} from "@feedline/feedline/proxy";

/** What differs between runtimes. */
export interface EdgeOptions
  extends Pick<SessionProxyOptions, "engine" | "upgrade"> {
  /** The key that signs cookies; without it, every request fails. */
  cookieSecret: (c: Context) => string | undefined;
}

export function edge({ cookieSecret, ...options }: EdgeOptions): Hono {
  const app = new Hono();
  const secret = (c: Context): string => {
    const value = cookieSecret(c);
    if (!value) throw new Error("COOKIE_SECRET is not set");
    return value;
  };

  // Replace this with your application's sign-in.
  app.post("/sign-in/:user", async (c) => {
    await setSignedCookie(c, "user", c.req.param("user"), secret(c), {
      httpOnly: true,
      sameSite: "Lax",
      path: "/",
    });
    return c.text("welcome");
  });

  app.route(
    "/rooms",
    sessionProxy({
      ...options,
      async authorize(c, name) {
        const user = await getSignedCookie(c, secret(c), "user");
        if (!user || !/^[a-z0-9-]{1,40}$/.test(name)) return null;
        return { key: `room-${name}`, user, spawn: { max_idle_seconds: 300 } };
      },
      onError: (error) => console.error(String(error), error.cause ?? ""),
    }),
  );
  return app;
}
