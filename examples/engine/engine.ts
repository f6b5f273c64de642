/**
 * An engine in one file: each backend is a function of this process. Its requests go
 * through `fetch`, since a function has no address.
 */
// deno-lint-ignore-file require-await -- an async method rejects where others throw
import { setTimeout as wait } from "node:timers/promises";
import {
  type BackendState,
  type ConnectRequest,
  HTTPError,
  type SessionEngine,
} from "@feedline/feedline/types";

/** Makes a backend, which calls `exit` to end itself. */
export type Start = (
  env: Record<string, string>,
  exit: (code: number) => void,
) => (request: Request) => Promise<Response>;

/** A backend: every state that it has been in, and the function that it is. */
class Backend {
  readonly id = crypto.randomUUID();
  readonly states: BackendState[] = [];
  readonly handler: ReturnType<Start>;
  constructor(readonly key: string | undefined, start: Start, env = {}) {
    const exit = (code: number) =>
      this.enter("terminated", { exit_error: code !== 0 });
    this.handler = start(env, exit);
    this.enter("ready");
  }
  get state(): BackendState {
    return this.states.at(-1)!;
  }
  enter(status: BackendState["status"], more = {}): void {
    if (this.state?.status === "terminated") return;
    const time = new Date().toISOString();
    this.states.push({ status, time, ...more } as BackendState);
  }
}

/** Runs backends in this process. */
export function inProcessEngine(start: Start) {
  const backends: Backend[] = [];
  const visitors = new Map<string, ConnectRequest & { backend: Backend }>();

  function find(id: string): Backend {
    const backend = backends.find((one) => one.id === id);
    if (!backend) throw new HTTPError(404, `there is no backend ${id}`);
    return backend;
  }

  const statuses: SessionEngine["statuses"] = async function* (id, options) {
    const { states } = find(id);
    for (let next = 0; states[next - 1]?.status !== "terminated";) {
      options?.signal?.throwIfAborted();
      if (states[next]) yield states[next++]!;
      else await wait(20);
    }
  };

  return {
    // Nothing is awaited in it, so no two calls start a backend for one key.
    async connect(request = {}) {
      const { key, spawn = true } = request;
      const held = backends.find((one) =>
        key !== undefined && one.key === key && one.state.status === "ready"
      );
      if (!held && !spawn) throw new HTTPError(409, "no backend has the key");
      const env = Object(spawn).executable?.env;
      const backend = held ?? new Backend(key, start, env);
      if (!held) backends.push(backend);
      const token = crypto.randomUUID();
      visitors.set(token, { ...request, backend });
      return {
        backend_id: backend.id,
        spawned: !held,
        status: backend.state.status,
        token,
        url: `https://backends.invalid/${token}/`,
        status_url: "",
        ready_url: "",
      };
    },
    status: async (id) => find(id).state,
    statuses,
    async statusStream(id, onStatus) {
      find(id);
      const end = new AbortController();
      (async () => {
        for await (const state of statuses(id, end)) onStatus(state);
      })().catch(() => {});
      return () => end.abort();
    },
    async terminate(id, { hard = false } = {}) {
      find(id).enter(hard ? "hard-terminating" : "terminating");
      find(id).enter("terminated");
    },
    // Takes the token out of the URL, and tells the backend who the user is.
    async fetch(request, { url }) {
      const visitor = visitors.get(url.split("/")[3]!);
      if (visitor?.backend.state.status !== "ready") {
        return new Response(null, { status: 410, headers: { "x-gone": "1" } });
      }
      const path = request.url.slice(url.length);
      const inner = new Request(`http://backend/${path}`, request);
      for (const name of [...inner.headers.keys()]) {
        if (name.startsWith("x-verified-")) inner.headers.delete(name);
      }
      const { user, auth, backend } = visitor;
      if (user) inner.headers.set("x-verified-username", user);
      if (auth) inner.headers.set("x-verified-user-data", JSON.stringify(auth));
      return await backend.handler(inner);
    },
    isPlatformAnswer: ({ headers }) => headers.has("x-gone"),
  } satisfies SessionEngine;
}
