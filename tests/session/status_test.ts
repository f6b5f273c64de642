import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { jamsocketStatus } from "../../session/engine/jamsocket.ts";
import { dialectOf } from "../../session/engine/dialects.ts";
import {
  type FollowOptions,
  followStatus,
} from "../../session/engine/follow.ts";
import { StatusTracker } from "../../session/engine/tracker.ts";
import { type BackendState, HTTPError } from "../../types.ts";
import {
  eventStream,
  json,
  LIFE,
  record,
  startPlatform,
  startStreams,
} from "./scripted_platform.ts";

const encoder = new TextEncoder();
const statuses = (states: readonly { status: string }[]) =>
  states.map(({ status }) => status);

/** A `fetch` whose status streams come from `stream`. */
function streamsOf(
  stream: (init: RequestInit) => Response | Promise<Response>,
): typeof fetch {
  return async (url, init) =>
    String(url).includes("/stream") ? await stream(init!) : json(LIFE[0]);
}

/** Lets time pass, and all that follows from it happen. */
function ticks(time: FakeTime): (ms: number) => Promise<void> {
  return async (ms) => {
    await time.tickAsync(ms);
    await time.runMicrotasks();
  };
}

/** Follows `url` without delays and gives all that came. */
async function follow(
  statusUrl: string,
  options: Partial<FollowOptions> = {},
): Promise<BackendState[]> {
  const states: BackendState[] = [];
  await followStatus({
    statusUrl,
    dialect: dialectOf(statusUrl),
    backendId: "b1",
    signal: new AbortController().signal,
    onState: (state) => states.push(state),
    backoff: { base: 0 },
    ...options,
  });
  return states;
}

/** Follows with the usual delays, on fake time; the result stops it. */
function begin(
  fetch: typeof globalThis.fetch,
  options: Partial<FollowOptions> = {},
): () => Promise<void> {
  const controller = new AbortController();
  const following = followStatus({
    statusUrl: "http://platform/status",
    dialect: jamsocketStatus,
    backendId: "b1",
    signal: controller.signal,
    onState() {},
    fetch,
    ...options,
  }).catch(() => {});
  return async () => {
    controller.abort();
    await following;
  };
}

Deno.test("StatusTracker takes each known status once and only forwards", () => {
  const tracker = new StatusTracker();
  const accepted = [
    "scheduled",
    "loading",
    "scheduled",
    "ready",
    "waiting",
    "ready",
    "terminated",
    "terminating",
    "terminated",
  ].filter((status) => tracker.accept({ status }));
  assertEquals(accepted, ["scheduled", "loading", "ready", "terminated"]);
  assert(tracker.ended);
});

Deno.test("StatusTracker passes an unknown status once", () => {
  const tracker = new StatusTracker();
  const accepted = ["ready", "paused", "constructor", "paused", "__proto__"]
    .filter((status) => tracker.accept({ status }));
  assertEquals(accepted, ["ready", "paused", "constructor", "__proto__"]);
});

Deno.test("StatusTracker's memory is bounded against a hostile platform", () => {
  const tracker = new StatusTracker();
  let accepted = 0;
  for (let i = 0; i < 10_000; i++) {
    if (tracker.accept({ status: `s${i}` })) accepted++;
  }
  assertEquals(accepted, 100);
  assert(tracker.accept({ status: "terminated" }), "the end still counts");
});

const streamUrl = (statusUrl: string) =>
  dialectOf(statusUrl).streamUrl(statusUrl);

Deno.test("a status URL determines its dialect and its stream", () => {
  assertEquals(
    streamUrl("https://api/v2/backend/b1/status"),
    "https://api/v2/backend/b1/status/stream",
  );
  assertEquals(
    streamUrl("https://plane/pub/b/b1/status"),
    "https://plane/pub/b/b1/status-stream",
  );
  assertEquals(
    streamUrl("https://plane/pub/c/main/b/b1/status"),
    "https://plane/pub/c/main/b/b1/status-stream",
  );
});

Deno.test("a first answer other than success rejects with HTTPError", async () => {
  for (const code of [400, 401, 404, 410, 429, 500, 503]) {
    await using platform = startStreams(() =>
      Response.json({ error: { message: "no", code: "X" } }, { status: code })
    );
    const error = await assertRejects(
      () => follow(platform.statusUrl),
      HTTPError,
    );
    assertEquals(error.code, code);
    assertEquals(error.error, { message: "no", code: "X" });
    assertStringIncludes(error.message, '"b1"');
    assertEquals(platform.seen.length, 1);
  }
});

