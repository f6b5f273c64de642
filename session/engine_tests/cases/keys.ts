/** One backend for each key. */
import { check, codeOf, equal } from "../check.ts";
import type { EngineCase } from "../suite.ts";

/** How many connects meet at one key. */
const CROWD = 200;

/** Cases about who gets which backend. */
export const keyCases: readonly EngineCase[] = [
  {
    area: "keys",
    name: `${CROWD} connects at once to one key find one backend`,
    async run(t) {
      const key = t.key();
      const all = await Promise.all(
        Array.from({ length: CROWD }, () => t.connect({ key })),
      );
      const ids = new Set(all.map(({ backend_id }) => backend_id));
      equal(ids.size, 1, "backends of one key");
      const spawned = all.filter(({ spawned }) => spawned).length;
      equal(spawned, 1, "responses with spawned: true");
    },
  },
  {
    area: "keys",
    name: "a later connect finds the running backend",
    async run(t) {
      const key = t.key();
      const first = await t.ready({ key });
      const second = await t.connect({ key });
      equal(second.backend_id, first.backend_id, "the backend");
      equal(second.spawned, false, "spawned");
      equal(second.status, "ready", "status");
    },
  },
  {
    area: "keys",
    name: "two keys have two backends",
    async run(t) {
      const [one, two] = await Promise.all([t.connect(), t.connect()]);
      check(one.backend_id !== two.backend_id, "both keys have one backend");
    },
  },
  {
    area: "keys",
    name: "without a key, each connect spawns a backend",
    async run(t) {
      const { engine, signal } = t;
      const ids = await Promise.all([1, 2].map(async () => {
        const request = { spawn: t.spawn() };
        const { backend_id, spawned } = await engine.connect(request, {
          signal,
        });
        equal(spawned, true, "spawned");
        return backend_id;
      }));
      await Promise.all(
        ids.map((id) => engine.terminate(id, { hard: true, signal })),
      );
      check(ids[0] !== ids[1], "two connects found one backend");
    },
  },
  {
    area: "keys",
    name: "spawn: false refuses a free key with 409, and finds a held one",
    async run(t) {
      const key = t.key();
      const { engine, signal } = t;
      const refused = await codeOf(
        engine.connect({ key, spawn: false }, { signal }),
        "connect with spawn: false",
      );
      equal(refused, 409, "the code of the error");
      const { backend_id } = await t.connect({ key });
      const found = await t.connect({ key, spawn: false });
      equal(found.backend_id, backend_id, "the backend");
      equal(found.spawned, false, "spawned");
    },
  },
  {
    area: "keys",
    name: "after terminate, the next connect gets another backend",
    async run(t) {
      const key = t.key();
      const first = await t.ready({ key });
      await t.engine.terminate(first.backend_id, { signal: t.signal });
      const second = await t.connect({ key });
      check(
        second.backend_id !== first.backend_id,
        "connect returned the backend that is ending",
      );
      equal(second.spawned, true, "spawned");
    },
  },
];
