/** Converts connect requests to the form of Plane's controller, and checks them. No I/O. */
import { isObject } from "../../net/shape.ts";
import type { ConnectRequest, SpawnOptions } from "../../types.ts";

/** The defaults of every request of one `Plane`. */
export interface PlaneDefaults {
  cluster: string | undefined;
  namespace: string | undefined;
  executable: Record<string, unknown>;
}

/** The body of `POST /ctrl/connect`. */
export interface PlaneRequest {
  /** Absent when the request has no key. */
  key?: {
    name: string;
    namespace: string | undefined;
    tag: string | undefined;
  } | undefined;
  /** Absent when the request may not spawn a backend. */
  spawn_config?: Record<string, unknown> | undefined;
  user?: unknown;
  auth?: unknown;
}

/** Converts a connect request to the form of Plane's controller. */
export function planeRequest(
  request: ConnectRequest,
  defaults: PlaneDefaults,
): PlaneRequest {
  const { key, spawn, tag, user, auth } = request;
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
    // Plane does not accept null here.
    auth: auth ?? undefined,
  };
}

/** Merges one field of two executables; the request's entries override the engine's. */
function mergeField<K extends "env" | "resource_limits">(
  own: SpawnOptions["executable"],
  asked: SpawnOptions["executable"],
  name: K,
): Partial<Record<K, unknown>> {
  if (!own?.[name] && !asked?.[name]) return {};
  return { [name]: { ...own?.[name], ...asked?.[name] } } as Record<K, unknown>;
}

/*
 * Plane rejects an invalid request with a bare HTTP 422, or accepts it and then fails
 * to start the backend. So requests are checked before they are sent.
 */

/** The bounds of a whole number, and its unit. */
interface Range {
  least: number;
  most: number;
  unit: string;
}

const INT32 = 2 ** 31 - 1;
const INT64 = Number.MAX_SAFE_INTEGER;

/** Fields of `spawn`. */
const SPAWN: Record<string, Range> = {
  lifetime_limit_seconds: { least: 1, most: INT32, unit: "seconds" },
  max_idle_seconds: { least: 1, most: INT32, unit: "seconds" },
};

/** Fields of `spawn.executable.resource_limits`; the bounds are Docker's. */
const RESOURCES: Record<string, Range> = {
  cpu_period: { least: 1_000, most: 1_000_000, unit: "microseconds" },
  cpu_period_percent: { least: 1, most: 255, unit: "percent" },
  cpu_time_limit: { least: 1, most: INT64, unit: "seconds" },
  memory_limit_bytes: { least: 6_291_456, most: INT64, unit: "bytes" },
  disk_limit_bytes: { least: 1, most: INT64, unit: "bytes" },
};

/**
 * Checks the body of a connect request.
 * @throws {TypeError} if a field has the wrong type; the message names it
 * @throws {RangeError} if a number is out of range; the message names its field
 */
export function checkPlaneRequest(request: PlaneRequest): void {
  const { key, spawn_config: spawn, user, auth } = request;
  if (key === undefined && spawn === undefined) {
    throw new TypeError(
      "connect needs a key when spawn is false: without one, Plane can only spawn",
    );
  }
  if (key !== undefined) checkString("key", key.name);
  checkString("tag", key?.tag);
  checkString("user", user);
  if (auth !== undefined && !isObject(auth)) {
    throw new TypeError(
      `auth must be an object; got ${kindOf(auth)}`,
    );
  }
  if (spawn === undefined) return;
  checkString("spawn.cluster", spawn.cluster);
  checkRanges("spawn", spawn, SPAWN);
  const { image, env, resource_limits: limits } = spawn.executable as Record<
    string,
    unknown
  >;
  for (const [name, value] of Object.entries(Object(env))) {
    checkString(`spawn.executable.env.${name}`, value);
  }
  // Runtimes other than Docker define these fields in their own way.
  if (typeof image === "string" && isObject(limits)) {
    checkRanges("spawn.executable.resource_limits", limits, RESOURCES);
  }
}

function checkString(name: string, value: unknown): void {
  if (value === undefined || value === null || typeof value === "string") {
    return;
  }
  throw new TypeError(`${name} must be a string; got ${kindOf(value)}`);
}

function checkRanges(
  where: string,
  values: Record<string, unknown>,
  ranges: Record<string, Range>,
): void {
  for (const [name, { least, most, unit }] of Object.entries(ranges)) {
    const value = values[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== "number") {
      throw new TypeError(
        `${where}.${name} must be a number of ${unit}; got ${kindOf(value)}`,
      );
    }
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new RangeError(
        `${where}.${name} must be a whole number of ${unit} from ${least} to ${most} for Plane; got ${value}`,
      );
    }
  }
}

/** The kind of a value. The value itself may be secret. */
function kindOf(value: unknown): string {
  return Array.isArray(value) ? "an array" : typeof value;
}
