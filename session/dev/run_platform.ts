/**
 * A platform that runs: its servers, its backends, and how they end together. Both faces
 * start one: `startDevPlatform` for development, `servePlatform` for production.
 */
import { Gate, type GateOptions } from "../gate.ts";
import type { BackendState } from "../../types.ts";
import type { Backend, LogLine } from "./backend.ts";
import { bearerTest } from "./bearer.ts";
import { createConnectProxy } from "./connect_proxy.ts";
import { type GuardOptions, isLoopback } from "./guard.ts";
import { createApi } from "./http_api.ts";
import { IdleTimes } from "./idle_times.ts";
import { DevPlatformError, listen, type Server } from "./listen.ts";
import { Metrics } from "./metrics.ts";
import { type EarlierBackend, Registry } from "./registry.ts";
import type { Runner } from "./runner.ts";
import type { Store } from "./store.ts";
import { Traffic } from "./traffic/traffic.ts";
import type { LoggedRequest } from "./traffic/request_log.ts";
import { UsageMeter } from "./usage.ts";
import { checkNumber, type NumberRule } from "../../net/number.ts";
import { checkDuration } from "../../net/timer.ts";

/** What both faces let a user choose. */
export interface CommonOptions {
  /** The port of the API and the page; 0 lets the system choose. @default {8080} */
  port?: number | undefined;
  /** The port of the connection proxy; 0 lets the system choose. @default {9090} */
  proxyPort?: number | undefined;
  /**
   * The interval between keep-alive comments on a quiet status stream, in milliseconds; 0
   * or `Infinity` disables them. @default {10_000}
   */
  keepAlive?: number | undefined;
  /**
   * How long a connection token opens connections, in milliseconds; `Infinity` means no
   * limit. @default {Infinity} for the dev platform, one day for `servePlatform`
   */
  tokenLifetime?: number | undefined;
  /**
   * The clock by which connection tokens expire, in milliseconds since 1970. A test moves
   * it instead of waiting. @default {Date.now}
   */
  now?: (() => number) | undefined;
  /** Called with the events of the platform and its backends. */
  onEvent?: ((event: DevEvent) => void) | undefined;
  /** Closes the platform. */
  signal?: AbortSignal | undefined;
}

/** Options of {@linkcode runPlatform}. */
export interface PlatformSettings extends CommonOptions {
  /** Runs the backends; the platform disposes it when it closes. */
  runner: Runner;
  host: string;
  allowedHosts: readonly string[];
  startupTimeout: number;
  grace: number;
  gate: Pick<
    GateOptions,
    "keys" | "tokenLifetime" | "revocations" | "onRevoke"
  >;
  /** The API token; without it, anyone who reaches the API may use it. */
  token?: string | undefined;
  publicUrl?: string | undefined;
  /** Keeps the states of backends for a later run, to which they are left on close. */
  store?: Store | undefined;
  /** The backends of an earlier run. */
  earlier?: readonly EarlierBackend[] | undefined;
  /** Whether the page shows requests and messages. */
  traffic?: boolean | undefined;
  /** Whether `onEvent` is called with requests. */
  logRequests?: boolean | undefined;
  /** Does more while the platform runs. */
  accompany?:
    | ((registry: Registry, signal: AbortSignal) => Promise<void>)
    | undefined;
}

/** A backend of the platform, without secrets. */
export interface DevBackend {
  /** Its id. */
  id: string;
  /** The key that it holds, if it was requested by key. */
  key: string | undefined;
  /** The process id, while there is a process. */
  pid: number | undefined;
  /** Every state so far, oldest first. */
  states: readonly BackendState[];
  /** How many connections are open. */
  connections: number;
}

/** An event of the platform. */
export type DevEvent =
  | { type: "state"; backend: DevBackend; state: BackendState }
  /** `from` is `platform` for remarks of the platform itself. */
  | {
    type: "line";
    backend: DevBackend;
    from: "stdout" | "stderr" | "platform";
    text: string;
  }
  /** A request to a backend was answered; only with the option `logRequests`. */
  | { type: "request"; request: DevRequest }
  /** A remark that does not concern a single backend. */
  | { type: "note"; text: string };

