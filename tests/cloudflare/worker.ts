/** A worker with rooms, whose tests need to look inside. */
import { Hono } from "@hono/hono";
import {
  acceptHibernating,
  DurableSessions,
  type HibernatingSocket,
  type ObjectState,
  sessionObject,
  sessionOf,
  verifiedUser,
} from "@feedline/feedline/cloudflare";
import { sessionProxy } from "@feedline/feedline/proxy";

type Values = {
  get(name: string): Promise<number | undefined>;
  put(name: string, value: number): Promise<void>;
};

class RoomObject {
  readonly #ctx: ObjectState & { storage: Values };
  /** Which object in memory this is. */
  readonly #born = crypto.randomUUID();

  constructor(ctx: ObjectState & { storage: Values }) {
    this.#ctx = ctx;
  }

  async sessionStart(): Promise<void> {
    const { storage } = this.#ctx;
    const starts = (await storage.get("starts") ?? 0) + 1;
    await storage.put("starts", starts);
    const { HANG, FAIL } = sessionOf(this).env;
    if (FAIL) throw new Error("it was told to fail");
    // Until the object is evicted.
    if (HANG && starts === 1) await new Promise(() => {});
  }

  async alarm(): Promise<void> {
    const { storage } = this.#ctx;
    await storage.put("alarms", (await storage.get("alarms") ?? 0) + 1);
  }

  async fetch(request: Request): Promise<Response> {
    const { storage } = this.#ctx;
    if (request.headers.get("upgrade")) {
      return acceptHibernating(this.#ctx, request).response;
    }
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/evict":
        this.#ctx.abort("the test evicts it");
        break;
      case "/alarm":
        await storage.setAlarm(Date.now() + 200);
    }
    const { user } = verifiedUser(request.headers);
    return Response.json({
      user: user ?? null,
      born: this.#born,
      starts: await storage.get("starts") ?? 0,
      alarms: await storage.get("alarms") ?? 0,
      hibernated: this.#ctx.getWebSockets().length,
    });
  }

  webSocketMessage(socket: HibernatingSocket): void {
    socket.send(this.#born);
  }
}

export class Room extends sessionObject(RoomObject) {}

const engineOf = (
  env: { ROOMS: ConstructorParameters<typeof DurableSessions>[0] },
) => new DurableSessions(env.ROOMS);

/** The room is spawned as the query says; the name of the user is there too. */
const rooms = sessionProxy({
  engine: (c) => engineOf(c.env),
  authorize(c) {
    const { user = "ada", idle, life, ...env } = c.req.query();
    return {
      user,
      spawn: {
        executable: { env },
        ...(idle ? { max_idle_seconds: Number(idle) } : {}),
        ...(life ? { lifetime_limit_seconds: Number(life) } : {}),
      },
    };
  },
});

export default new Hono<{ Bindings: Parameters<typeof engineOf>[0] }>()
  .route("/rooms", rooms)
  .post("/terminate/:id", async (c) => {
    const hard = c.req.query("hard") !== undefined;
    await engineOf(c.env).terminate(c.req.param("id"), { hard });
    return c.body(null, 204);
  })
  .post("/revoke/:id/:user", async (c) => {
    const { id, user } = c.req.param();
    await engineOf(c.env).revoke({ backendId: id, user });
    return c.body(null, 204);
  })
  // All states of a backend, once it has ended: the edge route has forgotten it by then.
  .get("/life/:id", async (c) => {
    const states = [];
    const id = c.req.param("id");
    for await (const state of engineOf(c.env).statuses(id)) states.push(state);
    return c.json(states);
  })
  // The public forwards straight to an object, as no application should.
  .all("/raw/*", (c) => {
    const { ROOMS } = c.env;
    const url = new URL(c.req.url);
    url.pathname = url.pathname.slice("/raw".length);
    return ROOMS.get(ROOMS.idFromName("raw")).fetch(
      new Request(url, c.req.raw),
    );
  });
