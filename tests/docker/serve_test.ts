/** `serve` on a real container engine, which the tests start themselves. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Jamsocket } from "../../server.ts";
import { SessionBackend } from "../../client.ts";
import {
  type DevEvent,
  type ServeOptions,
  servePlatform,
  startDevPlatform,
} from "../../session/dev/mod.ts";
import type { BackendState, ConnectRequest } from "../../types.ts";
import { config } from "../kit/config.ts";
import { type Dockerd, startDockerd } from "../kit/dockerd.ts";
import { folder } from "../kit/program.ts";
import { collect, until } from "../kit/wait.ts";
import { Peer, states } from "../dev/helpers.ts";

const IMAGE = "feedline-test:1";
const TOKEN = "the-token-of-the-tests";
const PROGRAM = await Deno.readTextFile(new URL("backend.js", import.meta.url));
/** A limit that Deno fits in. */
const MEMORY = 256 * 1024 ** 2;

const possible = await probe();
/** Why there is no engine here, or `undefined`. */
async function probe(): Promise<string | undefined> {
  const daemon = await startDockerd();
  if ("missing" in daemon) return daemon.missing;
  await daemon[Symbol.asyncDispose]();
  return undefined;
}

/** A test with an engine of its own. Where none starts it is skipped, except in CI. */
function test(
  name: string,
  options: { liveRestore?: boolean },
  body: (daemon: Dockerd, t: Deno.TestContext) => Promise<void>,
): void {
  Deno.test({
    name: possible ? `${name} (skipped: ${possible})` : name,
    ignore: possible !== undefined && !Deno.env.has("CI"),
    async fn(t) {
      const daemon = await startDockerd(options);
      if ("missing" in daemon) throw new Error(daemon.missing);
      await using _ = daemon;
      await daemon.importImage(IMAGE, PROGRAM);
      await body(daemon, t);
    },
  });
}

let names = 0;

/** A platform in this process, and an engine of ours that speaks to it. */
async function serve(daemon: Dockerd, options: Partial<ServeOptions> = {}) {
  const state = await folder();
  const events: DevEvent[] = [];
  const platform = await servePlatform({
    image: IMAGE,
    name: `test-${++names}`,
    state: state.path,
    dockerHost: daemon.host,
    networks: [daemon.network],
    token: TOKEN,
    port: 0,
    proxyPort: 0,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const engine = new Jamsocket({ apiUrl: platform.apiUrl, token: TOKEN });
  return {
    platform,
    engine,
    lines: (from: string) =>
      events.flatMap((event) =>
        event.type === "line" && event.from === from ? [event.text] : []
      ),
    notes: () =>
      events.flatMap((event) => event.type === "note" ? [event.text] : []),
    async [Symbol.asyncDispose]() {
      for (const { backend_id } of await engine.list()) {
        await engine.terminate(backend_id, { hard: true });
        await collect(engine.statuses(backend_id));
      }
      await platform.close();
      await state[Symbol.asyncDispose]();
    },
  };
}

/** The description of a backend's only container. */
// deno-lint-ignore no-explicit-any
async function inspect(daemon: Dockerd, backendId: string): Promise<any> {
  const filters = JSON.stringify({ label: [`feedline.backend=${backendId}`] });
  const list = await daemon.call(
    "GET",
    `/containers/json?all=1&filters=${encodeURIComponent(filters)}`,
  );
  const [first, ...more] = await list.json();
  assertEquals(more, []);
  if (!first) return undefined;
  return await (await daemon.call("GET", `/containers/${first.Id}/json`))
    .json();
}

async function json(url: string) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(20_000) });
  assertEquals(answer.status, 200);
  return await answer.json();
}

async function lastState(engine: Jamsocket, backendId: string) {
  const all = await collect(engine.statuses(backendId));
  const state = all.at(-1)! as BackendState & { status: "terminated" };
  const { time: _, ...rest } = state;
  return rest;
}