Deno.test("after the start, failures are tried again, and 404 and 410 end", async () => {
  for (const code of [404, 410]) {
    const answers = [
      () => eventStream([record(LIFE.slice(0, 2))]),
      () => new Response("busy", { status: 503 }),
      () => new Response("what", { status: 200 }),
      () => new Response("slow down", { status: 429 }),
      () => eventStream([record(LIFE.slice(0, 5))], "error"),
      () => new Response("gone", { status: code }),
    ];
    await using platform = startStreams((_, index) => answers[index]!());
    const states: string[] = [];
    const retried: unknown[] = [];
    const error = await assertRejects(
      () =>
        follow(platform.statusUrl, {
          onState: ({ status }) => states.push(status),
          onRetry: (error) => retried.push(error),
        }),
      HTTPError,
    );
    assertEquals(error.code, code);
    assertEquals(states, statuses(LIFE.slice(0, 5)));
    assertEquals(platform.seen.length, answers.length);
    assertEquals(
      retried.map((error) => error instanceof HTTPError ? error.code : "other"),
      [503, "other", 429, "other"],
    );
  }
});

Deno.test("a platform that goes down and comes back is followed again", async () => {
  const states: string[] = [];
  let port: number;
  let following: Promise<unknown>;
  {
    await using platform = startStreams(() =>
      eventStream([record(LIFE.slice(0, 3))])
    );
    port = platform.port;
    const { promise, resolve } = Promise.withResolvers<void>();
    following = follow(platform.statusUrl, {
      backoff: { base: 5, cap: 5 },
      onState: ({ status }) => {
        states.push(status);
        if (status === "starting") resolve();
      },
    });
    await promise;
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  await using platform = startStreams(() => eventStream([record(LIFE)]), port);
  await following;
  assertEquals(states, statuses(LIFE));
  assert(platform.seen.length >= 1);
});

Deno.test("with keepTrying, a platform that is not there yet is waited for", async () => {
  let up = false;
  const states = await follow("http://127.0.0.1:1/", {
    keepTrying: true,
    fetch: streamsOf(() => {
      if (up) return eventStream([record(LIFE)]);
      up = true;
      return Promise.reject(new TypeError("connection refused"));
    }),
  });
  assertEquals(states.length, LIFE.length);
});

Deno.test("the server's retry sets the delay; without it delays grow and are capped", async () => {
  using time = new FakeTime();
  const tick = ticks(time);
  const random = Math.random;
  Math.random = () => 0.999_999;
  try {
    let calls = 0;
    const after = async (ms: number) => {
      await tick(ms);
      return calls;
    };
    let stop = begin(
      streamsOf(() => eventStream(calls++ === 0 ? ["retry: 50\n\n"] : [])),
    );
    await tick(0);
    assertEquals(calls, 1);
    assertEquals(await after(98), 1, "50 ms and up to 50 ms of jitter");
    assertEquals(await after(2), 2);
    await stop();

    calls = 0;
    stop = begin(streamsOf(() => {
      calls++;
      return eventStream([]);
    }));
    await tick(0);
    for (const [ms, expected] of [[498, 1], [2, 2], [997, 2], [4, 3]]) {
      assertEquals(await after(ms!), expected, `after ${ms} ms more`);
    }
    for (let i = 0; i < 60; i++) await tick(1_000);
    const before = calls;
    for (let i = 0; i < 41; i++) await tick(1_000);
    assertEquals(calls - before, 2, "no delay is longer than 20 s");
    await stop();
  } finally {
    Math.random = random;
  }
});

Deno.test("a server that asks for no delay is not flooded", async () => {
  using time = new FakeTime();
  const tick = ticks(time);
  let calls = 0;
  const stop = begin(streamsOf(() => {
    calls++;
    return eventStream(["retry: 0\n\n"]);
  }));
  for (let ms = 0; ms < 10_000; ms += 50) await tick(50);
  assert(calls > 1 && calls < 100, `${calls} requests in ten seconds`);
  await stop();
});

Deno.test("a stream that falls silent is reopened", async () => {
  using time = new FakeTime();
  const tick = ticks(time);
  const errors: string[] = [];
  let calls = 0;
  const stop = begin(
    streamsOf((init) => {
      calls++;
      return new Promise((resolve, reject) => {
        const signal = init.signal!;
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            controller.enqueue(encoder.encode(record(LIFE.slice(0, 1))));
            signal.addEventListener(
              "abort",
              () => controller.error(signal.reason),
            );
          },
        });
        signal.addEventListener("abort", () => reject(signal.reason));
        resolve(
          new Response(body, {
            headers: { "content-type": "text/event-stream" },
          }),
        );
      });
    }),
    { onRetry: (error) => errors.push(String(error)) },
  );
  await tick(59_000);
  assertEquals(calls, 1);
  await tick(1_000);
  await tick(60_000);
  await tick(1_000);
  assertEquals(calls, 2);
  assertStringIncludes(errors[0]!, "went silent");
  await stop();
});

