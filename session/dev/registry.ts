/**
 * All backends of a platform, with their keys. At most one backend holds a key,
 * no matter how many requests ask for it at once.
 */
import type { BackendState, ConnectRequest } from "../../types.ts";
import { ApiFailure } from "./errors.ts";
import {
  Backend,
  type BackendListener,
  type BackendSettings,
  type LogLine,
} from "./backend.ts";
import type { BackendSpec } from "./backend_spec.ts";
import { RESERVED_ENV } from "./runner.ts";
import { checkIdentity } from "../gate.ts";
import { isUsable } from "./lifecycle.ts";

/** The owner of a backend. Keys of different scopes are independent. */
export interface Scope {
  /** Any name. */
  account: string;
  /** Any name. */
  service: string;
  /** Any name, if the service has environments. */
  environment: string | undefined;
}

/** How many ended backends keep their states; the oldest are dropped. */
const MAX_ENDED = 500;
/** How many lines of output are kept of an ended backend. */
const ENDED_LOG_LINES = 200;

/** The backends of a platform and their keys. */
export class Registry implements BackendListener {
  readonly #settings: BackendSettings;
  readonly #backends = new Map<string, Backend>();
  readonly #holders = new Map<string, Backend>();
  readonly #ended: Backend[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #listeners = new Set<BackendListener>();
  #fencingToken = 0;
  #closing = false;

  constructor(settings: BackendSettings) {
    this.#settings = settings;
  }