test(
  "docker - a backend is a container, with its limits, env and identity",
  {},
  async (daemon, t) => {
    await using mounts = await folder();
    await using served = await serve(daemon, { mounts: mounts.path });
    const { engine, platform } = served;

    await t.step("from the spawn to a soft end", async () => {
      const request: ConnectRequest = {
        key: "room",
        user: "Zoë",
        auth: { role: "editor" },
        spawn: {
          tag: "blue",
          lifetime_limit_seconds: 600,
          executable: {
            env: { TEST_A: "from the request" },
            mount: true,
            resource_limits: {
              memory_limit_bytes: MEMORY,
              cpu_period: 50_000,
              cpu_period_percent: 150,
            },
          },
        },
      };
      const answer = await engine.connect(request);
      assert(answer.spawned);
      await using backend = new SessionBackend(answer);
      await backend.ready();
      const { headers, env } = await json(`${answer.url}x`);
      assertEquals(headers["x-verified-backend"], answer.backend_id);
      assertEquals(env, {
        PORT: "8080",
        TEST_A: "from the request",
        SESSION_BACKEND_ID: answer.backend_id,
        SESSION_BACKEND_KEY: "room",
        SESSION_BACKEND_FENCING_TOKEN: env.SESSION_BACKEND_FENCING_TOKEN,
      });
      const peer = await Peer.open(answer.url);
      peer.socket.send("echo");
      assertEquals(await peer.next(), "echo");
      await peer.close();

      const { HostConfig, Config, NetworkSettings } = await inspect(
        daemon,
        answer.backend_id,
      );
      assertEquals(HostConfig.Memory, MEMORY);
      assertEquals([HostConfig.CpuPeriod, HostConfig.CpuQuota], [
        50_000,
        75_000,
      ]);
      assertEquals(Config.Labels["feedline.key"], "room");
      assertEquals(Config.Labels["feedline.tag"], "blue");
      assert(!JSON.stringify(Config.Labels).includes("from the request"));
      const [bound] = NetworkSettings.Ports["8080/tcp"];
      assertEquals(bound.HostIp, "127.0.0.1");

      await json(`${answer.url}write`);
      assertEquals(await Deno.readTextFile(`${mounts.path}/room/seen`), "kept");
      assertEquals(served.lines("stdout"), ["hello from the container"]);
      assertEquals(served.lines("stderr"), ["a warning"]);

      const { account: _a, ...again } = { account: 1, ...request };
      assertEquals((await engine.connect(again)).spawned, false);
      const [listed] = await engine.list();
      assertEquals([listed!.backend_id, listed!.key, listed!.status], [
        answer.backend_id,
        "room",
        "ready",
      ]);

      await engine.terminate(answer.backend_id);
      const seen = await collect(engine.statuses(answer.backend_id));
      assertEquals(
        seen.map(({ status }) => status),
        [
          "scheduled",
          "loading",
          "starting",
          "waiting",
          "ready",
          "terminating",
          "terminated",
        ],
      );
      assertEquals(await lastState(engine, answer.backend_id), {
        status: "terminated",
        termination_reason: "external",
        termination_kind: "soft",
        exit_error: false,
        exit_code: 0,
        oom_killed: false,
      });
      assertEquals(served.lines("stdout").at(-1), "asked to end");
      // Its name is free, and nothing is left of it.
      assertEquals(await inspect(daemon, answer.backend_id), undefined);
    });

    await t.step(
      "200 connects at once for one key start one container",
      async () => {
        const answers = await Promise.all(
          Array.from({ length: 200 }, () => engine.connect({ key: "crowd" })),
        );
        assertEquals(new Set(answers.map((one) => one.backend_id)).size, 1);
        assertEquals(answers.filter(({ spawned }) => spawned).length, 1);
        await json(answers[0]!.url);
        assert((await inspect(daemon, answers[0]!.backend_id)).State.Running);
      },
    );

    await t.step(
      "refused options name the field and start nothing",
      async () => {
        for (
          const [executable, message] of [
            [{ mount: "../etc" }, /spawn\.executable\.mount/],
            [{ mount: "/etc" }, /spawn\.executable\.mount/],
            [{ network_name: "host" }, /spawn\.executable\.network_name/],
            [{ env: { PORT: "1" } }, /spawn\.executable\.env\.PORT/],
          ] as const
        ) {
          const error = await assertRejects(() =>
            engine.connect({ key: "no", spawn: { executable } })
          );
          assertMatch((error as Error).message, message);
        }
      },
    );

    await t.step(
      "the API asks for its token, what pages read does not",
      async () => {
        const { backend_id, status_url, url } = await engine.connect({
          key: "crowd",
        });
        const status = async (path: string, headers: HeadersInit = {}) => {
          const answer = await fetch(`${platform.apiUrl}${path}`, {
            headers,
          });
          await answer.body?.cancel();
          return answer.status;
        };
        const basic = `Basic ${btoa(`anyone:${TOKEN}`)}`;
        for (const path of ["/", "/metrics", "/v2/account/-/backends"]) {
          assertEquals(await status(path), 401);
          assertEquals(await status(path, { authorization: "Bearer x" }), 401);
          assertEquals(await status(path, { authorization: basic }), 200);
          assertEquals(
            await status(path, { authorization: `Bearer ${TOKEN}` }),
            200,
          );
          assertEquals(
            await status(path, {
              authorization: basic,
              origin: "https://elsewhere.example",
            }),
            403,
          );
        }
        assertEquals((await json(status_url)).status, "ready");
        const wrong = new Jamsocket({
          apiUrl: platform.apiUrl,
          token: "wrong",
        });
        await assertRejects(
          () => wrong.connect({ key: "crowd" }),
          Error,
          "401",
        );
        // A page of any origin may use a connection URL: whoever has it may.
        const foreign = await fetch(url, {
          headers: { origin: "https://a.example" },
        });
        await foreign.body?.cancel();
        assertEquals(foreign.status, 200);
        const text = await (await fetch(`${platform.apiUrl}/metrics`, {
          headers: { authorization: `Bearer ${TOKEN}` },
        })).text();
        assertMatch(text, /^feedline_spawns_total 2$/m);
        assertMatch(text, /^feedline_backends\{status="ready"\} 1$/m);
        assertMatch(text, /^feedline_start_seconds_count 2$/m);
        assertMatch(text, /^feedline_ended_total\{reason="external"\} 1$/m);
        await engine.terminate(backend_id);
      },
    );
  },
);

