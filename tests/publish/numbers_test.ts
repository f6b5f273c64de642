/**
 * Every option of the public API that is a number: a string is refused, with the name
 * of the option, where the option is given. `"5" + 2` would be "52".
 */
import { assertEquals } from "@std/assert";
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

/** Given to each option, one at a time. */
// deno-lint-ignore no-explicit-any
const TEXT: any = "5";

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
  "SessionBackend.ready": [
    ["timeout"],
    async (options) => {
      const url = "http://127.0.0.1:1/";
      const backend = new SessionBackend({
        backend_id: "a",
        spawned: false,
        status: "starting",
        token: "",
        url,
        secret_token: null,
        status_url: url,
        ready_url: "",
      });
      try {
        await backend.ready(options);
      } finally {
        backend.close();
      }
    },
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
  "dev platform": [
    ["port", "proxyPort", "startupTimeout", "grace", "keepAlive"],
    (options) => startDevPlatform({ command: ["true"], ...options }),
  ],
};

/** Prescribed by the libraries whose options these are; each names the option. */
const OWN: Record<string, string> = {
  "Feedme client": "INVALID_ARGUMENT",
  "SocketCluster client": "InvalidArgumentsError",
};

for (const [part, [names, use]] of Object.entries(PARTS)) {
  Deno.test(`numbers - ${part}: a string is refused by name`, async () => {
    for (const name of names) {
      let refusal: Error | undefined;
      try {
        await use({ [name]: TEXT });
      } catch (error) {
        refusal = error as Error;
      }
      assertEquals(
        refusal?.message.includes(name),
        true,
        `${name}: ${refusal}`,
      );
      if (!OWN[part]) assertEquals(refusal?.name, "TypeError", name);
    }
  });
}
