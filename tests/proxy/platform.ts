/** A platform behind HTTP, and the example's edge as a program before it. */
import { assert } from "@std/assert";
import { bundle } from "../kit/bundle.ts";
import { startWorker } from "../kit/workerd.ts";
import { config } from "../kit/config.ts";
import { folder, startProgram } from "../kit/program.ts";
import {
  HANDSHAKE,
  ScriptedEngine,
  serve,
  type Server,
  startBackend,
} from "./support.ts";

/** The platform's HTTP API before a scripted engine. */
export function startPlatform() {
  const backend = startBackend();
  const engine = new ScriptedEngine(backend);
  const api = serve(async (request) => {
    const { pathname } = new URL(request.url);
    try {
      if (pathname.endsWith("/connect")) {
        return Response.json(
          await engine.connect(await request.json(), request),
        );
      }
      const [, , , backendId] = pathname.split("/");
      if (pathname.endsWith("/status")) {
        return Response.json(await engine.status(backendId!));
      }
      const controller = new AbortController();
      const states = engine.statuses(backendId!, controller);
      const encoder = new TextEncoder();
      return new Response(
        new ReadableStream({
          async pull(stream) {
            const { done, value } = await states.next();
            if (done) return stream.close();
            stream.enqueue(
              encoder.encode(`data: ${JSON.stringify(value)}\n\n`),
            );
          },
          cancel: () => controller.abort(),
        }),
        { headers: { "content-type": "text/event-stream" } },
      );
    } catch (error) {
      return Response.json({ error: { message: String(error) } }, {
        status: (error as { code?: number }).code ?? 500,
      });
    }
  });
  return {
    backend,
    engine,
    port: api.port,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

export type Platform = ReturnType<typeof startPlatform>;

/** The example's edge as a program, which says its port in its first line. */
export async function startEdge(
  command: string,
  args: string[],
  platform: Platform,
  from?: "stderr",
  env: Record<string, string> = {},
): Promise<Server> {
  const program = await startProgram(command, args, {
    ...env,
    JAMSOCKET_DEV: "true",
    JAMSOCKET_DEV_PORT: String(platform.port),
    COOKIE_SECRET: "secret",
    PORT: "0",
  }, from);
  const [port] = /(?:on |0\.0\.0\.0:)(\d+)/.exec(program.said)?.slice(1) ?? [];
  assert(port, program.said);
  return {
    port: Number(port),
    origin: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** The example's edge on Deno. */
export function startDeno(platform: Platform): Promise<Server> {
  return startEdge(
    Deno.execPath(),
    [
      "run",
      "--allow-net",
      "--allow-env",
      "--unstable-no-legacy-abort",
      `--config=${config}`,
      "examples/edge/deno.ts",
    ],
    platform,
    "stderr",
  );
}

/** The example's edge on workerd. */
export async function startWorkerd({ port }: Platform): Promise<Server> {
  const worker = await startWorker({
    module: await bundle("examples/edge/worker.ts"),
    vars: {
      JAMSOCKET_DEV: "true",
      JAMSOCKET_DEV_PORT: String(port),
      COOKIE_SECRET: "secret",
    },
  });
  return { ...worker, origin: `http://127.0.0.1:${worker.port}` };
}

/** A program of `edges/`, in one file for any runtime. */
export async function bundled(
  name: string,
): Promise<{ file: string } & AsyncDisposable> {
  const { path, ...rest } = await folder({
    "edge.mjs": await bundle(`tests/proxy/edges/${name}.ts`, "--platform=deno"),
  });
  return { file: `${path}/edge.mjs`, ...rest };
}

/** Starts a program of `edges/` with a runtime's binary. */
export async function startBundled(
  command: string,
  name: string,
  platform: Platform,
  env: Record<string, string> = {},
): Promise<Server> {
  await using program = await bundled(name);
  return await startEdge(command, [program.file], platform, undefined, env);
}

/** Signs in to the example as ada; the cookie that says so. */
export async function signIn({ origin }: { origin: string }): Promise<string> {
  const answer = await fetch(`${origin}/sign-in/ada`, { method: "POST" });
  await answer.body?.cancel();
  return answer.headers.get("set-cookie")!.split(";")[0]!;
}

/** Asks for a WebSocket to the backend of `lobby`, from which nothing is read. */
export async function dial(
  { port }: { port: number },
  path: string,
  cookie: string,
  room = "lobby",
): Promise<Deno.Conn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const lines = [
    `GET /rooms/${room}/backend/${path} HTTP/1.1`,
    "host: x",
    `cookie: ${cookie}`,
    ...HANDSHAKE,
  ];
  await connection.write(
    new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"),
  );
  return connection;
}
