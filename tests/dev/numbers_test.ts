/** Durations, ports and limits at and beyond the edge of what timers can take. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { eventStream } from "../../net/event_stream.ts";
import { after } from "../../session/dev/limits.ts";
import {
  call,
  code,
  connect,
  ended,
  LISTEN,
  platform,
  states,
  terminate,
} from "./helpers.ts";

const DAY = 24 * 60 * 60 * 1000;

Deno.test("dev numbers - a port is a whole number up to 65,535", async () => {
  for (const port of [0.5, 65_536, Infinity]) {
    await assertRejects(() => platform({ port }), RangeError, "port must be a");
  }
});

for (const long of [Infinity, 30 * DAY]) {
  Deno.test(`dev numbers - ${long} ms to start and to end kills nothing`, async () => {
    const slow = `
      Deno.addSignalListener("SIGTERM", () => setTimeout(() => Deno.exit(0), 50));
      setTimeout(() => { ${LISTEN} }, 50);`;
    await using dev = await platform({
      ...code(slow),
      startupTimeout: long,
      grace: long,
      keepAlive: long,
    });
    const { backend_id, status_url } = await connect(dev, {
      spawn: { max_idle_seconds: 1e300, lifetime_limit_seconds: 1e300 },
    });
    await states(status_url, "ready");
    await terminate(dev, backend_id);
    const { termination_kind, termination_reason } = await ended(status_url);
    assertEquals([termination_kind, termination_reason], ["soft", "external"]);
  });
}

Deno.test("dev numbers - limits of a spawn must be positive and finite", async () => {
  await using dev = await platform();
  for (const name of ["max_idle_seconds", "lifetime_limit_seconds"]) {
    for (
      const [value, complaint] of [
        ["0", "must be a number above 0"],
        ["-1", "must be a number above 0"],
        ["1e999", "must be a number"],
        ['"60"', "must be a number"],
        ["null", "must be a number"],
      ]
    ) {
      const { status, body } = await call(dev, "/v2/service/-/-/connect", {
        method: "POST",
        body: `{"spawn":{"${name}":${value}}}`,
      });
      assertEquals(status, 400);
      assertEquals(body.error.message, `spawn.${name} ${complaint}`);
    }
  }
  assertEquals(dev.backends.length, 0);
});

Deno.test("dev numbers - no limit sets no timer", () => {
  using time = new FakeTime();
  after(Infinity, () => {
    throw new Error("fired");
  })();
  time.tick(60 * DAY);
});

Deno.test("dev numbers - without a keep-alive a quiet stream stays quiet", async () => {
  using time = new FakeTime();
  const comments = async (keepAlive: number) => {
    const end = new AbortController();
    const { body } = eventStream({
      keepAlive,
      signal: end.signal,
      start: () => () => {},
    });
    time.tick(1000);
    end.abort();
    return (await new Response(body).text()).length;
  };
  assert(await comments(100) > 0);
  for (const none of [0, Infinity, 30 * DAY]) {
    assertEquals(await comments(none), 0);
  }
});
