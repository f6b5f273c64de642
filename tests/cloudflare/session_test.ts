/** Session backends as Durable Objects, in workerd. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { BackendState, ConnectResponse } from "../../types.ts";
import { bundle } from "../kit/bundle.ts";
import { folder } from "../kit/program.ts";
import { startWorker } from "../kit/workerd.ts";
import { follow } from "./follow.ts";

const module = await bundle("tests/cloudflare/worker.ts");
const DATES = ["2026-03-01", "2026-10-01"];

interface Told {
  user: string | null;
  born: string;
  starts: number;
  alarms: number;
  hibernated: number;
}

/** A worker, and short names for what the tests ask of it. */
async function start(
  options: Partial<Parameters<typeof startWorker>[0]> = {},
) {
  const worker = await startWorker({
    module,
    objects: { ROOMS: "Room" },
    ...options,
  });
  const base = `http://127.0.0.1:${worker.port}`;
  const post = async (path: string) => {
    const response = await fetch(base + path, { method: "POST" });
    const text = await response.text();
    assert(response.ok, `${response.status} ${text}`);
    return text;
  };
  return {
    base,
    port: worker.port,
    post,
    /** The states of a backend, once it has ended. */
    life: async ({ backend_id }: ConnectResponse): Promise<BackendState[]> => {
      const response = await fetch(`${base}/life/${backend_id}`);
      return await response.json();
    },
    connect: async (name: string, query = ""): Promise<ConnectResponse> =>
      JSON.parse(await post(`/rooms/${name}/connect?${query}`)),
    ask: async (path: string): Promise<Told> => {
      const response = await fetch(`${base}/rooms/${path}`);
      const text = await response.text();
      assert(response.ok, `${response.status} ${text}`);
      return JSON.parse(text);
    },
    socket: async (path: string) => {
      const url = `${base}/rooms/${path}`.replace(/^http/, "ws");
      const socket = new WebSocket(url);
      const closed = new Promise<CloseEvent>((resolve) =>
        socket.addEventListener("close", resolve)
      );
      await new Promise((resolve, reject) => {
        socket.addEventListener("open", resolve);
        socket.addEventListener("error", reject);
      });
      const ask = (text: string) =>
        new Promise((resolve) => {
          socket.addEventListener("message", ({ data }) => resolve(data), {
            once: true,
          });
          socket.send(text);
        });
      return { socket, closed, ask };
    },
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}

const names = (states: BackendState[]) => states.map(({ status }) => status);
const LIFE = ["scheduled", "starting", "ready", "terminating", "terminated"];

for (const compatibilityDate of DATES) {
  Deno.test(`cloudflare ${compatibilityDate} - 200 connects at once start one backend`, async () => {
    await using worker = await start({ compatibilityDate });
    const all = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        // Each user asks the platform anew.
        worker.connect("one", `user=u${n}`)),
    );
    assertEquals(new Set(all.map(({ backend_id }) => backend_id)).size, 1);
    assertEquals(all.filter(({ spawned }) => spawned).length, 1);
    assertEquals((await worker.ask("one/backend/")).starts, 1);
    // As each connect says.
    assertEquals((await worker.ask("one/backend/?user=u7")).user, "u7");
  });

  Deno.test(`cloudflare ${compatibilityDate} - states come once although workerd restarts and the object is evicted`, async () => {
    await using storage = await folder();
    const options = { compatibilityDate, storage: storage.path };
    let first = await start(options);
    const { port } = first;
    const answer = await first.connect("one", "HANG=1");
    const following = follow(answer);
    await following.reached("starting");
    // While it starts, and while the page follows.
    await first[Symbol.asyncDispose]();
    first = await start({ ...options, port });
    await using worker = first;
    await following.reached("ready");
    const { born, starts } = await worker.ask("one/backend/?HANG=1");
    assertEquals(starts, 2);
    const evicted = await fetch(
      `${worker.base}/rooms/one/backend/evict?HANG=1`,
    );
    await evicted.body?.cancel();
    const again = await worker.ask("one/backend/?HANG=1");
    assertNotEquals(again.born, born);
    // Waking is no start.
    assertEquals(again.starts, 2);
    await worker.post(`/terminate/${answer.backend_id}`);
    assertEquals(names(await following.ended), LIFE);
    // Who comes later gets the same.
    assertEquals(names(await worker.life(answer)), LIFE);
  });

  Deno.test(`cloudflare ${compatibilityDate} - the next backend of a key has new memory and the same storage`, async () => {
    await using worker = await start({ compatibilityDate });
    const one = await worker.connect("one");
    const { born } = await worker.ask("one/backend/");
    await worker.post(`/terminate/${one.backend_id}?hard`);
    assertEquals(names(await worker.life(one)), [
      "scheduled",
      "starting",
      "ready",
      "hard-terminating",
      "terminated",
    ]);
    const two = await worker.connect("one");
    assertNotEquals(two.backend_id, one.backend_id);
    assertEquals(two.spawned, true);
    const told = await worker.ask("one/backend/");
    assertNotEquals(told.born, born);
    assertEquals(told.starts, 2);
  });

  Deno.test(`cloudflare ${compatibilityDate} - a WebSocket stays open while its object hibernates`, async () => {
    await using worker = await start({ compatibilityDate });
    const { socket, ask, closed } = await worker.socket("one/backend/");
    const born = await ask("who are you?");
    // workerd drops an idle object after about ten seconds; each message wakes it.
    let now = born;
    for (let pause = 12_000; now === born && pause < 60_000; pause *= 2) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      now = await ask("and now?");
    }
    assertNotEquals(now, born);
    assertEquals((await worker.ask("one/backend/")).starts, 1);
    socket.close(4000, "enough");
    const { code, reason } = await closed;
    assertEquals([code, reason], [4000, "enough"]);
  });
}

