/** The engine suite in a test framework, on the engine of examples/engine/. */
import { assert, assertEquals } from "@std/assert";
import {
  engineTests,
  runEngineTests,
  sampleBackend,
} from "../../session/engine_tests/mod.ts";
import { inProcessEngine } from "../../examples/engine/engine.ts";

const engine = inProcessEngine((env, exit) =>
  sampleBackend({ env, exit, kill: () => exit(137) })
);

const cases = engineTests({
  engine,
  exceptions: {
    "traffic: WebSocket": "it passes no WebSockets on",
  },
});

for (const { area, name, exception, run } of cases) {
  if (!exception) Deno.test(`in one file - ${area}: ${name}`, run);
}

Deno.test("in one file - every case was run, but these", () => {
  const left = cases.filter(({ exception }) => exception);
  assert(cases.length - left.length >= 20, `${cases.length - left.length}`);
  const reasons = Map.groupBy(left, ({ exception }) => exception);
  assertEquals([...reasons].map(([why, cases]) => [why, cases.length]), [
    ["the subject has no withFetch", 4],
    ["it passes no WebSockets on", 1],
    ["the subject has no expire", 1],
  ]);
});

type Engine = ReturnType<typeof inProcessEngine>;

/** Engines with one mistake each, and a case that finds it. */
const MISTAKES: Record<string, [mistake: Partial<Engine>, found: string]> = {
  "spawns for each connect": [{
    connect: (request) => engine.connect({ ...request, key: undefined! }),
  }, "keys: a later connect finds"],
  "spawns although it must not": [{
    connect: (request) => engine.connect({ ...request, spawn: true }),
  }, "keys: spawn: false"],
  "repeats a state": [{
    async *statuses(id, options) {
      for await (const state of engine.statuses(id, options)) {
        yield state;
        yield state;
      }
    },
  }, "states: each arrives once"],
  "forgets the last state": [{
    async *statuses(id, options) {
      for await (const state of engine.statuses(id, options)) {
        if (state.status === "terminated") return;
        yield state;
      }
    },
  }, "states: each arrives once"],
  "invents a state for any id": [{
    status: (id) =>
      engine.status(id).catch(() => ({ status: "ready", time: "" })),
  }, "states: an id that does not exist"],
  "kills what it should ask": [{
    terminate: (id) => engine.terminate(id, { hard: true }),
  }, "ending: soft"],
  "lets the client say who it is": [{
    fetch: (request, answer) => {
      const name = request.headers.get("x-verified-username");
      if (!name) return engine.fetch(request, answer);
      return Promise.resolve(Response.json({
        headers: { "x-verified-username": name },
      }));
    },
  }, "traffic: identity"],
  "takes any token": [{
    fetch: (request, answer) =>
      Promise.resolve(Response.json({ url: request.url, of: answer.url })),
  }, "traffic: a token that"],
  "answers for backends that have ended": [{
    isPlatformAnswer: () => false,
  }, "traffic: the URL of a backend that has ended"],
};

for (const [mistake, [broken, found]] of Object.entries(MISTAKES)) {
  Deno.test(`in one file - an engine that ${mistake} is found out`, async () => {
    const wrong = { ...engine, ...broken };
    const failed: string[] = [];
    const options = { only: found, timeout: 2_000 };
    for await (
      const { area, name, failure } of runEngineTests(
        { engine: wrong },
        options,
      )
    ) if (failure) failed.push(`${area}: ${name}`);
    assert(failed.length > 0);
  });
}
