/** Each state once, in order, however the platform's events arrive. */
import {
  BACKEND_STATUSES,
  type BackendState,
  type SessionEngine,
} from "../../../types.ts";
import { deferred } from "../../../net/deferred.ts";
import { check, codeOf, equal } from "../check.ts";
import { type Fault, faultyFetch } from "../faults.ts";
import type { EngineCase, EngineTest } from "../suite.ts";

const isReady = ({ status }: BackendState) => status === "ready";
const isEnd = ({ status }: BackendState) => status === "terminated";

const names = (states: readonly BackendState[]) =>
  states.map(({ status }) => status);

/** @throws unless the states came once, in order, up to `terminated` */
function checkOrder(states: readonly BackendState[], what: string): void {
  const seen = names(states);
  const order = BACKEND_STATUSES.filter((status) => seen.includes(status));
  equal(seen, order, what);
  check(seen.at(-1) === "terminated", `${what}: the last is ${seen.at(-1)}`);
}

/** @throws unless `ready` was also among them */
function checkLife(states: readonly BackendState[], what: string): void {
  checkOrder(states, what);
  check(names(states).includes("ready"), `${what}: ready is missing`);
}

/** Lets a backend live while two readers follow it; the states that they got. */
async function live(
  t: EngineTest,
  engine: SessionEngine,
  // A state that was lost is skipped once a later one has arrived.
  checkStates = checkLife,
): Promise<void> {
  const { backend_id: id } = await t.connect({}, engine);
  const first = t.states(id, isEnd, engine);
  await t.states(id, isReady, engine);
  await engine.terminate(id, { signal: t.signal });
  checkStates(await first, "who follows from the start");
  checkStates(await t.states(id, isEnd, engine), "who comes at the end");
}

const FAULTS: Record<Fault, string> = {
  cut: "although streams break off",
  doubled: "although events arrive twice",
  delayed: "although events arrive late and in pieces",
  lost: "although half of the events never arrive",
};

/** Cases about the states of a backend. */
export const stateCases: readonly EngineCase[] = [
  {
    area: "states",
    name: "each arrives once and in order",
    run: (t) => live(t, t.engine),
  },
  ...Object.entries(FAULTS).map(([fault, name]): EngineCase => ({
    area: "states",
    name: `each arrives once and in order ${name}`,
    needs: "withFetch",
    run: (t) =>
      live(
        t,
        t.subject.withFetch!(faultyFetch(fault as Fault)),
        fault === "lost" ? checkOrder : checkLife,
      ),
  })),
  {
    area: "states",
    name: "statusStream calls back with the states of statuses",
    async run(t) {
      const { backend_id: id } = await t.connect();
      const seen: BackendState[] = [];
      const { promise, resolve } = deferred<void>();
      const stop = await t.engine.statusStream(id, (state) => {
        seen.push(state);
        if (isEnd(state)) resolve();
      }, { signal: t.signal });
      await t.states(id, isReady);
      await t.engine.terminate(id, { signal: t.signal });
      await promise;
      stop();
      checkLife(seen, "the callback");
    },
  },
  {
    area: "states",
    name: "status reads the state that the stream has reached",
    async run(t) {
      const { backend_id } = await t.ready();
      const state = await t.engine.status(backend_id, { signal: t.signal });
      equal(state.status, "ready", "status");
      check(
        !Number.isNaN(Date.parse(state.time)),
        `time is no date: ${state.time}`,
      );
    },
  },
  {
    area: "states",
    name: "an id that does not exist is refused with 404 everywhere",
    async run({ engine, signal }) {
      const id = "engine-test-without-a-backend";
      const calls: Record<string, () => Promise<unknown>> = {
        status: () => engine.status(id, { signal }),
        statusStream: () => engine.statusStream(id, () => {}, { signal }),
        statuses: () => engine.statuses(id, { signal }).next(),
        terminate: () => engine.terminate(id, { signal }),
      };
      for (const [name, call] of Object.entries(calls)) {
        equal(await codeOf(call(), name), 404, `the code of ${name}`);
      }
    },
  },
  {
    area: "states",
    name: "a signal ends a reader while the backend goes on",
    async run(t) {
      const { backend_id } = await t.ready();
      const controller = new AbortController();
      const reason = new Error("enough");
      const states = t.engine.statuses(backend_id, {
        signal: controller.signal,
      });
      for await (const state of states) if (isReady(state)) break;
      const next = t.engine.statuses(backend_id, {
        signal: controller.signal,
      });
      const all = (async () => {
        for await (const _ of next);
      })();
      controller.abort(reason);
      const error = await all.then(() => undefined, (error) => error);
      check(error === reason, "it did not end with the signal's reason");
      const state = await t.engine.status(backend_id, { signal: t.signal });
      equal(state.status, "ready", "status");
    },
  },
];
