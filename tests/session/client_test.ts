import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  BackendEndedError,
  type HTTPError,
  SessionBackend,
} from "../../client.ts";
import type { BackendState } from "../../types.ts";
import {
  CONNECT_RESPONSE,
  eventStream,
  json,
  LIFE,
  record,
  type ScriptedPlatform,
  startPlatform,
  startStreams,
} from "./scripted_platform.ts";

function watch(platform: ScriptedPlatform, more = {}): SessionBackend {
  return new SessionBackend({
    ...CONNECT_RESPONSE,
    status_url: `${platform.url}/v2/backend/b1/status`,
    ...more,
  });
}

/** A stream that goes on when told to. */
function stepped() {
  let push!: (text: string) => void;
  let close!: () => void;
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      push = (text) => controller.enqueue(encoder.encode(text));
      close = () => controller.close();
    },
  });
  const response = new Response(body, {
    headers: { "content-type": "text/event-stream" },
  });
  return { response, push, close };
}

Deno.test("statuses() gives every reader all states and ends", async () => {
  await using platform = startStreams(() => eventStream([record(LIFE)]));
  await using backend = watch(platform);
  for (let i = 0; i < 2; i++) {
    const states: BackendState[] = [];
    for await (const state of backend.statuses()) states.push(state);
    assertEquals(states, LIFE as BackendState[]);
  }
});

Deno.test("a backend that crashed before it was ready says so", async () => {
  const crashed = {
    status: "terminated",
    time: "2026-01-01T00:00:00Z",
    termination_reason: null,
    exit_error: true,
  };
  await using platform = startStreams(() =>
    eventStream([record([LIFE[0], crashed])])
  );
  await using backend = watch(platform);
  await assertRejects(
    () => backend.ready(),
    BackendEndedError,
    'Backend "b1" ended before it was ready (exit_error)',
  );
});

Deno.test("an invalid connect response is named without its contents", () => {
  for (
    const [given, got] of [
      [Promise.resolve(CONNECT_RESPONSE), "a promise: await it first"],
      [new Response("{}"), "a Response: pass await response.json()"],
      [{ error: { message: "not allowed" } }, 'the error "not allowed"'],
      [{ message: "gone", kind: "x" }, 'the error "gone"'],
      [
        { error: { message: "see https://x/a-secret" } },
        'the error "see [address]"',
      ],
      [{ ...CONNECT_RESPONSE, url: "" }, "the fields backend_id, spawned"],
      [{}, "an empty object"],
      [["a secret"], "Array"],
      ["a secret", "String"],
      [undefined, "undefined"],
    ] as const
  ) {
    const error = assertThrows(
      () => new SessionBackend(given as never),
      TypeError,
      "SessionBackend needs a connect response; got ",
    );
    assert(error.message.includes(got), error.message);
    assertFalse(/a.secret/.test(error.message), error.message);
  }
});

Deno.test("ready() - Infinity and far times wait", async () => {
  for (const timeout of [Infinity, 2 ** 31, 30 * 24 * 3_600_000]) {
    const stream = stepped();
    await using platform = startPlatform(() => stream.response);
    await using backend = watch(platform);
    let ready = false;
    const waiting = backend.ready({ timeout }).then(() => ready = true);
    stream.push(record(LIFE.slice(0, 1)));
    await new Promise((done) => setTimeout(done, 20));
    assertFalse(ready);
    stream.push(record(LIFE.slice(0, 5)));
    await waiting;
  }
});

Deno.test("terminated() resolves, times out, and rejects when closed first", async () => {
  const stream = stepped();
  await using platform = startPlatform(() => stream.response);
  const backend = watch(platform);
  const error = await assertRejects(
    () => backend.terminated({ timeout: 5 }),
    DOMException,
    'Backend "b1" had not terminated within 5 ms',
  );
  assertEquals(error.name, "TimeoutError");
  const waiting = backend.terminated();
  const closed = watch(platform);
  const stopped = assertRejects(
    () => closed.terminated(),
    BackendEndedError,
    "No longer watching",
  );
  await closed.close();
  await stopped;
  stream.push(record(LIFE));
  await waiting;
  await backend.terminated();
  await backend.close();
});

Deno.test("an onError that throws ends nothing, and is reported", async () => {
  await using platform = startStreams((_, index) =>
    [
      new Response(null, { status: 503 }),
      eventStream(["data: junk\n\n", record(LIFE.slice(0, 5))]),
      new Response(null, { status: 410 }),
    ][index]!
  );
  const thrown: string[] = [];
  const onUnhandled = (event: ErrorEvent) => {
    thrown.push(String(event.error));
    event.preventDefault();
  };
  globalThis.addEventListener("error", onUnhandled);
  try {
    await using backend = new SessionBackend(
      { ...CONNECT_RESPONSE, status_url: `${platform.url}/b1/status` },
      {
        onError() {
          throw new Error("of the application");
        },
      },
    );
    await backend.ready();
    assertFalse(backend.isTerminated());
    await backend.onTerminatedPromise;
  } finally {
    globalThis.removeEventListener("error", onUnhandled);
  }
  assertEquals(thrown, Array(3).fill("Error: of the application"));
});

