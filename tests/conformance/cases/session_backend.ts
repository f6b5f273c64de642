/** `SessionBackend`, from the answer of this runtime's edge route on, and from a scripted one. */
import {
  BackendEndedError,
  HTTPError,
  SessionBackend,
} from "../../../client.ts";
import { feedmeClient, webSocketTransport } from "../../../feed/feedme/mod.ts";
import { create } from "../../../feed/socketcluster/mod.ts";
import type { BackendState } from "../../../types.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../../kit/assert.ts";
import { asyncDispose } from "../../kit/dispose.ts";
import { collect, delay, until } from "../../kit/wait.ts";
import type { Answer } from "../far/script.ts";
import type { Area } from "../suite.ts";
import { answering, event, names, SOON, watched } from "./hosted.ts";
import { connect, leave, shared } from "./rooms.ts";
import { visible } from "./visible.ts";

/** A stream that says so much, and then nothing more. */
const silent = (...statuses: string[]): Answer => ({
  chunks: [SOON, ...statuses.map((status) => event(status))],
  then: "silence",
});

export const sessionBackend: Area = {
  name: "SessionBackend",
  cases: {
    async "every way to wait for readiness reports it"(t) {
      const room = t.name("room");
      await using backend = new SessionBackend(await connect(t, room));
      let calls = 0;
      backend.onReady(() => calls++);
      backend.onReady(() => calls++)();
      await backend.ready({ timeout: 15_000 });
      await backend.onReadyPromise;
      assertEquals([backend.isReady(), backend.isTerminated()], [true, false]);
      backend.onReady(() => calls++);
      assertEquals(calls, 2, "calls of onReady");
      assertEquals((await backend.status()).status, "ready");
      await leave(t, room);
    },

    async "subscribe() and getSnapshot() follow a backend and the connections to it"(
      t,
    ) {
      const room = t.name("room");
      await using backend = new SessionBackend(await connect(t, room), {
        lazy: true,
      });
      const phases: string[] = [];
      const note = (stores: Record<string, string[]>, name: string) => {
        return (value: string) => {
          if (stores[name]!.at(-1) !== value) stores[name]!.push(value);
        };
      };
      const seen: Record<string, string[]> = { feedme: [], socketcluster: [] };
      const stop = backend.subscribe(() => {
        const { phase } = backend.getSnapshot();
        if (phases.at(-1) !== phase) phases.push(phase);
      });
      await backend.ready({ timeout: 15_000 });

      await using client = feedmeClient({
        transport: webSocketTransport({ url: t.feedme }),
      });
      const feedme = note(seen, "feedme");
      client.subscribe(() => feedme(client.getSnapshot()));
      client.connect();
      await until(() => client.getSnapshot() === "connected", "connected");
      client.disconnect();
      await until(() => seen.feedme!.length === 3, "disconnected");

      const socket = create({
        hostname: "127.0.0.1",
        port: t.socketcluster,
        autoConnect: false,
      });
      const { subscribe, getSnapshot } = socket.connection;
      const socketcluster = note(seen, "socketcluster");
      subscribe(() => socketcluster(getSnapshot()));
      socket.connect();
      await until(() => getSnapshot() === "open", "open");
      await socket.close();

      await leave(t, room);
      await backend.terminated({ timeout: 15_000 });
      stop();
      assert(phases.join().endsWith("ready,ended"), phases.join());
      assertEquals(backend.getServerSnapshot(), { phase: "pending" });
      assertEquals(seen, {
        feedme: ["connecting", "connected", "disconnected"],
        socketcluster: ["connecting", "open", "closed"],
      });
    },

    async "the states of a whole life arrive in order, for late readers too"(
      t,
    ) {
      const room = t.name("room");
      await using backend = new SessionBackend(await connect(t, room));
      const told: string[] = [];
      backend.onReady(() => told.push("onReady"));
      backend.onTerminated(() => told.push("onTerminated"));
      backend.onStatus(({ status }) => told.push(status));
      backend.onStatus(() => told.push("taken back"))();
      const states = collect(backend.statuses());
      await backend.ready();
      await leave(t, room);
      await backend.onTerminatedPromise;
      assertEquals(told, [
        "scheduled",
        "loading",
        "starting",
        "waiting",
        "onReady",
        "ready",
        "onTerminated",
        "terminated",
      ]);
      assertEquals([backend.isReady(), backend.isTerminated()], [false, true]);
      backend.onTerminated(() => told.push("at once"));
      assertEquals(told.at(-1), "at once");
      const life = told.filter((name) => /^[a-z]+$/.test(name));
      assertEquals(names(await states), life, "who read on the way");
      assertEquals(
        names(await collect(backend.statuses())),
        life,
        "who reads later",
      );
    },

    async "a backend that ends at once is never ready"(t) {
      await using backend = new SessionBackend(
        await connect(t, t.name("broken-room")),
      );
      for (const promise of [backend.ready(), backend.onReadyPromise]) {
        const error = await assertRejects(() => promise);
        assert(error instanceof BackendEndedError, `that error, not ${error}`);
        assertEquals(error.name, "BackendEndedError");
        const { status, exit_error } = error.state as BackendState & {
          status: "terminated";
        };
        assertEquals([status, exit_error], ["terminated", true]);
      }
    },

    async "the error says why a backend was never ready"(t) {
      const peer = await answering(t, {
        chunks: [
          event("scheduled"),
          event("terminated", { termination_reason: "startup_timeout" }),
        ],
      });
      // This one is never awaited: its rejected promise must not count as unhandled.
      await using unasked = watched(peer);
      await using backend = watched(peer);
      const error = await assertRejects(() => backend.ready());
      assertEquals(
        error.message,
        'Backend "b1" ended before it was ready (startuptimeout)',
      );
      await unasked.onTerminatedPromise;
      let ready = false;
      backend.onReady(() => ready = true);
      assertEquals([ready, backend.isReady()], [false, false]);
    },

    async "a wait for readiness can time out or be cancelled, and then be repeated"(
      t,
    ) {
      const peer = await answering(
        t,
        {
          chunks: ["retry: 100\n\n", event("scheduled")],
          then: "end",
        },
        silent("scheduled", "ready"),
      );
      await using backend = watched(peer);
      const error = await assertRejects(() => backend.ready({ timeout: 10 }));
      assertEquals(error.name, "TimeoutError");
      assertEquals(error.message, 'Backend "b1" was not ready within 10 ms');
      const controller = new AbortController();
      const waiting = backend.ready({ signal: controller.signal });
      const reason = new Error("enough");
      controller.abort(reason);
      assert(
        await assertRejects(() => waiting) === reason,
        "the signal's own reason",
      );
      await backend.ready({ timeout: 10_000 });
    },

    async "ready() without a limit waits, and a limit out of range is refused"(
      t,
    ) {
      for (const timeout of [Infinity, 2 ** 31]) {
        const peer = await answering(
          t,
          { status: 503, headers: { "retry-after": "0" } },
          silent("scheduled", "ready"),
        );
        await using backend = watched(peer);
        await backend.ready({ timeout });
      }
      const peer = await answering(t, silent("scheduled"));
      const backend = watched(peer);
      for (const timeout of [NaN, -1]) {
        assertEquals(
          (await assertRejects(() => backend.ready({ timeout }))).name,
          "RangeError",
        );
      }
      await backend.close();
    },

    async "a connect response with status ready needs no stream"(t) {
      const peer = await answering(t, silent());
      await using backend = watched(peer, { status: "ready" });
      assertEquals(backend.isReady(), true);
      await backend.ready();
      await backend.onReadyPromise;
    },

    async "a lost stream is resumed, and no state comes twice"(t) {
      const peer = await answering(
        t,
        { status: 503 },
        { chunks: [SOON, event("scheduled")], then: "cut" },
        { status: 500 },
        { chunks: [event("scheduled"), event("ready")], then: "cut" },
        { chunks: [event("scheduled"), event("ready"), event("terminated")] },
      );
      const errors: unknown[] = [];
      const onError = (error: unknown) => errors.push(error);
      await using backend = watched(peer, {}, { onError });
      assertEquals(names(await collect(backend.statuses())), [
        "scheduled",
        "ready",
        "terminated",
      ]);
      assertEquals(
        errors.flatMap((error) =>
          error instanceof HTTPError ? [error.code] : []
        ),
        [503, 500],
        "what was told of",
      );
    },

    async "an unknown backend counts as terminated"(t) {
      for (const status of [404, 410]) {
        const peer = await answering(t, { status });
        const errors: unknown[] = [];
        const onError = (error: unknown) => errors.push(error);
        await using backend = watched(peer, {}, { onError });
        await backend.onTerminatedPromise;
        assertEquals(backend.isTerminated(), true);
        const error = await assertRejects(() => backend.ready());
        assert(error instanceof BackendEndedError, `that error, not ${error}`);
        assert(error.cause instanceof HTTPError, `caused by ${error.cause}`);
        assertEquals(error.cause.code, status);
        assertEquals(
          (await assertRejects(() => backend.statuses().next())).code,
          status,
        );
        assert(
          await assertRejects(() => backend.status()) instanceof HTTPError,
          "status() says so as well",
        );
        assertEquals(errors.length, 1, "errors");
      }
    },

    async "the edge answers 410 for an unknown backend"(t) {
      const answer = await connect(t, t.name("broken-room"));
      const nobody = answer.status_url.replace(answer.backend_id, "nobody");
      await using backend = new SessionBackend({
        ...answer,
        status_url: nobody,
      });
      await backend.onTerminatedPromise;
      assertEquals(
        (await assertRejects(() => backend.ready())).cause.code,
        410,
      );
    },

    async "destroy() in any phase stops every callback"(t) {
      const life = ["scheduled", "ready", "terminating", "terminated"];
      for (let length = 0; length <= life.length; length++) {
        const peer = await answering(t, silent(...life.slice(0, length)));
        await using backend = watched(peer);
        const told: string[] = [];
        backend.onStatus(({ status }) => told.push(status));
        if (length > 0) {
          await until(() => told.length === length, `${length} states came`);
        }
        backend.onStatus(() => told.push("late"));
        backend.destroy();
        backend.destroy();
        // What has ended stays so; anything else is no longer watched.
        const ended = length === life.length;
        assertEquals([backend.isReady(), backend.isTerminated()], [
          false,
          ended,
        ]);
        const asked = backend.ready();
        if (life.indexOf("ready") < length) await asked;
        else {
          const error = await assertRejects(() => asked);
          assert(
            error instanceof BackendEndedError,
            `that error, not ${error}`,
          );
          assertEquals(
            error.message,
            'No longer watching backend "b1": destroy() was called',
          );
        }
        await backend[asyncDispose]();
        await delay(10);
        assertEquals(told, life.slice(0, length));
      }
    },

    async "destroy() settles waits, and works in a listener too"(t) {
      const peer = await answering(t, {
        chunks: [event("scheduled"), event("ready")],
        then: "silence",
      });
      await using backend = watched(peer);
      const told: string[] = [];
      backend.onStatus(({ status }) => {
        told.push(status);
        backend.destroy();
      });
      backend.onStatus(() => told.push("a second listener"));
      const waiting = backend.ready({ timeout: 60_000 });
      const error = await assertRejects(() => waiting);
      assert(error instanceof BackendEndedError, `that error, not ${error}`);
      assertEquals(told, ["scheduled"]);
    },

    async "its status is read without a token"(t) {
      const answer = await connect(t, shared(t));
      await using backend = new SessionBackend(answer);
      assertEquals(backend.statusUrl, answer.status_url);
      await backend.ready();
      const state = await (await fetch(backend.statusUrl)).json();
      assertEquals(state.status, "ready");
      assert(!Number.isNaN(Date.parse(state.time)), state.time);
      assertEquals(await backend.status(), state);
    },

    async "no secret is in its JSON or its properties"(t) {
      const peer = await answering(t, silent("scheduled"), { status: 404 });
      await using backend = watched(peer);
      assert(backend.url.includes("TOKEN-1"), "its address is a capability");
      await until(async () => (await peer.seen()).requests.length > 0, "asked");
      backend.destroy();
      const shown = visible(backend) +
        visible(await assertRejects(() => backend.ready()));
      assert(!/TOKEN|SECRET/.test(shown), `no secret in ${shown}`);
      // What asks for the status does not hold it either.
      const { requests } = await peer.seen();
      assert(!/TOKEN|SECRET/.test(JSON.stringify(requests)), "none was sent");
    },

    async "two watchers of one backend see the same"(t) {
      const room = t.name("room");
      const answers = await Promise.all([connect(t, room), connect(t, room)]);
      assertEquals(
        answers.filter(({ spawned }) => spawned).length,
        1,
        "spawned",
      );
      await using one = new SessionBackend(answers[0]!);
      await using other = new SessionBackend(answers[1]!);
      await Promise.all([one.ready(), other.ready()]);
      const third = new SessionBackend(answers[0]!);
      await third.ready();
      // One that stops watching takes nothing from the others.
      await third[asyncDispose]();
      await leave(t, room);
      const seen = await Promise.all([
        collect(one.statuses()),
        collect(other.statuses()),
      ]);
      assertEquals(seen[0], seen[1]);
      assertEquals(seen[0]!.at(-1)?.status, "terminated");
    },

    // deno-lint-ignore require-await
    async "an invalid connect response is refused"() {
      for (const junk of [null, undefined, {}, "x", { url: "http://x" }]) {
        const error = assertThrows(() => new SessionBackend(junk as never));
        assert(error instanceof TypeError, `a TypeError, not ${error}`);
      }
    },
  },
};
