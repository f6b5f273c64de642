/**
 * A suite that proves an engine: what has to hold for a platform that runs session
 * backends, as plain functions without a test framework.
 *
 * Give it your `SessionEngine`, on a platform that spawns the
 * {@linkcode sampleBackend}:
 *
 * ```ts ignore
 * import { runEngineTests } from "@feedline/feedline/engine-tests";
 * import { MyEngine } from "./my_engine.ts";
 *
 * for await (
 *   const { area, name, failure } of runEngineTests({ engine: new MyEngine() })
 * ) {
 *   console.log(failure ? "FAILED" : "ok", `${area}: ${name}`, failure ?? "");
 * }
 * ```
 *
 * To run the cases in a test framework, make a test of each of
 * {@linkcode engineTests}:
 *
 * ```ts ignore
 * import { engineTests } from "@feedline/feedline/engine-tests";
 * import { MyEngine } from "./my_engine.ts";
 *
 * const cases = engineTests({ engine: new MyEngine() });
 * for (const { area, name, exception, run } of cases) {
 *   Deno.test(`${area}: ${name}`, { ignore: exception !== undefined }, run);
 * }
 * ```
 *
 * @module
 */
import { edgeCases } from "./cases/edge.ts";
import { endingCases } from "./cases/ending.ts";
import { keyCases } from "./cases/keys.ts";
import { stateCases } from "./cases/states.ts";
import { trafficCases } from "./cases/traffic.ts";
import {
  type EngineOutcome,
  type EngineSubject,
  type EngineTestOptions,
  exceptionOf,
  runCases,
} from "./suite.ts";

export {
  sampleBackend,
  type SampleBackendOptions,
  type SampleSocket,
} from "./sample.ts";
export type {
  EngineOutcome,
  EngineSubject,
  EngineTestOptions,
} from "./suite.ts";

const CASES = [
  ...keyCases,
  ...stateCases,
  ...endingCases,
  ...trafficCases,
  ...edgeCases,
];

/** One case of the suite, bound to a platform. */
export interface EngineTestCase {
  /** The part of an engine that it is about. */
  area: string;
  /** A sentence that says what must hold. */
  name: string;
  /** Why it cannot be run on this platform, if it cannot: a framework should skip it. */
  exception: string | undefined;
  /** Resolves if it holds, and rejects with what is wrong. */
  run(): Promise<void>;
}

/**
 * Runs every case against one platform, one after the other, and yields how each
 * ended. Ends the backends that it spawned.
 *
 * @throws {RangeError} if `timeout` is not a duration
 */
export function runEngineTests(
  subject: EngineSubject,
  options?: EngineTestOptions,
): AsyncGenerator<EngineOutcome, void, void> {
  return runCases(CASES, subject, options);
}

/** The cases, each to be run by itself. */
export function engineTests(
  subject: EngineSubject,
  options: Pick<EngineTestOptions, "timeout"> = {},
): EngineTestCase[] {
  return CASES.map((one) => ({
    area: one.area,
    name: one.name,
    exception: exceptionOf(one, subject),
    async run() {
      for await (const outcome of runCases([one], subject, options)) {
        const { failure, exception } = outcome;
        if (exception !== undefined) throw new Error(`not run: ${exception}`);
        if (failure !== undefined) throw new Error(failure);
      }
    },
  }));
}
