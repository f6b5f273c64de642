/**
 * All backends of a platform: who holds which key, and which token leads where.
 * At most one backend holds a key, however many ask for it at once.
 */
import type { BackendState, ConnectRequest } from "../../types.ts";
import { ApiFailure } from "./errors.ts";
import {
  Backend,
  type BackendListener,
  type BackendSettings,
  type LogLine,
  RESERVED_ENV,
} from "./backend.ts";
import { isUsable } from "./lifecycle.ts";

/** Whose backend is asked for. Keys of different scopes are different keys. */
export interface Scope {
  /** Any name. */
  account: string;
  /** Any name. */
  service: string;
  /** Any name, if the service has environments. */
  environment: string | undefined;
}

/** What a connection token stands for. */
export interface Grant {
  /** Where it leads. */
  backend: Backend;
  /** The token; a capability. */
  token: string;
  /** Proves to the backend that a request came through the proxy. */
  secret: string;
  /** Who connects. */
  user: string | undefined;
  /** What else the backend may believe, as JSON in ASCII. */
  userData: string | undefined;
}

/** Ended backends whose states can still be read; the oldest are forgotten. */
const MAX_ENDED = 500;
/** Lines of output kept of a backend that has ended. */
const ENDED_LOG_LINES = 200;
/** Tokens of one backend; the oldest are revoked. */
const MAX_GRANTS = 10_000;
/** Characters of `user` and `auth` that still fit in a request's headers. */
const MAX_HEADER = 8 * 1024;

/** The backends of a platform, their keys and their tokens. */
export class Registry implements BackendListener {
  readonly #settings: BackendSettings;
  readonly #backends = new Map<string, Backend>();
  readonly #holders = new Map<string, Backend>();
  readonly #grants = new Map<string, Grant>();
  readonly #tokens = new Map<Backend, Set<string>>();
  readonly #ended: Backend[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #listeners = new Set<BackendListener>();
  #fencingToken = 0;
  #closing = false;

  constructor(settings: BackendSettings) {
    this.#settings = settings;
  }

