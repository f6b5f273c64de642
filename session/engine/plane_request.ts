/** Converts connect requests to the form of Plane's controller, and checks them. No I/O. */
import { isObject } from "../../net/shape.ts";
import type {
  ConnectRequest,
  PlaneExecutable,
  PlaneSpawnOptions,
} from "../../types.ts";

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
  const own: PlaneExecutable = defaults.executable;
  const {
    tag: spawnTag,
    cluster = defaults.cluster,
    executable,
    ...others
  }: PlaneSpawnOptions = typeof spawn === "object" && spawn ? spawn : {};
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
      ...others,
    },
    user,
    // Plane does not accept null here.
    auth: auth ?? undefined,
  };
}

/** Merges one field of two executables; the request's entries override the engine's. */
function mergeField<K extends "env" | "resource_limits">(
  own: PlaneExecutable,
  asked: PlaneExecutable | undefined,
  name: K,
): Partial<Record<K, unknown>> {
  if (!own[name] && !asked?.[name]) return {};
  return { [name]: { ...own[name], ...asked?.[name] } } as Record<K, unknown>;
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

/** What a name must look like for Plane, and a description of it. */
const NAMES: Record<string, [pattern: RegExp, description: string]> = {
  id: [
    /^[a-z0-9-]{1,45}$/,
    "consist of up to 45 lower-case letters, digits and hyphens",
  ],
  subdomain: [
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i,
    "consist of up to 63 letters, digits and hyphens, and not begin or end with a hyphen",
  ],
  cluster: [
    /^([\w.-]+|\[[\da-f:]+\])(:\d{1,5})?$/i,
    "be a host name, with a port unless it is served over HTTPS on port 443",
  ],
};

const PULL_POLICIES = ["IfNotPresent", "Always", "Never"];

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
  for (const [name, [pattern, description]] of Object.entries(NAMES)) {
    const value = spawn[name];
    checkString(`spawn.${name}`, value);
    // Plane accepts any text and then fails, or gives a URL that leads nowhere.
    if (typeof value === "string" && !pattern.test(value)) {
      throw new RangeError(
        `spawn.${name} must ${description} for Plane; got ${
          JSON.stringify(value)
        }`,
      );
    }
  }
  checkString("spawn.pool", spawn.pool);
  checkBoolean("spawn.use_static_token", spawn.use_static_token);
  checkRanges("spawn", spawn, SPAWN);
  const executable = spawn.executable as Record<string, unknown>;
  const { image, env, resource_limits: limits } = executable;
  for (const name of ["image", "network_name", "pull_policy"]) {
    checkString(`spawn.executable.${name}`, executable[name]);
  }
  for (const [name, value] of Object.entries(Object(env))) {
    checkString(`spawn.executable.env.${name}`, value);
  }
  // Runtimes other than Docker define these fields in their own way.
  if (typeof image !== "string") return;
  checkImage(executable);
  if (isObject(limits)) {
    checkRanges("spawn.executable.resource_limits", limits, RESOURCES);
  }
}

/** Checks what only the Docker runtime knows; no value is quoted, it may be secret. */
function checkImage({ pull_policy, credentials }: PlaneExecutable): void {
  if (pull_policy && !PULL_POLICIES.includes(pull_policy)) {
    throw new RangeError(
      `spawn.executable.pull_policy must be one of ${
        PULL_POLICIES.join(", ")
      }; got ${JSON.stringify(pull_policy)}`,
    );
  }
  if (credentials === undefined || credentials === null) return;
  if (!isObject(credentials)) {
    throw new TypeError(
      `spawn.executable.credentials must be an object; got ${
        kindOf(credentials)
      }`,
    );
  }
  for (const name of ["username", "password"] as const) {
    if (typeof credentials[name] === "string") continue;
    throw new TypeError(
      `spawn.executable.credentials.${name} must be a string; got ${
        kindOf(credentials[name])
      }`,
    );
  }
}

function checkBoolean(name: string, value: unknown): void {
  // Plane refuses null here, unlike elsewhere.
  if (value === undefined || typeof value === "boolean") return;
  throw new TypeError(`${name} must be true or false; got ${kindOf(value)}`);
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
