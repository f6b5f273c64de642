/**
 * Checks the options of a socket and fills in defaults; derives the URL and the name of
 * the token from them.
 */
import { LONGEST_TIMEOUT } from "../../net/timer.ts";
import { MemoryAuth } from "./auth.ts";
import { jsonCodec } from "./codec.ts";
import { InvalidArgumentsError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import type { ReconnectOptions } from "./protocol.ts";

/** Options that always have a value once the defaults are added. */
type Defaulted =
  | "path"
  | "hostname"
  | "secure"
  | "timestampParam"
  | "autoConnect"
  | "autoReconnect"
  | "autoSubscribeOnConnect"
  | "connectTimeout"
  | "ackTimeout"
  | "binaryType"
  | "batchOnHandshakeDuration"
  | "batchInterval"
  | "queueLimit"
  | "codecEngine"
  | "authEngine"
  | "authTokenName"
  | "clientId";

/** Options with their defaults. */
export type Settings =
  & Omit<ClientOptions, Defaulted | "autoReconnectOptions" | "port" | "query">
  & { [K in Defaulted]: NonNullable<ClientOptions[K]> }
  & {
    autoReconnectOptions: ReconnectOptions;
    port: number | string | null;
    query: Record<string, unknown>;
  };

/** Removes the options that are `undefined`. */
function given<T extends object>(
  options: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as { [K in keyof T]: Exclude<T[K], undefined> };
}

/** Defaults of the options that are durations, in milliseconds. */
const TIMES = {
  connectTimeout: 20_000,
  ackTimeout: 10_000,
  batchOnHandshakeDuration: 100,
  batchInterval: 50,
};

/** Defaults of `autoReconnectOptions`. */
const DELAYS: ReconnectOptions = {
  initialDelay: 10_000,
  randomness: 10_000,
  multiplier: 1.5,
  maxDelay: 60_000,
};

/**
 * Reads the durations that `defaults` names. `null` means the default, as in
 * socketcluster-client. `Infinity`, and anything longer than a timer can wait, becomes
 * the longest wait (25 days).
 * @throws {InvalidArgumentsError} if an option is NaN, negative or not a number; the
 * message names it
 */
function numbers<T extends Record<string, number | undefined>>(
  defaults: T,
  options: object,
): T {
  const given = options as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(defaults).map(([name, fallback]) => {
      const value = given[name] ?? fallback;
      if (value === undefined) return [name, value];
      if (typeof value === "number" && value >= 0) {
        return [name, Math.min(value, LONGEST_TIMEOUT)];
      }
      throw new InvalidArgumentsError(
        `${name} must be a number, 0 or more; got ${String(value)}`,
      );
    }),
  ) as T;
}

/** Merges options; those in `added` take precedence. */
export function mergeOptions(
  options: ClientOptions,
  added: ClientOptions,
): ClientOptions {
  const merged = { ...options, ...added };
  // `host` and `hostname` are alternatives, so the newer one applies.
  if (added.host) {
    delete merged.hostname;
    delete merged.port;
  } else if (added.hostname || added.port) delete merged.host;
  return merged;
}

/** @throws {InvalidArgumentsError} if `host` is invalid, or combined with `hostname` or `port` */
function checkHost({ host, hostname, port }: ClientOptions): void {
  if (!host) return;
  if (!/[^:]+:\d{2,5}/.test(host)) {
    throw new InvalidArgumentsError(
      `host must be "name:port"; got ${JSON.stringify(host)}`,
    );
  }
  if (hostname || port) {
    throw new InvalidArgumentsError(
      "host already contains the hostname and port; pass either host or those two",
    );
  }
}

/**
 * The name of the token in the auth engine. socketcluster-client derives the same name
 * from the same options, so users stay logged in when an application switches clients.
 */
function tokenName(
  host: string | null | undefined,
  hostname: string,
  port: number | string | null,
): string {
  const address = host || (hostname || "localhost") + (port ? `:${port}` : "");
  return `socketcluster.authToken.${address}`;
}

