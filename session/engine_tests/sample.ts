/** The backend that the cases talk to, for any runtime that serves `fetch` handlers. */
import { formatServerEvent } from "../../net/sse.ts";

/** What the sample backend needs of its runtime. */
export interface SampleBackendOptions {
  /** The environment variables of the backend. */
  env?: Record<string, string | undefined> | undefined;
  /** Accepts a WebSocket, as `Deno.upgradeWebSocket` does. */
  upgrade?:
    | ((
      request: Request,
    ) => { socket: SampleSocket; response: Response })
    | undefined;
  /** Ends the process with an exit code. */
  exit?: ((code: number) => void) | undefined;
  /** Kills the process as `kill -9` does. */
  kill?: (() => void) | undefined;
}

/** The part of a WebSocket that the sample backend uses. */
export interface SampleSocket {
  /** Sends a message. */
  send(data: string | ArrayBuffer): void;
  /** Closes the connection. */
  close(code?: number, reason?: string): void;
  /** Listens to messages. */
  addEventListener(
    type: "message",
    listener: (event: { data: unknown }) => void,
  ): void;
}

/** The milliseconds between two events of `/events`. */
const TICK = 20;

/**
 * Makes the `fetch` handler of the sample backend, which your platform has to spawn
 * for the suite. Serve it on `PORT`, and end the process when it is asked to end
 * (`SIGTERM`), `SAMPLE_STOP_MS` milliseconds later.
 *
 * ```ts ignore
 * import { sampleBackend } from "@feedline/feedline/engine-tests";
 *
 * const env = Deno.env.toObject();
 * Deno.addSignalListener("SIGTERM", () => {
 *   setTimeout(() => Deno.exit(0), Number(env.SAMPLE_STOP_MS ?? 0));
 * });
 * Deno.serve(
 *   { port: Number(env.PORT) },
 *   sampleBackend({
 *     env,
 *     upgrade: (request) => Deno.upgradeWebSocket(request),
 *     exit: (code) => Deno.exit(code),
 *     kill: () => Deno.kill(Deno.pid, "SIGKILL"),
 *   }),
 * );
 * ```
 *
 * | request | response |
 * |---|---|
 * | `/events` | one server-sent event every 20 ms, without end |
 * | `/exit?code=3` | ends the process with this code |
 * | `/kill` | kills the process |
 * | a WebSocket | its first message is the JSON of the last row; then it echoes. The text `close` closes it with 4001, `bye` |
 * | anything else | JSON: `method`, `path` with its query, `headers`, the `body` as text, `env` |
 */
export function sampleBackend(
  options: SampleBackendOptions = {},
): (request: Request) => Promise<Response> {
  const { env = {}, upgrade, exit, kill } = options;
  const describe = (request: Request, body: string): string => {
    const { pathname, search } = new URL(request.url);
    return JSON.stringify({
      method: request.method,
      path: pathname + search,
      headers: Object.fromEntries(request.headers),
      body,
      env: Object.fromEntries(
        Object.entries(env).filter(([name]) => /^(SESSION|SAMPLE)_/.test(name)),
      ),
    });
  };
  return async (request) => {
    const url = new URL(request.url);
    if (request.headers.get("upgrade")?.toLowerCase() === "websocket") {
      // Read before the upgrade: some runtimes have nothing to show after it.
      const hello = describe(request, "");
      if (!upgrade) return new Response(null, { status: 501 });
      const { socket, response } = upgrade(request);
      echo(socket, hello);
      return response;
    }
    switch (url.pathname) {
      case "/events":
        return new Response(ticks(), {
          headers: {
            "content-type": "text/event-stream",
            "cache-control": "no-store",
          },
        });
      case "/exit":
        exit?.(Number(url.searchParams.get("code")));
        return new Response(null, { status: exit ? 204 : 501 });
      case "/kill":
        kill?.();
        return new Response(null, { status: kill ? 204 : 501 });
    }
    return new Response(describe(request, await request.text()), {
      headers: { "content-type": "application/json" },
    });
  };
}

function echo(socket: SampleSocket, hello: string): void {
  let greeted = false;
  // On the first message: a socket cannot send before it is open, and not every
  // runtime says when that is.
  socket.addEventListener("message", ({ data }) => {
    if (!greeted) {
      greeted = true;
      socket.send(hello);
    }
    if (data === "close") socket.close(4001, "bye");
    else socket.send(data as string | ArrayBuffer);
  });
}

/** Events without end, until the reader leaves. */
function ticks(): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let count = 0;
  let timer: ReturnType<typeof setInterval>;
  return new ReadableStream({
    start(stream) {
      timer = setInterval(() => {
        const event = formatServerEvent({ data: String(count++) });
        // A slow reader misses some rather than fill the memory.
        if ((stream.desiredSize ?? 0) > -100) {
          stream.enqueue(encoder.encode(event));
        }
      }, TICK);
    },
    cancel: () => clearInterval(timer),
  });
}
