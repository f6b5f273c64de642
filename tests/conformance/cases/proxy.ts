/** The edge route that this runtime serves, before a session backend. */
import { same } from "../check.ts";
import type { Area } from "../suite.ts";

export const proxy: Area = {
  name: "proxy",
  cases: {
    async "who may not enter is refused"(t) {
      const answer = await fetch(`${t.edge}/rooms/closed/status`);
      await answer.body?.cancel();
      same(answer.status, 403);
    },
  },
};
