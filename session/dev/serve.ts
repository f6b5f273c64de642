/**
 * The platform for production on one machine: each backend is a container, and everything
 * survives a restart of this process, its sudden end, and a restart of the container engine.
 */
import { findEngine } from "./docker/address.ts";
import { DockerRunner } from "./docker/runner.ts";
import { isLoopback } from "./guard.ts";
import { DevPlatformError } from "./listen.ts";
import { exemptLoopback } from "./loopback.ts";
import {
  type CommonOptions,
  type DevPlatform,
  runPlatform,
} from "./run_platform.ts";
import { earlier, Store } from "./store.ts";

/** Options of {@linkcode servePlatform}. */
export interface ServeOptions extends CommonOptions {
  /**
   * The image that each backend runs, such as `my/rooms:3`. If it has no tag, the `tag` of
   * a spawn request selects one.
   */
  image: string;
  /**
   * The folder in which the platform keeps its state: the secrets that sign connection
   * tokens, revocations, and the states of backends. @default {".feedline"}
   */
  state?: string | undefined;
  /**
   * The name of the platform, which its containers carry. Only one platform of a name may
   * use a container engine. @default {"feedline"}
   */
  name?: string | undefined;
  /** The API token. Without it, the platform listens on loopback addresses only. */
  token?: string | undefined;
  /**
   * The URL at which pages reach the platform through your reverse proxy, such as
   * `https://rooms.example.com`. @default the host name by which the API was called
   */
  publicUrl?: string | undefined;
  /** The address to listen on. @default {"localhost"} */
  host?: string | undefined;
  /**
   * The address of the container engine: `unix:///…` or `tcp://…`, which must be on this
   * machine. Over TCP, `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` count as in Docker.
   * @default the environment variable `DOCKER_HOST`, or `unix:///var/run/docker.sock`
   */
  dockerHost?: string | undefined;
  /** The networks that a spawn request may name; the first is the default. @default {[]} */
  networks?: readonly string[] | undefined;
  /** The folder for persistent folders of backends. @default none */
  mounts?: string | undefined;
  /** Variables for each backend. @default {{}} */
  env?: Record<string, string> | undefined;
  /**
   * How long a backend may take until it answers `HEAD /`, in milliseconds; `Infinity`
   * means no limit. @default {300_000}
   */
  startupTimeout?: number | undefined;
  /**
   * How long a backend may take to end after its stop signal, in milliseconds; `Infinity`
   * means no limit. @default {30_000}
   */
  grace?: number | undefined;
}

/** A platform that serves. */
export interface ServingPlatform extends DevPlatform {
  /**
   * Reads the secrets that sign connection tokens again, from `keys.json` in the folder
   * `state`: the first signs, all verify.
   * @throws {DevPlatformError} if the file is not a list of keys; the old ones stay in use
   */
  reloadKeys(): void;
}

/**
 * Starts a platform that runs each backend as a container, and continues with those of its
 * earlier run. Closing it leaves the containers running.
 *
 * @throws {DevPlatformError} if it cannot be started, e.g. because no container engine
 * answers, or `host` is not a loopback address and there is no token
 * @throws {RangeError} if a port or a duration is out of range
 *
 * @example
 * ```ts ignore
 * import { servePlatform } from "@feedline/feedline/dev";
 *
 * await using platform = await servePlatform({
 *   image: "my/rooms:3",
 *   token: Deno.env.get("FEEDLINE_TOKEN"),
 *   publicUrl: "https://rooms.example.com",
 * });
 * await platform.closed;
 * ```
 */
export async function servePlatform(
  options: ServeOptions,
): Promise<ServingPlatform> {
  const { host = "localhost", name = "feedline", token } = options;
  if (typeof options.image !== "string" || options.image === "") {
    throw new DevPlatformError("serve needs an image, such as my/rooms:3");
  }
  if (token === "") throw new DevPlatformError("the API token is empty");
  if (token === undefined && !isLoopback(host)) {
    throw new DevPlatformError(
      `without an API token the platform listens on loopback addresses only, not on ${host}; set --token-file or FEEDLINE_TOKEN`,
    );
  }
  if (!/^[a-z0-9][a-z0-9_.-]{0,62}$/i.test(name)) {
    throw new DevPlatformError(
      "the name of the platform must be letters, digits, ., - and _",
    );
  }
  const publicUrl = options.publicUrl && checkUrl(options.publicUrl);
  exemptLoopback(Deno.env);
  const store = new Store(options.state ?? ".feedline");
  const keys = store.keys();
  const runner = await DockerRunner.start({
    image: options.image,
    name,
    ...findEngine(options.dockerHost),
    networks: options.networks ?? [],
    mounts: options.mounts,
    env: options.env ?? {},
    onNote: (text) => options.onEvent?.({ type: "note", text }),
  });
  const kept = store.backends();
  const ended = new Set(
    kept.filter(({ states }) => states.at(-1)!.status === "terminated")
      .map(({ spec }) => spec.id),
  );
  const found = await runner.find();
  for (const container of found) {
    // Its end was reported, but this process ended before it was removed.
    if (ended.has(container.spec.id)) await runner.discard(container);
  }
  const platform = await runPlatform({
    ...options,
    runner,
    host,
    allowedHosts: [],
    publicUrl,
    startupTimeout: options.startupTimeout ?? 300_000,
    grace: options.grace ?? 30_000,
    gate: {
      keys,
      tokenLifetime: options.tokenLifetime ?? 24 * 60 * 60 * 1000,
      revocations: store.revocations(),
      onRevoke: (revocations) => store.keepRevocations(revocations),
    },
    store,
    earlier: earlier(kept, found.map(({ spec }) => spec)),
  });
  return Object.assign(platform, {
    reloadKeys: () => platform.gate.rotate(store.keys()),
  });
}

/** Checks a URL that paths are appended to. */
function checkUrl(text: string): string {
  const url = URL.parse(text);
  if (
    url && /^https?:$/.test(url.protocol) && !url.search && !url.hash &&
    !url.username && !url.password
  ) return url.href.replace(/\/+$/, "");
  throw new DevPlatformError(
    "the public URL must begin with https:// or http:// and contain no credentials, query or fragment",
  );
}