/** A request to a backend, without secrets. */
export interface DevRequest {
  /** The backend; `undefined` if the connection token was refused. */
  backend: DevBackend | undefined;
  /** The user whom the connection token names. */
  user: string | undefined;
  /** Its method. */
  method: string;
  /**
   * The path within the backend and the query, in which secrets are replaced with `•••`;
   * empty if the connection token was refused.
   */
  path: string;
  /** The status of the response; 101 for a WebSocket. */
  status: number;
  /** How long the response took to begin, in milliseconds. */
  ms: number;
}

/** A running platform. */
export interface DevPlatform extends AsyncDisposable {
  /** The URL of the API and the page, without a trailing slash. */
  readonly apiUrl: string;
  /** The URL of the connection proxy, without a trailing slash. */
  readonly proxyUrl: string;
  /** The backends, including those that ended recently; oldest first. */
  readonly backends: DevBackend[];
  /**
   * Starts a backend with the settings of another one, which is ended first if it still
   * runs. Resolves when the new one is scheduled. If another backend holds the key by
   * then, resolves with that one.
   *
   * @throws if there is no backend with that id, or the platform is closing
   */
  restart(id: string): Promise<DevBackend>;
  /** Resolves when the platform is closed. */
  readonly closed: Promise<void>;
  /**
   * Ends all backends, with a grace period unless `hard`, then the servers. A second call
   * with `hard` cuts the grace period of the first short.
   */
  close(options?: { hard?: boolean | undefined }): Promise<void>;
}

/** A port to listen on; with 0, the system chooses one. */
const PORT: NumberRule = { most: 65_535, whole: true };

/**
 * Starts a platform.
 * @throws {DevPlatformError} if it cannot listen
 * @throws {RangeError} if a port or a duration is out of range
 */
