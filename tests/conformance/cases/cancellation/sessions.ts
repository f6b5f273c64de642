/** Signals and what waits for a platform or a backend's states. */
import { assertEquals, assertRejects } from "../../../kit/assert.ts";
import { delay, until } from "../../../kit/wait.ts";
import type { Area, ScriptedPeer } from "../../suite.ts";
import {
  answering,
  ENGINES,
  event,
  hosted,
  path,
  SOON,
  watched,
} from "../hosted.ts";
import { ends, reason } from "./ends.ts";

/** Resolves when the peer has got a request, or so many. */
const arrived = (peer: ScriptedPeer, count = 1) =>
  until(
    async () => (await peer.seen()).requests.length >= count,
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
    for (const { make } of ENGINES) {
      const peer = await t.script({});
      const engine = make(peer);
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
    }
  },

  async "a call of the platform ends while the platform is silent"(t) {
    // It does not answer, or begins to and says no more.
    const begun = { chunks: [" "], then: "silence" } as const;
    for (const { make, connect, status, terminate } of ENGINES) {
      for (const answer of ["silence", begun] as const) {
        const peer = await t.script({
          http: {
            [connect]: [answer],
            [status]: [answer],
            [terminate]: [answer],
          },
        });
        const engine = make(peer);
        const controller = new AbortController();
        const calls = [
          ends(engine.connect({ key: "k" }, controller)),
          ends(engine.status("b1", controller)),
        ];
        const order = engine.terminate("b1", controller);
        // The status alone says that the order was taken; Plane is asked more.
        if (answer === begun && make === hosted) await order;
        else calls.push(ends(order));
        await arrived(peer, 3);
        controller.abort(reason);
        await Promise.all(calls);
        // Firefox reads on in a body that was cancelled, until the peer ends it.
        await gone(
          peer,
          (path) =>
            answer === "silence" || t.runtime !== "firefox" ||
            path !== terminate,
        );
      }
    }
  },

  async "a call of a stream ends while the platform is silent"(t) {
    for (const { make, stream, status } of ENGINES) {
      const peer = await t.script({
        http: { [stream]: ["silence"], [status]: ["silence"] },
      });
      const engine = make(peer);
      const controller = new AbortController();
      const calls = [
        ends(engine.statuses("b1", controller).next()),
        ends(engine.statusStream("b1", () => {}, controller)),
      ];
      await arrived(peer, 2);
      controller.abort(reason);
      await Promise.all(calls);
      await gone(peer);
    }
  },

  async "cancelling a loop over states stops its requests"(t) {
    for (const { make, stream } of ENGINES) {
      // Within the stream, and while the next attempt is waited for.
      for (const then of ["silence", "end"] as const) {
        const chunks = [
          "retry: 60000\n\n",
          event("scheduled"),
          event("loading"),
        ];
        const peer = await t.script({ http: { [stream]: [{ chunks, then }] } });
        const controller = new AbortController();
        const seen: string[] = [];
        await ends((async () => {
          for await (
            const { status } of make(peer).statuses("b1", controller)
          ) {
            seen.push(status);
            if (status === "loading") {
              setTimeout(
                () => controller.abort(reason),
                then === "end" ? 20 : 0,
              );
            }
          }
        })());
        if (then === "silence") await gone(peer);
        await delay(30);
        const { requests } = await peer.seen();
        // Plane's status may have been read meanwhile.
        assertEquals(
          [seen, requests.filter(({ path }) => path === stream).length],
          [["scheduled", "loading"], 1],
        );
      }
    }
  },

  async "a callback is not called after the signal or after unsubscribing"(t) {
    for (const { make, stream } of ENGINES) {
      for (const how of ["the signal", "unsubscribing"]) {
        const peer = await t.script({
          http: {
            [stream]: [
              // Before it, there is nothing to unsubscribe with.
              { chunks: [SOON, event("scheduled")], then: "end" },
              { chunks: [event("loading") + event("ready")], then: "silence" },
            ],
          },
        });
        const controller = new AbortController();
        const seen: string[] = [];
        const stop = await make(peer).statusStream("b1", ({ status }) => {
          seen.push(status);
          if (status !== "loading") return;
          if (how === "the signal") controller.abort(reason);
          else stop();
        }, controller);
        await until(() => seen.length === 2, "both came");
        await until(
          async () =>
            (await peer.seen()).requests.findLast(({ path }) =>
              path === stream
            )!
              .gone === true,
          "the stream has ended",
        );
        stop();
        assertEquals(seen, ["scheduled", "loading"], how);
      }
    }
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
