/** Backends that are not ready yet, and keys that are not free yet. */
import { assertEquals } from "@std/assert";
import { type ConnectOptions, HTTPError } from "../../types.ts";
import { until } from "../kit/wait.ts";
import { startEdge } from "./support.ts";

const STARTING = { status: "starting" } as const;

Deno.test("starting - requests wait until the backend is ready, on one status stream", async () => {
  await using edge = startEdge();
  const { engine, backend } = edge;
  const [, ready] = engine.states.splice(1, 1, {
    status: "waiting",
    time: "2026-01-01T00:00:00.500Z",
  });
  engine.answers.push(STARTING);
  const answers = ["a", "b"].map((path) => fetch(edge.url(`/backend/${path}`)));
  await until(() => engine.following === 1);
  assertEquals(backend.seen, []);
  engine.states.push(ready ?? { status: "ready", time: "" });
  for (const answer of await Promise.all(answers)) {
    await answer.text();
    assertEquals(answer.status, 200);
  }
  await until(() => engine.following === 0);
  // From now on it is known to be ready.
  await (await fetch(edge.url("/backend/c"))).text();
  assertEquals(engine.following, 0);
  assertEquals([backend.seen.length, engine.requests.length], [3, 1]);
});

Deno.test("starting - a status that cannot be read holds up nothing", async () => {
  await using edge = startEdge();
  edge.engine.answers.push({ ...STARTING, backend_id: "another" });
  const answer = await fetch(edge.url("/backend/a"));
  await answer.text();
  assertEquals(answer.status, 200);
});

Deno.test("starting - a backend that does not become ready is a 504, and the next request asks anew", async () => {
  await using edge = startEdge({ timeout: 500 });
  edge.engine.states.pop();
  edge.engine.answers.push(STARTING);
  const answer = await fetch(edge.url("/backend/a"));
  assertEquals(await answer.json(), {
    error: { message: "the backend was not ready within 500 ms", code: "504" },
  });
  assertEquals(edge.backend.seen, []);
  const next = await fetch(edge.url("/backend/a"));
  await next.text();
  assertEquals([next.status, edge.engine.requests.length], [200, 2]);
  await until(() => edge.engine.following === 0);
});

Deno.test("starting - a client that leaves ends the wait", async () => {
  await using edge = startEdge();
  edge.engine.states.pop();
  edge.engine.answers.push(STARTING);
  const controller = new AbortController();
  const answer = fetch(edge.url("/backend/a"), {
    signal: controller.signal,
  }).catch(() => {});
  await until(() => edge.engine.following === 1);
  controller.abort();
  await answer;
  await until(() => edge.engine.following === 0);
  assertEquals(edge.backend.seen, []);
});

Deno.test("a key that is not free yet - the engine's waiting extends the edge's limit", async () => {
  await using edge = startEdge({ platformTimeout: 2_000 });
  const { engine } = edge;
  const connect = engine.connect.bind(engine);
  let waited = 0;
  engine.connect = async (request, { onWait }: ConnectOptions = {}) => {
    // Longer than the limit, in steps that are shorter.
    for (; waited < 24; waited++) {
      onWait?.();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return await connect(request);
  };
  const answer = await fetch(edge.url("/connect"), {
    method: "POST",
  });
  await answer.text();
  assertEquals([answer.status, waited], [200, 24]);
});

Deno.test("an ending backend - its state can be read by its id alone, by an edge that holds nothing", async () => {
  await using edge = startEdge();
  const { engine } = edge;
  engine.states.push({
    status: "terminating",
    time: "2026-01-01T00:00:02.000Z",
    termination_reason: "external",
  });
  const refused = () => {
    const error = { message: "it is ending", backend_id: engine.backendId };
    engine.answers.push(new HTTPError(409, error.message, { error }));
  };
  const read = async (path: string) => {
    refused();
    const answer = await fetch(edge.url(`/${path}`));
    const { status, error } = await answer.json();
    return [answer.status, status ?? error.message];
  };
  assertEquals(await read("status/backend-1"), [200, "terminating"]);
  assertEquals(await read("status/backend-2"), [410, "the backend is gone"]);
  assertEquals(await read("status"), [
    404,
    "no backend runs under this name",
  ]);
});