  /** All known backends, oldest first. */
  get backends(): Backend[] {
    return [...this.#backends.values()];
  }

  /** The backend with that id. */
  get(id: string): Backend | undefined {
    return this.#backends.get(id);
  }

  /** Notifies `listener` of all events, until the returned function is called. */
  listen(listener: BackendListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Finds the backend that holds the key, or spawns one. If the holder is ending, waits for
   * its end.
   *
   * @throws {ApiFailure} if the request is invalid or cannot be fulfilled
   */
  async connect(
    scope: Scope,
    request: ConnectRequest,
    signal?: AbortSignal,
  ): Promise<{ backend: Backend; spawned: boolean }> {
    const { key, spawn = true } = request;
    try {
      checkIdentity(request);
    } catch (error) {
      throw new ApiFailure(400, (error as Error).message);
    }
    const options = typeof spawn === "object" ? spawn : {};
    checkEnv(options.executable?.env);
    if (key === undefined && spawn === false) {
      throw new ApiFailure(400, "spawn: false needs a key");
    }
    const name = nameOf(scope, key);
    const tag = options.tag ?? "";
    this.#settings.runner.check?.({
      tag,
      executable: options.executable ?? {},
    });
    for (;;) {
      if (this.#closing) {
        throw new ApiFailure(503, "the platform is shutting down");
      }
      const holder = key === undefined ? undefined : this.#holders.get(name);
      if (!holder) break;
      if (isUsable(holder.state)) {
        if (spawn !== false && holder.spec.tag !== tag) {
          throw new ApiFailure(
            409,
            "spawn.tag: the key is held by a backend with another tag",
          );
        }
        return { backend: holder, spawned: false };
      }
      if (spawn === false) break;
      await holder.life.reached(() => false, signal);
    }
    if (spawn === false) {
      throw new ApiFailure(
        409,
        "spawn is false and no running backend holds the key",
      );
    }
    // There was no await since the look-up, so no other request can have taken the key.
    const backend = new Backend(
      {
        ...scope,
        id: randomName(),
        key,
        tag,
        // Larger than the tokens of earlier runs of the platform, too.
        fencingToken: this.#fencingToken = Math.max(
          this.#fencingToken + 1,
          Date.now(),
        ),
        executable: options.executable ?? {},
        maxIdle: toMilliseconds(options.max_idle_seconds),
        lifetime: toMilliseconds(options.lifetime_limit_seconds),
      },
      this.#settings,
      this,
    );
    this.#backends.set(backend.id, backend);
    if (key !== undefined) this.#holders.set(name, backend);
    this.#follow(backend, name, backend.run());
    return { backend, spawned: true };
  }

  /**
   * Starts a backend with the settings of another one, which is first asked to end if it
   * runs, and waited for.
   *
   * @throws {ApiFailure} if it cannot be started
   */
  async again(backend: Backend, signal?: AbortSignal): Promise<Backend> {
    const { spec, life } = backend;
    backend.terminate("soft", "external");
    await life.reached(() => false, signal);
    const { account, service, environment } = spec;
    const scope = { account, service, environment };
    const answer = await this.connect(scope, requestOf(spec), signal);
    return answer.backend;
  }

  #forget(backend: Backend, name: string): void {
    if (this.#holders.get(name) === backend) this.#holders.delete(name);
    backend.trimLog(ENDED_LOG_LINES);
    this.#ended.push(backend);
    if (this.#ended.length > MAX_ENDED) {
      const { id } = this.#ended.shift()!;
      this.#backends.delete(id);
      for (const listener of [...this.#listeners]) listener.onForget?.(id);
    }
  }

  /** Continues with a backend of an earlier run, or remembers how it ended. */
  adopt(earlier: EarlierBackend): void {
    const { spec } = earlier;
    const backend = new Backend(spec, this.#settings, this, earlier);
    this.#backends.set(spec.id, backend);
    this.#fencingToken = Math.max(this.#fencingToken, spec.fencingToken);
    const name = nameOf(spec, spec.key);
    if (backend.state.status === "terminated") {
      this.#forget(backend, name);
      return;
    }
    if (spec.key !== undefined) this.#holders.set(name, backend);
    this.#follow(backend, name, backend.resume());
  }

  #follow(backend: Backend, name: string, run: Promise<void>): void {
    backend.life.listen(({ status }) => {
      if (status === "terminated") this.#forget(backend, name);
    });
    const running = run.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Every backend that has not ended, oldest first. */
  get running(): Backend[] {
    return this.backends.filter(({ state }) => state.status !== "terminated");
  }

  /** Ends all backends. */
  terminate(kind: "soft" | "hard", reason: "external"): void {
    for (const backend of this.running) backend.terminate(kind, reason);
  }

  /** Stops spawning, and leaves all backends to a later run of the platform. */
  leave(): void {
    this.#closing = true;
    for (const backend of this.running) backend.leave();
  }

  /** Stops spawning, ends all backends and waits for their end. */
  async close(): Promise<void> {
    this.#closing = true;
    this.terminate("soft", "external");
    await Promise.all(this.#running);
  }

  /** From {@linkcode BackendListener}. */
  onState(backend: Backend, state: BackendState): void {
    for (const listener of [...this.#listeners]) {
      listener.onState(backend, state);
    }
  }

  /** From {@linkcode BackendListener}. */
  onLine(backend: Backend, line: LogLine): void {
    for (const listener of [...this.#listeners]) listener.onLine(backend, line);
  }

  /** From {@linkcode BackendListener}. */
  onConnections(backend: Backend): void {
    for (const listener of [...this.#listeners]) {
      listener.onConnections(backend);
    }
  }
}

/** The name of a key in its scope. */
function nameOf(
  { account, service, environment }: Scope,
  key: string | undefined,
): string {
  return JSON.stringify([account, service, environment ?? null, key]);
}

function toMilliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

/** The request that a backend with these settings comes from. */
function requestOf(
  { key, tag, executable, maxIdle, lifetime }: BackendSpec,
): ConnectRequest {
  return {
    ...(key === undefined ? {} : { key }),
    spawn: {
      executable,
      ...(tag === "" ? {} : { tag }),
      ...(maxIdle === undefined ? {} : { max_idle_seconds: maxIdle / 1000 }),
      ...(lifetime === undefined
        ? {}
        : { lifetime_limit_seconds: lifetime / 1000 }),
    },
  };
}

function checkEnv(env: Record<string, string> = {}): void {
  for (const [name, value] of Object.entries(env)) {
    const field = `spawn.executable.env.${name}`;
    // Windows ignores the case of variable names.
    if (RESERVED_ENV.includes(name.toUpperCase())) {
      throw new ApiFailure(400, `${field}: is set by the platform`);
    }
    if (name === "" || /[=\0]/.test(name) || value.includes("\0")) {
      throw new ApiFailure(
        400,
        `${field}: names must be non-empty and contain neither "=" nor NUL; ` +
          `values must not contain NUL`,
      );
    }
  }
}

/** A backend of an earlier run of the platform. */
export interface EarlierBackend {
  /** Its settings. */
  spec: BackendSpec;
  /** Its states so far, oldest first; at least one. */
  states: readonly BackendState[];
  /** Since when it had no connection, in milliseconds since 1970, if it had none. */
  idleSince?: number;
}

/** A random id of ten letters and digits that is easy to read. */
function randomName(): string {
  const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  return Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join("");
}
