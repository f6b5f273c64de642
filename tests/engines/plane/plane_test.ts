/**
 * What was seen to go wrong on a real Plane, and its API. What holds on every
 * platform is in the engine suite.
 */
import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { HTTPError, Plane, type PlaneInitOptions } from "../../../server.ts";
import { sessionProxy } from "../../../session/edge/proxy.ts";
import {
  BACKEND_STATUSES,
  type BackendState,
  type ConnectRequest,
  type PlaneSpawnOptions,
} from "../../../types.ts";
import { collect, until } from "../../kit/wait.ts";
import { SAMPLE } from "../column.ts";
import {
  denoRun,
  findPlane,
  mayBeMissing,
  type RunningPlane,
  startPlane,
} from "./start.ts";

/** A backend that stops to listen when it is asked to, and goes on running. */
const DEAF = `
  const server = Deno.serve({ port: Number(Deno.env.get("PORT")), onListen() {} }, (request) => {
    if (request.url.endsWith("/deaf")) setTimeout(() => server.shutdown());
    setInterval(() => {}, 1_000_000);
    return new Response("ok");
  });`;

const IMAGES = {
  sample: { command: denoRun(SAMPLE) },
  /** In this process, for tests that need many. */
  quick: { handler: (request: Request) => new Response(request.url) },
  deaf: { command: [Deno.execPath(), "eval", DEAF] },
};

/** What each step gets. */
interface Stage {
  plane: RunningPlane;
  engine(options?: Partial<PlaneInitOptions>): Plane;
}

/** An edge route over an engine, in this process; what it reported. */
function edge(engine: Plane, spawn: PlaneSpawnOptions = {}) {
  const reported: string[] = [];
  const app = sessionProxy({
    engine,
    authorize: () => ({ user: "ada", spawn }),
    onError: (error) => void reported.push(`${error}: ${error.cause}`),
  });
  return {
    reported,
    request: async (path: string, init?: RequestInit) =>
      await app.request(`http://edge.test/${path}`, init),
  };
}

async function ready(engine: Plane, request: ConnectRequest) {
  const response = await engine.connect(request);
  for await (const { status } of engine.statuses(response.backend_id)) {
    if (status === "ready") return response;
  }
  throw new Error("it ended before it was ready");
}

const names = (states: BackendState[]) => states.map(({ status }) => status);

/** Runs a job for each number below `count`, some at a time. */
async function each(
  count: number,
  atOnce: number,
  job: (number: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < count) await job(next++);
  }));
}

