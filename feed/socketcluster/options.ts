/**
 * The options of a socket, their defaults, and the address that follows from
 * them.
 */
import type { WebSocketConstructor } from "../../net/dial.ts";
import { LONGEST_TIMEOUT } from "../../net/timer.ts";
import { type AuthEngine, MemoryAuth } from "./auth.ts";
import { type CodecEngine, jsonCodec } from "./codec.ts";
import { InvalidArgumentsError } from "./errors.ts";
import type { ReconnectOptions } from "./protocol.ts";

export type { ReconnectOptions, WebSocketConstructor };

/** Options of `create`. An option that is `undefined` has its default. */
export interface ClientOptions {
  /** The server's name. @default {"localhost"} the page's host, if there is one */
  hostname?: string | undefined;
  /** `"name:port"`, instead of `hostname` and `port`. */
  host?: string | null | undefined;
  /**
   * The server's port. If it is given as `""`, `null`, `0` or `undefined`, the
   * usual port of the scheme, and no port in the default of `authTokenName`.
   * @default {80} the page's port, if there is one; else 443 if `secure`
   */
  port?: number | string | null | undefined;
  /** Whether to connect with TLS. @default {false} true on a page loaded over HTTPS */
  secure?: boolean | undefined;
  /** Replaces `ws` or `wss`. */
  protocolScheme?: string | null | undefined;
  /** The path of a local socket, for constructors that know `ws+unix:`. */
  socketPath?: string | null | undefined;
  /** The path of the address. @default {"/socketcluster/"} */
  path?: string | undefined;
  /** The query of the address. Of an array, each item becomes a parameter. */
  query?: string | Record<string, unknown> | null | undefined;
  /** Whether to add the time to each address, in milliseconds since 1970. @default {false} */
  timestampRequests?: boolean | undefined;
  /** The name of that parameter. @default {"t"} */
  timestampParam?: string | undefined;
  /** Whether to connect at once. @default {true} */
  autoConnect?: boolean | undefined;
  /** Whether to connect again after a connection was lost. @default {true} */
  autoReconnect?: boolean | undefined;
  /** The delays of the compatible way to reconnect. */
  autoReconnectOptions?: Partial<ReconnectOptions> | undefined;
  /**
   * How to connect again. `"compatible"` waits as socketcluster-client does,
   * 10 to 20 s at first, and connects again after a `disconnect(code)` of one's
   * own with a code other than 1000 and below 4500, as that does. `"eager"`
   * waits between 0 and 500 ms at first and twice as long with each attempt, up
   * to `maxDelay`, starts from the beginning only after a connection has held
   * for 5 s, and never connects again after a `disconnect` of one's own.
   * @default {"compatible"}
   */
  reconnect?: "compatible" | "eager" | undefined;
  /** Whether to send pending subscriptions when connected. @default {true} */
  autoSubscribeOnConnect?: boolean | undefined;
  /** Milliseconds until a WebSocket that does not open is given up. @default {20_000} */
  connectTimeout?: number | undefined;
  /** Milliseconds until a call without an answer fails, and the handshake too. @default {10_000} */
  ackTimeout?: number | undefined;
  /** Whether silence of the server is no reason to disconnect. @default {false} */
  pingTimeoutDisabled?: boolean | undefined;
  /**
   * Finds half-open connections early: milliseconds that the server may be
   * silent, where that is less than the `pingTimeout` it announced, or where
   * `pingTimeoutDisabled` is set. More than the server's `pingInterval` (8 s
   * by default).
   */
  idleTimeout?: number | undefined;
  /** Keeps tokens. @default {new MemoryAuth()} */
  authEngine?: AuthEngine | null | undefined;
  /** Under which name. @default {"socketcluster.authToken.<host>:<port>"} */
  authTokenName?: string | undefined;
  /** Turns packets into frames and back. @default {jsonCodec} */
  codecEngine?: CodecEngine | null | undefined;
  /** Prepended to the names of channels on the wire. */
  channelPrefix?: string | null | undefined;
  /** How binary frames are represented. @default {"arraybuffer"} */
  binaryType?: "arraybuffer" | "blob" | undefined;
  /** Whether to send in batches at first, when connected. @default {false} */
  batchOnHandshake?: boolean | undefined;
  /** For how long, in milliseconds. @default {100} */
  batchOnHandshakeDuration?: number | undefined;
  /** How often batches are sent, in milliseconds. @default {50} */
  batchInterval?: number | undefined;
  /** 1 for servers whose pings are `#1`. @default {2} */
  protocolVersion?: 1 | 2 | undefined;
  /** Whether data is cloned when it is passed to a method. @default {false} */
  cloneData?: boolean | undefined;
  /**
   * Options for the WebSocket constructor, e.g. `headers`, where it takes an
   * object as its second argument (Deno, Bun, Node). Browsers do not.
   */
  wsOptions?: Record<string, unknown> | undefined;
  /** The constructor to use. @default {globalThis.WebSocket} */
  WebSocket?: WebSocketConstructor | undefined;
  /** How many messages and calls may wait for a connection. @default {100_000} */
  queueLimit?: number | undefined;
  /** Names this client across connections. @default a random UUID */
  clientId?: string | undefined;
  /** Accepted for compatibility, without effect. */
  subscriptionRetryOptions?: Record<string, unknown> | undefined;
  /** Accepted for compatibility: what `socket.version` says. */
  version?: string | undefined;
}

