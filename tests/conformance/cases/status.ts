/** Following a backend's states with the engines, on the dev platform. */
import { HTTPError, Jamsocket } from "../../../server.ts";
import { assert, assertEquals, assertRejects } from "../../kit/assert.ts";
import { collect, delay, until } from "../../kit/wait.ts";
import { type Area, inPages, type Test } from "../suite.ts";
import { LIFE } from "./hosted.ts";
import { connect, leave } from "./rooms.ts";
import { planeCases } from "./status/plane.ts";
import { answerCases } from "./status/answers.ts";
import { faultCases } from "./status/faults.ts";

/** What only a program may do. */
const NO_PAGE = inPages("the dev platform lets no page of another origin in");

/** The engine of the dev platform. */
const local = (t: Test) => new Jamsocket({ dev: true, port: t.platform });

export const status: Area = {
  name: "status following",
  exceptions: {
    "a backend is spawned, followed and ended": NO_PAGE,
    "a key is held by one backend, another key by another": NO_PAGE,
    "spawn: false spawns nothing": NO_PAGE,
    "a key held by a backend with another tag is refused": NO_PAGE,
    "a hard terminate kills a backend": NO_PAGE,
  },
  cases: {
    async "a backend is spawned, followed and ended"(t) {
      const engine = local(t);
      const { backend_id, spawned } = await engine.connect({
        key: t.name("room"),
      });
      assertEquals(spawned, true, "spawned");
      const seen: string[] = [];
      let last: unknown;
      for await (const state of engine.statuses(backend_id)) {
        seen.push(state.status);
        last = { ...state, time: "" };
        if (state.status === "ready") await engine.terminate(backend_id);
      }
      assertEquals(seen, LIFE);
      assertEquals(last, {
        status: "terminated",
        time: "",
        termination_reason: "external",
        termination_kind: "soft",
        exit_error: false,
      });
    },

    async "a key is held by one backend, another key by another"(t) {
      const engine = local(t);
      const [key, other] = [t.name("room"), t.name("room")];
      const answers = await Promise.all(
        [key, key, other, key].map((key) => engine.connect({ key })),
      );
      const ids = answers.map(({ backend_id }) => backend_id);
      assertEquals(
        ids.map((id) => ids.indexOf(id)),
        [0, 0, 2, 0],
        "whose they are",
      );
      assertEquals(
        answers.filter(({ spawned }) => spawned).length,
        2,
        "spawned",
      );
      assertEquals(
        new Set(answers.map(({ token }) => token)).size,
        4,
        "tokens",
      );
      for (const id of new Set(ids)) await engine.terminate(id, { hard: true });
    },

    async "spawn: false spawns nothing"(t) {
      const engine = local(t);
      const key = t.name("room");
      const error = await assertRejects(() =>
        engine.connect({ key, spawn: false })
      );
      assert(error instanceof HTTPError, "an HTTPError");
      assertEquals(error.code, 409);
      const { backend_id } = await engine.connect({ key });
      const found = await engine.connect({ key, spawn: false });
      assertEquals([found.backend_id, found.spawned], [backend_id, false]);
      await engine.terminate(backend_id, { hard: true });
    },

    async "a key held by a backend with another tag is refused"(t) {
      const engine = local(t);
      const key = t.name("room");
      const { backend_id } = await engine.connect({ key, tag: "v1" });
      const error = await assertRejects(() =>
        engine.connect({ key, tag: "v2" })
      );
      assert(error instanceof HTTPError, "an HTTPError");
      assertEquals(error.code, 409);
      assert(error.message.includes("tag"), error.message);
      const again = await engine.connect({ key, spawn: { tag: "v1" } });
      assertEquals([again.backend_id, again.spawned], [backend_id, false]);
      await engine.terminate(backend_id, { hard: true });
    },

    async "a hard terminate kills a backend"(t) {
      const engine = local(t);
      const { backend_id } = await engine.connect({ key: t.name("room") });
      await engine.terminate(backend_id, { hard: true });
      const states = await collect(engine.statuses(backend_id));
      assertEquals(
        states.slice(-2).map((state) => [
          state.status,
          "termination_reason" in state && state.termination_reason,
        ]),
        [["hard-terminating", "external"], ["terminated", "external"]],
      );
      const error = await assertRejects(() =>
        engine.terminate(t.name("nobody"))
      );
      assert(error instanceof HTTPError, "an HTTPError");
      assertEquals(error.code, 404);
    },

    async "status() reads a running and an ended backend"(t) {
      const engine = local(t);
      const room = t.name("room");
      const { backend_id } = await connect(t, room);
      await leave(t, room, 7);
      // It answered, so it was ready.
      const { status } = await engine.status(backend_id);
      assert(status === "ready" || status === "terminated", status);
      await collect(engine.statuses(backend_id));
      const last = await engine.status(backend_id);
      assert(!Number.isNaN(Date.parse(last.time)), last.time);
      assertEquals({ ...last, time: "" }, {
        status: "terminated",
        time: "",
        termination_reason: null,
        termination_kind: null,
        exit_error: true,
      });
    },

    async "an unknown backend is an HTTPError with code 404"(t) {
      const engine = local(t);
      const id = t.name("nobody");
      const calls = [
        () => engine.status(id),
        () => engine.statusStream(id, () => {}),
        () => engine.statuses(id).next(),
      ];
      for (const call of calls) {
        const error = await assertRejects(() => call());
        assert(error instanceof HTTPError, `an HTTPError, not ${error}`);
        assertEquals([error.name, error.code], ["HTTPError", 404]);
        assert(error.message.includes(id), error.message);
      }
    },

    async "statusStream() gives each state once, until unsubscribed"(t) {
      const engine = local(t);
      const room = t.name("room");
      const { backend_id } = await connect(t, room);
      const [stayed, left]: [string[], string[]] = [[], []];
      await engine.statusStream(
        backend_id,
        ({ status }) => stayed.push(status),
      );
      const leaves = await engine.statusStream(
        backend_id,
        ({ status }) => left.push(status),
      );
      await until(() => left.at(-1) === "ready", "it is ready");
      leaves();
      leaves();
      await leave(t, room);
      await until(() => stayed.at(-1) === "terminated", "it has ended");
      await delay(50);
      const past = ["scheduled", "loading", "starting", "waiting", "ready"];
      assertEquals([stayed, left], [[...past, "terminated"], past]);
    },

    ...faultCases,
    ...answerCases,
    ...planeCases,
  },
};