test("docker - how a container ends is reported", {}, async (daemon, t) => {
  await using served = await serve(daemon, { grace: 1500 });
  const { engine } = served;
  const spawn = async (
    request: ConnectRequest,
    act: (url: string) => unknown = () => {},
  ) => {
    const { backend_id, url, status_url } = await engine.connect(request);
    await states(status_url, "ready");
    await act(url);
    return await lastState(engine, backend_id);
  };
  const limits = { resource_limits: { memory_limit_bytes: MEMORY } };

  await t.step("by itself, with its exit code", async () => {
    const ended = await spawn({ key: "a" }, (url) => json(`${url}exit?code=7`));
    assertEquals(ended, {
      status: "terminated",
      termination_reason: null,
      termination_kind: null,
      exit_error: true,
      exit_code: 7,
      oom_killed: false,
    });
  });

  await t.step("killed for its memory", async () => {
    const ended = await spawn(
      { key: "b", spawn: { executable: limits } },
      (url) =>
        fetch(`${url}memory`).then((answer) => answer.text()).catch(() => {}),
    );
    assertEquals([ended.exit_code, ended.oom_killed, ended.exit_error], [
      137,
      true,
      true,
    ]);
  });

  await t.step("it ignores its stop signal", async () => {
    const executable = { env: { TEST_END: "never" } };
    const { backend_id, status_url } = await engine.connect({
      spawn: { executable },
    });
    await states(status_url, "ready");
    await engine.terminate(backend_id);
    const ended = await lastState(engine, backend_id);
    assertEquals(
      [ended.termination_kind, ended.termination_reason, ended.exit_code],
      ["hard", "external", 137],
    );
  });

  await t.step("it never answers", async () => {
    await using impatient = await serve(daemon, { startupTimeout: 1000 });
    const { backend_id } = await impatient.engine.connect({
      spawn: { executable: { env: { TEST_SILENT: "1" } } },
    });
    const ended = await lastState(impatient.engine, backend_id);
    assertEquals(
      [ended.termination_kind, ended.termination_reason],
      ["hard", "startuptimeout"],
    );
  });

  await t.step("its idle limit and its lifetime", async () => {
    for (
      const limit of [{ max_idle_seconds: 0.3 }, { lifetime_limit_seconds: 3 }]
    ) {
      const ended = await spawn({ spawn: limit });
      assertEquals(ended.termination_reason, "swept");
    }
  });

  await t.step("somebody removes it", async () => {
    const { backend_id, status_url } = await engine.connect({ key: "gone" });
    await states(status_url, "ready");
    const { Id } = await inspect(daemon, backend_id);
    await (await daemon.call("DELETE", `/containers/${Id}?force=1`)).text();
    assertEquals((await lastState(engine, backend_id)).exit_error, true);
  });

  await t.step("the image does not exist", async () => {
    await using other = await serve(daemon, { image: "localhost:1/missing" });
    const { backend_id } = await other.engine.connect({ key: "a" });
    const ended = await lastState(other.engine, backend_id);
    assertEquals(ended.termination_reason, "internalerror");
    const lines = other.lines("platform");
    assertEquals(lines[0], "pulling image localhost:1/missing");
    assertMatch(lines[1]!, /^could not start: /);
  });
});

