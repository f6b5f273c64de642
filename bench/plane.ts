/**
 * A real Plane under load: 1,000 spawns and 1,000 first requests through the edge
 * route, 20 at once. It takes some minutes, so `bench/main.ts` does not run it:
 *
 * `deno run -A --config=deno.tests.json bench/plane.ts [count]`
 */
import { Plane } from "../server.ts";
import { sessionProxy } from "../session/edge/proxy.ts";
import { BACKEND_STATUSES } from "../types.ts";
import { findPlane, startPlane } from "../tests/engines/plane/start.ts";
import { percentiles } from "./compare.ts";

const COUNT = Number(Deno.args[0] ?? 1_000);
const AT_ONCE = 20;

const found = await findPlane();
if ("missing" in found) throw new Error(found.missing);
await using running = await startPlane(found, {
  // In this process: the processes of a thousand backends would be measured instead.
  images: { quick: { handler: () => new Response("ok") } },
  // Only transactions that take time overlap, and Plane loses events where they do.
  fsync: true,
});
const { controllerUrl, cluster } = running;
const plane = new Plane({
  controllerUrl,
  cluster,
  executable: { image: "quick" },
});

/** Runs a job for each number below `COUNT`; how long each took, in milliseconds. */
async function each(job: (number: number) => Promise<number>) {
  const took: number[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < COUNT) took.push(await job(next++));
  }));
  return took.sort((a, b) => a - b);
}

function show(what: string, sorted: readonly number[]): void {
  console.log(`${what}: ${percentiles(sorted)}`);
}

/** How many raw streams of Plane lacked `ready`, which the follower then found. */
let lacking = 0;
let wrong = 0;

const late = await each(async (number) => {
  const { backend_id, status_url } = await plane.connect({
    key: `spawn-${number}`,
  });
  const response = await fetch(`${status_url}-stream`);
  const raw = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rawReady = false;
  const reading = (async () => {
    for (;;) {
      const { done, value } = await raw.read();
      if (done) return;
      rawReady ||= value.includes('"ready"');
    }
  })();
  const seen: string[] = [];
  /** How long after Plane knew it each state came, in milliseconds. */
  let delay = 0;
  const ended = Promise.withResolvers<void>();
  const ready = Promise.withResolvers<void>();
  await plane.statusStream(backend_id, ({ status, time }) => {
    seen.push(status);
    delay = Math.max(delay, Date.now() - Date.parse(time));
    if (status === "ready") ready.resolve();
    if (status === "terminated") ended.resolve();
  });
  await ready.promise;
  // A raw stream that is late is not one that lacks it.
  await new Promise((resolve) => setTimeout(resolve, 200));
  await raw.cancel();
  await reading;
  if (!rawReady) lacking++;
  await plane.terminate(backend_id, { hard: true });
  await ended.promise;
  const order = BACKEND_STATUSES.filter((status) => seen.includes(status));
  if (JSON.stringify(order) !== JSON.stringify(seen)) wrong++;
  return delay;
});
console.log(
  `${COUNT} spawns, ${AT_ONCE} at once: ${wrong} with a state twice or out of order; Plane's own stream lacked ready in ${lacking}`,
);
show("the latest state, after Plane knew it", late);

const app = sessionProxy({
  engine: plane,
  authorize: () => ({ user: "ada", spawn: {} }),
  onError: (error) => console.error(String(error)),
});
let failed = 0;
const first = await each(async (number) => {
  const start = Date.now();
  const answer = await app.request(`http://edge/first-${number}/backend/`);
  await answer.text();
  const took = Date.now() - start;
  if (answer.status !== 200) failed++;
  const { backend_id } = await plane.connect({
    key: `first-${number}`,
    spawn: false,
  });
  await plane.terminate(backend_id, { hard: true });
  return took;
});
console.log(
  `${COUNT} first requests through the edge: ${failed} failed, ${
    first.filter((ms) => ms > 10_000).length
  } took more than 10 s`,
);
show("first request", first);
