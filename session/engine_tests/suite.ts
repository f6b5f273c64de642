/** What a case of the engine suite is, and how cases are run. */
import type {
  BackendState,
  ConnectRequest,
  ConnectResponse,
  SessionEngine,
  SpawnOptions,
} from "../../types.ts";
import { isError } from "../../net/shape.ts";
import { checkDuration, setTimer } from "../../net/timer.ts";
import { collect } from "./check.ts";

/** One platform, as the cases see it. */
export interface EngineSubject {
  /** The engine to test. */
  engine: SessionEngine;
  /**
   * Makes an engine for the same platform whose calls use `fetch`: through it, the
   * suite loses, doubles and delays events of status streams. Without it, these
   * cases are not run.
   */
  withFetch?: ((fetch: typeof globalThis.fetch) => SessionEngine) | undefined;
  /**
   * What a connect request has to say so that the sample backend is spawned with
   * these environment variables.
   * @default `{ executable: { env } }`
   */
  spawn?: ((env: Record<string, string>) => SpawnOptions) | undefined;
  /**
   * Lets the connection token of a response expire. Without it, these cases are not
   * run.
   */
  expire?: ((response: ConnectResponse) => Promise<void>) | undefined;
  /** Opens a WebSocket to a backend. @default `new WebSocket(url)` */
  open?: ((url: string, response: ConnectResponse) => WebSocket) | undefined;
  /**
   * Cases that cannot hold on this platform, and why: `"ending: a killed process"`
   * stands for each case whose area and name begin with it.
   */
  exceptions?: Readonly<Record<string, string>> | undefined;
}

/** What a case gets: the platform, and short names for what most cases do. */
export interface EngineTest {
  readonly subject: EngineSubject;
  readonly engine: SessionEngine;
  /** Aborts when the case has ended or takes too long. */
  readonly signal: AbortSignal;
  /** A key that no other case uses. */
  key(): string;
  /** Spawn options that run the sample backend. */
  spawn(env?: Record<string, string>): SpawnOptions;
  /**
   * Connects with `engine`, by default to a backend of its own; the backend is ended
   * after the case.
   */
  connect(
    request?: ConnectRequest,
    engine?: SessionEngine,
  ): Promise<ConnectResponse>;
  /** Resolves with the states up to the first for which `until` holds. */
  states(
    backendId: string,
    until: (state: BackendState) => boolean,
    engine?: SessionEngine,
  ): Promise<BackendState[]>;
  /** Connects, and waits until the backend is ready. */
  ready(request?: ConnectRequest): Promise<ConnectResponse>;
  /** Sends a request to a backend; `path` has no slash at its start. */
  fetch(
    response: ConnectResponse,
    path: string,
    init?: RequestInit,
  ): Promise<Response>;
}

/** One thing that must hold on every platform. */
export interface EngineCase {
  /** The part of an engine that it is about. */
  area: string;
  /** A sentence that says what must hold. */
  name: string;
  /** What the platform has to offer for it, beside an engine. */
  needs?: "withFetch" | "expire" | undefined;
  /** Resolves if it holds, and rejects otherwise. */
  run(t: EngineTest): Promise<void>;
}

/** How a case ended. */
export interface EngineOutcome {
  /** The part of an engine that it is about. */
  area: string;
  /** A sentence that says what must hold. */
  name: string;
  /** What went wrong, if it failed. */
  failure?: string;
  /** Why it was not run. */
  exception?: string;
  /** How long it took, in milliseconds. */
  took: number;
}

/** Options of {@linkcode runEngineTests}. */
export interface EngineTestOptions {
  /** Runs only cases whose area and name (`"keys: two keys …"`) contain this. */
  only?: string | undefined;
  /** How long a case may take, in milliseconds. @default {120_000} */
  timeout?: number | undefined;
}

/** Why a case is not run on a platform, if it is not. */
export function exceptionOf(
  { area, name, needs }: EngineCase,
  subject: EngineSubject,
): string | undefined {
  if (needs && !subject[needs]) return `the subject has no ${needs}`;
  return Object.entries(subject.exceptions ?? {}).find(([start]) =>
    `${area}: ${name}`.startsWith(start)
  )?.[1];
}

/** Runs cases one after the other; see {@linkcode runEngineTests}. */
export async function* runCases(
  cases: readonly EngineCase[],
  subject: EngineSubject,
  { only = "", timeout = 120_000 }: EngineTestOptions = {},
): AsyncGenerator<EngineOutcome, void, void> {
  checkDuration("timeout", timeout);
  for (const one of cases) {
    const { area, name } = one;
    if (!`${area}: ${name}`.includes(only)) continue;
    const exception = exceptionOf(one, subject);
    if (exception !== undefined) {
      yield { area, name, exception, took: 0 };
      continue;
    }
    const start = Date.now();
    const failure = await attempt(one, subject, timeout);
    const took = Date.now() - start;
    yield { area, name, took, ...(failure === undefined ? {} : { failure }) };
  }
}

/** Runs one case and ends its backends; what is wrong, if something is. */
async function attempt(
  { run }: EngineCase,
  subject: EngineSubject,
  timeout: number,
): Promise<string | undefined> {
  const controller = new AbortController();
  const spawned = new Set<string>();
  const test = toTest(subject, controller.signal, spawned);
  let late!: (error: Error) => void;
  const limit = new Promise<never>((_, reject) => late = reject);
  const timer = setTimer(
    () => late(new Error(`not done within ${timeout} ms`)),
    timeout,
  );
  try {
    await Promise.race([run(test), limit]);
    return undefined;
  } catch (error) {
    if (!isError(error)) return String(error);
    // V8's stack begins with the message, others have only the places.
    const { stack = "" } = error;
    return stack.includes(error.message) ? stack : `${error}\n${stack}`;
  } finally {
    clearTimeout(timer);
    controller.abort(new Error("the case has ended"));
    await Promise.all([...spawned].map((id) =>
      // Most have ended.
      subject.engine.terminate(id, { hard: true }).catch(() => {})
    ));
  }
}

let keys = 0;

function toTest(
  subject: EngineSubject,
  signal: AbortSignal,
  spawned: Set<string>,
): EngineTest {
  const { engine } = subject;
  const key = () => `engine-test-${Date.now().toString(36)}-${++keys}`;
  const spawn = (env: Record<string, string> = {}): SpawnOptions =>
    subject.spawn?.(env) ?? { executable: { env } };
  const test: EngineTest = {
    subject,
    engine,
    signal,
    key,
    spawn,
    async connect(request = {}, by = engine) {
      const response = await by.connect(
        { key: key(), spawn: spawn(), ...request },
        { signal },
      );
      spawned.add(response.backend_id);
      return response;
    },
    states(backendId, until, by = engine) {
      const states = collect(by.statuses(backendId, { signal }), until);
      // A case that fails elsewhere leaves it behind.
      states.catch(() => {});
      return states;
    },
    async ready(request) {
      const response = await test.connect(request);
      await test.states(
        response.backend_id,
        ({ status }) => status === "ready",
      );
      return response;
    },
    fetch(response, path, init) {
      const url = new URL(path, response.url);
      const all: RequestInit = { redirect: "manual", signal, ...init };
      return engine.fetch
        ? engine.fetch(new Request(url, all), response)
        : globalThis.fetch(url, all);
    },
  };
  return test;
}
