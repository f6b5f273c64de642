/**
 * What each runtime itself serves for the cases: the edge route at `/rooms`,
 * the same before scripted peers at `/peers`, and an empty page for a browser to
 * stand on. The Feedme server of `application.ts` is at `/feedme`.
 */
import { Hono } from "@hono/hono";
import { HTTPException } from "@hono/hono/http-exception";
import {
  type SessionGrant,
  sessionProxy,
  type SessionProxyOptions,
} from "@feedline/feedline/proxy";
import type { SessionEngine } from "@feedline/feedline/types";

/** Bytes of a WebSocket message, where the runtime does not pass sockets on. */
const MAX_MESSAGE = 100_000;

/** What cases provoke on purpose, and look at where the client sees it. */
const PROVOKED =
  /failed to authorize|outside itself|did not accept the WebSocket|refused a page|too long/;

/** What an application may return although its types forbid it. */
const MISTAKES: Record<string, () => unknown> = {
  "true": () => true,
  "empty": () => ({}),
  "no-user": () => ({ user: null }),
  "no-key": () => ({ user: "ada", key: undefined }),
  "denied": () => ({ allowed: false }),
  "list": () => [],
  "error": () => new Error("sign in"),
  "exception": () => new HTTPException(401, { message: "sign in" }),
};

/** Kept from before a server may have put another class in its place. */
const FirstResponse = Response;

/** Refusals whose class may differ from the one that this module sees. */
const REFUSALS: Record<string, () => unknown> = {
  // The answer of an authentication server, handed on as it is.
  "fetched": () => fetch("data:text/plain,sign%20in"),
  "first": () => new FirstResponse("sign in", { status: 401 }),
  "own": () => new Response("sign in", { status: 401 }),
  "foreign": () => {
    const { status, headers, body } = new Response("sign in", { status: 401 });
    return { status, headers, body, arrayBuffer() {} };
  },
};

/** The name says what it may reach. */
function grant(name: string): SessionGrant | null | Promise<Response> {
  if (name.startsWith("closed")) return null;
  const [, kind, which] = /^(mistake|refusal)-(.*)$/.exec(name) ?? [];
  if (kind) {
    return (kind === "mistake" ? MISTAKES : REFUSALS)[which!]!() as never;
  }
  const granted = { key: name, user: "ada", auth: { seat: "grün ✓" } };
  if (name.includes("asleep")) return { ...granted, spawn: false };
  if (name.includes("broken")) {
    const env = { EXIT_AT_ONCE: "3" };
    return { ...granted, spawn: { executable: { env } } };
  }
  return granted;
}

/** An engine whose backends are scripted peers; a key is `{port}:{name of the peer}`. */
const peers: SessionEngine = {
  backendOrigins: ["http://127.0.0.1:*"],
  connect({ key } = {}) {
    const [port, peer] = key!.split(":");
    const url = `http://127.0.0.1:${port}/${peer}`;
    return Promise.resolve({
      backend_id: peer!,
      spawned: false,
      status: "ready",
      token: "t",
      url: `${url}/`,
      secret_token: null,
      status_url: `${url}/v2/backend/b1/status`,
      ready_url: "",
    });
  },
  status: () => Promise.resolve({ status: "ready", time: "t" }),
  async *statuses(_id, { signal } = {}) {
    yield { status: "ready", time: "t" };
    await new Promise((_, reject) =>
      signal?.addEventListener("abort", () => reject(signal.reason))
    );
  },
  statusStream: () => Promise.reject(new Error("the edge reads statuses()")),
  terminate: () => Promise.reject(new Error("the edge terminates nothing")),
};

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
        onError: (error) => {
          if (!PROVOKED.test(error.message)) console.error(error);
        },
      }),
    )
    .route(
      "/peers",
      sessionProxy({
        engine: peers,
        upgrade: options.upgrade,
        authorize: () => ({ anonymous: true }),
        // No limit, however a runtime's timers take such numbers.
        timeout: Infinity,
        platformTimeout: Infinity,
        keepAlive: 30 * 24 * 3_600_000,
        holdFor: Infinity,
      }),
    )
    // The gate, which a server mounts at "/", takes every other path for a token.
    .all("/rooms/*", (c) => c.notFound());
}
