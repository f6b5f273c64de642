/** The options of the client, with their defaults and checks. */
import { invalid } from "./errors.ts";
import { DEFAULT_MAX_DEPTH, GREATEST_MAX_DEPTH } from "../wire/json.ts";
import { isObject } from "../wire/protocol.ts";
import type { FeedmeTransport } from "./transport.ts";

/** Options of `feedmeClient`. `Infinity` for a limit means no limit. */
export interface FeedmeClientOptions {
  /** Carries the messages. Must be disconnected and not in use by another client. */
  transport: FeedmeTransport;
  /**
   * How long the transport and the handshake together may take to connect, in
   * milliseconds; 0 for no limit.
   * @default {10_000}
   */
  connectTimeoutMs?: number;
  /**
   * How long to wait after the first failed attempt to connect, in milliseconds; 0 to
   * retry immediately, less than 0 not to retry.
   * @default {5_000}
   */
  connectRetryMs?: number;
  /** How much each further failure adds to that, in milliseconds. @default {5_000} */
  connectRetryBackoffMs?: number;
  /**
   * The longest wait between attempts, in milliseconds; not less than
   * `connectRetryMs`.
   * @default {30_000}
   */
  connectRetryMaxMs?: number;
  /** The most retries; 0 for no limit. @default {0} */
  connectRetryMaxAttempts?: number;
  /**
   * The share of each wait that is random, from 0 to 1, so that the clients of a server
   * do not all reconnect at the same moment. With 0.5, a wait of 10 s becomes 5 to
   * 10 s. The first attempt after a lost connection is immediate with 0; with 0.5, it
   * comes within the first half of `connectRetryMs`.
   * @default {0}
   */
  connectRetryJitter?: number;
  /**
   * How long to wait for the response to an action, in milliseconds; 0 for no
   * limit.
   * @default {10_000}
   */
  actionTimeoutMs?: number;
  /**
   * How long to wait for a feed to open, in milliseconds; 0 for no limit.
   * @default {10_000}
   */
  feedTimeoutMs?: number;
  /**
   * How many levels of arrays and objects the arguments of actions and the server's
   * data may have, from 1 to 1,000. Deeper arguments are rejected. Deeper data causes
   * the event `badServerMessage` (`INVALID_DATA`); its action fails, or its feed is
   * closed and reopened, as after a bad action.
   * @default {200}
   */
  maxDepth?: number;
  /** Whether to reconnect when a connection is lost. @default {true} */
  reconnect?: boolean;
  /**
   * How many times to reopen a feed within `reopenTrailingMs` after bad feed actions;
   * less than 0 for no limit, 0 not to reopen it.
   * @default {3}
   */
  reopenMaxAttempts?: number;
  /**
   * The period that `reopenMaxAttempts` applies to, in milliseconds; 0 for the whole
   * connection.
   * @default {60_000}
   */
  reopenTrailingMs?: number;
  /**
   * Whether `feed.snapshot()` keeps returning the last data, marked by `feed.stale`,
   * while a feed that you want open is not, for example because the connection was
   * lost. When the feed opens again, its data is merged with the data kept: every part
   * that has not changed is the same object as before. The events are the same either
   * way.
   * @default {true}
   */
  keepData?: boolean;
}

/** All options except the transport, with their defaults. */
export type Settings = Required<Omit<FeedmeClientOptions, "transport">>;

const DEFAULTS: Settings = {
  connectTimeoutMs: 10_000,
  connectRetryMs: 5_000,
  connectRetryBackoffMs: 5_000,
  connectRetryMaxMs: 30_000,
  connectRetryMaxAttempts: 0,
  connectRetryJitter: 0,
  actionTimeoutMs: 10_000,
  feedTimeoutMs: 10_000,
  maxDepth: DEFAULT_MAX_DEPTH,
  reconnect: true,
  reopenMaxAttempts: 3,
  reopenTrailingMs: 60_000,
  keepData: true,
};

/** Options that may be less than 0. */
const SIGNED: readonly string[] = ["connectRetryMs", "reopenMaxAttempts"];

/** Options that may be `Infinity`, with the value that means no limit for each. */
const UNLIMITED: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([
  ["connectTimeoutMs", 0],
  ["connectRetryMaxMs", Infinity],
  ["connectRetryMaxAttempts", 0],
  ["actionTimeoutMs", 0],
  ["feedTimeoutMs", 0],
  ["reopenMaxAttempts", -1],
  ["reopenTrailingMs", 0],
]);

/** @throws {FeedmeError} `INVALID_ARGUMENT` */
export function checkTransport(options: unknown): FeedmeTransport {
  if (!isObject(options)) throw invalid("Invalid options argument.");
  if (!isObject(options.transport)) {
    throw invalid("Transport is not an object.");
  }
  return options.transport as unknown as FeedmeTransport;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {FeedmeError} `INVALID_ARGUMENT`
 */
export function checkSettings(options: FeedmeClientOptions): Settings {
  const settings: Record<string, unknown> = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS)) {
    if (!(name in options)) continue;
    const value = options[name as keyof Settings];
    const unlimited = UNLIMITED.get(name);
    if (value === Infinity && unlimited !== undefined) {
      settings[name] = unlimited;
      continue;
    }
    const valid = typeof DEFAULTS[name as keyof Settings] === "boolean"
      ? typeof value === "boolean"
      : name === "connectRetryJitter"
      ? typeof value === "number" && value >= 0 && value <= 1
      : name === "maxDepth"
      ? Number.isInteger(value) && Number(value) >= 1 &&
        Number(value) <= GREATEST_MAX_DEPTH
      : Number.isInteger(value) &&
        (SIGNED.includes(name) || Number(value) >= 0);
    if (!valid) throw invalid(`Invalid options.${name}.`);
    settings[name] = value;
  }
  const { connectRetryMs, connectRetryMaxMs } = settings as unknown as Settings;
  if ("connectRetryMaxMs" in options && connectRetryMaxMs < connectRetryMs) {
    throw invalid("Invalid options.connectRetryMaxMs.");
  }
  return settings as unknown as Settings;
}
