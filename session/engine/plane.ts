/** Requests in the words of Plane's controller. No I/O. */
import type {
  ConnectRequest,
  ConnectResponse,
  SpawnOptions,
} from "../../types.ts";

/** What holds for every request of one `Plane`. */
export interface PlaneDefaults {
  cluster: string | undefined;
  namespace: string | undefined;
  executable: Record<string, unknown>;
}

/** The body of `POST /ctrl/connect`. */
export function planeRequest(
  { key, spawn, tag, user, auth }: ConnectRequest,
  defaults: PlaneDefaults,
): unknown {
  const own = defaults.executable as SpawnOptions["executable"];
  const {
    tag: spawnTag,
    cluster = defaults.cluster,
    executable,
    ...limits
  } = typeof spawn === "object" && spawn ? spawn : {};
  return {
    key: key === undefined
      ? undefined
      : { name: key, namespace: defaults.namespace, tag: tag ?? spawnTag },
    spawn_config: spawn === false ? undefined : {
      cluster,
      executable: {
        ...own,
        ...executable,
        ...mergeField(own, executable, "env"),
        ...mergeField(own, executable, "resource_limits"),
      },
      ...limits,
    },
    user,
    // Plane takes no null here.
    auth: auth ?? undefined,
  };
}

/** One field of two executables, the request's entries over those of the engine. */
function mergeField<K extends "env" | "resource_limits">(
  own: SpawnOptions["executable"],
  asked: SpawnOptions["executable"],
  name: K,
): Partial<Record<K, unknown>> {
  if (!own?.[name] && !asked?.[name]) return {};
  return { [name]: { ...own?.[name], ...asked?.[name] } } as Record<K, unknown>;
}

/** The origins of a cluster's backends, which are named after it. */
export function clusterOrigins(cluster: string): string[] {
  const [host, port] = cluster.split(":");
  return port === undefined || port === "443"
    ? [`https://${host}`, `https://*.${host}`]
    : [`http://${cluster}`, `http://*.${cluster}`];
}

/** Whether a key is held by a backend that takes no connections any more. */
export function isEnding({ status }: ConnectResponse): boolean {
  return status === "terminating" || status === "hard-terminating" ||
    status === "terminated";
}

/**
 * Plane's proxy, which Jamsocket uses too, names the backend in each answer of a
 * backend, and in none of its own.
 */
export function isPlaneAnswer({ headers }: { headers: Headers }): boolean {
  return !headers.has("x-plane-backend-id");
}
