/** The watch over a peer's silence, in fake time. */
import { assertEquals, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { LIVENESS, SilenceWatch } from "../../net/silence.ts";
import { setLimit } from "../../net/timer.ts";

/** A watch, and the moments at which it found silence. */
function start(time: FakeTime, limit: number, probe?: number) {
  const began = time.now;
  const clock = { asleep: 0 };
  const silent: number[] = [];
  const now = () => time.now + clock.asleep;
  const watch = new SilenceWatch({
    onSilence: () => silent.push(now() - began),
    probe,
    now,
  });
  watch.start(limit);
  return { watch, silent, clock };
}

Deno.test("silence: noticed at the limit, and once", () => {
  using time = new FakeTime();
  const { watch, silent } = start(time, 1_000);
  time.tick(999);
  assertEquals([silent, watch.stale], [[], false]);
  time.tick(1);
  assertEquals(silent, [1_000]);
  time.tick(1e6);
  globalThis.dispatchEvent(new Event("online"));
  time.tick(1e6);
  assertEquals(silent, [1_000]);
});

Deno.test("silence: any frame is a sign of life", () => {
  using time = new FakeTime();
  const { watch, silent } = start(time, 1_000);
  for (let i = 0; i < 20; i++) {
    time.tick(900);
    watch.heard();
  }
  assertEquals(silent, []);
  // The last frame came at 18,000: noticed within twice the limit.
  time.tick(2_000);
  assertEquals(silent, [20_000]);
});

Deno.test("silence: restart() counts from the present moment", () => {
  using time = new FakeTime();
  const { watch, silent } = start(time, 1_000);
  time.tick(700);
  watch.restart();
  time.tick(999);
  assertEquals(silent, []);
  time.tick(1);
  assertEquals(silent, [1_700]);
});

Deno.test("silence: a timer that was asleep grants a moment, and only one", () => {
  using time = new FakeTime();
  const { watch, silent, clock } = start(time, 60_000);
  clock.asleep = 3_600_000;
  time.tick(60_000);
  assertEquals([silent, watch.stale], [[], true]);
  // The frame that waited behind the timer arrives.
  watch.heard();
  time.tick(1_000);
  assertEquals([silent, watch.stale], [[], false]);

  clock.asleep *= 2;
  time.tick(60_000);
  assertEquals(silent, []);
  clock.asleep *= 2;
  time.tick(1_000);
  assertEquals(silent.length, 1);
});

Deno.test("silence: after a wake-up a stale peer has a moment, another its time", () => {
  using time = new FakeTime();
  const { watch, silent, clock } = start(time, 60_000);
  time.tick(30_000);
  globalThis.dispatchEvent(new Event("pageshow"));
  time.tick(29_999);
  assertEquals(silent, []);
  watch.restart();
  clock.asleep = 60_000;
  globalThis.dispatchEvent(new Event("pageshow"));
  assertEquals(watch.stale, true);
  time.tick(999);
  assertEquals(silent, []);
  time.tick(1);
  assertEquals(silent.length, 1);
});

Deno.test("silence: with a probe, every wake-up asks for a sign of life", () => {
  using time = new FakeTime();
  const { watch, silent } = start(time, 60_000, 5_000);
  time.tick(10_000);
  watch.heard();
  globalThis.dispatchEvent(new Event("online"));
  time.tick(4_999);
  watch.heard();
  time.tick(1);
  assertEquals(silent, []);
  globalThis.dispatchEvent(new Event("online"));
  time.tick(5_000);
  assertEquals(silent, [20_000]);
});

Deno.test("silence: 0 and Infinity watch nothing, NaN is refused", () => {
  using time = new FakeTime();
  for (const limit of [0, Infinity]) {
    const { watch, silent } = start(time, limit, 5_000);
    globalThis.dispatchEvent(new Event("online"));
    time.tick(2 ** 33);
    assertEquals([silent, watch.stale], [[], false]);
    watch.stop();
  }
  for (const limit of [NaN, -1]) {
    assertThrows(() => start(time, limit), RangeError, "silence limit");
  }
});

Deno.test("silence: stop() leaves nothing behind, and start() starts over", () => {
  using time = new FakeTime();
  const { watch, silent } = start(time, 1_000, 5);
  watch.stop();
  watch.stop();
  globalThis.dispatchEvent(new Event("online"));
  time.tick(1e6);
  assertEquals(silent, []);
  watch.start(10);
  time.tick(10);
  assertEquals(silent, [1_000_010]);
});

Deno.test("silence: the peer is asked halfway, and its answer is a sign of life", () => {
  using time = new FakeTime();
  const began = time.now;
  const asked: number[] = [];
  const silent: number[] = [];
  let answers = true;
  const watch: SilenceWatch = new SilenceWatch({
    onSilence: () => silent.push(time.now - began),
    ask() {
      asked.push(time.now - began);
      if (answers) watch.heard();
    },
    now: () => time.now,
  });
  watch.start(1_000);
  time.tick(1_000);
  assertEquals([asked, silent], [[500], []]);
  // The answer at 500 was noticed at 1,000; a new period began then.
  answers = false;
  time.tick(1_000);
  assertEquals([asked, silent], [[500, 1_500], [2_000]]);
  time.tick(1e6);
  assertEquals(asked.length, 2, "after the silence, it asks no more");
});

Deno.test("silence: at a wake-up, the peer is asked and has the time of the probe", () => {
  using time = new FakeTime();
  const events: string[] = [];
  const watch = new SilenceWatch({
    onSilence: () => events.push("silent"),
    ask: () => events.push("ask"),
    probe: 100,
    now: () => time.now,
  });
  watch.start(60_000);
  time.tick(10_000);
  globalThis.dispatchEvent(new Event("online"));
  assertEquals(events, ["ask"]);
  time.tick(99);
  assertEquals(events, ["ask"]);
  time.tick(1);
  assertEquals(events, ["ask", "silent"]);
});

Deno.test("silence: by the standard policy, death is noticed within 25 s of any moment", () => {
  for (let died = 0; died <= 45_000; died += 500) {
    using time = new FakeTime();
    const silent: number[] = [];
    const watch: SilenceWatch = new SilenceWatch({
      onSilence: () => silent.push(time.now - began),
      ask: () => time.now - began <= died && watch.heard(),
      probe: LIVENESS.probe,
      now: () => time.now,
    });
    const began = time.now;
    watch.start(LIVENESS.limit);
    time.tick(died);
    watch.heard();
    assertEquals(silent, [], "before that, nothing was noticed");
    time.tick(25_000);
    assertEquals(silent.length, 1, `death after ${died} ms`);
  }
});

Deno.test("time limits: on time, late with a moment, and ended", () => {
  using time = new FakeTime();
  const clock = { asleep: 0 };
  const now = () => time.now + clock.asleep;
  const log: string[] = [];
  const limit = (name: string, ms: number) =>
    setLimit(() => log.push(name), ms, now);
  limit("on time", 100);
  time.tick(100);
  assertEquals(log.splice(0), ["on time"]);
  limit("late", 5_000);
  limit("short and late", 200);
  const ended = limit("ended", 300);
  clock.asleep = 11;
  time.tick(200);
  assertEquals(log, []);
  time.tick(100);
  // Even in its moment.
  ended();
  time.tick(100);
  assertEquals(log.splice(0), ["short and late"]);
  time.tick(4_600);
  assertEquals(log, []);
  time.tick(1_000);
  assertEquals(log.splice(0), ["late"]);
  limit("never", Infinity)();
  time.tick(2 ** 32);
  assertEquals(log, []);
});
