/**
 * The backends of one object, one after the other: spawns and ends them, writes their
 * states, and lets requests in through the gate.
 */
import {
  type BackendState,
  type ConnectRequest,
  type ConnectResponse,
  HTTPError,
  type Revocable,
  type TerminationKind,
  type TerminationReason,
} from "../../types.ts";
import { deferred } from "../../net/deferred.ts";
import { isPromiseLike } from "../../net/shape.ts";
import { checkDuration, setTimer } from "../../net/timer.ts";
import { unlessAborted } from "../../net/wait.ts";
import { createGate, Gate, type GateTarget } from "../gate.ts";
import { isUsable, type LifeEvent, next } from "../life.ts";
import { ProxyError } from "../pass/failure.ts";
import type { Hono } from "../pass/hono.ts";
import { HOST } from "./address.ts";
import { BackendDeadlines } from "./deadlines.ts";
import type { Ended, Runner, SessionInfo } from "./runner.ts";
import { closeSockets, closeSocketsOf } from "./sockets.ts";
import { SessionStore, type StoredBackend } from "./store.ts";
import type { AlarmInfo, ObjectState } from "./workers.ts";

/** Options of {@linkcode sessionObject}. */
export interface SessionObjectOptions {
  /**
   * Milliseconds without a connection until a backend ends, unless the connect request
   * gives `max_idle_seconds`.
   * @default {Infinity}
   */
  maxIdle?: number | undefined;
  /** Milliseconds that a backend has to end, before it is ended hard. @default {10_000} */
  grace?: number | undefined;
  /** Milliseconds that a backend has to become ready. @default {300_000} */
  startTimeout?: number | undefined;
  /**
   * Milliseconds for which a connection token opens connections. Tokens lead through
   * the binding only, unless your worker forwards public requests to the object.
   * @default {Infinity}
   */
  tokenLifetime?: number | undefined;
  /**
   * The clock by which connection tokens expire, in milliseconds since 1970. A test moves
   * it instead of waiting. @default {Date.now}
   */
  now?: (() => number) | undefined;
}

/** The options that are durations, with their defaults. */
type Durations = Readonly<
  Record<Exclude<keyof SessionObjectOptions, "now">, number>
>;

/** What an {@linkcode ObjectSession} is made of. */
export interface ObjectSessionParts {
  ctx: ObjectState;
  runner: Runner;
  /** Handles requests that were let in. */
  serve: (request: Request) => Response | Promise<Response>;
  /** The alarm of the application's class, if it has one. */
  ownAlarm: ((info?: AlarmInfo) => Promise<void>) | undefined;
  options: SessionObjectOptions;
}

/** What a worn object is aborted with; the engine then calls the object again. */
export const RESET = "feedline: the backend of this object has ended";
/** How long (ms) a worn object stays, so that readers get the last state first. */
const LINGER = 1_000;

/** All that happens in one object. */
export class ObjectSession {
  readonly #ctx: ObjectState;
  readonly #store: SessionStore;
  readonly #runner: Runner;
  readonly #serve: (request: Request) => Response | Promise<Response>;
  readonly #options: Durations;
  readonly #gate: Gate;
  readonly #passage: Hono;
  readonly #deadlines: BackendDeadlines;
  readonly #listeners = new Set<(state: BackendState) => void>();
  /** Aborts what is open when a backend has ended. */
  readonly #open = new AbortController();
  /** The last backend, which may have ended. */
  #last: StoredBackend | undefined;
  /** Whether a backend has ended in this memory, which the next one must not see. */
  #worn = false;