Deno.test("cloudflare - a backend ends when nobody uses it, and not before", async () => {
  await using worker = await start();
  const used = "busy/backend/?idle=0.3";
  const { socket, ask } = await worker.socket(used);
  const busy = await worker.connect("busy", "idle=0.3");
  const idle = await worker.connect("idle", "idle=0.3");
  const states = await worker.life(idle);
  assertEquals(names(states), LIFE);
  assertEquals(Reflect.get(states.at(-1)!, "termination_reason"), "swept");
  // Longer than its limit, with only a hibernating socket.
  await new Promise((resolve) => setTimeout(resolve, 600));
  const born = await ask("still there?");
  assertEquals((await worker.ask(used)).born, born);
  socket.close();
  assertEquals(names(await worker.life(busy)), LIFE);
});

Deno.test("cloudflare - a backend ends when its lifetime is over, though in use", async () => {
  await using worker = await start();
  const { closed } = await worker.socket("one/backend/?life=1");
  const states = await worker.life(await worker.connect("one", "life=1"));
  assertEquals(names(states), LIFE);
  assertEquals((await closed).code, 1001);
});

Deno.test("cloudflare - the class keeps its own alarms beside those of the limits", async () => {
  await using worker = await start();
  const path = "one/backend/alarm?idle=60";
  await worker.ask(path);
  const told = async () => (await worker.ask("one/backend/?idle=60")).alarms;
  while (await told() === 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

Deno.test("cloudflare - a start that fails ends the backend with an error, and frees the key", async () => {
  await using worker = await start();
  const failed = await worker.connect("one", "FAIL=1");
  const last = (await worker.life(failed)).at(-1);
  assert(last?.status === "terminated");
  assertEquals([last.exit_error, last.termination_reason], [
    true,
    "internalerror",
  ]);
  const next = await worker.connect("one");
  assertNotEquals(next.backend_id, failed.backend_id);
});

Deno.test("cloudflare - revoke ends what one user has open, and nothing else", async () => {
  await using worker = await start();
  const { backend_id } = await worker.connect("one");
  const [ada, bob] = await Promise.all(
    ["ada", "bob"].map((user) => worker.socket(`one/backend/?user=${user}`)),
  );
  await worker.post(`/revoke/${backend_id}/ada`);
  assertEquals((await ada!.closed).code, 4403);
  await bob!.ask("still there?");
  // Who is let in again gets a new token.
  assertEquals((await worker.ask("one/backend/?user=ada")).user, "ada");
  bob!.socket.close();
  await bob!.closed;
});

Deno.test("cloudflare - what is forwarded to an object without a token is refused", async () => {
  await using worker = await start();
  for (const path of ["/raw/", "/raw/v2/connect", "/raw/x.y.z/"]) {
    const response = await fetch(worker.base + path, {
      method: "POST",
      body: "{}",
    });
    await response.body?.cancel();
    assertEquals(response.status, 401, path);
  }
});
