/**
 * Every option of the public API that is a number: text, null, NaN and negative numbers
 * are refused, with the name of the option, where the option is given. `"5" + 2` would be
 * "52", and a timer that is given NaN fires at once.
 */
import { assert, assertEquals } from "@std/assert";
import {
  feedmeClient,
  webSocketTransport,
} from "@feedline/feedline/feed/feedme";
import { feedmeServer } from "@feedline/feedline/feed/feedme/server";
import { create } from "@feedline/feedline/feed/socketcluster";
import { SessionBackend } from "@feedline/feedline/client";
import { startDevPlatform } from "@feedline/feedline/dev";
import {
  bunUpgrade,
  nodeUpgrade,
  sessionProxy,
} from "@feedline/feedline/proxy";
import { Jamsocket, Plane } from "@feedline/feedline/server";
import { createGate, Gate } from "../../session/gate.ts";
import { Consumer } from "../../net/consumer.ts";
import { ScriptedEngine } from "../proxy/support.ts";

/** Given to each option, one at a time, and the error that refuses it. */
const VALUES: [value: unknown, error: "TypeError" | "RangeError"][] = [
  ["5", "TypeError"],
  [null, "TypeError"],
  [NaN, "RangeError"],
  [-1, "RangeError"],
  [-Infinity, "RangeError"],
];

async function watching(
  use: (backend: SessionBackend) => Promise<unknown>,
): Promise<void> {
  const url = "http://127.0.0.1:1/";
  await using backend = new SessionBackend({
    backend_id: "a",
    spawned: false,
    status: "starting",
    token: "",
    url,
    secret_token: null,
    status_url: url,
    ready_url: "",
  }, { lazy: true });
  await use(backend);
}

/** The options of each part, and a call that takes them. */
const PARTS: Record<
  string,
  [names: string[], use: (options: Record<string, unknown>) => unknown]
> = {
  sessionProxy: [
    [
      "maxBody",
      "maxMessage",
      "maxBuffered",
      "maxHeld",
      "timeout",
      "platformTimeout",
      "connectTimeout",
      "keepAlive",
      "recheck",
      "holdFor",
    ],
    (options) =>
      sessionProxy({
        engine: new ScriptedEngine({} as never),
        authorize: () => ({ user: "ada" }),
        ...options,
      }),
  ],
  bunUpgrade: [["maxMessage", "maxBuffered"], bunUpgrade],
  nodeUpgrade: [
    ["maxMessage", "keepAlive"],
    (options) =>
      nodeUpgrade({
        server: { options: {} },
        upgradeWebSocket: () => {},
        ...options,
      }),
  ],
  createGate: [
    ["timeout"],
    (options) => createGate({ gate: {}, reach: {}, ...options } as never),
  ],
  Gate: [
    ["tokenLifetime"],
    (options) =>
      new Gate({
        keys: [{ id: "a", secret: "s".repeat(32) }],
        ...options,
      } as never),
  ],
  Jamsocket: [
    ["timeout"],
    (options) => new Jamsocket({ dev: true, ...options }),
  ],
  Plane: [
    ["timeout"],
    (options) =>
      new Plane(
        {
          controllerUrl: "http://127.0.0.1:1/",
          executable: { image: "rooms" },
          ...options,
        } as never,
      ),
  ],
  "Jamsocket.connect": [
    ["lifetime_limit_seconds", "max_idle_seconds"],
    (spawn) => new Jamsocket({ dev: true }).connect({ key: "a", spawn }),
  ],
  "Plane.connect": [
    ["lifetime_limit_seconds", "max_idle_seconds"],
    (spawn) =>
      new Plane({
        controllerUrl: "http://127.0.0.1:1/",
        executable: { image: "rooms" },
      } as never).connect({ key: "a", spawn }),
  ],
  "SessionBackend.ready": [["timeout"], (to) => watching((it) => it.ready(to))],
  "SessionBackend.terminated": [
    ["timeout"],
    (to) => watching((it) => it.terminated(to)),
  ],
  "SessionBackend.status": [
    ["timeout"],
    (to) => watching((it) => it.status(to)),
  ],
  Consumer: [
    ["timeout", "limit"],
    (options) => new Consumer({ add() {}, delete() {} } as never, options),
  ],
  "Feedme client": [
    [
      "connectTimeoutMs",
      "connectRetryMs",
      "connectRetryMaxMs",
      "connectRetryJitter",
      "actionTimeoutMs",
      "maxDepth",
    ],
    (options) =>
      feedmeClient(
        {
          transport: webSocketTransport({ url: "ws://127.0.0.1:1/" }),
          ...options,
        } as never,
      ),
  ],
  "Feedme transport": [
    ["silenceTimeout"],
    (options) => webSocketTransport({ url: "ws://127.0.0.1:1/", ...options }),
  ],
  "Feedme server": [
    [
      "handshakeTimeout",
      "terminationMs",
      "maxMessage",
      "maxDepth",
      "maxOpenFeeds",
      "maxPendingActions",
      "maxBuffered",
      "silenceTimeout",
    ],
    (options) => feedmeServer({}, options),
  ],
  "SocketCluster client": [
    [
      "connectTimeout",
      "ackTimeout",
      "silenceTimeout",
      "queueLimit",
      "batchInterval",
      "batchOnHandshakeDuration",
    ],
    (options) => create({ autoConnect: false, ...options }),
  ],
  "SocketCluster reconnects": [
    ["initialDelay", "randomness", "multiplier", "maxDelay"],
    (autoReconnectOptions) =>
      create({ autoConnect: false, autoReconnectOptions }),
  ],
  "dev platform": [
    ["port", "proxyPort", "startupTimeout", "grace", "keepAlive"],
    (options) => startDevPlatform({ command: ["true"], ...options }),
  ],
};

/** Prescribed by the libraries whose options these are; each names the option. */
const OWN = new Set([
  "Feedme client",
  "SocketCluster client",
  "SocketCluster reconnects",
]);

/** Here null is as good as no value. */
const NULLABLE = new Set([
  "createGate",
  "Gate",
  "Jamsocket.connect",
  "Plane.connect",
  "SocketCluster client",
  "SocketCluster reconnects",
  "dev platform",
]);

function mayBe(part: string, name: string, value: unknown): boolean {
  // A Feedme client retries nothing with less than 0.
  return value === null ? NULLABLE.has(part) : name === "connectRetryMs" &&
    value === -1;
}

for (const [part, [names, use]] of Object.entries(PARTS)) {
  Deno.test(`numbers - ${part}: what is no number from 0 on is refused by name`, async () => {
    for (const name of names) {
      for (const [value, error] of VALUES) {
        if (mayBe(part, name, value)) continue;
        const refusal = await refusalOf(() => use({ [name]: value }));
        assert(
          refusal?.message.includes(name),
          `${name}: ${value}: ${refusal}`,
        );
        if (!OWN.has(part)) {
          assertEquals(refusal?.name, error, `${name}: ${value}`);
        }
      }
    }
  });
}

/** What a call throws, or rejects with. */
async function refusalOf(call: () => unknown): Promise<Error | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