const STEPS: Record<string, (stage: Stage) => Promise<void>> = {
  async "60 spawns, 20 at once: each state once and in order"({ engine }) {
    const plane = engine();
    await each(60, 20, async (number) => {
      const key = `spawns-${number}`;
      const { backend_id } = await plane.connect({ key });
      const states: BackendState[] = [];
      for await (const state of plane.statuses(backend_id)) {
        states.push(state);
        if (state.status === "ready") await plane.terminate(backend_id);
      }
      const seen = names(states);
      assertEquals(
        seen,
        BACKEND_STATUSES.filter((status) => seen.includes(status)),
      );
      assert(seen.includes("ready") && seen.at(-1) === "terminated", `${seen}`);
    });
  },

  async "60 first requests through the edge, 20 at once: each is answered"(
    { engine },
  ) {
    const { request, reported } = edge(engine());
    await each(60, 20, async (number) => {
      const answer = await request(`first-${number}/backend/hello`);
      assertStringIncludes(await answer.text(), "/hello");
      assertEquals(answer.status, 200, reported.join());
    });
  },

  async "terminate, then connect: a new backend, every time"({ engine }) {
    const plane = engine();
    await each(20, 10, async (number) => {
      const key = `again-${number}`;
      const first = await ready(plane, { key });
      await plane.terminate(first.backend_id);
      const second = await plane.connect({ key });
      assertNotEquals(second.backend_id, first.backend_id);
      assert(second.spawned);
    });
  },

  async "a key whose backend takes more than 10 s to end: the edge waits, spawn: false does not"(
    { engine },
  ) {
    const plane = engine();
    const spawn = {
      executable: { image: "sample", env: { SAMPLE_STOP_MS: "11000" } },
    };
    const key = "slow-to-end";
    const { backend_id: first } = await ready(plane, { key, spawn });
    await plane.terminate(first);

    const error = await assertRejects(
      () => plane.connect({ key, spawn: false }),
      HTTPError,
      "is terminating",
    );
    assertEquals(error.code, 409);

    // An edge that holds nothing still reads the state.
    const { request, reported } = edge(plane, spawn);
    const state = await request(`${key}/status/${first}`);
    assertEquals((await state.json()).status, "terminating");
    const other = await request(`${key}/status/some-other-id`);
    assertEquals([other.status, await other.json()], [410, {
      error: { message: "the backend is gone", code: "410" },
    }]);

    const answer = await request(`${key}/connect`, { method: "POST" });
    const { backend_id: second } = await answer.json();
    assertEquals(answer.status, 200, reported.join());
    assertNotEquals(second, first);
    assertEquals((await plane.status(first)).status, "terminated");
    await plane.terminate(second, { hard: true });
  },

  async "a field that Plane refuses with a bare 422 is refused before, by name"(
    { plane: { controllerUrl }, engine },
  ) {
    const raw = async (body: object) => {
      const response = await fetch(`${controllerUrl}/ctrl/connect`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      await response.body?.cancel();
      return response.status;
    };
    const executable = { image: "quick" };
    const key = { name: "refused" };
    const bad: [request: object, name: string, sent?: object][] = [
      [
        { spawn: { max_idle_seconds: 0.5 } },
        "max_idle_seconds",
        { key, spawn_config: { executable, max_idle_seconds: 0.5 } },
      ],
      [{ auth: [1] }, "auth", { key, auth: [1] }],
      [
        { spawn: { pool: 1 } },
        "pool",
        { key, spawn_config: { executable, pool: 1 } },
      ],
      [
        { spawn: { use_static_token: "yes" } },
        "use_static_token",
        { key, spawn_config: { executable, use_static_token: "yes" } },
      ],
      // These it accepts, and fails later.
      [
        {
          spawn: {
            executable: { resource_limits: { cpu_period_percent: 400 } },
          },
        },
        "cpu_period_percent",
      ],
      [{ spawn: { id: "Upper Case" } }, "spawn.id"],
      [{ spawn: { subdomain: "-a" } }, "subdomain"],
      [{ spawn: { cluster: "a b" } }, "cluster"],
      [{ spawn: { executable: { pull_policy: "always" } } }, "pull_policy"],
      [
        { spawn: { executable: { credentials: { username: "a" } } } },
        "password",
      ],
    ];
    for (const [request, name, sent] of bad) {
      const error = await assertRejects(
        () =>
          engine().connect({ key: "refused", ...request } as ConnectRequest),
      );
      assertStringIncludes((error as Error).message, name);
      if (sent) assertEquals(await raw(sent), 422, name);
    }
  },

  async "the 502 of Plane's proxy is the platform's, and the edge tries a new backend"(
    { engine },
  ) {
    const plane = engine({ executable: { image: "deaf" } });
    const { url, backend_id } = await ready(plane, { key: "deaf" });
    await (await fetch(`${url}deaf`)).text();
    let answer: Response | undefined;
    await until(async () => {
      answer = await fetch(url);
      await answer.text();
      return answer.status === 502;
    });
    // Plane marks it like a response of the backend.
    assertEquals(answer!.headers.get("x-plane-backend-id"), backend_id);
    assert(plane.isPlatformAnswer(answer!));

    const { request, reported } = edge(plane);
    const failed = await request("deaf/backend/");
    assertEquals([failed.status, await failed.json()], [502, {
      error: { message: "the backend is unreachable", code: "502" },
    }]);
    assertMatch(reported.join(), /unreachable/);
    await plane.terminate(backend_id, { hard: true });
  },

  async "a connection URL lives for an hour; the edge replaces one that expired"(
    { plane, engine },
  ) {
    const key = "expiry";
    await ready(engine(), { key });
    const { request } = edge(engine());
    const joined = await request(`${key}/connect`, { method: "POST" });
    await joined.text();
    const left = await plane.sql(
      "select extract(epoch from max(expiration_time - now())) from token",
    );
    assert(Number(left) > 3_500 && Number(left) <= 3_600, left);

    await plane.sql("delete from token");
    const answer = await request(`${key}/backend/`);
    await answer.text();
    assertEquals(answer.status, 200);
  },

  async "no drone with room: 503, and when to come back"({ engine }) {
    const spawn = { pool: "without-a-drone" };
    const error = await assertRejects(
      () => engine().connect({ key: "nowhere", spawn }),
      HTTPError,
    );
    assertEquals([error.code, error.error?.kind], [503, "NoDroneAvailable"]);
    assert(error.retryAfter! > 0);

    const answer = await edge(engine(), spawn).request("nowhere/connect", {
      method: "POST",
    });
    await answer.text();
    assertEquals(answer.status, 503);
    assertMatch(answer.headers.get("retry-after")!, /^[1-9]\d*$/);
  },

  async "the controller's API: status, health, cluster, tokens"(
    { plane: { cluster }, engine },
  ) {
    const plane = engine();
    const { backend_id, url } = await ready(plane, { key: "api", user: "ada" });
    assertEquals((await plane.controllerStatus()).version, "0.5.5");
    await plane.health();

    const { drones, proxies } = await plane.clusterState();
    assertEquals([drones.length, proxies.length], [1, 1]);
    const [drone] = drones;
    assertMatch(drone!.name, /^dr-/);
    assertMatch(proxies[0]!.name, /^px-/);
    assertEquals(
      [drone!.ready, drone!.draining, drone!.plane_version],
      [true, false, "0.5.5"],
    );
    assert(drone!.backend_count > 0 && drone!.last_heartbeat_age < 45);
    assertEquals((await plane.clusterState(cluster)).drones.length, 1);

    await plane.deleteTokens(backend_id, "ada");
    const answer = await fetch(url);
    await answer.body?.cancel();
    assertEquals(answer.status, 410);

    const error = await assertRejects(
      () => plane.drain("dr-unknown"),
      HTTPError,
    );
    assertEquals(error.code, 404);
    await assertRejects(
      () => engine({ cluster: undefined }).clusterState(),
      TypeError,
      "cluster",
    );
  },

  async "spawn fields: id, subdomain and static token; the response's drone"(
    { plane: { cluster }, engine },
  ) {
    const plane = engine();
    const { drones: [drone] } = await plane.clusterState();
    const named = await plane.connect({
      key: "named",
      spawn: { id: "my-own-id", subdomain: "room-1" },
    });
    assertEquals(
      [named.backend_id, named.subdomain, named.drone],
      ["my-own-id", "room-1", drone!.name],
    );
    assert(named.url.startsWith(`http://room-1.${cluster}/`), named.url);
    const found = await plane.connect({ key: "named" });
    assertEquals([found.subdomain, found.drone], ["room-1", null]);

    const spawn = { use_static_token: true };
    const fixed = await ready(plane, { key: "fixed", user: "ada", spawn });
    const again = await plane.connect({ key: "fixed", user: "bob" });
    assertEquals(again.url, fixed.url);
    const answer = await fetch(`${fixed.url}a`);
    assertStringIncludes(await answer.text(), `/${fixed.token}/a`);
  },

  async "a program that Plane cannot start ends with a reason to be seen"(
    { engine },
  ) {
    const plane = engine({ executable: { image: "no-such-image" } });
    const { backend_id } = await plane.connect({ key: "missing-image" });
    const states = await collect(plane.statuses(backend_id));
    assertEquals(states.at(-1)!.status, "terminated");
    assertFalse(names(states).includes("ready"));
  },

  async "a stream that is lost says of which backend, and goes on later"(
    { plane: { stop, start }, engine },
  ) {
    const plane = engine();
    const { backend_id } = await ready(plane, { key: "lost-stream" });
    const errors: string[] = [];
    const seen: string[] = [];
    const end = await plane.statusStream(
      backend_id,
      ({ status }) => void seen.push(status),
      { onError: (error) => void errors.push(String(error)) },
    );
    await until(() => seen.includes("ready"));
    await stop("controller");
    await until(() => errors.length > 0);
    assertStringIncludes(errors[0]!, backend_id);
    await start("controller");
    // The drone and the proxy come back by themselves.
    await until(() =>
      plane.terminate(backend_id).then(() => true, () => false)
    );
    await until(() => seen.includes("terminated"), "it has ended", 60_000);
    end();
    assertEquals(seen.length, new Set(seen).size, `${seen}`);
  },

  async "PostgreSQL is down: no call hangs; it comes back: all goes on"(
    { plane: { stop, start }, engine },
  ) {
    const plane = engine({ timeout: 2_000 });
    const key = "without-a-database";
    const { backend_id } = await ready(plane, { key });
    await stop("postgres");
    const calls: (() => Promise<unknown>)[] = [
      () => plane.connect({ key }),
      () => plane.status(backend_id),
      () => plane.terminate(backend_id),
      () => plane.health(),
    ];
    await Promise.all(calls.map((call) => assertRejects(call)));
    await start("postgres");
    await until(
      async () => {
        const response = await plane.connect({ key }).catch(() => undefined);
        return response?.backend_id === backend_id;
      },
      "the key leads to its backend",
      30_000,
    );
  },

  // The last one: a drained drone stays so.
  async "a drained drone goes on, and gets no new backends"({ engine }) {
    const plane = engine();
    const { url } = await ready(plane, { key: "drain" });
    const { drones: [drone] } = await plane.clusterState();
    assertEquals(await plane.drain(drone!.name), true);
    assertEquals(await plane.drain(drone!.name), false);
    await until(async () => {
      const { drones: [drone] } = await plane.clusterState();
      return drone!.draining;
    });
    const error = await assertRejects(
      () => plane.connect({ key: "after-drain" }),
      HTTPError,
    );
    assertEquals(error.code, 503);
    assertEquals((await plane.connect({ key: "drain" })).spawned, false);
    assertStringIncludes(await (await fetch(`${url}b`)).text(), "/b");
  },
};

const found = await findPlane();

Deno.test({
  name:
    "production.md - Plane has every command and option of the compose file",
  ignore: mayBeMissing(found),
  async fn() {
    if ("missing" in found) throw new Error(found.missing);
    const page = new URL("../../../docs/production.md", import.meta.url);
    const text = await Deno.readTextFile(page);
    const commands = new Map(
      [...text.matchAll(
        /command:\s+(?:>\s+)?(\w+)([^]*?)(?=\n {4}\w+:|\n\n)/g,
      )].map(([, command, line]) => [command!, line!]),
    );
    assertEquals([...commands.keys()].sort(), [
      "controller",
      "dns",
      "drone",
      "proxy",
    ]);
    for (const [command, line] of commands) {
      const { stdout } = await new Deno.Command(found.plane, {
        args: [command, "--help"],
      }).output();
      const options = (text: string): string[] =>
        text.match(/--[a-z-]+/g) ?? [];
      const known = options(new TextDecoder().decode(stdout));
      const named = options(line);
      assert(named.length > 1, command);
      for (const option of named) assert(known.includes(option), option);
    }
  },
});

Deno.test({
  name: "missing" in found ? `a real Plane (${found.missing})` : "a real Plane",
  ignore: mayBeMissing(found),
  // The runtime of its drone is in this process, and has more to do than one step.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    if ("missing" in found) throw new Error(found.missing);
    await using plane = await startPlane(found, { images: IMAGES });
    const { controllerUrl, cluster } = plane;
    const engine = (options: Partial<PlaneInitOptions> = {}) =>
      new Plane({
        controllerUrl,
        cluster,
        executable: { image: "quick" },
        ...options,
      });
    for (const [name, step] of Object.entries(STEPS)) {
      await t.step(name, () => step({ plane, engine }));
    }
  },
});
