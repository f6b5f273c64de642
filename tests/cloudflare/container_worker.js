/**
 * A class of `@cloudflare/containers`, whose own code runs here, on a stand-in for
 * `ctx.container`: containers start on Cloudflare or with Docker only. Behind it is a real
 * process, which the test starts and ends for it. JavaScript, as the package's types are
 * those of Workers.
 */
import { Container } from "@cloudflare/containers";
import { DurableSessions, sessionObject } from "@feedline/feedline/cloudflare";
import { sessionProxy } from "@feedline/feedline/proxy";
import { Hono } from "hono-4.13";

/** The ids of containers that run, by object: they outlive it, as real ones do. */
const running = new Map();

/** `ctx.container` by way of the test's agent. */
function standIn(agent, object) {
  const post = (path, body = {}) =>
    fetch(agent + path, { method: "POST", body: JSON.stringify(body) })
      .then((response) => response.json());
  let port, exited;
  /** Follows a container; the agent names it by its port. */
  const follow = (started) => {
    container.running = true;
    port = started;
    exited = started.then((port) => post(`/exit/${port}`))
      .then(({ code }) => {
        container.running = false;
        running.delete(object);
        if (code === 0) return;
        // As the runtime words it.
        throw new Error(`container exited with unexpected exit code: ${code}`);
      });
    exited.catch(() => {});
  };
  const container = {
    running: false,
    start({ env }) {
      follow(
        post("/start", { env }).then(({ port }) => {
          running.set(object, port);
          return port;
        }),
      );
    },
    monitor: () => exited,
    signal: async (number) =>
      void await post("/signal", { port: await port, number }),
    async destroy() {
      await container.signal(9);
      await exited.catch(() => {});
    },
    getTcpPort: () => ({
      async fetch(url, init) {
        const to = new URL(url);
        to.host = `127.0.0.1:${await port}`;
        try {
          return await fetch(to, init);
        } catch {
          throw new Error("the container is not listening");
        }
      },
    }),
  };
  // The object was evicted while its container ran.
  if (running.has(object)) follow(Promise.resolve(running.get(object)));
  return container;
}

class SampleContainer extends Container {
  defaultPort = 8080;

  constructor(ctx, env) {
    Object.defineProperty(ctx, "container", {
      value: standIn(env.AGENT, String(ctx.id)),
    });
    super(ctx, env);
  }

  fetch(request) {
    if (new URL(request.url).pathname === "/evict") {
      this.ctx.abort("the test evicts it");
    }
    return super.fetch(request);
  }
}

class SleepyContainer extends SampleContainer {
  sleepAfter = "1s";
}

export class Sample extends sessionObject(SampleContainer) {}
export class Sleepy extends sessionObject(SleepyContainer) {}

/** A room whose name says so sleeps soon; so do the calls that name it in the query. */
const engineOf = (c) =>
  new DurableSessions(
    c.req.url.includes("sleepy") ? c.env.SLEEPY : c.env.SAMPLES,
  );

const rooms = sessionProxy({
  engine: engineOf,
  authorize: (c) => ({
    user: "ada",
    spawn: { executable: { env: c.req.query() } },
  }),
});

export default new Hono()
  .route("/rooms", rooms)
  .post("/terminate/:id", async (c) => {
    const hard = c.req.query("hard") !== undefined;
    await engineOf(c).terminate(c.req.param("id"), {
      hard,
    });
    return c.body(null, 204);
  })
  .get("/life/:id", async (c) => {
    const states = [];
    for await (const state of engineOf(c).statuses(c.req.param("id"))) {
      states.push(state);
    }
    return c.json(states);
  });
