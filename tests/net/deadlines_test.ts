/** Waits that share a timer. The sanitizer sees to it that none stays behind. */
import { assertEquals } from "@std/assert";
import { type Deadline, Deadlines } from "../../net/deadlines.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("Deadlines - each wait ends once, in order, not before its time", async () => {
  const deadlines = new Deadlines(30);
  const start = performance.now();
  const ended: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  deadlines.start(() => ended.push("first"));
  await pause(10);
  deadlines.start(() => {
    ended.push("second");
    resolve();
  });
  await promise;
  assertEquals(ended, ["first", "second"]);
  assertEquals(performance.now() - start >= 39, true);
});

Deno.test("Deadlines - one that was stopped does not end, and a restart begins anew", async () => {
  const deadlines = new Deadlines(20);
  const ended: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const stopped = deadlines.start(() => ended.push("stopped"));
  const restarted: Deadline | undefined = deadlines.start(() => {
    ended.push("restarted");
    resolve();
  });
  deadlines.start(() => {
    ended.push("third");
  });
  deadlines.stop(stopped);
  deadlines.restart(restarted);
  await promise;
  assertEquals(ended, ["third", "restarted"]);
});

Deno.test("Deadlines - the timer ends with the last wait", () => {
  const deadlines = new Deadlines(60_000);
  const waits = [1, 2, 3].map(() => deadlines.start(() => {}));
  for (const wait of waits) deadlines.stop(wait);
  deadlines.stop(waits[0]);
  assertEquals(new Deadlines(Infinity).start(() => {}), undefined);
});