/** `serve` as a process of its own, which the test kills. */
async function startServe(
  daemon: Dockerd,
  state: string,
  port: number,
  ...more: string[]
): Promise<
  Disposable & {
    kill(signal?: Deno.Signal): Promise<number>;
    signal(signal: Deno.Signal): void;
  }
> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      `--config=${config}`,
      "session/dev/mod.ts",
      "serve",
      `--image=${IMAGE}`,
      `--docker-host=${daemon.host}`,
      `--state=${state}`,
      `--network=${daemon.network}`,
      `--port=${port}`,
      `--proxy-port=${port + 1}`,
      "--log=json",
      ...more,
    ],
    env: { FEEDLINE_TOKEN: TOKEN },
    cwd: new URL("../..", import.meta.url),
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let running = true;
  child.status.then(() => running = false);
  const serving = {
    async kill(signal: Deno.Signal = "SIGKILL") {
      if (running) child.kill(signal);
      return (await child.status).code;
    },
    signal: (signal: Deno.Signal) => child.kill(signal),
    [Symbol.dispose]() {
      if (running) child.kill("SIGKILL");
    },
  };
  await until(
    async () => {
      if (!running) throw new Error("serve ended");
      try {
        const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
        await answer.body?.cancel();
        return true;
      } catch {
        return false;
      }
    },
    "serve answers",
    60_000,
  );
  return serving;
}

/** Two ports next to each other that are free. */
function freePorts(): number {
  for (;;) {
    using one = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = one.addr as Deno.NetAddr;
    try {
      Deno.listen({ hostname: "127.0.0.1", port: port + 1 }).close();
      return port;
    } catch {
      // Another two.
    }
  }
}

