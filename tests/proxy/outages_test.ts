import { assertEquals, assertThrows } from "@std/assert";
import { Flights } from "../../session/edge/flights.ts";
import { Outages } from "../../session/edge/outages.ts";
import { ProxyError } from "../../session/pass/failure.ts";

const down = new ProxyError(502, "the backend is unreachable");

/** The milliseconds until the next attempt. */
function pause(outages: Outages, now: number): number {
  try {
    outages.check("doc", now);
    return 0;
  } catch (error) {
    return (error as ProxyError).retryAfter!;
  }
}

Deno.test("Outages - the pauses grow, and end with a success", () => {
  const outages = new Outages();
  const pauses = Array.from({ length: 10 }, () => {
    outages.failed("doc", down, 0);
    return pause(outages, 0);
  });
  assertEquals(pauses, [
    0,
    0,
    500,
    1000,
    2000,
    4000,
    8000,
    16_000,
    30_000,
    30_000,
  ]);
  assertEquals(pause(outages, 29_000), 1000);
  assertEquals(pause(outages, 30_000), 0);
  outages.check("another", 0);
  outages.succeeded("doc", 30_000);
  outages.failed("doc", down, 30_000);
  assertEquals(pause(outages, 30_000), 0);
});

Deno.test("Outages - Retry-After is kept from the first failure on, within reason", () => {
  const outages = new Outages();
  const busy = (retryAfter: number) =>
    outages.failed(
      "doc",
      new ProxyError(429, "too many requests", { retryAfter }),
      0,
    );
  busy(7000);
  const error = assertThrows(() => outages.check("doc", 1000), ProxyError);
  assertEquals(
    [error.status, error.retryAfter, error.message],
    [429, 6000, "too many requests; the edge tries again later"],
  );
  busy(1e12);
  assertEquals(pause(outages, 0), 600_000);
});

Deno.test("Flights - the same question asked meanwhile gets the same answer", async () => {
  const flights = new Flights<number>(1000);
  let asked = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const ask = async () => {
    asked++;
    await promise;
    return asked;
  };
  const { signal } = new AbortController();
  const all = Promise.all([
    flights.join("a", ask, signal),
    flights.join("a", ask, signal),
    flights.join("b", ask, signal),
  ]);
  assertEquals(asked, 2);
  resolve();
  assertEquals(await all, [2, 2, 2]);
  assertEquals(await flights.join("a", ask, signal), 3);
  const fail = () => flights.join("a", () => Promise.reject(down), signal);
  const outcomes = await Promise.allSettled([fail(), fail()]);
  assertEquals(outcomes.map(({ status }) => status), ["rejected", "rejected"]);
  assertEquals(await flights.join("a", ask, signal), 4);
});

Deno.test("Flights - the last caller who leaves ends the call, and the next begins anew", async () => {
  const flights = new Flights<number>(1000);
  const calls: AbortController[] = [];
  const ask = (controller: AbortController) => {
    calls.push(controller);
    return new Promise<number>((_, reject) =>
      controller.signal.addEventListener(
        "abort",
        () => reject(controller.signal.reason),
      )
    );
  };
  const [first, second] = [new AbortController(), new AbortController()];
  const all = Promise.allSettled([
    flights.join("a", ask, first.signal),
    flights.join("a", ask, second.signal),
  ]);
  first.abort(new Error("the first has left"));
  await Promise.resolve();
  assertEquals([calls.length, calls[0]!.signal.aborted], [1, false]);
  second.abort(new Error("the second has left"));
  const outcomes = await all;
  assertEquals(calls[0]!.signal.aborted, true);
  assertEquals(
    outcomes.map((outcome) =>
      (outcome as PromiseRejectedResult).reason.message
    ),
    ["the first has left", "the second has left"],
  );
  const third = new AbortController();
  const again = flights.join("a", ask, third.signal);
  assertEquals(calls.length, 2);
  third.abort();
  await again.catch(() => {});
});
