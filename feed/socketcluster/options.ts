/**
 * The options of a socket, their defaults, and the address that follows from
 * them.
 */
import type { WebSocketConstructor } from "../../net/dial.ts";
import { type AuthEngine, MemoryAuth } from "./auth.ts";
import { type CodecEngine, jsonCodec } from "./codec.ts";
import { InvalidArgumentsError } from "./errors.ts";
import { MAX_DELAY, type ReconnectOptions } from "./protocol.ts";

export type { ReconnectOptions, WebSocketConstructor };

/** Options of `create`. An option that is `undefined` has its default. */
export interface ClientOptions {
  /** The server's name. @default {"localhost"} the page's host, if there is one */
  hostname?: string | undefined;
  /** `"name:port"`, instead of `hostname` and `port`. */
  host?: string | undefined;
  /** The server's port. @default {80} the page's port, if there is one; else 443 if `secure` */
  port?: number | string | undefined;
  /** Whether to connect with TLS. @default {false} true on a page loaded over HTTPS */
  secure?: boolean | undefined;
  /** Replaces `ws` or `wss`. */
  protocolScheme?: string | null | undefined;
  /** The path of a local socket, for constructors that know `ws+unix:`. */
  socketPath?: string | null | undefined;
  /** The path of the address. @default {"/socketcluster/"} */
  path?: string | undefined;
  /** The query of the address. Of an array, each item becomes a parameter. */
  query?: string | Record<string, unknown> | undefined;
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
  authEngine?: AuthEngine | undefined;
  /** Under which name. @default {"socketcluster.authToken.<host>:<port>"} */
  authTokenName?: string | undefined;
  /** Turns packets into frames and back. @default {jsonCodec} */
  codecEngine?: CodecEngine | undefined;
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
  & Omit<ClientOptions, Defaulted | "autoReconnectOptions">
  & { [K in Defaulted]: NonNullable<ClientOptions[K]> }
  & { autoReconnectOptions: ReconnectOptions };

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

/** Options with others added to them. */
export function mergeOptions(
  options: ClientOptions,
  added: ClientOptions,
): ClientOptions {
  const merged = { ...options, ...added };
  // `host` and `hostname` each say where to, so the newer one holds.
  if (added.host) merged.hostname = merged.port = undefined;
  else if (added.hostname || added.port) merged.host = undefined;
  return merged;
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
  const { host } = options;
  if (host !== undefined) {
    if (!/[^:]+:\d{2,5}/.test(host)) {
      throw new InvalidArgumentsError(
        `host must be "name:port", not ${JSON.stringify(host)}`,
      );
    }
    if (options.hostname || options.port) {
      throw new InvalidArgumentsError(
        "host already says hostname and port, so use it without them",
      );
    }
  }
  const page = globalThis.location as Location | undefined;
  const secure = options.secure ?? page?.protocol === "https:";
  const settings = {
    hostname: page?.hostname || "localhost",
    port: page?.port || (secure ? 443 : 80),
    secure,
    path: "/socketcluster/",
    timestampParam: "t",
    autoConnect: true,
    autoReconnect: true,
    autoSubscribeOnConnect: true,
    binaryType: "arraybuffer" as const,
    queueLimit: 100_000,
    ...TIMES,
    ...options,
    codecEngine: options.codecEngine ?? jsonCodec,
    authEngine: options.authEngine ?? present?.authEngine ?? new MemoryAuth(),
    clientId: options.clientId ?? present?.clientId ?? randomId(),
    autoReconnectOptions: {
      ...DELAYS,
      ...given(options.autoReconnectOptions ?? {}),
    },
  };
  const times = {
    idleTimeout: 0,
    ...settings,
    ...settings.autoReconnectOptions,
  } as unknown as Record<string, number>;
  for (const name in { idleTimeout: 0, ...TIMES, ...DELAYS }) {
    const value = times[name]!;
    if (!(value >= 0 && value <= MAX_DELAY)) {
      throw new InvalidArgumentsError(
        `${name} must be a number from 0 to ${MAX_DELAY}, not ${value}`,
      );
    }
  }
  return {
    // An option that was given before and is `undefined` now has no value.
    ...clientOptions,
    ...settings,
    authTokenName: options.authTokenName ??
      `socketcluster.authToken.${
        host ?? `${settings.hostname}:${settings.port}`
      }`,
  };
}

/** A random UUID; `crypto.randomUUID` is missing on pages without TLS. */
function randomId(): string {
  const digit = () => crypto.getRandomValues(new Uint8Array(1))[0]! % 16;
  // The 4 is the version, the 8 the variant (RFC 9562, section 5.4).
  return "00000000-0000-4000-8000-000000000000"
    .replace(/0/g, () => digit().toString(16));
}

/** The address to connect to. `now` is the time for `timestampRequests`. */
export function toUri(settings: Settings, now: number): string {
  const scheme = settings.protocolScheme ?? (settings.secure ? "wss" : "ws");
  const { query: parameters } = settings;
  const query = new URLSearchParams(
    typeof parameters === "string"
      ? parameters
      : Object.entries(parameters ?? {}).flatMap(([name, value]) =>
        [value].flat().map((item) => [name, String(item)])
      ),
  );
  if (settings.timestampRequests) {
    query.set(settings.timestampParam, String(now));
  }
  const { socketPath, hostname = "", port, path } = settings;
  let { host } = settings;
  if (socketPath) host = `${socketPath}:`;
  if (!host) {
    host = hostname.includes(":") && !hostname.startsWith("[")
      ? `[${hostname}]`
      : hostname;
    const usual = scheme === "wss" ? 443 : scheme === "ws" ? 80 : undefined;
    // Of a scheme of one's own the usual port is not known, so none is added.
    if (port && usual && Number(port) !== usual) host += `:${port}`;
  }
  return `${scheme}://${host}${path}${query.size > 0 ? `?${query}` : ""}`;
}