test("docker - nothing is lost by kill -9 of serve", {}, async (daemon, t) => {
  await using state = await folder();
  const port = freePorts();
  const engine = new Jamsocket({
    apiUrl: `http://127.0.0.1:${port}`,
    token: TOKEN,
  });
  using first = await startServe(daemon, state.path, port);
  const connect = async (
    key: string,
    spawn: ConnectRequest["spawn"] = true,
  ) => {
    const answer = await engine.connect({ key, spawn, user: "ada" });
    await states(answer.status_url, "ready");
    return answer;
  };
  const stays = await connect("stays");
  const idle = await connect("idle", { max_idle_seconds: 2 });
  const hour = { max_idle_seconds: 3600 };
  const left = await connect("left", hour);
  const visited = await connect("visited", hour);
  const mortal = await connect("mortal", { lifetime_limit_seconds: 6 });
  // Still ending when serve is killed.
  const ending = await connect("ending", {
    executable: { env: { TEST_END: "1500" } },
  });
  const crashes = await connect("crashes");
  const vanishes = await connect("vanishes");
  const banned = await engine.connect({ key: "stays", user: "mallory" });
  await engine.revoke({ user: "mallory" });
  // One had a visitor, who left; the other one's is still there.
  const visit = await Peer.open(left.url);
  const visitor = await Peer.open(visited.url);
  await visit.close();
  const file = (id: string) => `${state.path}/backends/${id}.json`;
  const kept = async (id: string) =>
    JSON.parse(await Deno.readTextFile(file(id)));
  await until(
    async () => (await kept(left.backend_id)).idleSince !== undefined,
    "its idle time is kept",
  );
  const before = await states(stays.status_url, "ready");
  const pids = await inspect(daemon, stays.backend_id);
  await engine.terminate(ending.backend_id);
  await states(ending.status_url, "terminating");
  await first.kill("SIGKILL");
  await visitor.closed;

  // What happens in the meantime.
  for (const { backend_id } of [left, visited]) {
    // An hour passes.
    const { idleSince, ...rest } = await kept(backend_id);
    const earlier = idleSince && { idleSince: idleSince - 3_600_000 };
    await Deno.writeTextFile(
      file(backend_id),
      JSON.stringify({ ...rest, ...earlier }),
    );
  }
  const outside = async (id: string, signal: string) => {
    const { Id } = await inspect(daemon, id);
    const path = `/containers/${Id}/kill?signal=${signal}`;
    await (await daemon.call("POST", path)).text();
    return Id;
  };
  await outside(crashes.backend_id, "SIGKILL");
  const gone = await inspect(daemon, vanishes.backend_id);
  await (await daemon.call("DELETE", `/containers/${gone.Id}?force=1`)).text();

  using second = await startServe(daemon, state.path, port);

  await t.step("the container is the same, and its token holds", async () => {
    const { env } = await json(stays.url);
    assertEquals(env.SESSION_BACKEND_ID, stays.backend_id);
    assertEquals((await inspect(daemon, stays.backend_id)).Id, pids.Id);
    const again = await engine.connect({ key: "stays", user: "ada" });
    assertEquals([again.backend_id, again.spawned], [stays.backend_id, false]);
  });

  await t.step("a revoked token stays revoked", async () => {
    const answer = await fetch(banned.url);
    await answer.body?.cancel();
    assertEquals(answer.status, 410);
  });

  await t.step("its states go on where a reader was", async () => {
    assertEquals(await states(stays.status_url, "ready"), before);
    const last = before.at(-1)!.id!;
    const rest = states(stays.status_url, undefined, { "last-event-id": last });
    await engine.terminate(stays.backend_id);
    assertEquals((await rest).map(({ id, state }) => [id, state.status]), [
      [String(Number(last) + 1), "terminating"],
      [String(Number(last) + 2), "terminated"],
    ]);
  });

  await t.step("what ended meanwhile is reported", async () => {
    const crashed = await lastState(engine, crashes.backend_id);
    assertEquals(
      [crashed.exit_code, crashed.exit_error, crashed.termination_reason],
      [137, true, null],
    );
    const vanished = await lastState(engine, vanishes.backend_id);
    assertEquals(
      [vanished.termination_reason, vanished.exit_error],
      ["lost", true],
    );
    const ended = await lastState(engine, ending.backend_id);
    assertEquals(
      [ended.termination_reason, ended.termination_kind, ended.exit_error],
      ["external", "soft", false],
    );
    // Their keys are free.
    for (const key of ["crashes", "vanishes", "ending"]) {
      assert((await engine.connect({ key })).spawned, key);
    }
  });

  await t.step("limits go on", async () => {
    for (const { backend_id } of [idle, mortal, left]) {
      const ended = await lastState(engine, backend_id);
      assertEquals(ended.termination_reason, "swept");
    }
    // The connection that was cut counts as one until then.
    assertEquals((await engine.status(visited.backend_id)).status, "ready");
  });

  await t.step("SIGTERM leaves containers running", async () => {
    const { backend_id } = await connect("crashes");
    assertEquals(await second.kill("SIGTERM"), 0);
    assert((await inspect(daemon, backend_id)).State.Running);
  });
});

