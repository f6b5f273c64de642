/** A page: the browser's driver calls this. */
import { collect } from "../../kit/wait.ts";
import { areas } from "../cases/mod.ts";

import { type FarEnds, type Outcome, run } from "../suite.ts";

Object.assign(globalThis, {
  conformance: (far: FarEnds, only: string): Promise<Outcome[]> =>
    collect(run(areas, far, only)),
});
