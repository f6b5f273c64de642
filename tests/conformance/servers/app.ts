/**
 * What each runtime itself serves for the cases: the edge route at `/rooms`,
 * and an empty page for a browser to stand on. The Feedme server of
 * `application.ts` is at `/feedme`.
 */
import { Hono } from "@hono/hono";
import {
  type SessionGrant,
  sessionProxy,
  type SessionProxyOptions,
} from "@feedline/feedline/proxy";

/** Bytes of a WebSocket message, where the runtime does not pass sockets on. */
const MAX_MESSAGE = 100_000;

/** The name says what it may reach. */
function grant(name: string): SessionGrant | null {
  if (name.startsWith("closed")) return null;
  const granted = { key: name, user: "ada", auth: { seat: "grün ✓" } };
  if (name.includes("asleep")) return { ...granted, spawn: false };
  if (name.includes("broken")) {
    const env = { EXIT_AT_ONCE: "3" };
    return { ...granted, spawn: { executable: { env } } };
  }
  return granted;
}

export function app(
  options: Pick<SessionProxyOptions, "engine" | "upgrade">,
): Hono {
  return new Hono()
    .get("/", (c) => c.html("<!doctype html><title>conformance</title>"))
    .route(
      "/rooms",
      sessionProxy({
        ...options,
        maxMessage: MAX_MESSAGE,
        authorize: (_c, name) => grant(name),
      }),
    );
}
