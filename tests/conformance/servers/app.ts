/**
 * What each runtime itself serves for the cases: the edge route at `/rooms`,
 * and an empty page for a browser to stand on. The Feedme server of
 * `application.ts` is at `/feedme`.
 */
import { Hono } from "@hono/hono";
import {
  sessionProxy,
  type SessionProxyOptions,
} from "@feedline/feedline/proxy";

export function app(
  options: Pick<SessionProxyOptions, "engine" | "upgrade">,
): Hono {
  return new Hono()
    .get("/", (c) => c.html("<!doctype html><title>conformance</title>"))
    .route(
      "/rooms",
      sessionProxy({
        ...options,
        authorize: (_c, name) =>
          name.startsWith("closed") ? null : { key: name, user: "ada" },
      }),
    );
}