export async function runPlatform(
  settings: PlatformSettings,
): Promise<DevPlatform & { readonly gate: Gate }> {
  await using started = new AsyncDisposableStack();
  const runner = started.use(settings.runner);
  settings.signal?.throwIfAborted();
  const { host, store } = settings;
  const keepAlive = checkDuration("keepAlive", settings.keepAlive ?? 10_000);
  const port = checkNumber("port", settings.port ?? 8080, PORT);
  const proxyPort = checkNumber("proxyPort", settings.proxyPort ?? 9090, PORT);
  const note = (text: string) => settings.onEvent?.({ type: "note", text });
  const metrics = new Metrics();
  const streams = new AbortController();
  const bridges = new AbortController();
  const traffic = settings.traffic ? new Traffic() : undefined;
  const gate = new Gate({
    ...settings.gate,
    now: settings.now,
    onConnections: (id, open) => registry.get(id)?.setConnections(open),
  });
  const registry = new Registry({
    runner,
    startupTimeout: checkDuration("startupTimeout", settings.startupTimeout),
    grace: checkDuration("grace", settings.grace),
  });
  const guard: GuardOptions = {
    open: !isLoopback(host),
    allowedHosts: settings.allowedHosts.map((name) => name.toLowerCase()),
  };
  const usage = started.use(
    new UsageMeter(() =>
      new Set(registry.running.flatMap(({ pid }) => pid ?? []))
    ),
  );
  const api = started.adopt(
    listen(
      host,
      "--port",
      port,
      createApi({
        registry,
        gate,
        access: settings.token === undefined
          ? { kind: "guard", guard }
          : { kind: "token", test: bearerTest(settings.token) },
        publicUrl: settings.publicUrl,
        metrics: () => metrics.text(gaugesOf(registry)),
        runs: runner.runs,
        traffic,
        usage,
        proxyPort: () => proxy.port,
        keepAlive,
        signal: streams.signal,
        onNote: note,
        onError: (error) => note(`the API failed: ${error}`),
      }).fetch,
    ),
    (server) => server.close(),
  );
  const proxy: Server = started.adopt(
    listen(
      host,
      "--proxy-port",
      proxyPort,
      createConnectProxy({
        registry,
        gate,
        // With an API token, a connection token comes from the owner of that token.
        guard: settings.token === undefined ? guard : undefined,
        signal: bridges.signal,
        onRefused: (refusal) => metrics.refused(refusal),
        onRequest: traffic && ((request) => traffic.follow(request)),
      }),
    ),
    (server) => server.close(),
  );
  // The first to listen: a state is kept before anyone reads it.
  const idleTimes = store && keep(registry, store);
  report(registry, settings.onEvent);
  if (settings.logRequests) reportRequests(registry, traffic, settings.onEvent);
  settings.earlier?.forEach((backend) => registry.adopt(backend));
  // The states of earlier runs were counted then.
  registry.listen({
    onState: ({ life }) => metrics.state(life.history),
    onLine() {},
    onConnections() {},
  });
  const accompanying = settings.accompany?.(registry, streams.signal);

  const resources = started.move();
  let closing: Promise<void> | undefined;
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>();
  closed.catch(() => {});
  const close = ({ hard = false }: { hard?: boolean | undefined } = {}) => {
    settings.signal?.removeEventListener("abort", abort);
    closing ??= (async () => {
      idleTimes?.[Symbol.dispose]();
      if (store) registry.leave();
      else await registry.close();
      // Every status stream has reported the end by now.
      streams.abort();
      bridges.abort();
      await accompanying;
      await resources.disposeAsync();
    })().then(resolve, reject);
    if (hard && !store) registry.terminate("hard", "external");
    return closed;
  };
  const abort = () => void close();
  settings.signal?.addEventListener("abort", abort, { once: true });
  if (settings.signal?.aborted) abort();

  const name = guard.open && !/^(0\.0\.0\.0|::)$/.test(host)
    ? host.includes(":") ? `[${host}]` : host
    : "localhost";
  return {
    gate,
    apiUrl: `http://${name}:${api.port}`,
    proxyUrl: `http://${name}:${proxy.port}`,
    get backends() {
      return registry.backends.map(toDevBackend);
    },
    async restart(id) {
      const backend = registry.get(id);
      if (!backend) throw new DevPlatformError(`no backend has the id ${id}`);
      return toDevBackend(await registry.again(backend, streams.signal));
    },
    closed,
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

/** Keeps what a later run needs. */
function keep(registry: Registry, store: Store): IdleTimes {
  const idleTimes = new IdleTimes((backend) => store.keep(backend));
  registry.listen({
    onState(backend) {
      store.keep(backend);
      idleTimes.wrote(backend);
    },
    onLine() {},
    onConnections: (backend) => idleTimes.changed(backend),
    onForget(id) {
      store.forget(id);
      idleTimes.forget(id);
    },
  });
  return idleTimes;
}

function gaugesOf(registry: Registry) {
  const backends = new Map<string, number>();
  let connections = 0;
  for (const { state, connections: open } of registry.running) {
    backends.set(state.status, (backends.get(state.status) ?? 0) + 1);
    connections += open;
  }
  return { backends, connections };
}

function report(
  registry: Registry,
  onEvent: CommonOptions["onEvent"],
): void {
  if (!onEvent) return;
  registry.listen({
    onState: (backend, state) =>
      onEvent({ type: "state", backend: toDevBackend(backend), state }),
    onLine: (backend, { from, text }: LogLine) =>
      onEvent({ type: "line", backend: toDevBackend(backend), from, text }),
    onConnections() {},
  });
}

function reportRequests(
  registry: Registry,
  traffic: Traffic | undefined,
  onEvent: CommonOptions["onEvent"],
): void {
  const told = new WeakSet<LoggedRequest>();
  traffic?.log.listen((request) => {
    const { backend: id, user, method, path, status, ms } = request;
    // A stream changes once more when it ends.
    if (status === undefined || ms === undefined || told.has(request)) return;
    told.add(request);
    const found = id === undefined ? undefined : registry.get(id);
    const backend = found && toDevBackend(found);
    onEvent?.({
      type: "request",
      request: { backend, user, method, path, status, ms },
    });
  });
}

function toDevBackend(backend: Backend): DevBackend {
  return {
    id: backend.id,
    key: backend.spec.key,
    pid: backend.pid,
    states: [...backend.life.history],
    connections: backend.connections,
  };
}
