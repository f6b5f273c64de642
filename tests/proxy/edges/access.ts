/** An application that bans users, for the edges `access_bun.ts` and `access_node.ts`. */
import { Hono } from "@hono/hono";
import { sessionProxy, type UpgradeAdapter } from "@feedline/feedline/proxy";
import { Jamsocket } from "@feedline/feedline/server";

/** `POST /ban/:user` bans; with `?revoke` it also ends what is open. */
export function access(
  env: Record<string, string>,
  upgrade: UpgradeAdapter,
): Hono {
  const banned = new Set<string>();
  const sessions = sessionProxy({
    engine: Jamsocket.fromEnv(env),
    upgrade,
    recheck: env.RECHECK === undefined ? undefined : Number(env.RECHECK),
    authorize(c) {
      const user = c.req.header("x-user");
      return user === undefined || banned.has(user) ? null : { user };
    },
  });
  return new Hono()
    .route("/rooms", sessions)
    .post("/ban/:user", (c) => {
      const { user } = c.req.param();
      banned.add(user);
      if (c.req.query("revoke") !== undefined) sessions.revoke(user);
      return c.text("banned");
    });
}