  constructor({ ctx, runner, serve, ownAlarm, options }: ObjectSessionParts) {
    this.#ctx = ctx;
    this.#runner = runner;
    this.#serve = serve;
    this.#options = checkOptions(options);
    this.#store = new SessionStore(ctx);
    this.#last = this.#store.backend();
    this.#gate = new Gate({
      keys: [this.#store.key],
      tokenLifetime: this.#options.tokenLifetime,
      revocations: this.#store.read("revocations"),
      now: options.now,
      onRevoke: (all) => this.#store.keep("revocations", all),
      onConnections: () => this.#deadlines.used(),
    });
    this.#deadlines = new BackendDeadlines({
      ctx,
      store: this.#store,
      pinned: runner.pinned,
      ownAlarm,
      running: () =>
        this.#last && isUsable(this.state!) ? this.#last : undefined,
      busy: () => this.#connections > 0,
      end: () => this.terminate("soft", "swept"),
    });
    this.#passage = createGate({
      gate: this.#gate,
      reach: (access, signal) => this.#reach(access.backendId, signal),
      signal: this.#open.signal,
    });
    // After the constructor of the application's class.
    queueMicrotask(() => this.#resume());
  }

  /** The state of the last backend. */
  get state(): BackendState | undefined {
    return this.#last?.states.at(-1);
  }

  /** The last backend, as the application's class sees it. */
  get info(): SessionInfo | undefined {
    const last = this.#last;
    if (!last) return undefined;
    return {
      backendId: this.#idOf(last),
      tag: last.tag,
      env: last.env,
      exit: (code = 0) => {
        if (this.#last === last) {
          this.exited({ failed: code !== 0, exitCode: code });
        }
      },
    };
  }

  get #connections(): number {
    const { info } = this;
    const open = info ? this.#gate.connections(info.backendId) : 0;
    const sockets = this.#ctx.getWebSockets()
      .filter(({ readyState }) => readyState <= 1);
    return open + sockets.length;
  }

  /** Continues what an eviction or a restart has interrupted. */
  #resume(): void {
    const state = this.state;
    switch (state?.status) {
      case undefined:
      case "terminated":
        return;
      case "terminating":
        return void this.#stop(state.termination_reason);
      case "hard-terminating":
        return void this.#kill();
      case "ready":
        return this.#deadlines.arm();
      default:
        this.#start();
        return this.#deadlines.arm();
    }
  }

  /**
   * Finds the running backend, or spawns one.
   * @throws {HTTPError} 409 if neither is possible
   */
  async connect(
    { spawn = true, user, auth }: ConnectRequest,
  ): Promise<ConnectResponse> {
    const options = typeof spawn === "object" ? spawn : {};
    const { tag = "" } = options;
    for (;;) {
      const state = this.state;
      if (state && isUsable(state)) {
        if (spawn !== false && this.#last!.tag !== tag) {
          throw new HTTPError(
            409,
            "spawn.tag: the key is held by a backend with another tag",
          );
        }
        return await this.#answer(this.#last!, false, { user, auth });
      }
      if (spawn === false) {
        throw new HTTPError(
          409,
          "spawn is false and no running backend holds the key",
        );
      }
      if (!state || state.status === "terminated") break;
      await this.#reached(this.#last!, () => false);
    }
    if (this.#worn) this.#reset();
    const { max_idle_seconds: idle, lifetime_limit_seconds: life } = options;
    const maxIdle = idle === undefined ? this.#options.maxIdle : idle * 1000;
    const number = (this.#last?.number ?? 0) + 1;
    const spawned = {
      tag,
      env: options.executable?.env ?? {},
      ...(maxIdle === Infinity ? {} : { maxIdle }),
      ...(life === undefined ? {} : { endsAt: Date.now() + life * 1000 }),
    };
    const first = { status: "scheduled", time: timeAfter(this.state) } as const;
    this.#store.add(number, spawned, first);
    this.#last = { ...spawned, number, states: [first] };
    const backend = this.#last;
    this.#start();
    this.#deadlines.used();
    this.#deadlines.arm();
    return await this.#answer(backend, true, { user, auth });
  }

  async #answer(
    backend: StoredBackend,
    spawned: boolean,
    identity: Pick<ConnectRequest, "user" | "auth">,
  ): Promise<ConnectResponse> {
    const id = this.#idOf(backend);
    const { token, secret } = await this.#gate.issue({
      ...identity,
      backendId: id,
    }).catch((error) => {
      throw new HTTPError(400, error.message);
    });
    return {
      backend_id: id,
      spawned,
      status: backend.states.at(-1)!.status,
      token,
      url: `${HOST}/${token}/`,
      secret_token: secret,
      status_url: `${HOST}/v2/backend/${id}/status`,
      ready_url: "",
    };
  }

  /**
   * The states of a backend so far.
   * @throws {HTTPError} 404 if it is not, or no longer, known
   */
  states(backendId: string): readonly BackendState[] {
    const { info } = this;
    if (info?.backendId === backendId) return this.#last!.states;
    const number = Number(/-(\d+)$/.exec(backendId)?.[1]);
    const stored = this.#store.backend(Number.isNaN(number) ? 0 : number);
    if (!stored || this.#idOf(stored) !== backendId) {
      throw new HTTPError(404, "no backend has this id");
    }
    return stored.states;
  }

  /** Calls `listener` with each later state of a backend. */
  listen(
    backendId: string,
    listener: (state: BackendState) => void,
  ): () => void {
    if (this.info?.backendId !== backendId) return () => {};
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Ends the running backend. */
  terminate(kind: TerminationKind, reason: TerminationReason): void {
    if (!this.#apply({ type: "terminate", kind, reason })) return;
    if (kind === "hard") void this.#kill();
    else void this.#stop(reason);
  }

  /** The backend has ended by itself. */
  exited({ failed, exitCode: exit_code }: Ended): void {
    const report = exit_code === undefined ? undefined : { exit_code };
    this.#apply({ type: "exited", failed, report });
  }

  /** Makes connection tokens useless, and ends what is open through them. */
  revoke(access: Revocable): void {
    this.#gate.revoke(access);
    closeSocketsOf(this.#ctx, access.user);
  }

  /** Serves a request whose path begins with a connection token. */
  async fetch(request: Request): Promise<Response> {
    return await this.#passage.fetch(request);
  }

  /** An alarm of the object's storage. */
  async alarm(info?: AlarmInfo): Promise<void> {
    await this.#deadlines.alarm(info);
  }

  /** A hibernating WebSocket has closed. */
  socketClosed(): void {
    this.#deadlines.used();
  }

  async #reach(id: string, signal: AbortSignal): Promise<GateTarget> {
    const backend = this.#last;
    if (this.info?.backendId === id) {
      const state = await this.#reached(
        backend!,
        ({ status }) => status === "ready",
        signal,
      );
      if (isUsable(state) && (this.#runner.reachable?.() ?? true)) {
        const before = new Set(this.#ctx.getWebSockets());
        return {
          origin: HOST,
          fetch: async (input, init) =>
            await this.#serve(new Request(input, init)),
          hibernates: () =>
            this.#ctx.getWebSockets().some((socket) => !before.has(socket)),
        };
      }
    }
    throw new ProxyError(410, "the backend has ended: connect again");
  }

  /** Resolves with the first state that `matches`, or with the last state. */
  async #reached(
    backend: StoredBackend,
    matches: (state: BackendState) => boolean,
    signal?: AbortSignal,
  ): Promise<BackendState> {
    const done = (state: BackendState) =>
      matches(state) || !isUsable(state) && state.status === "terminated";
    const state = backend.states.at(-1)!;
    if (done(state)) return state;
    const { promise, resolve } = deferred<BackendState>();
    const stop = this.listen(this.#idOf(backend), (state) => {
      if (done(state)) resolve(state);
    });
    try {
      return await (signal ? unlessAborted(promise, signal) : promise);
    } finally {
      stop();
    }
  }

  #start(): void {
    const backend = this.#last!;
    const current = () => this.#last === backend;
    this.#apply({ type: "starting" });
    const ready = () => {
      if (current()) this.#apply({ type: "ready" });
    };
    const failed = (error: unknown) => {
      console.error("the backend failed to start:", error);
      if (!current()) return;
      // As every platform reports a backend that could not be started.
      this.#apply({
        type: "terminate",
        kind: "hard",
        reason: "internalerror",
      });
      this.exited({ failed: true });
    };
    try {
      const started = this.#runner.start(
        this.info!,
        () => current() && this.#apply({ type: "waiting" }),
      );
      if (!isPromiseLike(started)) return ready();
      const timer = setTimer(() => {
        if (current()) this.terminate("hard", "startuptimeout");
      }, this.#options.startTimeout);
      started.then(ready, failed).finally(() => clearTimeout(timer));
    } catch (error) {
      failed(error);
    }
  }

  async #stop(reason: TerminationReason): Promise<void> {
    const backend = this.#last;
    const timer = setTimer(
      () => this.terminate("hard", reason),
      this.#options.grace,
    );
    let ended: Ended = { failed: true };
    try {
      ended = await this.#runner.stop(this.info!, reason);
    } catch (error) {
      console.error("the backend failed while it ended:", error);
    } finally {
      clearTimeout(timer);
    }
    if (this.#last === backend) this.exited(ended);
  }

  async #kill(): Promise<void> {
    const backend = this.#last;
    await this.#runner.kill().catch((error) =>
      console.error("the backend could not be ended:", error)
    );
    if (this.#last === backend) this.exited({ failed: false });
  }

  /** The only writer of states. Returns whether the event changed anything. */
  #apply(event: LifeEvent): boolean {
    const backend = this.#last;
    const before = backend?.states.at(-1);
    if (!backend || !before) return false;
    const state = next(before, event, timeAfter(before));
    if (!state) return false;
    this.#store.addState(backend.number, backend.states.length, state);
    backend.states.push(state);
    const ended = state.status === "terminated";
    for (const listener of [...this.#listeners]) listener(state);
    if (ended) this.#end();
    return true;
  }

  #end(): void {
    this.#listeners.clear();
    this.#deadlines.stop();
    closeSockets(this.#ctx);
    if (!this.#runner.worn) return;
    this.#open.abort();
    this.#worn = true;
    setTimer(() => this.#reset(), LINGER);
  }

  /** Drops the memory of a backend that has ended, with its timers and variables. */
  #reset(): never {
    this.#ctx.abort(RESET);
    throw new Error(RESET);
  }

  #idOf({ number }: StoredBackend): string {
    return `${this.#ctx.id}-${number}`;
  }
}

/** The time now, which is not before that of `state` even if the clock was set back. */
function timeAfter(state: BackendState | undefined): string {
  const now = new Date().toISOString();
  return state && state.time > now ? state.time : now;
}

function checkOptions(options: SessionObjectOptions): Durations {
  return {
    maxIdle: checkDuration("maxIdle", options.maxIdle ?? Infinity),
    grace: checkDuration("grace", options.grace ?? 10_000),
    startTimeout: checkDuration(
      "startTimeout",
      options.startTimeout ?? 300_000,
    ),
    tokenLifetime: checkDuration(
      "tokenLifetime",
      options.tokenLifetime ?? Infinity,
    ),
  };
}
