/** How backends end. */
import type { BackendState } from "../../../types.ts";
import { check, equal } from "../check.ts";
import type { EngineCase, EngineTest } from "../suite.ts";

const isEnd = ({ status }: BackendState) => status === "terminated";

/** The last state of a backend. */
async function last(
  t: EngineTest,
  id: string,
): Promise<BackendState & { status: "terminated" }> {
  const state = (await t.states(id, isEnd)).at(-1);
  check(state?.status === "terminated", `the last state is ${state?.status}`);
  return state;
}

/** Cases about the end of a backend. */
export const endingCases: readonly EngineCase[] = [
  {
    area: "ending",
    name: "soft: the backend is asked, and gets time to end",
    async run(t) {
      const { backend_id: id } = await t.ready({
        spawn: t.spawn({ SAMPLE_STOP_MS: "300" }),
      });
      const states = t.states(id, isEnd);
      await t.engine.terminate(id, { signal: t.signal });
      const seen = (await states).map(({ status }) => status);
      check(seen.includes("terminating"), `no terminating among ${seen}`);
      check(!seen.includes("hard-terminating"), "it was killed");
      const { exit_error } = await last(t, id);
      check(!exit_error, "exit_error is true, although it exited with 0");
    },
  },
  {
    area: "ending",
    name: "hard: a backend that would not end is killed",
    async run(t) {
      const { backend_id: id } = await t.ready({
        spawn: t.spawn({ SAMPLE_STOP_MS: "3600000" }),
      });
      await t.engine.terminate(id, { hard: true, signal: t.signal });
      const { termination_kind } = await last(t, id);
      check(
        termination_kind === undefined || termination_kind === null ||
          termination_kind === "hard",
        `termination_kind is ${termination_kind}`,
      );
    },
  },
  {
    area: "ending",
    name: "the platform reports an exit by itself, and with an error",
    async run(t) {
      for (const code of [0, 3]) {
        const response = await t.ready();
        // The process may be gone before its response has passed.
        await t.fetch(response, `exit?code=${code}`).then(
          ({ body }) => body?.cancel(),
          () => {},
        );
        const { exit_error } = await last(t, response.backend_id);
        equal(exit_error ?? false, code !== 0, `exit_error of code ${code}`);
      }
    },
  },
  {
    area: "ending",
    name: "a killed process ends with an error, and frees its key",
    async run(t) {
      const key = t.key();
      const response = await t.ready({ key });
      await t.fetch(response, "kill").then(
        ({ body }) => body?.cancel(),
        () => {},
      );
      const { exit_error } = await last(t, response.backend_id);
      equal(exit_error, true, "exit_error");
      const next = await t.ready({ key });
      check(next.backend_id !== response.backend_id, "it is the killed one");
    },
  },
];
