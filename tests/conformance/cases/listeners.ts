/** Listeners of the application that throw: it is reported, and stops nothing. */
// deno-lint-ignore-file no-explicit-any
import { assertEquals } from "../../kit/assert.ts";
import { dispose } from "../../kit/dispose.ts";
import { until } from "../../kit/wait.ts";
import type { Area } from "../suite.ts";
import { connect, HANDSHAKE, opened, setsN } from "./feedme.ts";
import { answering, ENGINES, event, watched } from "./hosted.ts";

const boom = new Error("of the application");
const fail = () => {
  throw boom;
};

/** Collects what is reported as uncaught while it is in scope. */
function uncaught() {
  const scope = globalThis as any;
  const errors: unknown[] = [];
  const take = (error: unknown) => void errors.push(error);
  const { reportError } = scope;
  if (reportError) scope.reportError = take;
  // Node has no such function.
  else scope.process.on("uncaughtException", take);
  return {
    errors,
    [dispose]() {
      if (reportError) scope.reportError = reportError;
      else scope.process.off("uncaughtException", take);
    },
  };
}

export const listeners: Area = {
  name: "listeners",
  cases: {
    async "a callback of statusStream() that throws is reported, and called on"(
      t,
    ) {
      for (const { make, stream, status } of ENGINES) {
        using reported = uncaught();
        const peer = await t.script({
          http: {
            [stream]: [
              { chunks: ["retry: 1\n\n", event("scheduled"), event("ready")] },
              { status: 410 },
            ],
            [status]: [{ status: 410 }],
          },
        });
        const ends: unknown[] = [];
        let calls = 0;
        await make(peer).statusStream("b1", () => {
          calls++;
          fail();
        }, {
          onError(error, { final }) {
            if (final) ends.push((error as { code?: number }).code);
            fail();
          },
        });
        await until(() => ends.length > 0, "the final failure");
        await until(() => reported.errors.length === 3, "all are reported");
        assertEquals([calls, ends], [2, [410]]);
        assertEquals(reported.errors, [boom, boom, boom]);
      }
    },

    async "listeners of a SessionBackend that throw do not stop the others"(t) {
      using reported = uncaught();
      const peer = await answering(t, {
        chunks: [event("scheduled"), event("ready"), event("terminated")],
      });
      await using backend = watched(peer);
      const told: string[] = [];
      backend.onStatus(fail);
      backend.onReady(fail);
      backend.onTerminated(fail);
      backend.onStatus(({ status }) => told.push(status));
      backend.onReady(() => told.push("onReady"));
      backend.onTerminated(() => told.push("onTerminated"));
      await backend.onTerminatedPromise;
      await until(() => reported.errors.length === 5, "all are reported");
      assertEquals(told.toSorted(), [
        "onReady",
        "onTerminated",
        "ready",
        "scheduled",
        "terminated",
      ]);
      assertEquals(reported.errors, Array(5).fill(boom));
    },

    async "a listener whose promise rejects is reported like one that throws"(
      t,
    ) {
      using reported = uncaught();
      const peer = await answering(t, {
        chunks: [event("scheduled"), event("ready"), event("terminated")],
      });
      await using backend = watched(peer);
      const later = async () => {
        await Promise.resolve();
        fail();
      };
      backend.onStatus(later);
      backend.onReady(later);
      await backend.onTerminatedPromise;
      await until(() => reported.errors.length === 4, "all are reported");
      assertEquals(reported.errors, Array(4).fill(boom));
    },

    async "listeners of a Feedme client that throw do not stop the others"(t) {
      using reported = uncaught();
      const peer = await t.script({
        sockets: [[...HANDSHAKE, { received: 2 }, opened({ n: 0 }), setsN(1)]],
      });
      await using client = connect(peer.ws);
      const feed = client.feed("f", {});
      const told: string[] = [];
      client.on("connect", fail);
      client.on("connect", () => told.push("connect"));
      feed.on("open", fail);
      feed.on("open", () => told.push("open"));
      feed.on("action", fail);
      feed.on("action", () => told.push("action"));
      feed.desireOpen();
      await until(() => told.length === 3, "all were told");
      await until(() => reported.errors.length === 3, "all are reported");
      assertEquals(told, ["connect", "open", "action"]);
      assertEquals(reported.errors, [boom, boom, boom]);
      assertEquals(feed.data(), { n: 1 });
    },
  },
};
