import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { BackendState } from "../../types.ts";
import {
  Lifecycle,
  type LifeEvent,
  next,
} from "../../session/dev/lifecycle.ts";
import { IdleTimes } from "../../session/dev/idle_times.ts";
import { after, IdleWatch } from "../../session/dev/limits.ts";

const time = "2026-01-01T00:00:00.000Z";

function run(...events: LifeEvent[]): BackendState[] {
  const life = new Lifecycle(() => new Date(time));
  for (const event of events) life.apply(event);
  return [...life.history];
}

const exited = (failed: boolean): LifeEvent => ({ type: "exited", failed });
const terminate = (
  kind: "soft" | "hard",
  reason: "external" | "swept",
): LifeEvent => ({ type: "terminate", kind, reason });

Deno.test("lifecycle - from the spawn to a soft end", () => {
  assertEquals(
    run(
      { type: "loading" },
      { type: "starting" },
      { type: "waiting" },
      { type: "ready" },
      terminate("soft", "swept"),
      exited(false),
    ),
    [
      { status: "scheduled", time },
      { status: "loading", time },
      { status: "starting", time },
      { status: "waiting", time },
      { status: "ready", time },
      { status: "terminating", time, termination_reason: "swept" },
      {
        status: "terminated",
        time,
        termination_reason: "swept",
        termination_kind: "soft",
        exit_error: false,
      },
    ],
  );
});

Deno.test("lifecycle - a kill keeps the first reason", () => {
  assertEquals(
    run(
      terminate("soft", "swept"),
      terminate("hard", "external"),
      exited(false),
    ).slice(1),
    [
      { status: "terminating", time, termination_reason: "swept" },
      { status: "hard-terminating", time, termination_reason: "swept" },
      {
        status: "terminated",
        time,
        termination_reason: "swept",
        termination_kind: "hard",
        exit_error: false,
      },
    ],
  );
});

Deno.test("lifecycle - a crash has no termination_reason", () => {
  assertEquals(run({ type: "ready" }, exited(true)).at(-1), {
    status: "terminated",
    time,
    termination_reason: null,
    termination_kind: null,
    exit_error: true,
  });
});

Deno.test("lifecycle - nothing goes back and nothing follows the end", () => {
  const events: LifeEvent[] = [
    { type: "loading" },
    { type: "starting" },
    { type: "waiting" },
    { type: "ready" },
    terminate("soft", "external"),
    terminate("hard", "external"),
    exited(false),
  ];
  events.forEach((_, index) => {
    const state = run(...events.slice(0, index + 1)).at(-1)!;
    for (const earlier of events.slice(0, index + 1)) {
      assertEquals(next(state, earlier, time), undefined);
    }
  });
});

Deno.test("lifecycle - times never go backwards when the clock is set back", () => {
  const times = [5000, 6000, 1000, 2000, 7000];
  const life = new Lifecycle(() => new Date(times.shift()!));
  for (const type of ["loading", "starting", "waiting", "ready"] as const) {
    life.apply({ type });
  }
  assertEquals(
    life.history.map(({ time }) => Date.parse(time)),
    [5000, 6000, 6000, 6000, 7000],
  );
});

Deno.test("lifecycle - waiting for a state ends with it, with the end, or when aborted", async () => {
  const life = new Lifecycle();
  const ready = life.reached(({ status }) => status === "ready");
  const never = life.reached(() => false);
  const controller = new AbortController();
  const given = life.reached(() => false, controller.signal);
  controller.abort(new Error("enough"));
  await assertRejects(() => given, Error, "enough");
  life.apply({ type: "ready" });
  assertEquals((await ready).status, "ready");
  life.apply(exited(false));
  assertEquals((await never).status, "terminated");
});

Deno.test("limits - idle time counts from the last connection's end", () => {
  using time = new FakeTime();
  let idle = 0;
  const watch = new IdleWatch(1000, () => idle++);
  time.tick(5000);
  assertEquals(idle, 0, "before it is ready");
  watch.start();
  time.tick(999);
  watch.set(1);
  watch.set(2);
  time.tick(5000);
  watch.set(1);
  time.tick(5000);
  assertEquals([idle, watch.connections], [0, 1]);
  watch.set(0);
  time.tick(999);
  assertEquals(idle, 0);
  time.tick(1);
  assertEquals(idle, 1);
  watch.stop();
});

Deno.test("limits - idle time goes on from an earlier run", () => {
  using time = new FakeTime();
  const ends = (since: number) => {
    let idle = 0;
    const watch = new IdleWatch(1000, () => idle++, since);
    watch.start();
    return { watch, idle: () => idle };
  };
  const partly = ends(Date.now() - 600);
  const over = ends(Date.now() - 5000);
  const used = ends(Date.now() - 600);
  // The clock was set back.
  const future = ends(Date.now() + 60_000);
  assertEquals(partly.watch.since, Date.now() - 600);
  used.watch.set(1);
  assertEquals(used.watch.since, undefined);
  time.tick(0);
  assertEquals([partly.idle(), over.idle()], [0, 1]);
  used.watch.set(0);
  time.tick(399);
  assertEquals(partly.idle(), 0);
  time.tick(1);
  assertEquals([partly.idle(), used.idle()], [1, 0]);
  time.tick(600);
  assertEquals([used.idle(), future.idle()], [1, 1]);
});

Deno.test("limits - that a backend is idle is written late, that it is in use at once", () => {
  using time = new FakeTime();
  const written: (number | undefined)[] = [];
  const backend = {
    id: "a",
    spec: { maxIdle: 1000 },
    idleSince: undefined as number | undefined,
  };
  const times = new IdleTimes((one) => written.push(one.idleSince));
  const change = (idleSince?: number) => {
    backend.idleSince = idleSince;
    times.changed(backend as never);
  };
  // One request after the other costs no write.
  for (let request = 0; request < 5; request++) {
    change(undefined);
    change(request);
    time.tick(900);
  }
  assertEquals(written, []);
  time.tick(100);
  assertEquals(written, [4]);
  change(undefined);
  assertEquals(written, [4, undefined]);
  time.tick(5000);
  change(7);
  // Closing writes what is left, and cuts connections after that.
  times[Symbol.dispose]();
  change(8);
  time.tick(5000);
  assertEquals(written, [4, undefined, 7]);
});

Deno.test("limits - nothing fires after stop", () => {
  using time = new FakeTime();
  let idle = 0;
  const watch = new IdleWatch(10, () => idle++);
  watch.set(1);
  watch.start();
  watch.stop();
  watch.set(0);
  time.tick(100);
  assertEquals(idle, 0);
});

Deno.test("limits - a limit longer than the longest timer does not fire at once", () => {
  using time = new FakeTime();
  const day = 24 * 60 * 60 * 1000;
  let fired = false;
  after(60 * day, () => fired = true);
  time.tick(60 * day - 1);
  assertEquals(fired, false);
  time.tick(1);
  assertEquals(fired, true);
  const cancel = after(60 * day, () => fired = false);
  time.tick(30 * day);
  cancel();
  time.tick(60 * day);
  assertEquals(fired, true);
});