Deno.test("an unknown backend is found out though its stream is only silent", async () => {
  for (const path of ["/v2/backend/b1/status", "/pub/b/b1/status"]) {
    for (const known of [false, true]) {
      let streams = 0;
      await using platform = startPlatform((request) =>
        request.path.endsWith("stream")
          // One that was known is forgotten after its first stream.
          ? ++streams === 1 && known
            ? eventStream([record(LIFE.slice(0, 2))])
            : eventStream([": still here\n\n"], "stay")
          : json({ id: "e", kind: "NotFound", message: "no such backend" }, {
            status: 404,
          })
      );
      const states: string[] = [];
      let opened = false;
      const error = await assertRejects(
        () =>
          follow(platform.url + path, {
            onOpen: () => opened = true,
            onState: ({ status }) => states.push(status),
          }),
        HTTPError,
        "no such backend",
      );
      assertEquals(error.code, 404);
      assertEquals(states, known ? ["scheduled", "loading"] : []);
      assertEquals(opened, known);
    }
  }
});

Deno.test("a stream that is slow to begin counts once its backend is known", async () => {
  await using platform = startPlatform(({ path }) =>
    path.endsWith("stream") ? eventStream([], "stay") : json(LIFE[0])
  );
  const controller = new AbortController();
  const opened = Promise.withResolvers<void>();
  const following = follow(`${platform.url}/b1/status`, {
    signal: controller.signal,
    onOpen: opened.resolve,
  });
  await opened.promise;
  controller.abort(new Error("enough"));
  await assertRejects(() => following, Error, "enough");
  assertEquals(platform.seen.length, 2);
});

Deno.test("on Plane, a state that the stream lost is found in the status", async () => {
  let streams = 0;
  await using platform = startPlatform(({ path }) => {
    if (path.endsWith("/status")) return json({ status: "ready", time: 1 });
    // The first stream never says that the backend is ready, and stays.
    return ++streams === 1
      ? eventStream([record(LIFE.slice(0, 4))], "stay")
      : eventStream([record(LIFE)]);
  });
  const missed: string[] = [];
  const states = await follow(`${platform.url}/pub/b/b1/status`, {
    quiet: 20,
    onRetry: (error) => missed.push(String(error)),
  });
  assertEquals(states, LIFE as BackendState[]);
  assertEquals(missed.length, 1);
});

Deno.test("a state that every stream of Plane misses is taken from the status", async () => {
  let streams = 0;
  await using platform = startPlatform(({ path }) => {
    if (path.endsWith("/status")) return json(LIFE.at(-1));
    streams++;
    return eventStream([record(LIFE.slice(0, 4))], "stay");
  });
  const missed: string[] = [];
  const states = await follow(`${platform.url}/pub/b/b1/status`, {
    quiet: 5,
    onRetry: (error) => missed.push(String(error)),
  });
  assertEquals(statuses(states), [
    ...statuses(LIFE.slice(0, 4)),
    "terminated",
  ]);
  assertEquals([streams, missed.length], [3, 2]);
});

/** When the status was read within `ms`, while its stream told `told`. */
async function readings(
  told: readonly unknown[],
  ms: number,
  path = "/pub/b/b1/status",
): Promise<number[]> {
  using time = new FakeTime();
  const tick = ticks(time);
  const random = Math.random;
  Math.random = () => 0;
  try {
    const began = time.now;
    const read: number[] = [];
    const stop = begin((url) => {
      if (/[/-]stream/.test(String(url))) {
        return Promise.resolve(eventStream([record(told)], "stay"));
      }
      read.push(time.now - began);
      return Promise.resolve(json(told.at(-1)));
    }, {
      statusUrl: `http://platform${path}`,
      dialect: dialectOf(`http://platform${path}`),
      silence: 600_000,
    });
    for (let passed = 0; passed < ms; passed += 250) await tick(250);
    await stop();
    return read;
  } finally {
    Math.random = random;
  }
}

Deno.test("the status is read while a state passes, with growing pauses", async () => {
  // After 1,000 ms, then 1.5 times as long, and never more than ten times.
  const passing = [1_000, 2_500, 4_750, 8_125, 13_312, 21_093, 31_250, 41_250];
  assertEquals(await readings(LIFE.slice(0, 4), 42_000), passing);
  assertEquals(await readings(LIFE.slice(0, 6), 5_000), passing.slice(0, 3));
  // A foreign platform may lose events, too.
  assertEquals(
    await readings(LIFE.slice(0, 4), 5_000, "/b1/status"),
    passing.slice(0, 3),
  );
});

Deno.test("at rest the status is not read again and again", async () => {
  assertEquals(await readings(LIFE.slice(0, 5), 42_000), []);
  assertEquals(await readings(LIFE.slice(0, 5), 42_000, "/b1/status"), []);
});

Deno.test("10,000 reconnects leave no timer and no socket", async () => {
  await using platform = startStreams((_, index) =>
    eventStream([record(index < 10_000 ? LIFE.slice(0, 1) : LIFE)])
  );
  assertEquals((await follow(platform.statusUrl)).length, LIFE.length);
  assertEquals(platform.seen.length, 10_001);
});
