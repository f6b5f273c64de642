/** Disposal of what follows a backend's states. */
import { assertEquals, assertRejects } from "../../../kit/assert.ts";
import { asyncDispose } from "../../../kit/dispose.ts";
import { until } from "../../../kit/wait.ts";
import type { Area } from "../../suite.ts";
import { answering, event, hosted, watched } from "../hosted.ts";
import { came, ended, watch } from "./watch.ts";

export const sessions: Area["cases"] = {
  async "a closed SessionBackend leaves nothing behind"(t) {
    using watching = watch();
    const peer = await answering(t, {
      chunks: [event("scheduled")],
      then: "silence",
    });
    const backend = watched(peer);
    const told: string[] = [];
    {
      await using inScope = backend;
      inScope.onStatus(({ status }) => told.push(status));
      inScope.onReady(() => told.push("ready"));
      inScope.onTerminated(() => told.push("ended"));
      await until(() => told.length === 1, "the first state came");
    }
    assertEquals(watching.left(), []);
    await ended(peer);
    backend.destroy();
    await backend[asyncDispose]();
    assertEquals([told, backend.isReady(), backend.isTerminated()], [
      ["scheduled"],
      false,
      false,
    ]);
    assertEquals(
      (await assertRejects(() => backend.ready())).name,
      "BackendEndedError",
    );
    const states = backend.statuses();
    assertEquals((await states.next()).value?.status, "scheduled");
    assertEquals(
      (await assertRejects(() => states.next())).name,
      "BackendEndedError",
    );
    assertEquals(
      (await assertRejects(() => backend.status())).name,
      "AbortError",
    );
    assertEquals((await peer.seen()).requests.length, 1);
  },

  async "nor while the platform is silent, or before a retry"(t) {
    using watching = watch();
    for (const answer of ["silence", { status: 500 }] as const) {
      const peer = await answering(t, answer);
      const backend = watched(peer);
      const waiting = assertRejects(() => backend.ready({ timeout: 60_000 }));
      await came(peer, ({ requests }) => requests.length > 0);
      backend.destroy();
      assertEquals((await waiting).name, "BackendEndedError");
      await backend[asyncDispose]();
      assertEquals(watching.left(), [], JSON.stringify(answer));
      if (answer === "silence") await ended(peer);
    }
  },

  async "leaving a loop over an engine's states ends its request"(t) {
    using watching = watch();
    const peer = await answering(t, {
      chunks: [event("scheduled")],
      then: "silence",
    });
    for await (const _ of hosted(peer).statuses("b1")) break;
    assertEquals(watching.left(), []);
    await ended(peer);
  },
};