/** Options that always have a value once the defaults are added. */
export type Defaulted =
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

/** Without the options that are `undefined`. */
function given<T extends object>(
  options: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as { [K in keyof T]: Exclude<T[K], undefined> };
}

/** Defaults of options that are times, in milliseconds. */
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
 * The numbers that `defaults` names. `null` stands for the default, as in
 * socketcluster-client. `Infinity`, and anything longer than a timer can wait,
 * becomes the longest wait (25 days).
 * @throws {InvalidArgumentsError} naming an option that is NaN, negative or not a number
 */
function durations<T extends Record<string, number | undefined>>(
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
        `${name} must be a number of 0 or more, not ${String(value)}`,
      );
    }),
  ) as T;
}

/** Options with others added to them. */
export function mergeOptions(
  options: ClientOptions,
  added: ClientOptions,
): ClientOptions {
  const merged = { ...options, ...added };
  // `host` and `hostname` each say where to, so the newer one holds.
  if (added.host) {
    delete merged.hostname;
    delete merged.port;
  } else if (added.hostname || added.port) delete merged.host;
  return merged;
}

/** @throws {InvalidArgumentsError} if `host` cannot be used, or not together with the others */
function checkHost({ host, hostname, port }: ClientOptions): void {
  if (!host) return;
  if (!/[^:]+:\d{2,5}/.test(host)) {
    throw new InvalidArgumentsError(
      `host must be "name:port", not ${JSON.stringify(host)}`,
    );
  }
  if (hostname || port) {
    throw new InvalidArgumentsError(
      "host already says hostname and port, so use it without them",
    );
  }
}

/**
 * The name of the token in the auth engine. It is the one that
 * socketcluster-client derives from the same options, so that users stay logged
 * in when an application changes over.
 */
function tokenName(
  host: string | null | undefined,
  hostname: string,
  port: number | string | null,
): string {
  const address = host || (hostname || "localhost") + (port ? `:${port}` : "");
  return `socketcluster.authToken.${address}`;
}

/** The query as an object; a parameter that occurs again becomes an array. */
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
 * Checks options and adds defaults. `present` has the id and the tokens that a
 * socket keeps when its options change.
 * @throws {InvalidArgumentsError}
 */
export function resolveOptions(
  clientOptions: ClientOptions,
  present?: Settings,
): Settings {
  const options = given(clientOptions ?? {});
  checkHost(options);
  const page = globalThis.location as Location | undefined;
  const secure = options.secure ?? page?.protocol === "https:";
  const hostname = options.hostname ?? (page?.hostname || "localhost");
  // A port that is given and is "", null, 0 or undefined means the usual one of
  // the scheme, and is not part of the token's name.
  const port = "port" in (clientOptions ?? {})
    ? clientOptions.port ?? null
    : page?.port || (secure ? 443 : 80);
  return {
    // An option that was given before and is `undefined` now has no value.
    ...clientOptions,
    path: "/socketcluster/",
    timestampParam: "t",
    autoConnect: true,
    autoReconnect: true,
    autoSubscribeOnConnect: true,
    binaryType: "arraybuffer",
    queueLimit: 100_000,
    ...options,
    ...durations(TIMES, options),
    ...durations({ idleTimeout: undefined }, options),
    autoReconnectOptions: durations(
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
 * A random UUID of version 4. `crypto.randomUUID` is missing on pages without TLS.
 * See RFC 9562, section 5.4.
 */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
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

/** The address to connect to. `now` is the time for `timestampRequests`. */
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
  // Not its `size`: browsers before 2023 have none.
  const search = query.toString();
  const { socketPath, host, path } = settings;
  const authority = socketPath
    ? `${socketPath}:`
    : host || authorityOf(settings, scheme);
  return `${scheme}://${authority}${path}${search && `?${search}`}`;
}

/** The ports that need not be written, by scheme. */
const USUAL_PORTS: ReadonlyMap<string, number> = new Map([
  ["ws", 80],
  ["wss", 443],
]);

function authorityOf({ hostname, port }: Settings, scheme: string): string {
  const name = hostname.includes(":") && !hostname.startsWith("[")
    ? `[${hostname}]`
    : hostname;
  const usual = USUAL_PORTS.get(scheme);
  // A scheme of the application's own has no usual port, so none is added.
  const written = port && usual !== undefined && Number(port) !== usual;
  return written ? `${name}:${port}` : name;
}
