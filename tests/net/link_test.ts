/** The kept connection: attempts, ends, delays and wake-ups, in fake time. */
import { assertEquals, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { type Attempt, Link, type LinkPolicy } from "../../net/link.ts";

/** A link whose attempts do what the test says; `log` is what happened, and when. */
function start(time: FakeTime, policy: LinkPolicy<string>) {
  const began = time.now;
  const log: string[] = [];
  const attempts: Attempt<string>[] = [];
  const note = (text: string) => log.push(`${time.now - began} ${text}`);
  const link = new Link<string>({
    policy,
    now: () => time.now,
    begin(attempt) {
      attempts.push(attempt);
      note(`begin ${attempt.number}`);
      return () => note(`free ${attempt.number}`);
    },
    onState: (state) => note(state.kind),
  });
  return { link, log, attempts, last: () => attempts.at(-1)! };
}

/** Waits of 100, 200, 300, … ms; gives up after the end "final". */
const linear: LinkPolicy<string> = {
  delay: (retries, end) => end === "final" ? undefined : 100 * (retries + 1),
};

Deno.test("link: tries again after the policy's delays, and counts them", () => {
  using time = new FakeTime();
  const { link, log, last } = start(time, linear);
  assertEquals(link.state, { kind: "idle" });
  link.connect();
  assertEquals(log, ["0 connecting", "0 begin 1"]);
  last().end("refused");
  assertEquals(link.state, { kind: "waiting", delay: 100, end: "refused" });
  assertEquals(link.retries, 1);
  time.tick(99);
  assertEquals(link.state.kind, "waiting");
  time.tick(1);
  last().end("refused");
  assertEquals(link.state, { kind: "waiting", delay: 200, end: "refused" });
  time.tick(200);
  last().opened();
  assertEquals(log, [
    "0 connecting",
    "0 begin 1",
    "0 free 1",
    "0 waiting",
    "100 connecting",
    "100 begin 2",
    "100 free 2",
    "100 waiting",
    "300 connecting",
    "300 begin 3",
    "300 open",
  ]);
  link.stop();
  assertEquals(log.slice(11), ["300 free 3", "300 idle"]);
});

Deno.test("link: gives up where the policy has no delay, and says why", () => {
  using time = new FakeTime();
  const { link, last, attempts } = start(time, linear);
  link.connect();
  last().end("final");
  assertEquals(link.state, { kind: "idle", end: "final" });
  time.tick(1e9);
  globalThis.dispatchEvent(new Event("online"));
  assertEquals(attempts.length, 1);
  link.connect();
  assertEquals([link.state, attempts.length], [{ kind: "connecting" }, 2]);
  link.stop();
});

Deno.test("link: the count starts over only after a connection has held", () => {
  using time = new FakeTime();
  const { link, last } = start(time, { ...linear, heldAfter: 5_000 });
  link.connect();
  last().end("refused");
  time.tick(100);
  last().opened();
  time.tick(4_999);
  assertEquals(link.retries, 1);
  last().end("lost");
  assertEquals(link.state, { kind: "waiting", delay: 200, end: "lost" });
  time.tick(200);
  last().opened();
  time.tick(5_000);
  assertEquals(link.retries, 0);
  last().end("lost");
  assertEquals(link.state, { kind: "waiting", delay: 100, end: "lost" });
  // One that hangs for long before it fails has not held.
  time.tick(100);
  time.tick(60_000);
  last().end("refused");
  assertEquals(link.state, { kind: "waiting", delay: 200, end: "refused" });
  link.reset();
  assertEquals(link.retries, 0);
  link.stop();
});

Deno.test("link: late events of an earlier attempt change nothing", () => {
  using time = new FakeTime();
  const { link, attempts } = start(time, linear);
  link.connect();
  const [first] = attempts as [Attempt<string>];
  first.end("lost");
  first.end("lost again");
  first.opened();
  assertEquals(link.state, { kind: "waiting", delay: 100, end: "lost" });
  time.tick(100);
  first.opened();
  first.end("late");
  assertEquals([first.current, link.state], [false, { kind: "connecting" }]);
  link.stop();
  attempts[1]!.opened();
  attempts[1]!.end("late");
  assertEquals(link.state, { kind: "idle" });
});

Deno.test("link: connect() replaces an attempt and frees it once", () => {
  using time = new FakeTime();
  const { link, log, attempts } = start(time, linear);
  link.connect();
  attempts[0]!.opened();
  link.connect();
  attempts[0]!.end("late");
  link.stop();
  link.stop();
  assertEquals(log, [
    "0 connecting",
    "0 begin 1",
    "0 open",
    "0 free 1",
    "0 connecting",
    "0 begin 2",
    "0 free 2",
    "0 idle",
  ]);
});

Deno.test("link: a wake-up cuts the wait short, once; after stop() nothing does", () => {
  using time = new FakeTime();
  const { link, attempts } = start(time, linear);
  for (const name of ["online", "pageshow"]) {
    const before = attempts.length;
    link.connect();
    attempts.at(-1)!.end("lost");
    for (let i = 0; i < 5; i++) globalThis.dispatchEvent(new Event(name));
    assertEquals(attempts.length, before + 2);
    attempts.at(-1)!.end("lost");
    link.stop();
    globalThis.dispatchEvent(new Event(name));
    time.tick(1e9);
    assertEquals(attempts.length, before + 2);
  }
});

Deno.test("link: Infinity waits for a wake-up alone, NaN is refused", () => {
  using time = new FakeTime();
  let delay = Infinity;
  const { link, attempts, last } = start(time, { delay: () => delay });
  link.connect();
  last().end("lost");
  time.tick(2 ** 33);
  assertEquals(attempts.length, 1);
  globalThis.dispatchEvent(new Event("online"));
  assertEquals(attempts.length, 2);
  for (delay of [NaN, -1]) {
    assertThrows(() => last().end("lost"), RangeError, "delay");
    // Nothing has changed.
    assertEquals(link.state, { kind: "connecting" });
  }
  delay = 2 ** 40;
  last().end("lost");
  time.tick(1e6);
  assertEquals(attempts.length, 2);
  link.stop();
});

Deno.test("link: an attempt may end, and the owner act, before begin() returns", () => {
  using time = new FakeTime();
  const freed: number[] = [];
  let then: (attempt: Attempt<string>) => void = () => {};
  const link = new Link<string>({
    policy: linear,
    now: () => time.now,
    begin(attempt) {
      then(attempt);
      return () => freed.push(attempt.number);
    },
  });
  then = (attempt) => attempt.end("refused");
  link.connect();
  assertEquals([link.state.kind, freed], ["waiting", [1]]);
  then = () => link.stop();
  link.connect();
  assertEquals([link.state.kind, freed], ["idle", [1, 2]]);
  then = () => {
    then = () => {};
    link.connect();
  };
  link.connect();
  assertEquals([link.state.kind, freed], ["connecting", [1, 2, 3]]);
  link.stop();
  assertEquals(freed, [1, 2, 3, 4]);
  then = () => {
    throw new Error("no address");
  };
  assertThrows(() => link.connect(), Error, "no address");
  assertEquals(link.state.kind, "idle");
});

Deno.test("link: a listener that stops it leaves no attempt and no timer", () => {
  using time = new FakeTime();
  for (const moment of ["connecting", "open", "waiting"]) {
    let live = 0;
    const link: Link<string> = new Link<string>({
      policy: linear,
      now: () => time.now,
      begin(attempt) {
        live++;
        attempt.opened();
        attempt.end("lost");
        return () => live--;
      },
      onState: ({ kind }) => {
        if (kind === moment) link.stop();
      },
    });
    link.connect();
    assertEquals([moment, link.state.kind, live], [moment, "idle", 0]);
    time.tick(1e6);
    globalThis.dispatchEvent(new Event("online"));
    assertEquals([moment, link.state.kind, live], [moment, "idle", 0]);
  }
});

Deno.test("link: a state that led further while it was entered is not told", () => {
  using _time = new FakeTime();
  const states: string[] = [];
  const link: Link<string> = new Link<string>({
    policy: linear,
    begin: ({ number }) => () => void (number === 1 && link.connect()),
    onState: ({ kind }) => states.push(kind),
  });
  link.connect();
  link.stop();
  assertEquals([link.state.kind, states], [
    "connecting",
    ["connecting", "connecting"],
  ]);
  link.stop();
});
