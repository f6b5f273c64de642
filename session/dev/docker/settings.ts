/**
 * What a backend is as a container: its name, its labels, its limits. No I/O: a request
 * in, settings of the Engine API out, and labels back in.
 */
import type { BackendSpec } from "../backend_spec.ts";
import { ApiFailure } from "../errors.ts";
import { environmentOf } from "../runner.ts";
import { splitImage } from "./engine.ts";

/** How a platform runs its containers. */
export interface ContainerOptions {
  /** The image, with or without a tag. */
  image: string;
  /** The name of the platform: containers of other platforms are left alone. */
  name: string;
  /** The networks that a request may name; the first is the default. */
  networks: readonly string[];
  /** Variables for each backend, in addition to those of its request. */
  env: Readonly<Record<string, string>>;
  /** The folder of this machine in which persistent folders are. */
  mounts: string | undefined;
}

/** The port that a program is told to listen on. */
export const PORT = 8080;
/** Where a program finds its persistent folder. */
export const MOUNT = "/plane-data";
/** In microseconds, what Docker uses by default. */
const CPU_PERIOD = 100_000;

/** The label that all containers of a platform have, as `name=value`. */
export function platformLabel(platform: string): string {
  return `feedline.platform=${platform}`;
}

/**
 * Checks that a request's options can be given to a container.
 * @throws {ApiFailure} 400 naming the field
 */
export function checkOptions(
  { tag, executable }: Pick<BackendSpec, "tag" | "executable">,
  options: ContainerOptions,
): void {
  imageFor(tag, options);
  mountOf({ id: "", key: undefined, executable }, options);
  networkOf(executable, options);
}

/**
 * The image to run. A tag of the request selects one only if the platform's image has none.
 * @throws {ApiFailure} 400 if the tag is not one
 */
export function imageFor(
  tag: string,
  { image }: Pick<ContainerOptions, "image">,
): string {
  const own = splitImage(image);
  const tagged = image !== own.name;
  if (tag === "" || tagged) return image;
  if (!/^\w[\w.-]{0,127}$/.test(tag)) {
    throw new ApiFailure(400, "spawn.tag: expected the tag of an image");
  }
  return `${own.name}:${tag}`;
}

/** The settings with which the container of a backend is created. */
export function containerSettings(
  spec: BackendSpec,
  options: ContainerOptions,
): Record<string, unknown> {
  const limits = spec.executable.resource_limits ?? {};
  const mount = mountOf(spec, options);
  const network = networkOf(spec.executable, options);
  const period = limits.cpu_period ?? CPU_PERIOD;
  return {
    Image: imageFor(spec.tag, options),
    Env: Object.entries({ ...options.env, ...environmentOf(spec, PORT) })
      .map(([name, value]) => `${name}=${value}`),
    Labels: labelsOf(spec, options.name),
    ExposedPorts: { [`${PORT}/tcp`]: {} },
    HostConfig: {
      // Only the gate of this machine may reach it.
      PortBindings: {
        [`${PORT}/tcp`]: [{ HostIp: "127.0.0.1", HostPort: "" }],
      },
      // The platform decides whether a backend runs, not the engine.
      RestartPolicy: { Name: "no" },
      ...(limits.memory_limit_bytes === undefined
        ? {}
        : { Memory: limits.memory_limit_bytes }),
      ...(limits.cpu_period_percent === undefined ? {} : {
        CpuPeriod: period,
        CpuQuota: Math.round(period * limits.cpu_period_percent / 100),
      }),
      ...(limits.cpu_time_limit === undefined ? {} : {
        Ulimits: [{
          Name: "cpu",
          Soft: limits.cpu_time_limit,
          Hard: limits.cpu_time_limit,
        }],
      }),
      ...(limits.disk_limit_bytes === undefined
        ? {}
        : { StorageOpt: { size: String(limits.disk_limit_bytes) } }),
      ...(mount === undefined ? {} : { Binds: [`${mount}:${MOUNT}`] }),
      ...(network === undefined ? {} : { NetworkMode: network }),
    },
  };
}

/** The folder that a request mounts, on this machine. */
function mountOf(
  { id, key, executable: { mount } }: Pick<
    BackendSpec,
    "id" | "key" | "executable"
  >,
  { mounts }: Pick<ContainerOptions, "mounts">,
): string | undefined {
  if (mount === undefined || mount === false) return undefined;
  const field = "spawn.executable.mount";
  if (mounts === undefined) {
    throw new ApiFailure(
      400,
      `${field}: this platform has no folder for mounts; start it with --mounts <folder>`,
    );
  }
  // A key may contain any character; encoded it is one name, and never "..".
  const name = mount === true
    ? encodeURIComponent(key ?? id).replaceAll(".", "%2E")
    : mount;
  if (
    mount !== true &&
    !/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/.test(name)
  ) {
    throw new ApiFailure(
      400,
      `${field}: expected true or a relative path of letters, digits, ".", "-" and "_"`,
    );
  }
  return `${mounts}/${name}`;
}

/** The network that a request names, or the platform's first. */
function networkOf(
  executable: BackendSpec["executable"],
  { networks }: Pick<ContainerOptions, "networks">,
): string | undefined {
  const wanted = (executable as { network_name?: unknown }).network_name;
  if (wanted === undefined) return networks[0];
  if (typeof wanted === "string" && networks.includes(wanted)) return wanted;
  throw new ApiFailure(
    400,
    "spawn.executable.network_name: not a network that this platform allows; see --network",
  );
}

/**
 * The name of a backend's container. All backends of a key have the same, so that the
 * engine refuses a second one.
 */
export async function containerName(
  { id, key, account, service, environment }: BackendSpec,
  platform: string,
): Promise<string> {
  if (key === undefined) return `${platform}-${id}`;
  const scope = JSON.stringify([account, service, environment ?? null, key]);
  const hash = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode(scope)),
  );
  return `${platform}-key-${hash.slice(0, 16).toHex()}`;
}

/** The labels from which {@linkcode specOf} reads the backend again. */
function labelsOf(spec: BackendSpec, platform: string): Record<string, string> {
  const { executable, ...rest } = spec;
  const { env: _env, ...shown } = executable;
  return {
    "feedline.platform": platform,
    "feedline.backend": spec.id,
    // For people, who see these in `docker ps`.
    ...(spec.key === undefined ? {} : { "feedline.key": spec.key }),
    ...(spec.tag === "" ? {} : { "feedline.tag": spec.tag }),
    // Everything but the environment, which may contain secrets.
    "feedline.spec": JSON.stringify({ ...rest, executable: shown }),
  };
}

/** The backend that a container's labels describe; `undefined` if they describe none. */
export function specOf(
  labels: Readonly<Record<string, string>> | null | undefined,
): BackendSpec | undefined {
  try {
    const spec = JSON.parse(labels?.["feedline.spec"] ?? "") as BackendSpec;
    return spec.id === labels!["feedline.backend"] ? spec : undefined;
  } catch {
    return undefined;
  }
}