Deno.test("destroy() at any moment leaves nothing behind", async () => {
  await using platform = startPlatform(async ({ path }) => {
    await new Promise((resolve) => setTimeout(resolve, 3));
    return path.endsWith("/stream")
      ? eventStream([record(LIFE.slice(0, 2))])
      : json(LIFE[1]);
  });
  for (const after of [0, 1, 2, 4, 8, 20]) {
    const states: string[] = [];
    const backend = watch(platform);
    backend.onStatus(({ status }) => states.push(status));
    const status = backend.status().catch((error) => error);
    if (after > 0) await new Promise((resolve) => setTimeout(resolve, after));
    backend.destroy();
    backend.destroy();
    const count = states.length;
    await status;
    await backend[Symbol.asyncDispose]();
    await new Promise((resolve) => setTimeout(resolve, 10));
    assertEquals(states.length, count, "nothing comes after destroy()");
    assertFalse(backend.isReady());
  }
});

Deno.test("destroy() inside a listener: no further callback", async () => {
  for (const where of ["onStatus", "onReady", "onTerminated"] as const) {
    await using platform = startStreams(() => eventStream([record(LIFE)]));
    const backend = watch(platform);
    const heard: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    backend[where](() => {
      heard.push(where);
      backend.destroy();
      resolve();
    });
    backend[where](() => heard.push("second listener"));
    if (where !== "onTerminated") {
      backend.onTerminated(() => heard.push("terminated"));
    }
    await promise;
    await backend[Symbol.asyncDispose]();
    await new Promise((resolve) => setTimeout(resolve, 5));
    // What has ended has ended for all.
    assertEquals(
      heard,
      where === "onTerminated" ? [where, "second listener"] : [where],
    );
  }
});

Deno.test("an invalid URL is reported with the expected form, not quoted", async () => {
  const backend = new SessionBackend({
    ...CONNECT_RESPONSE,
    status_url: "/secret-path/status",
  });
  const { message } = await assertRejects(() => backend.status(), TypeError);
  assertEquals(
    message,
    'Reading the status of backend "b1" failed: no response from an invalid URL',
  );
  backend.destroy();
});

Deno.test("no token shows in JSON or inspection", async () => {
  await using platform = startStreams(() => eventStream([], "stay"));
  await using backend = watch(platform);
  assertEquals(backend.url, CONNECT_RESPONSE.url);
  for (
    const text of [
      JSON.stringify(backend),
      Deno.inspect(backend, { depth: 9, showHidden: true }),
    ]
  ) {
    assertFalse(text.includes("token-123"), text);
    assertFalse(text.includes("secret-456"), text);
  }
});

Deno.test("subscribe() and getSnapshot() - one object for each moment of a life", async () => {
  const stream = stepped();
  await using platform = startPlatform(() => stream.response);
  await using backend = watch(platform);
  const seen: unknown[] = [];
  const { subscribe, getSnapshot, getServerSnapshot } = backend;
  assertEquals(getSnapshot(), { phase: "pending" });
  const unsubscribe = subscribe(() => {
    seen.push(getSnapshot());
    assertStrictEquals(getSnapshot(), getSnapshot());
  });
  stream.push(record(LIFE));
  await backend.terminated();
  assertEquals(
    seen,
    LIFE.map((state) => ({
      phase: state.status === "ready"
        ? "ready"
        : state.status === "terminating"
        ? "ending"
        : state.status === "terminated"
        ? "ended"
        : "pending",
      state,
    })),
  );
  assertEquals(getServerSnapshot(), { phase: "pending" });
  unsubscribe();
});

Deno.test("subscribe() - a backend that is ready at first says so at once; a removed listener hears nothing", async () => {
  await using platform = startStreams(() => eventStream([], "stay"));
  const backend = watch(platform, { status: "ready" });
  assertEquals(backend.getSnapshot(), { phase: "ready" });
  assertEquals(backend.getServerSnapshot(), { phase: "ready" });
  let kept = 0;
  backend.subscribe(() => kept++);
  backend.subscribe(() => kept += 10)();
  await backend.close();
  assertEquals([backend.getSnapshot(), kept], [{ phase: "destroyed" }, 1]);
});

Deno.test("getSnapshot() - says why the platform no longer knows the backend", async () => {
  await using platform = startStreams((_, index) =>
    index === 0
      ? eventStream([record(LIFE.slice(0, 1))])
      : new Response(null, { status: 410 })
  );
  await using backend = watch(platform);
  await backend.terminated();
  const { phase, state, error } = backend.getSnapshot();
  assertEquals([phase, state, (error as HTTPError).code], [
    "ended",
    LIFE[0] as BackendState,
    410,
  ]);
});

Deno.test("a lazy backend costs no request until a method needs one", async () => {
  await using platform = startStreams(() =>
    eventStream([record(LIFE.slice(0, 5))], "stay")
  );
  const make = () =>
    new SessionBackend(
      { ...CONNECT_RESPONSE, status_url: platform.statusUrl },
      { lazy: true },
    );
  await using backend = make();
  const dropped = make();
  await dropped.close();
  dropped.subscribe(() => {})();
  assertFalse(backend.isReady());
  backend.subscribe(() => {})();
  backend.subscribe(() => {})();
  await backend.ready();
  assertEquals(platform.seen.length, 1);
  await using other = make();
  await other.ready();
  assertEquals(platform.seen.length, 2);
});
