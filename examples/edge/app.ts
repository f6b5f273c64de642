/**
 * An application whose users meet in rooms, one session backend each. Who is
 * signed in may enter any room; the name in the signed cookie is what the
 * backend believes.
 */
import { type Context, Hono } from "@hono/hono";
import { getSignedCookie, setSignedCookie } from "@hono/hono/cookie";
import {
  sessionProxy,
  type SessionProxyOptions,
} from "@feedline/feedline/proxy";

/** What differs from one runtime to another. */
export interface EdgeOptions
  extends Pick<SessionProxyOptions, "engine" | "upgrade"> {
  /** What cookies are signed with; without it nobody gets in. */
  cookieSecret: (c: Context) => string | undefined;
}

export function edge({ cookieSecret, ...options }: EdgeOptions): Hono {
  const app = new Hono();
  const secret = (c: Context): string => {
    const value = cookieSecret(c);
    if (!value) throw new Error("COOKIE_SECRET is not set");
    return value;
  };

  // A stand-in for the sign-in of your application.
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
