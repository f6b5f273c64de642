/** Signals and what waits for a platform or a backend's states. */
import { assertEquals, assertRejects } from "../../../kit/assert.ts";
import { delay, until } from "../../../kit/wait.ts";
import type { Area, ScriptedPeer } from "../../suite.ts";
import { answering, event, hosted, path, SOON, watched } from "../hosted.ts";
import { ends, reason } from "./ends.ts";

/** Resolves when the peer has got a request, or so many. */
const arrived = (peer: ScriptedPeer, count = 1) =>
  until(
    async () => (await peer.seen()).requests.length === count,
    `${count} requests came`,
  );

/** Resolves when the clients of all requests are gone. */
const gone = (
  peer: ScriptedPeer,
  counts: (path: string) => boolean = () => true,
) =>
  until(
    async () =>
      (await peer.seen()).requests.every(({ gone, path }) =>
        gone || !counts(path)
      ),
    "the requests have ended",
  );

export const sessions: Area["cases"] = {
  async "an aborted signal starts nothing"(t) {
    const peer = await t.script({});
    const engine = hosted(peer);
    const options = { signal: AbortSignal.abort(reason) };
    const states: unknown[] = [];
    await ends(engine.connect({ key: "k" }, options), "connect");
    await ends(engine.status("b1", options), "status");
    await ends(engine.statuses("b1", options).next(), "statuses");
    await ends(
      engine.statusStream("b1", (state) => states.push(state), options),
      "statusStream",
    );
    await ends(engine.terminate("b1", options), "terminate");
    assertEquals([(await peer.seen()).requests, states], [[], []]);
  },

  async "a call of the platform ends while the platform is silent"(t) {
    // It does not answer, or begins to and says no more.
    const begun = { chunks: [" "], then: "silence" } as const;
    for (const answer of ["silence", begun] as const) {
      const peer = await t.script({
        http: {
          "/v2/service/a/s/connect": [answer],
          "/v2/backend/b1/status": [answer],
          "/v2/backend/b1/terminate": [answer],
        },
      });
      const engine = hosted(peer);
      const controller = new AbortController();
      const calls = [
        ends(engine.connect({ key: "k" }, controller)),
        ends(engine.status("b1", controller)),
      ];
      const order = engine.terminate("b1", controller);
      // The status alone says that the order was taken.
      if (answer === begun) await order;
      else calls.push(ends(order));
      await arrived(peer, 3);
      controller.abort(reason);
      await Promise.all(calls);
      // Firefox reads on in a body that was cancelled, until the peer ends it.
      await gone(
        peer,
        (path) =>
          answer === "silence" || t.runtime !== "firefox" ||
          !path.endsWith("/terminate"),
      );
    }
  },

  async "cancelling a loop over states stops its requests"(t) {
    const peer = await answering(t, {
      chunks: [SOON, event("scheduled"), event("loading")],
      then: "silence",
    });
    const controller = new AbortController();
    const seen: string[] = [];
    await ends((async () => {
      const states = hosted(peer).statuses("b1", controller);
      for await (const { status } of states) {
        seen.push(status);
        if (status === "loading") setTimeout(() => controller.abort(reason));
      }
    })());
    await gone(peer);
    await delay(30);
    assertEquals([seen, (await peer.seen()).requests.length], [
      ["scheduled", "loading"],
      1,
    ]);
  },

  async "a callback is not called after the signal"(t) {
    const peer = await answering(t, {
      chunks: [event("scheduled") + event("loading") + event("ready")],
      then: "silence",
    });
    const controller = new AbortController();
    const seen: string[] = [];
    const stop = await hosted(peer).statusStream("b1", ({ status }) => {
      seen.push(status);
      if (status === "loading") controller.abort(reason);
    }, controller);
    await gone(peer);
    stop();
    assertEquals(seen, ["scheduled", "loading"]);
  },

  async "a wait for a backend can be cancelled; watching continues"(t) {
    const peer = await t.script({
      http: {
        [path("b1")]: [{ chunks: [event("scheduled")], then: "silence" }],
        "/v2/backend/b1/status": ["silence"],
      },
    });
    await using backend = watched(peer);
    await ends(backend.ready({ signal: AbortSignal.abort(reason) }));
    const controller = new AbortController();
    const waits = [
      ends(backend.ready(controller), "ready"),
      ends(backend.status(controller)),
    ];
    await arrived(peer, 2);
    controller.abort(reason);
    await Promise.all(waits);
    const late = await assertRejects(() => backend.ready({ timeout: 20 }));
    assertEquals([late.name, late.message], [
      "TimeoutError",
      'Backend "b1" was not ready within 20 ms',
    ]);
    await until(
      async () =>
        (await peer.seen()).requests.some(({ path, gone }) =>
          path === "/v2/backend/b1/status" && gone
        ),
      "the status is not asked for any more",
    );
    const { requests } = await peer.seen();
    assertEquals(requests.filter(({ gone }) => !gone).map(({ path }) => path), [
      path("b1"),
    ]);
    assertEquals(backend.isTerminated(), false);
  },

  async "a signal ends one reader of a backend's states, not the other"(t) {
    const peer = await answering(
      t,
      { chunks: [SOON, event("scheduled")], then: "cut" },
      { chunks: [event("ready"), event("terminated")] },
    );
    await using backend = watched(peer);
    const controller = new AbortController();
    const [left, stayed]: string[][] = [[], []];
    await Promise.all([
      ends((async () => {
        for await (const { status } of backend.statuses(controller)) {
          left!.push(status);
          controller.abort(reason);
        }
      })()),
      (async () => {
        for await (const { status } of backend.statuses()) {
          stayed!.push(status);
        }
      })(),
    ]);
    assertEquals([left, stayed], [["scheduled"], [
      "scheduled",
      "ready",
      "terminated",
    ]]);
  },
};