/** Parses the query into an object; repeated parameters become arrays. */
function toQuery(query: ClientOptions["query"]): Record<string, unknown> {
  if (typeof query !== "string") return { ...query };
  const parameters = new URLSearchParams(query);
  return Object.fromEntries(
    [...new Set(parameters.keys())].map((name) => {
      const values = parameters.getAll(name);
      return [name, values.length > 1 ? values : values[0]];
    }),
  );
}

/**
 * Checks options and fills in defaults. `present` has the id and the auth engine that
 * a socket keeps when its options change.
 * @throws {InvalidArgumentsError}
 */
export function resolveSettings(
  clientOptions: ClientOptions,
  present?: Settings,
): Settings {
  const options = given(clientOptions ?? {});
  checkHost(options);
  const page = globalThis.location as Location | undefined;
  const secure = options.secure ?? page?.protocol === "https:";
  const hostname = options.hostname ?? (page?.hostname || "localhost");
  // A port given as "", null, 0 or undefined means the scheme's default port, and is
  // not part of the token's name.
  const port = "port" in (clientOptions ?? {})
    ? clientOptions.port ?? null
    : page?.port || (secure ? 443 : 80);
  return {
    // An option that is explicitly `undefined` replaces an earlier value.
    ...clientOptions,
    path: "/socketcluster/",
    timestampParam: "t",
    autoConnect: true,
    autoReconnect: true,
    autoSubscribeOnConnect: true,
    binaryType: "arraybuffer",
    ...options,
    ...numbers(TIMES, options),
    ...numbers({ silenceTimeout: undefined, queueLimit: 100_000 }, options),
    autoReconnectOptions: numbers(
      { ...DELAYS },
      options.autoReconnectOptions ?? {},
    ),
    hostname,
    port,
    secure,
    query: toQuery(options.query),
    codecEngine: options.codecEngine ?? jsonCodec,
    authEngine: options.authEngine ?? present?.authEngine ?? new MemoryAuth(),
    authTokenName: options.authTokenName ??
      tokenName(options.host, hostname, port),
    clientId: options.clientId ?? present?.clientId ?? randomId(),
  };
}

/**
 * A random version 4 UUID. `crypto.randomUUID` is missing on pages without TLS.
 * See RFC 9562, section 5.4.
 */
function randomId(): string {
  const bytes = new Uint8Array(16);
  // React Native has no `crypto`, and the ID is not a secret.
  if (globalThis.crypto) crypto.getRandomValues(bytes);
  else for (const at of bytes.keys()) bytes[at] = 256 * Math.random();
  bytes[6] = 0x40 | bytes[6]! & 0x0f; // the version
  bytes[8] = 0x80 | bytes[8]! & 0x3f; // the variant
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}

/** The URL to connect to. `now` is the time for `timestampRequests`. */
export function toUri(settings: Settings, now: number): string {
  const scheme = settings.protocolScheme ?? (settings.secure ? "wss" : "ws");
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(settings.query)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      query.append(name, String(item));
    }
  }
  if (settings.timestampRequests) {
    query.set(settings.timestampParam, String(now));
  }
  // Not `query.size`, which browsers before 2023 lack.
  const search = query.toString();
  const { socketPath, host, path } = settings;
  const authority = socketPath
    ? `${socketPath}:`
    : host || authorityOf(settings, scheme);
  return `${scheme}://${authority}${path}${search && `?${search}`}`;
}

/** The default ports, which can be omitted, by scheme. */
const USUAL_PORTS: ReadonlyMap<string, number> = new Map([
  ["ws", 80],
  ["wss", 443],
]);

function authorityOf({ hostname, port }: Settings, scheme: string): string {
  const name = hostname.includes(":") && !hostname.startsWith("[")
    ? `[${hostname}]`
    : hostname;
  const usual = USUAL_PORTS.get(scheme);
  // A custom scheme has no default port, so no port is added.
  const written = port && usual !== undefined && Number(port) !== usual;
  return written ? `${name}:${port}` : name;
}
