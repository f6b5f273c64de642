/**
 * The backend of a `SessionBackendProvider`: given by a connect response, or found by
 * calling `connect`. It rests until somebody subscribes, and again after the last has
 * unsubscribed, so that rendering alone has no effect.
 */
import {
  type BackendSnapshot,
  type ConnectResponse,
  SessionBackend,
  type SessionBackendOptions,
} from "../client.ts";
import { backoff } from "../net/backoff.ts";
import { type Attempt, Link } from "../net/link.ts";
import type { Store } from "../net/listeners.ts";
import { Held } from "./held.ts";

/** What `useBackendState` tells of a backend. */
export interface BackendConnection {
  /**
   * The phases of a {@linkcode BackendSnapshot}, and for a provider with `connect`:
   * `connecting` while it asks for a backend, and `failed` if that failed and it does
   * not try again.
   */
  readonly phase: BackendSnapshot["phase"] | "connecting" | "failed";
  /** The newest state that has arrived, if any. */
  readonly state?: BackendSnapshot["state"];
  /** Why `connect` failed last, or why the platform no longer knows the backend. */
  readonly error?: unknown;
}

/** Asks for a backend; see the `connect` of `SessionBackendProvider`. */
export type Connect = (
  options: { signal: AbortSignal },
) => ConnectResponse | Promise<ConnectResponse>;

/** The props of a provider, which a {@linkcode BackendStore} gets with each render. */
export interface BackendSource {
  connectResponse?: ConnectResponse | undefined;
  connect?: Connect | undefined;
  respawn?: boolean | undefined;
  options?: SessionBackendOptions | undefined;
}

/** The longest delay between two calls of `connect`, in milliseconds. */
const LONGEST_DELAY = 30_000;
/** A backend that lived this long (ms) did not fail at once: the delays start over. */
const HELD_AFTER = 10_000;

/** One provider's backend, from one render to the next. */
export class BackendStore implements Store<BackendConnection> {
  #source: BackendSource;
  readonly #made = new WeakSet<SessionBackend>();
  readonly #held = new Held(() => this.#start(), () => this.#stop());
  readonly #link: Link<unknown>;
  #backend: SessionBackend | null = null;
  #connection: BackendConnection = { phase: "connecting" };
  readonly #first: BackendConnection;
  #unwatch = () => {};

  constructor(source: BackendSource) {
    this.#source = source;
    this.#link = new Link({
      begin: (attempt) => this.#begin(attempt),
      policy: {
        heldAfter: HELD_AFTER,
        delay: (retries) =>
          this.#source.respawn
            ? backoff(retries, { cap: LONGEST_DELAY })
            : undefined,
      },
    });
    if (source.connectResponse) this.#take(source.connectResponse, true);
    this.#first = this.#connection;
  }

  /** What later calls go by: the props of the newest render. */
  update(source: BackendSource): void {
    this.#source = source;
  }

  /** Whether this store made a backend. */
  owns(backend: SessionBackend): boolean {
    return this.#made.has(backend);
  }

  readonly subscribe: (listener: () => void) => () => void = this.#held.hold;

  readonly getSnapshot = (): BackendConnection => this.#connection;

  /** Where every store begins, on a server and on the page that takes over from it. */
  readonly getServerSnapshot = (): BackendConnection => this.#first;

  /** The newest backend; `null` before there is one. */
  readonly getBackend = (): SessionBackend | null => this.#backend;

  /** Begins again: calls `connect`, or watches the given backend once more. */
  readonly reconnect = (): void => {
    if (!this.#held.running) return;
    this.#stop();
    this.#start();
  };

  /** Goes on with the backend of a response; a lazy one rests until it is watched. */
  #take(response: ConnectResponse, lazy: boolean): void {
    this.#backend?.destroy();
    const { options } = this.#source;
    this.#backend = new SessionBackend(response, { ...options, lazy });
    this.#made.add(this.#backend);
    this.#connection = this.#backend.getSnapshot();
  }

  #start(): void {
    const { connectResponse } = this.#source;
    if (!connectResponse) return this.#link.connect();
    if (this.#connection.phase === "destroyed") {
      this.#take(connectResponse, true);
      this.#held.notify();
    }
    this.#watch();
  }

  #stop(): void {
    this.#link.stop();
    this.#unwatch();
    this.#backend?.destroy();
    this.#connection = this.#source.connect
      ? { phase: "connecting" }
      : this.#backend!.getSnapshot();
  }

  #watch(ended?: () => void): void {
    const backend = this.#backend!;
    this.#unwatch = backend.subscribe(() => {
      this.#connection = backend.getSnapshot();
      this.#held.notify();
      if (backend.isTerminated()) ended?.();
    });
  }

  /** Asks for a backend and follows it; the attempt ends with it. */
  #begin(attempt: Attempt<unknown>): () => void {
    const controller = new AbortController();
    // Why there is no backend, until there is one.
    this.#wait("connecting", this.#connection.error);
    this.#connect(attempt, controller.signal).catch((error) => {
      if (!attempt.current) return;
      this.#wait(this.#source.respawn ? "connecting" : "failed", error);
      attempt.end(error);
    });
    return () => {
      this.#unwatch();
      controller.abort();
    };
  }

  async #connect(
    attempt: Attempt<unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    const response = await this.#source.connect!({ signal });
    if (!attempt.current) return;
    this.#take(response, false);
    attempt.opened();
    this.#watch(() => attempt.end(undefined));
    this.#held.notify();
  }

  /** Shows no backend, and whether one is still expected. */
  #wait(phase: "connecting" | "failed", error: unknown): void {
    this.#connection = error === undefined ? { phase } : { phase, error };
    this.#held.notify();
  }
}
