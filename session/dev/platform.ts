/** The dev platform as a whole: its servers and backends, and how they end together. */
import type { BackendState } from "../../types.ts";
import { createApi } from "./http_api.ts";
import type { Backend, LogLine } from "./backend.ts";
import { RESERVED_ENV } from "./backend.ts";
import { Gate } from "../gate.ts";
import { createConnectProxy } from "./connect_proxy.ts";
import { type GuardOptions, isLoopback } from "./guard.ts";
import { DevPlatformError, listen, type Server } from "./listen.ts";
import { exemptLoopback } from "./loopback.ts";
import { OrphanGuard } from "./orphans.ts";
import { findProgram } from "./process.ts";
import { Registry } from "./registry.ts";
import { checkNumber, type NumberRule } from "../../net/number.ts";
import { checkDuration } from "../../net/timer.ts";
import { watchCode } from "./watch.ts";

/** Options of {@linkcode startDevPlatform}. Either `module` or `command` is required. */
export interface DevPlatformOptions {
  /** The module that each backend runs, with `deno run -A`: a path or a URL. */
  module?: string | URL | undefined;
  /** The program that each backend runs, and its arguments. */
  command?: readonly string[] | undefined;
  /** Arguments for the module. @default {[]} */
  args?: readonly string[] | undefined;
  /** The configuration file for `deno run`. @default {the one that Deno finds} */
  config?: string | undefined;
  /** The port of the API and the page; 0 lets the system choose. @default {8080} */
  port?: number | undefined;
  /** The port of the connection proxy; 0 lets the system choose. @default {9090} */
  proxyPort?: number | undefined;
  /**
   * The address to listen on. Any address other than a loopback address lets other
   * machines in, and any machine that reaches the API can spawn backends.
   * @default {"localhost"}
   */
  host?: string | undefined;
  /**
   * Host names to accept in addition to those of this machine, both as the host
   * of a request and as the host of the page that makes it. @default {[]}
   */
  allowedHosts?: readonly string[] | undefined;
  /** Whether backends end when their code changes. @default {false} */
  watch?: boolean | undefined;
  /** The working directory of the backends. @default {that of this process} */
  cwd?: string | undefined;
  /** Variables for each backend, in addition to those of this process. @default {{}} */
  env?: Record<string, string> | undefined;
  /**
   * How long a backend may take to listen on its port before it is killed, in
   * milliseconds; `Infinity` means no limit. @default {30_000}
   */
  startupTimeout?: number | undefined;
  /**
   * How long a backend may take to end after SIGTERM before it is killed, in
   * milliseconds; `Infinity` means no limit. Both signals also go to all processes that
   * the backend has started, so a program behind `npm start` or a shell script has this
   * time as well. @default {10_000}
   */
  grace?: number | undefined;
  /**
   * The interval between keep-alive comments on a quiet status stream, in milliseconds; 0
   * or `Infinity` disables them. @default {10_000}
   */
  keepAlive?: number | undefined;
  /** Called with the events of the platform and its backends. */
  onEvent?: ((event: DevEvent) => void) | undefined;
  /** Closes the platform. */
  signal?: AbortSignal | undefined;
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
  /** A remark that does not concern a single backend. */
  | { type: "note"; text: string };

/** A running platform. */
export interface DevPlatform extends AsyncDisposable {
  /** The URL of the API and the page, without a trailing slash. */
  readonly apiUrl: string;
  /** The URL of the connection proxy, without a trailing slash. */
  readonly proxyUrl: string;
  /** The backends, including those that ended recently; oldest first. */
  readonly backends: DevBackend[];
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
 * Starts a dev platform, which replaces the hosted one and runs each backend as a process
 * of its own.
 *
 * If `HTTP_PROXY` is set, this adds the loopback addresses to `NO_PROXY` in the environment
 * of this process. Deno reads both on the first request, so start the platform before you
 * make one.
 *
 * @throws {DevPlatformError} if it cannot be started, e.g. because a port is in use
 * @throws {RangeError} if a port or a duration is out of range
 *
 * @example
 * ```ts ignore
 * import { Jamsocket } from "@feedline/feedline/server";
 * import { startDevPlatform } from "@feedline/feedline/dev";
 *
 * await using platform = await startDevPlatform({ module: "./backend.ts" });
 * const jamsocket = new Jamsocket({ dev: true });
 * const { url } = await jamsocket.connect({ key: "my-document" });
 * console.log(platform.apiUrl, await (await fetch(url)).text());
 * ```
 */
export async function startDevPlatform(
  options: DevPlatformOptions,
): Promise<DevPlatform> {
  options.signal?.throwIfAborted();
  const startupTimeout = checkDuration(
    "startupTimeout",
    options.startupTimeout ?? 30_000,
  );
  const grace = checkDuration("grace", options.grace ?? 10_000);
  const keepAlive = checkDuration("keepAlive", options.keepAlive ?? 10_000);
  const port = checkNumber("port", options.port ?? 8080, PORT);
  const proxyPort = checkNumber("proxyPort", options.proxyPort ?? 9090, PORT);
  exemptLoopback(Deno.env);
  const host = options.host ?? "localhost";
  const cwd = options.cwd ?? Deno.cwd();
  const command = toCommand(options, cwd);
  const note = (text: string) => options.onEvent?.({ type: "note", text });

  const streams = new AbortController();
  const bridges = new AbortController();
  await using started = new AsyncDisposableStack();
  const orphans = started.use(new OrphanGuard());
  const gate = new Gate({
    // Backends end with this process, and so may their tokens.
    keys: [{ id: randomId(), secret: randomId() + randomId() }],
    onConnections: (id, open) => registry.get(id)?.setConnections(open),
  });
  const registry = new Registry({
    command,
    cwd,
    env: { ...inheritedEnv(), ...options.env },
    startupTimeout,
    grace,
    orphans,
  });
  const guard: GuardOptions = {
    open: !isLoopback(host),
    allowedHosts: (options.allowedHosts ?? []).map((name) =>
      name.toLowerCase()
    ),
  };
  const api = started.adopt(
    listen(
      host,
      "--port",
      port,
      createApi({
        registry,
        gate,
        guard,
        runs: command.join(" ").replace(Deno.execPath(), "deno"),
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
      createConnectProxy({ registry, gate, guard, signal: bridges.signal }),
    ),
    (server) => server.close(),
  );
  report(registry, options.onEvent);
  const watching = options.watch
    ? watchCode({
      module: options.command ? undefined : String(options.module),
      config: options.config,
      cwd,
      onNote: note,
      onChange() {
        const running = registry.running.length;
        note(
          `the code has changed; ${
            running === 0
              ? "no backend is running"
              : `ending ${running === 1 ? "1 backend" : `${running} backends`}`
          }`,
        );
        registry.terminate("soft", "external");
      },
    }, streams.signal)
      .catch((error) => note(`--watch stopped: ${error.message}`))
    : undefined;

  const resources = started.move();
  let closing: Promise<void> | undefined;
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>();
  closed.catch(() => {});
  const close = ({ hard = false }: { hard?: boolean | undefined } = {}) => {
    options.signal?.removeEventListener("abort", abort);
    closing ??= (async () => {
      await registry.close();
      // Every status stream has reported the end by now.
      streams.abort();
      bridges.abort();
      await watching;
      await resources.disposeAsync();
    })().then(resolve, reject);
    if (hard) registry.terminate("hard", "external");
    return closed;
  };
  const abort = () => void close();
  options.signal?.addEventListener("abort", abort, { once: true });
  if (options.signal?.aborted) abort();

  const name = guard.open && !/^(0\.0\.0\.0|::)$/.test(host)
    ? host.includes(":") ? `[${host}]` : host
    : "localhost";
  return {
    apiUrl: `http://${name}:${api.port}`,
    proxyUrl: `http://${name}:${proxy.port}`,
    get backends() {
      return registry.backends.map(toDevBackend);
    },
    closed,
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

function randomId(): string {
  return crypto.randomUUID();
}

function toCommand(
  options: DevPlatformOptions,
  cwd: string,
): readonly string[] {
  const { module, command, config, args = [] } = options;
  if ((module === undefined) === (command === undefined)) {
    throw new DevPlatformError("pass either a module or a command to run");
  }
  if (command) {
    const [program, ...rest] = command;
    if (!program) throw new DevPlatformError("the command is empty");
    const path = findProgram(program, cwd);
    if (path === undefined) {
      throw new DevPlatformError(`program not found: ${program}`);
    }
    return [path, ...rest];
  }
  return [
    Deno.execPath(),
    "run",
    "-A",
    ...(config === undefined ? [] : ["--config", config]),
    String(module),
    ...args,
  ];
}

/** The environment of this process, without the variables that a platform sets. */
function inheritedEnv(): Record<string, string> {
  const env = Deno.env.toObject();
  for (const name of RESERVED_ENV) delete env[name];
  return env;
}

function report(
  registry: Registry,
  onEvent: DevPlatformOptions["onEvent"],
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

function toDevBackend(backend: Backend): DevBackend {
  return {
    id: backend.id,
    key: backend.spec.key,
    pid: backend.pid,
    states: [...backend.life.history],
    connections: backend.connections,
  };
}