  /** Every backend that is remembered, oldest first. */
  get backends(): Backend[] {
    return [...this.#backends.values()];
  }

  /** The backend of that name. */
  get(id: string): Backend | undefined {
    return this.#backends.get(id);
  }

  /** What `token` stands for, unless it is unknown or its backend has ended. */
  grant(token: string): Grant | undefined {
    return this.#grants.get(token);
  }

  /** Tells `listener` of everything until the returned function is called. */
  listen(listener: BackendListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Finds the backend that holds the key, or spawns one. While the holder is
   * ending this waits for its end.
   *
   * @throws {ApiFailure} what the caller did wrong
   */
  async connect(
    scope: Scope,
    request: ConnectRequest,
    signal?: AbortSignal,
  ): Promise<{ grant: Grant; spawned: boolean }> {
    const { key, spawn = true } = request;
    const identity = checkIdentity(request);
    const options = typeof spawn === "object" ? spawn : {};
    checkEnv(options.executable?.env);
    if (key === undefined && spawn === false) {
      throw new ApiFailure(400, "spawn: false needs a key");
    }
    const name = JSON.stringify([
      scope.account,
      scope.service,
      scope.environment ?? null,
      key,
    ]);
    const tag = options.tag ?? "";
    for (;;) {
      if (this.#closing) {
        throw new ApiFailure(503, "the dev platform is shutting down");
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
        return { grant: this.#issue(holder, identity), spawned: false };
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
    // No await since the look-up: no other request can have taken the key.
    const backend = new Backend(
      {
        ...scope,
        id: randomName(),
        key,
        tag,
        // Also larger than what an earlier platform gave out.
        fencingToken: this.#fencingToken = Math.max(
          this.#fencingToken + 1,
          Date.now(),
        ),
        env: options.executable?.env ?? {},
        maxIdle: toMilliseconds(options.max_idle_seconds),
        lifetime: toMilliseconds(options.lifetime_limit_seconds),
      },
      this.#settings,
      this,
    );
    this.#backends.set(backend.id, backend);
    if (key !== undefined) this.#holders.set(name, backend);
    const grant = this.#issue(backend, identity);
    backend.life.listen(({ status }) => {
      if (status === "terminated") this.#forget(backend, name);
    });
    const run = backend.run().finally(() => this.#running.delete(run));
    this.#running.add(run);
    return { grant, spawned: true };
  }

  /** A new token for a backend that is running. */
  #issue(
    backend: Backend,
    identity: Pick<Grant, "user" | "userData">,
  ): Grant {
    const grant: Grant = {
      backend,
      token: randomToken(),
      secret: randomToken(),
      ...identity,
    };
    let tokens = this.#tokens.get(backend);
    if (!tokens) this.#tokens.set(backend, tokens = new Set());
    tokens.add(grant.token);
    this.#grants.set(grant.token, grant);
    if (tokens.size > MAX_GRANTS) {
      const [oldest] = tokens;
      tokens.delete(oldest!);
      this.#grants.delete(oldest!);
    }
    return grant;
  }

  /** A token to open a running backend from the dev page. */
  visit(backend: Backend): Grant | undefined {
    if (!isUsable(backend.state)) return undefined;
    return this.#issue(backend, { user: undefined, userData: undefined });
  }

  #forget(backend: Backend, name: string): void {
    if (this.#holders.get(name) === backend) this.#holders.delete(name);
    for (const token of this.#tokens.get(backend) ?? []) {
      this.#grants.delete(token);
    }
    this.#tokens.delete(backend);
    backend.trimLog(ENDED_LOG_LINES);
    this.#ended.push(backend);
    if (this.#ended.length > MAX_ENDED) {
      this.#backends.delete(this.#ended.shift()!.id);
    }
  }

  /** Every backend that has not ended, oldest first. */
  get running(): Backend[] {
    return this.backends.filter(({ state }) => state.status !== "terminated");
  }

  /** Ends all backends. */
  terminate(kind: "soft" | "hard", reason: "external"): void {
    for (const backend of this.running) backend.terminate(kind, reason);
  }

  /** Spawns nothing any more, ends all backends and waits for their end. */
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

function toMilliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

function checkEnv(env: Record<string, string> = {}): void {
  for (const [name, value] of Object.entries(env)) {
    const field = `spawn.executable.env.${name}`;
    // Windows does not tell upper from lower case here.
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

/**
 * What reaches the backend in headers: the user as the bytes of UTF-8, as Plane
 * sends them (`verifiedUser` reads them), the rest as JSON in ASCII.
 */
function checkIdentity(
  { user: name, auth }: ConnectRequest,
): Pick<Grant, "user" | "userData"> {
  // deno-lint-ignore no-control-regex
  if (name !== undefined && /[\x00-\x1f\x7f]/.test(name)) {
    throw new ApiFailure(
      400,
      "user: must not contain control characters, which a header cannot carry",
    );
  }
  const user = name === undefined
    ? undefined
    : Array.from(new TextEncoder().encode(name), (byte) =>
      String.fromCharCode(byte)).join("");
  let userData: string | undefined;
  try {
    userData = auth && JSON.stringify(auth).replace(
      /[\x7f-\uffff]/g,
      (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"),
    );
  } catch {
    throw new ApiFailure(400, "auth: too deeply nested");
  }
  for (const [field, value] of Object.entries({ user, auth: userData })) {
    if (value && value.length > MAX_HEADER) {
      throw new ApiFailure(
        400,
        `${field}: too long for a header (at most ${MAX_HEADER} characters)`,
      );
    }
  }
  return { user, userData };
}

/** A name of ten letters and digits that is easy to read. */
function randomName(): string {
  const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  return Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join("");
}

/** 32 random bytes that fit in a path. */
function randomToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