test(
  "docker - SIGHUP changes the secrets without a cut; URLs are public",
  {},
  async (daemon) => {
    await using state = await folder();
    const port = freePorts();
    const publicUrl = "https://rooms.example.com/live";
    using serving = await startServe(
      daemon,
      state.path,
      port,
      `--public-url=${publicUrl}/`,
    );
    const engine = new Jamsocket({
      apiUrl: `http://127.0.0.1:${port}`,
      token: TOKEN,
      backendOrigins: ["https://rooms.example.com"],
    });
    const connect = () => engine.connect({ key: "a" });
    const { url, status_url, backend_id } = await connect();
    assertEquals(new URL(url).href, url);
    assert(url.startsWith(`${publicUrl}/`), "a public connection URL");
    assertEquals(status_url, `${publicUrl}/v2/backend/${backend_id}/status`);
    /** As a reverse proxy does. */
    const status = async (url: string) => {
      const path = url.slice(publicUrl.length);
      const answer = await fetch(`http://127.0.0.1:${port + 1}${path}`);
      await answer.body?.cancel();
      return answer.status;
    };
    assertEquals(await status(url), 200);

    const file = `${state.path}/keys.json`;
    const [old] = JSON.parse(await Deno.readTextFile(file));
    const reload = async (text: string) => {
      await Deno.writeTextFile(file, text);
      serving.signal("SIGHUP");
    };
    const next = { id: "next", secret: "s".repeat(64) };
    await reload(JSON.stringify([next, old]));
    let last = url;
    await until(async () => {
      last = (await connect()).url;
      return last.length !== url.length;
    }, "the new secret signs");
    assertEquals([await status(url), await status(last)], [200, 200]);
    // A mistake in the file changes nothing.
    await reload("[]");
    assertEquals([await status(url), await status(last)], [200, 200]);
    await reload(JSON.stringify([next]));
    await until(async () => await status(url) === 410, "the old one is gone");
    assertEquals(await status(last), 200);
    await engine.terminate(backend_id, { hard: true });
  },
);

for (const liveRestore of [false, true]) {
  test(
    `docker - a restart of the daemon, whose containers ${
      liveRestore ? "go on" : "end"
    }`,
    { liveRestore },
    async (daemon) => {
      await using served = await serve(daemon);
      const { engine } = served;
      const { backend_id, url, status_url } = await engine.connect({
        key: "a",
      });
      await states(status_url, "ready");
      await daemon.restart();
      await until(
        () => served.notes().includes("the container engine is back"),
        "it is back",
        30_000,
      );
      if (liveRestore) {
        assertEquals((await json(url)).env.SESSION_BACKEND_ID, backend_id);
        await engine.terminate(backend_id);
      }
      const ended = await lastState(engine, backend_id);
      assertEquals(ended.termination_reason, liveRestore ? "external" : null);
      const next = await engine.connect({ key: "a" });
      assert(next.spawned);
      await states(next.status_url, "ready");
    },
  );
}

test(
  "docker - a key's container is fenced by its name and its id",
  {},
  async (daemon) => {
    await using served = await serve(daemon, { name: "fenced" });
    const { engine } = served;
    const { backend_id, status_url } = await engine.connect({ key: "a" });
    await states(status_url, "ready");
    const name = (await inspect(daemon, backend_id)).Name.slice(1);
    await engine.terminate(backend_id);
    await lastState(engine, backend_id);

    const create = async (start: boolean) => {
      const answer = await daemon.call(
        "POST",
        `/containers/create?name=${name}`,
        new Blob([JSON.stringify({
          Image: IMAGE,
          Env: ["PORT=8080"],
          HostConfig: { NetworkMode: daemon.network },
        })], {
          type: "application/json",
        }),
      );
      const { Id } = await answer.json();
      if (start) {
        await (await daemon.call("POST", `/containers/${Id}/start`)).text();
      }
      return Id;
    };
    // What an interrupted start left behind is removed.
    await create(false);
    const second = await engine.connect({ key: "a" });
    await states(second.status_url, "ready");
    await engine.terminate(second.backend_id);
    await lastState(engine, second.backend_id);
    // What runs is left alone, and there is no second one.
    const foreign = await create(true);
    const third = await engine.connect({ key: "a" });
    const ended = await lastState(engine, third.backend_id);
    assertEquals(ended.termination_reason, "internalerror");
    assertMatch(
      served.lines("platform").at(-1)!,
      /the key is held by container/,
    );
    const { State } = await (await daemon.call(
      "GET",
      `/containers/${foreign}/json`,
    )).json();
    assert(State.Running);
  },
);

test(
  "docker - dev runs the very image, and ends its containers",
  {},
  async (daemon) => {
    const dev = await startDevPlatform({
      image: IMAGE,
      dockerHost: daemon.host,
      networks: [daemon.network],
      port: 0,
      proxyPort: 0,
    });
    const port = Number(new URL(dev.apiUrl).port);
    const engine = new Jamsocket({ dev: true, port });
    const { backend_id, url } = await engine.connect({ key: "a" });
    assertEquals((await json(url)).env.SESSION_BACKEND_KEY, "a");
    await dev.close();
    assertEquals(await inspect(daemon, backend_id), undefined);
  },
);
