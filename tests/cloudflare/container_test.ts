/**
 * Session backends as containers. `Container` of `@cloudflare/containers` runs in workerd;
 * `ctx.container` is a stand-in, with a real process behind it: see `container_worker.js`.
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { BackendState, ConnectResponse } from "../../types.ts";
import { SAMPLE } from "../engines/column.ts";
import { bundle } from "../kit/bundle.ts";
import { config } from "../kit/config.ts";
import { startWorker } from "../kit/workerd.ts";
import { follow } from "./follow.ts";

const SIGNALS = new Map<number, Deno.Signal>([[9, "SIGKILL"], [15, "SIGTERM"]]);

/** Starts and ends processes for the stand-in. */
function startAgent() {
  const children = new Map<string, Deno.ChildProcess>();
  const starts: Record<string, string>[] = [];
  const server = Deno.serve({ port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const body = await request.json();
    if (pathname === "/start") {
      const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
      const { port } = listener.addr;
      listener.close();
      starts.push(body.env);
      children.set(
        String(port),
        new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", `--config=${config}`, SAMPLE.href],
          cwd: new URL("../..", import.meta.url),
          env: { ...body.env, PORT: String(port) },
          stdin: "null",
        }).spawn(),
      );
      return Response.json({ port });
    }
    if (pathname === "/signal") {
      try {
        children.get(String(body.port))!.kill(SIGNALS.get(body.number)!);
      } catch {
        // It has ended.
      }
      return Response.json({});
    }
    const { code } = await children.get(pathname.slice("/exit/".length))!
      .status;
    return Response.json({ code });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    starts,
    async [Symbol.asyncDispose]() {
      for (const child of children.values()) {
        try {
          child.kill("SIGKILL");
        } catch {
          // It has ended.
        }
        await child.status;
      }
      await server.shutdown();
    },
  };
}

/** The states of a container that has become ready. */
const STARTED = ["scheduled", "starting", "waiting", "ready"];

/** A worker with containers, and short names for what the tests ask of it. */
async function start() {
  await using started = new AsyncDisposableStack();
  const agent = started.use(startAgent());
  const worker = started.use(
    await startWorker({
      module: await bundle(
        "tests/cloudflare/container_worker.js",
        "--external=cloudflare:workers",
      ),
      objects: { SAMPLES: "Sample", SLEEPY: "Sleepy" },
      vars: { AGENT: agent.url },
    }),
  );
  const base = `http://127.0.0.1:${worker.port}`;
  const connect = async (name = "one"): Promise<ConnectResponse> => {
    const response = await fetch(`${base}/rooms/${name}/connect?SAMPLE_A=1`, {
      method: "POST",
    });
    const text = await response.text();
    assert(response.ok, text);
    return JSON.parse(text);
  };
  const ask = async (path = "") => {
    const response = await fetch(`${base}/rooms/one/backend/${path}`);
    return { status: response.status, text: await response.text() };
  };
  const life = async ({ backend_id }: ConnectResponse, query = "") => {
    const response = await fetch(`${base}/life/${backend_id}${query}`);
    const states: BackendState[] = await response.json();
    return { names: states.map(({ status }) => status), last: states.at(-1) };
  };
  const terminate = async ({ backend_id }: ConnectResponse, query = "") => {
    const response = await fetch(`${base}/terminate/${backend_id}${query}`, {
      method: "POST",
    });
    await response.body?.cancel();
    assertEquals(response.status, 204);
  };
  const all = started.move();
  return {
    starts: agent.starts,
    connect,
    ask,
    life,
    terminate,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

Deno.test("cloudflare - a container: started once, its ports, its exit code, its ends", async () => {
  await using worker = await start();
  const { connect, ask, life, terminate, starts } = worker;

  // The first request waits until the port is ready.
  const all = await Promise.all(Array.from({ length: 20 }, () => connect()));
  const [one] = all;
  assertEquals(new Set(all.map(({ backend_id }) => backend_id)).size, 1);
  const { status, text } = await ask("a/b?SAMPLE_A=1");
  assertEquals(status, 200, text);
  const told = JSON.parse(text);
  assertEquals([told.path, told.env], ["/a/b?SAMPLE_A=1", { SAMPLE_A: "1" }]);
  assertEquals(told.headers["x-verified-username"], "ada");
  assertEquals(starts.length, 1);

  await terminate(one!);
  const soft = await life(one!);
  assertEquals(soft.names, [...STARTED, "terminating", "terminated"]);
  assertEquals(Reflect.get(soft.last!, "exit_error"), false);
  assertEquals(Reflect.get(soft.last!, "exit_code"), 0);

  const two = await connect();
  assertNotEquals(two.backend_id, one!.backend_id);
  assertEquals((await ask("?SAMPLE_A=1")).status, 200);
  await ask("exit?code=3&SAMPLE_A=1");
  const failed = await life(two);
  assertEquals(failed.names, [...STARTED, "terminated"]);
  assertEquals(Reflect.get(failed.last!, "exit_error"), true);
  assertEquals(Reflect.get(failed.last!, "exit_code"), 3);

  const three = await connect();
  assertEquals((await ask("?SAMPLE_A=1")).status, 200);
  await terminate(three, "?hard");
  assertEquals((await life(three)).names, [
    ...STARTED,
    "hard-terminating",
    "terminated",
  ]);

  const sleepy = await life(await connect("sleepy"), "?sleepy");
  assertEquals(sleepy.names, [...STARTED, "terminating", "terminated"]);
  assertEquals(Reflect.get(sleepy.last!, "termination_reason"), "swept");
  assertEquals(starts.length, 4);
});

Deno.test("cloudflare - a container runs on while its object is evicted, and each state comes once", async () => {
  await using worker = await start();
  const { connect, ask, life, starts } = worker;
  const one = await connect();
  assertEquals((await ask("?SAMPLE_A=1")).status, 200);
  const following = follow(one);
  await following.reached("ready");

  await ask("evict?SAMPLE_A=1");
  // The same process answers.
  assertEquals((await ask("?SAMPLE_A=1")).status, 200);
  assertEquals(starts.length, 1);
  assertEquals((await connect()).backend_id, one.backend_id);

  await ask("exit?code=3&SAMPLE_A=1");
  const seen = await following.ended;
  assertEquals(seen.map(({ status }) => status), [...STARTED, "terminated"]);
  assertEquals(Reflect.get(seen.at(-1)!, "exit_code"), 3);
  // Who comes later gets the same.
  const late = await life(one);
  assertEquals(late, { names: [...STARTED, "terminated"], last: seen.at(-1) });
});
