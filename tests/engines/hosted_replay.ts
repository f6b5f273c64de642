/**
 * The hosted platform's HTTP API, as its documentation and libraries show its answers
 * (`tests/data/jamsocket/`): the platform itself can no longer be asked. It has no
 * backends, so only calls of the API can be tested against it.
 */
import { formatServerEvent } from "../../net/sse.ts";
import { StatusLog } from "../../session/engine/status_log.ts";
import type { BackendState, ConnectRequest } from "../../types.ts";
import answers from "../data/jamsocket/hosted.json" with { type: "json" };

/** The API token that it accepts. */
export const TOKEN = "api-token-of-the-replay";

interface Backend {
  id: string;
  key: string | undefined;
  states: BackendState[];
  log: StatusLog;
}

type Recorded = { status: string }[];

/** Serves the API on a free port. */
export function startHostedReplay(): { apiUrl: string } & AsyncDisposable {
  const backends: Backend[] = [];
  const ended = new AbortController();

  function enter({ states, log }: Backend, recorded: Recorded): void {
    for (const one of recorded) {
      const time = new Date().toISOString();
      const state = { ...one, time } as BackendState;
      states.push(state);
      log.add(state);
      if (state.status === "terminated") log.end();
    }
  }

  function connect({ key, spawn = true }: ConnectRequest): Response {
    const held = backends.find((one) =>
      key !== undefined && one.key === key &&
      one.states.at(-1)?.status !== "terminated"
    );
    if (!held && spawn === false) return refuse(409);
    const id = crypto.randomUUID().slice(0, 8);
    const backend = held ?? { id, key, states: [], log: new StatusLog() };
    if (!held) {
      backends.push(backend);
      enter(backend, answers.start);
    }
    const words = {
      id: backend.id,
      token: crypto.randomUUID(),
      secret: crypto.randomUUID(),
      api: apiUrl,
    };
    const text = Object.entries(words).reduce(
      (text, [name, value]) => text.replaceAll(`{${name}}`, value),
      JSON.stringify(answers.connect),
    );
    const { status } = backend.states.at(-1)!;
    return Response.json({
      ...JSON.parse(text),
      spawned: !held,
      ...(held && { status }),
    });
  }

  function stream({ log }: Backend): Response {
    const states = log.read(ended.signal);
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      async pull(stream) {
        const next = await states.next().catch(() => ({ done: true as const }));
        if (next.done) return stream.close();
        const data = JSON.stringify(next.value);
        stream.enqueue(encoder.encode(formatServerEvent({ data })));
      },
      cancel: () => void states.return?.(),
    });
    return new Response(body, {
      headers: { "content-type": "text/event-stream" },
    });
  }

  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    signal: ended.signal,
    onListen() {},
  }, async (request) => {
    const [, , kind, id, ...rest] = new URL(request.url).pathname.split("/");
    const allowed = request.headers.get("authorization") === `Bearer ${TOKEN}`;
    if (request.method === "POST" && !allowed) return refuse(401);
    if (kind === "service") return connect(await request.json());
    const backend = backends.find((one) => one.id === id);
    if (!backend) return refuse(404);
    switch (rest.join("/")) {
      case "status":
        return Response.json(backend.states.at(-1));
      case "status/stream":
        return stream(backend);
      case "terminate": {
        const { hard = false } = await request.json();
        enter(backend, hard ? answers.hard : answers.soft);
        return Response.json(answers.terminate);
      }
    }
    return refuse(404);
  });
  const apiUrl = `http://127.0.0.1:${server.addr.port}`;
  return {
    apiUrl,
    async [Symbol.asyncDispose]() {
      ended.abort();
      await server.finished;
    },
  };
}

function refuse(status: 401 | 404 | 409): Response {
  return Response.json(answers.errors[status], { status });
}
