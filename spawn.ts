/** How a backend is spawned, as types; `types.ts` exports them. */

/** How to run a backend when a connect request has to spawn one. */
export interface SpawnOptions {
  /**
   * Which of the service's images to run. Connecting fails if the key is held by a
   * backend with another tag.
   */
  tag?: string | undefined;
  /** The cluster to run the backend in. */
  cluster?: string | undefined;
  /** Seconds from the spawn until the platform ends the backend. */
  lifetime_limit_seconds?: number | undefined;
  /** Seconds without a connection until the platform ends the backend. */
  max_idle_seconds?: number | undefined;
  /** The environment and limits of the process. */
  executable?: {
    /** A persistent folder: a path, or whether to mount the default one. */
    mount?: string | boolean | undefined;
    /** Environment variables. Names that the platform sets itself are rejected. */
    env?: Record<string, string> | undefined;
    /** Bounds on what the process may use. */
    resource_limits?: {
      /** The CPU period, in microseconds. @default {100_000} */
      cpu_period?: number | undefined;
      /** The share of the period that may be used, in percent (100 is one CPU). */
      cpu_period_percent?: number | undefined;
      /** Total CPU time, in seconds. */
      cpu_time_limit?: number | undefined;
      /** Memory, in bytes. */
      memory_limit_bytes?: number | undefined;
      /** Disk space, in bytes. */
      disk_limit_bytes?: number | undefined;
    } | undefined;
  } | undefined;
}

/** What a drone of Plane with the Docker runtime runs. */
export interface PlaneExecutable
  extends NonNullable<SpawnOptions["executable"]> {
  /** The container image, e.g. `ghcr.io/me/rooms:3`. */
  image?: string | undefined;
  /** When the drone pulls the image. @default {"IfNotPresent"} */
  pull_policy?: "IfNotPresent" | "Always" | "Never" | undefined;
  /** The account at the image's registry, if the image is private. */
  credentials?: { username: string; password: string } | undefined;
  /** The Docker network that the container joins. @default Docker's own default */
  network_name?: string | undefined;
}

/** {@linkcode SpawnOptions} with the fields that only Plane knows. */
export interface PlaneSpawnOptions extends SpawnOptions {
  /** The pool of drones to spawn on. @default drones without a pool */
  pool?: string | undefined;
  /**
   * The host name of the backend below the cluster's: letters, digits and hyphens.
   * The backend's URL then begins with it, and other host names are refused.
   */
  subdomain?: string | undefined;
  /**
   * Gives the backend one connection URL, the same for every user: the backend learns
   * neither `user` nor `auth`, finds the token as `SESSION_BACKEND_STATIC_TOKEN`, and
   * sees it in the path of each request. @default {false}
   */
  use_static_token?: boolean | undefined;
  /**
   * The id of the new backend: up to 45 lower-case letters, digits and hyphens, never
   * used before. @default chosen by Plane
   */
  id?: string | undefined;
  /** The image, environment and limits of the process; merged into the engine's. */
  executable?: PlaneExecutable | undefined;
}
