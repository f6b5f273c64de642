import { assert, assertEquals, assertFalse } from "@std/assert";
import { planeStatus } from "../../session/engine/plane.ts";
import { isEnding, stageOf } from "../../session/engine/status.ts";
import {
  BACKEND_STATUSES,
  connectRequestSchema,
  HTTPError,
  isBackendState,
  isConnectResponse,
  toBackendState,
} from "../../types.ts";
import { CONNECT_RESPONSE, LIFE } from "./scripted_platform.ts";

const JUNK = [
  null,
  undefined,
  0,
  "",
  "ready",
  true,
  [],
  [LIFE[0]],
  {},
  () => {},
  new Map(),
  Object.create(null),
  Symbol("x"),
];

Deno.test("isBackendState takes every state of a life", () => {
  for (const state of LIFE) assert(isBackendState(state), state.status);
});

Deno.test("isBackendState takes null and both spellings where upstream sends them", () => {
  const time = "2026-01-01T00:00:00Z";
  assert(isBackendState({
    status: "terminated",
    time,
    termination_reason: null,
    termination_kind: null,
    exit_error: null,
  }));
  for (const termination_reason of ["key_expired", "keyexpired", "new_one"]) {
    assert(isBackendState({ status: "terminating", time, termination_reason }));
  }
  assert(isBackendState({ status: "hibernating", time, extra: [1] }));
});

Deno.test("the guards refuse any other value and never throw", () => {
  for (const value of JUNK) {
    assertFalse(isBackendState(value), Deno.inspect(value));
    assertFalse(isConnectResponse(value), Deno.inspect(value));
    assertEquals(toBackendState(value), undefined);
  }
  for (
    const state of [
      { status: "ready" },
      { status: 1, time: "t" },
      { status: "ready", time: 5 },
      { status: "terminated", time: "t", exit_error: "no" },
      { status: "terminated", time: "t", termination_reason: 1 },
    ]
  ) {
    assertFalse(isBackendState(state), JSON.stringify(state));
  }
});

Deno.test("isConnectResponse needs each field, and takes secret_token or not", () => {
  assert(isConnectResponse(CONNECT_RESPONSE));
  assert(isConnectResponse({ ...CONNECT_RESPONSE, secret_token: null }));
  assert(isConnectResponse({ ...CONNECT_RESPONSE, more: 1 }));
  for (const name of Object.keys(CONNECT_RESPONSE)) {
    const value: Record<string, unknown> = { ...CONNECT_RESPONSE };
    delete value[name];
    assertEquals(isConnectResponse(value), name === "secret_token", name);
    value[name] = 7;
    assertFalse(isConnectResponse(value), name);
  }
});

Deno.test("toBackendState shows one spelling of a reason and keeps other fields", () => {
  assertEquals(
    toBackendState({
      status: "terminated",
      time: "t",
      termination_reason: "startup_timeout",
      note: { a: 1 },
    }),
    {
      status: "terminated",
      time: "t",
      termination_reason: "startuptimeout",
      note: { a: 1 },
    } as never,
  );
});

Deno.test("Plane's states are turned into the common form", () => {
  assertEquals(
    planeStatus.toState({
      status: "terminated",
      time: 1_767_225_600_000,
      reason: "internal_error",
      termination: "hard",
      exit_code: 137,
      last_status: "ready",
    }),
    {
      status: "terminated",
      time: "2026-01-01T00:00:00.000Z",
      termination_reason: "internalerror",
      termination_kind: "hard",
      exit_error: true,
      reason: "internal_error",
      termination: "hard",
      exit_code: 137,
      last_status: "ready",
    } as never,
  );
  for (const time of [NaN, Infinity, 1e300]) {
    assertEquals(planeStatus.toState({ status: "ready", time }), undefined);
  }
});

Deno.test("reading a state leaves its argument and Object.prototype alone", () => {
  const value = JSON.parse(
    '{"status":"ready","time":1,"__proto__":{"polluted":true}}',
  );
  const before = JSON.stringify(value);
  const state = planeStatus.toState(value);
  assertEquals(JSON.stringify(value), before);
  assertEquals(state?.status, "ready");
  // deno-lint-ignore no-explicit-any
  assertEquals(({} as any).polluted, undefined);
});

Deno.test("every status has a stage; unknown statuses do not", () => {
  assertEquals(BACKEND_STATUSES.map((status) => stageOf(status)), [
    "starting",
    "starting",
    "starting",
    "starting",
    "ready",
    "ending",
    "ending",
    "ended",
  ]);
  assertEquals(BACKEND_STATUSES.filter(isEnding), [
    "terminating",
    "hard-terminating",
    "terminated",
  ]);
  for (const status of ["hibernating", "constructor", "__proto__", ""]) {
    assertEquals(stageOf(status), undefined);
    assertFalse(isEnding(status));
  }
});

Deno.test("connectRequestSchema takes what the documentation shows", () => {
  for (
    const request of [
      {},
      { key: "a", spawn: false },
      { spawn: true, user: "u", auth: { role: ["x"] } },
      {
        key: "my-key",
        spawn: {
          tag: "latest",
          cluster: "c",
          lifetime_limit_seconds: 432_000,
          max_idle_seconds: 300,
          executable: {
            mount: true,
            env: { MY_ENV_VAR: "foo" },
            resource_limits: { cpu_period: 100_000, memory_limit_bytes: 1e9 },
          },
          of_tomorrow: 1,
        },
      },
    ]
  ) {
    const result = connectRequestSchema.safeParse(request);
    assert(result.success, JSON.stringify(request));
    assertEquals(result.data, request as never);
  }
});

Deno.test("connectRequestSchema names the field that is wrong", () => {
  for (
    const [request, path] of [
      [{ key: 5 }, "key"],
      [{ key: "" }, "key"],
      [{ user: {} }, "user"],
      [{ auth: "x" }, "auth"],
      [null, ""],
      [[], ""],
    ] as const
  ) {
    const result = connectRequestSchema.safeParse(request);
    assertFalse(result.success, JSON.stringify(request));
    assertEquals(result.error.issues[0]!.path.join("."), path);
  }
});

Deno.test("HTTPError carries the code and what the platform said", () => {
  const error = new HTTPError(409, "no", {
    error: { message: "held", kind: "KeyHeld" },
    retryAfter: 1000,
  });
  assertEquals(
    [error.name, error.code, error.message, error.error?.kind],
    ["HTTPError", 409, "no", "KeyHeld"],
  );
  assertEquals(error.retryAfter, 1000);
});
