/** The errors' one base, and what decides what a value is. */
import { assert, assertEquals, assertFalse } from "@std/assert";
import { runInNewContext } from "node:vm";
import {
  FeedlineError,
  type FeedlineErrorCode,
  isFeedlineError,
} from "../../net/errors.ts";
import { notify } from "../../net/report.ts";
import {
  isAbort,
  isError,
  isObject,
  isPromiseLike,
  isTimeout,
  tagOf,
} from "../../net/shape.ts";
import { BackendEndedError } from "../../client.ts";
import { HTTPError, isHTTPError } from "../../types.ts";
import { OverflowError, TimeoutError } from "../../feed/streams.ts";
import { FeedmeError } from "../../feed/feedme/mod.ts";
import { FeedmeRejection } from "../../feed/feedme/server/server.ts";
import * as socketcluster from "../../feed/socketcluster/mod.ts";
import {
  isLostError,
  isProxyError,
  LostError,
  ProxyError,
} from "../../session/pass/failure.ts";
import { DevPlatformError } from "../../session/dev/mod.ts";

/** One of each class, with its name and code. */
const ERRORS: [
  FeedlineError,
  name: string,
  code: FeedlineErrorCode | number,
][] = [
  [new HTTPError(404, "m"), "HTTPError", 404],
  [new BackendEndedError("m"), "BackendEndedError", "BACKEND_ENDED"],
  [new ProxyError(502, "m"), "ProxyError", "PROXY"],
  [new LostError(502, "m"), "ProxyError", "BACKEND_LOST"],
  [new DevPlatformError("m"), "DevPlatformError", "DEV_PLATFORM"],
  [new TimeoutError("m"), "TimeoutError", "TIMEOUT"],
  [new OverflowError("m"), "OverflowError", "OVERFLOW"],
  [new FeedmeError("DESTROYED", "m"), "FeedmeError", "DESTROYED"],
  [new FeedmeRejection("FULL"), "FeedmeRejection", "REJECTED"],
  [
    new socketcluster.SocketClusterError("m"),
    "SocketClusterError",
    "SOCKETCLUSTER",
  ],
  [
    new socketcluster.InvalidArgumentsError("m"),
    "InvalidArgumentsError",
    "INVALID_ARGUMENT",
  ],
  [
    new socketcluster.InvalidMessageError("m"),
    "InvalidMessageError",
    "INVALID_MESSAGE",
  ],
  [
    new socketcluster.InvalidActionError("m"),
    "InvalidActionError",
    "INVALID_STATE",
  ],
  [
    new socketcluster.ResourceLimitError("m"),
    "ResourceLimitError",
    "LIMIT_REACHED",
  ],
  [
    new socketcluster.SocketProtocolError("m", 4001),
    "SocketProtocolError",
    4001,
  ],
  [
    new socketcluster.BadConnectionError("m", "disconnect", 1006),
    "BadConnectionError",
    1006,
  ],
];

Deno.test("errors - every class has the base, its own name and a code", () => {
  for (const [error, name, code] of ERRORS) {
    assert(isFeedlineError(error), name);
    assert(isFeedlineError(error, code), name);
    assertFalse(isFeedlineError(error, 1), name);
    assertEquals([error.name, error.code], [name, code]);
    assert(error.message.includes("m") || name === "FeedmeRejection", name);
  }
});

Deno.test("errors - a second copy of the package recognises them, and its own count here", async () => {
  // A query makes another module of the same file. Not written as a literal, so
  // that the type checker does not look for it.
  const path = "../../net/errors.ts?copy";
  const copy: typeof import("../../net/errors.ts") = await import(path);
  const theirs = new copy.FeedlineError("TIMEOUT", "late");
  assertFalse(theirs instanceof FeedlineError);
  assert(isFeedlineError(theirs, "TIMEOUT"));
  assert(copy.isFeedlineError(new HTTPError(404, "m"), 404));
});

Deno.test("errors - other values are refused, also when they look alike", () => {
  for (
    const value of [
      null,
      undefined,
      "TIMEOUT",
      404,
      new Error("m"),
      new DOMException("m", "TimeoutError"),
      { name: "HTTPError", code: 404, message: "m" },
      JSON.parse('{"code":"TIMEOUT","feedline.error":true}'),
      FeedlineError,
    ]
  ) assertFalse(isFeedlineError(value));
});

Deno.test("errors - the mark is invisible and does not travel", () => {
  const error = new HTTPError(404, "m");
  assertEquals(Object.getOwnPropertySymbols({ ...error }), []);
  assertFalse(Deno.inspect(error).includes("feedline.error"));
});

Deno.test("errors - HTTP, proxy and connection errors are distinguished", () => {
  assert(isHTTPError(new HTTPError(500, "m")));
  assertFalse(isHTTPError(new ProxyError(500, "m")));
  assert(isProxyError(new LostError(502, "m")));
  assert(isLostError(new LostError(502, "m")));
  assertFalse(isLostError(new ProxyError(502, "m")));
});

Deno.test("shapes - errors, dates and buffers of another realm are recognized", () => {
  const foreign = (code: string) => runInNewContext(code);
  assert(isError(foreign("new TypeError('m')")));
  assert(isError(foreign("new (class Own extends Error {})('m')")));
  assert(isError(new DOMException("m", "AbortError")));
  assertFalse(isError(foreign("({ name: 'Error', message: 'm' })")));
  assertEquals(tagOf(foreign("new Date()")), "Date");
  assertEquals(tagOf(foreign("new ArrayBuffer(1)")), "ArrayBuffer");
  assert(isPromiseLike(foreign("Promise.resolve()")));
  assertFalse(isPromiseLike({ then: 1 }));
  assert(isObject(foreign("({})")));
  assertFalse(isObject([]));
});

Deno.test("shapes - an abort and a timeout are recognized by name", () => {
  assert(isAbort(AbortSignal.abort().reason));
  assert(isTimeout(new DOMException("m", "TimeoutError")));
  assertFalse(isAbort(new DOMException("m", "TimeoutError")));
  assertFalse(isTimeout({ name: "TimeoutError" }));
});

Deno.test("report - a listener's exception is reported and stops nothing", () => {
  const reported: unknown[] = [];
  const take = (event: ErrorEvent) => {
    event.preventDefault();
    reported.push(event.error);
  };
  addEventListener("error", take);
  try {
    const failure = new Error("listener");
    notify(() => {
      throw failure;
    });
    notify((one, two) => reported.push(one + two), 1, 2);
    assertEquals(reported, [failure, 3]);
  } finally {
    removeEventListener("error", take);
  }
});
