/** A scripted platform on a real socket of this machine. */
import { formatServerEvent } from "../../net/sse.ts";

/** What a request looked like. */
export interface Seen {
  method: string;
  path: string;
  headers: Headers;
  body: string;
}

export interface ScriptedPlatform extends AsyncDisposable {
  url: string;
  port: number;
  /** All requests so far. */
  seen: Seen[];
}

/** Serves `handler` on a port of the system's choice. */
export function startPlatform(
  handler: (request: Seen, index: number) => Response | Promise<Response>,
  port = 0,
): ScriptedPlatform {
  const seen: Seen[] = [];
  const server = Deno.serve(
    {
      port,
      hostname: "127.0.0.1",
      onListen() {},
      // A connection that the test cut is no failure of the platform.
      onError: () => new Response(null, { status: 500 }),
    },
    async (request) => {
      const entry = {
        method: request.method,
        path: new URL(request.url).pathname,
        headers: request.headers,
        body: await request.text(),
      };
      seen.push(entry);
      return await handler(entry, seen.length - 1);
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    port: server.addr.port,
    seen,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/**
 * The same for status streams: `handler` answers them, and a status that is
 * asked for beside the stream is there.
 */
export function startStreams(
  handler: (request: Seen, index: number) => Response | Promise<Response>,
  port = 0,
): ScriptedPlatform & { statusUrl: string } {
  const streams: Seen[] = [];
  const platform = startPlatform((request) => {
    if (!/[/-]stream$/.test(request.path)) return json(LIFE[0]);
    streams.push(request);
    return handler(request, streams.length - 1);
  }, port);
  return { ...platform, seen: streams, statusUrl: `${platform.url}/b1/status` };
}

export function json(body: unknown, init: ResponseInit = {}): Response {
  return new Response(JSON.stringify(body), {
    ...init,
    headers: { "content-type": "application/json" },
  });
}

const encoder = new TextEncoder();

/** An event stream of the given chunks; `end` says what follows them. */
export function eventStream(
  chunks: Iterable<string | Uint8Array>,
  end: "close" | "error" | "stay" = "close",
): Response {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) {
        const bytes = typeof chunk === "string" ? encoder.encode(chunk) : chunk;
        if (bytes.length > 0) controller.enqueue(bytes);
      }
      if (end === "close") controller.close();
      if (end === "error") {
        // Later, so that what was written has a chance to arrive.
        timer = setTimeout(() => controller.error(new Error("cut")), 1);
      }
    },
    cancel: () => clearTimeout(timer),
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream" },
  });
}

/** A whole life, as a platform records it. */
export const LIFE = [
  { status: "scheduled", time: "2026-01-01T00:00:00.000Z" },
  { status: "loading", time: "2026-01-01T00:00:01.000Z" },
  { status: "starting", time: "2026-01-01T00:00:02.000Z" },
  { status: "waiting", time: "2026-01-01T00:00:03.000Z" },
  { status: "ready", time: "2026-01-01T00:00:04.000Z", note: "grün ✓" },
  {
    status: "terminating",
    time: "2026-01-01T00:00:05.000Z",
    termination_reason: "external",
  },
  {
    status: "terminated",
    time: "2026-01-01T00:00:06.000Z",
    termination_reason: "external",
    termination_kind: "soft",
    exit_error: false,
  },
];

/** States as a stream's text, with ids from `from` on and a comment between. */
export function record(states: readonly unknown[], from = 0): string {
  return states.map((state, index) =>
    (index === 1 ? ": keep-alive\n\n" : "") +
    formatServerEvent({
      data: JSON.stringify(state),
      id: `${from + index}`,
    })
  ).join("");
}

export const CONNECT_RESPONSE = {
  backend_id: "b1",
  spawned: true,
  status: "scheduled",
  token: "connection-token-123",
  url: "http://localhost:9090/connection-token-123/",
  secret_token: "second-secret-456",
  status_url: "http://localhost:8080/v2/backend/b1/status",
  ready_url: "",
} as const;
