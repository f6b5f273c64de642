/**
 * An engine in one file: each backend is a function of this process. Its requests go
 * through `fetch`, since a function has no address.
 */
import {
  type BackendState,
  type ConnectRequest,
  type ConnectResponse,
  HTTPError,
  type SessionEngine,
} from "@feedline/feedline/types";

type Handler = (request: Request) => Promise<Response>;

/** Makes a backend, which calls `exit` to end itself. */
export type Start = (
  env: Record<string, string>,
  exit: (code: number) => void,
) => Handler;

/** One backend; it dispatches `state` when it enters a new state. */
class Backend extends EventTarget {
  readonly id = crypto.randomUUID();
  readonly states: BackendState[] = [];
  readonly handler: Handler;
  constructor(readonly key: string | undefined, start: Start, env = {}) {
    super();
    const end = (code: number) =>
      this.enter("terminated", { exit_error: code !== 0 });
    this.handler = start(env, end);
    this.enter("ready");
  }
  get state(): BackendState {
    return this.states.at(-1)!;
  }
  enter(status: BackendState["status"], more = {}): void {
    if (this.states.at(-1)?.status === "terminated") return;
    const time = new Date().toISOString();
    this.states.push({ status, time, ...more } as BackendState);
    this.dispatchEvent(new Event("state"));
  }
}

/** Runs backends in this process. */
export class InProcessEngine implements SessionEngine {
  readonly #backends: Backend[] = [];
  readonly #visitors = new Map<string, ConnectRequest>();
  constructor(readonly start: Start) {}

  async connect(request: ConnectRequest = {}): Promise<ConnectResponse> {
    const { key, spawn = true } = request;
    const held = this.#backends.find((one) =>
      key !== undefined && one.key === key && one.state.status === "ready"
    );
    if (!held && !spawn) throw new HTTPError(409, "no backend has the key");
    const env = Object(spawn).executable?.env;
    const backend = held ?? new Backend(key, this.start, env);
    if (!held) this.#backends.push(backend);
    const token = crypto.randomUUID();
    this.#visitors.set(token, request);
    return await Promise.resolve({
      backend_id: backend.id,
      spawned: !held,
      status: backend.state.status,
      token,
      url: `https://backends.invalid/${token}/`,
      status_url: `https://backends.invalid/status/${backend.id}`,
      ready_url: "",
    });
  }

  async status(id: string): Promise<BackendState> {
    return await Promise.resolve(this.#find(id).state);
  }

  async *statuses(id: string, { signal }: { signal?: AbortSignal } = {}) {
    const backend = this.#find(id);
    for (let next = 0; backend.states[next - 1]?.status !== "terminated";) {
      signal?.throwIfAborted();
      const state = backend.states[next];
      if (state) next++, yield state;
      else await once(backend, "state", signal);
    }
  }

  async statusStream(id: string, onStatus: (state: BackendState) => void) {
    const end = new AbortController();
    await this.status(id);
    (async () => {
      for await (const state of this.statuses(id, end)) onStatus(state);
    })().catch(() => {});
    return () => end.abort();
  }

  async terminate(id: string, { hard = false } = {}): Promise<void> {
    const backend = await Promise.resolve(this.#find(id));
    backend.enter(hard ? "hard-terminating" : "terminating");
    backend.enter("terminated");
  }

  /** Takes the token out of the URL, and tells the backend who the user is. */
  async fetch(request: Request, answer: ConnectResponse): Promise<Response> {
    const visitor = this.#visitors.get(answer.url.split("/")[3]!);
    const { state, handler } = this.#find(answer.backend_id);
    if (!visitor || state.status !== "ready") {
      return new Response(null, { status: 410, headers: { "x-gone": "1" } });
    }
    const path = request.url.slice(answer.url.length);
    const inner = new Request(`http://backend/${path}`, request);
    for (const name of [...inner.headers.keys()]) {
      if (name.startsWith("x-verified-")) inner.headers.delete(name);
    }
    const { user, auth } = visitor;
    if (user) inner.headers.set("x-verified-username", user);
    if (auth) inner.headers.set("x-verified-user-data", JSON.stringify(auth));
    return await handler(inner);
  }

  isPlatformAnswer({ headers }: { headers: Headers }): boolean {
    return headers.has("x-gone");
  }

  #find(id: string): Backend {
    const backend = this.#backends.find((one) => one.id === id);
    if (!backend) throw new HTTPError(404, `there is no backend ${id}`);
    return backend;
  }
}

/** Resolves with the next event of a type. */
function once(target: EventTarget, type: string, signal?: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<Event>();
  target.addEventListener(type, resolve, { once: true });
  signal?.addEventListener("abort", () => reject(signal.reason));
  return promise;
}
