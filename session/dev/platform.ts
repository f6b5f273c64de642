/** The dev platform: backends are processes or containers of this machine, and end with it. */
import { DevPlatformError } from "./listen.ts";
import { exemptLoopback } from "./loopback.ts";
import { findEngine } from "./docker/address.ts";
import { DockerRunner } from "./docker/runner.ts";
import { findProgram } from "./process.ts";
import { ProcessRunner } from "./process_runner.ts";
import {
  type CommonOptions,
  type DevPlatform,
  runPlatform,
} from "./run_platform.ts";
import { RESERVED_ENV, type Runner } from "./runner.ts";
import { watchCode } from "./watch.ts";

export type {
  CommonOptions,
  DevBackend,
  DevEvent,
  DevPlatform,
  DevRequest,
} from "./run_platform.ts";

/** Options of {@linkcode startDevPlatform}. One of `module`, `command` and `image` is required. */
export interface DevPlatformOptions extends CommonOptions {
  /** The module that each backend runs, with `deno run -A`: a path or a URL. */
  module?: string | URL | undefined;
  /** The program that each backend runs, and its arguments. */
  command?: readonly string[] | undefined;
  /** The container image that each backend runs, such as `my/rooms:3`; needs Docker or Podman. */
  image?: string | undefined;
  /**
   * The address of the container engine: `unix:///…` or `tcp://…`, which must be on this
   * machine. Over TCP, `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` count as in Docker.
   * @default the environment variable `DOCKER_HOST`, or `unix:///var/run/docker.sock`
   */
  dockerHost?: string | undefined;
  /** The networks that a spawn request may name; the first is the default. @default {[]} */
  networks?: readonly string[] | undefined;
  /** The folder for the persistent folders of containers. @default none */
  mounts?: string | undefined;
  /** Arguments for the module. @default {[]} */
  args?: readonly string[] | undefined;
  /** The configuration file for `deno run`. @default {the one that Deno finds} */
  config?: string | undefined;
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
  /** Whether `onEvent` is called with each request to a backend, too. @default {false} */
  logRequests?: boolean | undefined;
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
}

/**
 * Starts a dev platform, which replaces the hosted one and runs each backend as a process
 * of its own, or as a container.
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
  exemptLoopback(Deno.env);
  const note = (text: string) => options.onEvent?.({ type: "note", text });
  return await runPlatform({
    ...options,
    runner: await toRunner(options, note),
    host: options.host ?? "localhost",
    allowedHosts: options.allowedHosts ?? [],
    startupTimeout: options.startupTimeout ?? 30_000,
    grace: options.grace ?? 10_000,
    traffic: true,
    // Backends end with this process, and so may their tokens.
    gate: {
      keys: [{ id: randomId(), secret: randomId() + randomId() }],
      tokenLifetime: options.tokenLifetime,
    },
    accompany: options.watch
      ? (registry, signal) =>
        watchCode({
          module: options.command ? undefined : String(options.module),
          config: options.config,
          cwd: options.cwd ?? Deno.cwd(),
          onNote: note,
          onChange() {
            const running = registry.running.length;
            note(
              `the code has changed; ${
                running === 0
                  ? "no backend is running"
                  : `ending ${
                    running === 1 ? "1 backend" : `${running} backends`
                  }`
              }`,
            );
            registry.terminate("soft", "external");
          },
        }, signal)
          .catch((error) => note(`--watch stopped: ${error.message}`))
      : undefined,
  });
}

async function toRunner(
  options: DevPlatformOptions,
  onNote: (text: string) => void,
): Promise<Runner> {
  const { image } = options;
  if (image === undefined) {
    const cwd = options.cwd ?? Deno.cwd();
    return new ProcessRunner({
      command: toCommand(options, cwd),
      cwd,
      env: { ...inheritedEnv(), ...options.env },
    });
  }
  if (options.module !== undefined || options.command || options.watch) {
    throw new DevPlatformError(
      "an image runs without a module, a command and --watch",
    );
  }
  const runner = await DockerRunner.start({
    image,
    // What an earlier dev platform left behind at the same port is removed below.
    name: options.port === 0
      ? `feedline-dev-${randomId().slice(0, 8)}`
      : `feedline-dev-${options.port ?? 8080}`,
    ...findEngine(options.dockerHost),
    networks: options.networks ?? [],
    mounts: options.mounts,
    env: options.env ?? {},
    onNote,
  });
  for (const left of await runner.find()) await runner.discard(left);
  return runner;
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
    throw new DevPlatformError("pass a module, a command or an image to run");
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
