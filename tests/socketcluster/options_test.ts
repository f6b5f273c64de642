/** Options: defaults, the address and the token's name that follow, and what is refused. */
// deno-lint-ignore-file no-explicit-any
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  type ClientOptions,
  create,
  InvalidArgumentsError,
  jsonCodec,
} from "../../feed/socketcluster/mod.ts";
import { resolveSettings, toUri } from "../../feed/socketcluster/settings.ts";
import { fakeSockets } from "./fake_socket.ts";

Deno.test("options - addresses", () => {
  for (
    const [options, expected] of [
      [{ hostname: "a" }, "ws://a/socketcluster/"],
      [{ hostname: "a", secure: true }, "wss://a/socketcluster/"],
      [{ hostname: "a", secure: true, port: 80 }, "wss://a:80/socketcluster/"],
      [{ hostname: "a", port: 9000, path: "/x" }, "ws://a:9000/x"],
      [{ host: "a:9000", secure: true }, "wss://a:9000/socketcluster/"],
      [{ hostname: "::1", port: 8000 }, "ws://[::1]:8000/socketcluster/"],
      [
        { hostname: "a", query: { x: [1, 2], y: "", z: "c d" } },
        "ws://a/socketcluster/?x=1&x=2&y=&z=c+d",
      ],
      [{ hostname: "a", query: "a=1&b=x" }, "ws://a/socketcluster/?a=1&b=x"],
      [{ hostname: "a", timestampRequests: true }, "ws://a/socketcluster/?t=7"],
      [
        { protocolScheme: "ws+unix", socketPath: "/tmp/s.sock" },
        "ws+unix:///tmp/s.sock:/socketcluster/",
      ],
    ] as const
  ) assertEquals(toUri(resolveSettings(options as any), 7), expected);
});

Deno.test("options - defaults, undefined, and refused values", () => {
  const settings = resolveSettings({ ackTimeout: undefined, hostname: "a" });
  assertEquals(settings.ackTimeout, 10_000);
  assertEquals(settings.connectTimeout, 20_000);
  assertEquals(settings.autoReconnectOptions, {
    initialDelay: 10_000,
    randomness: 10_000,
    multiplier: 1.5,
    maxDelay: 60_000,
  });
  assertEquals(settings.authTokenName, "socketcluster.authToken.a:80");
  assertEquals(
    resolveSettings({ host: "a:9000" }).authTokenName,
    "socketcluster.authToken.a:9000",
  );
  assertEquals(
    resolveSettings({ autoReconnectOptions: {} }).autoReconnectOptions,
    settings.autoReconnectOptions,
  );
  for (
    const options of [
      { host: "a" },
      { host: "a:80", hostname: "a" },
      { host: "a:80", port: 80 },
    ]
  ) assertThrows(() => resolveSettings(options), InvalidArgumentsError);
});

// Measured with socketcluster-client 20.0.2 on Node, whose users must stay
// logged in: the address and the name of the token in the auth engine.
const MEASURED: [ClientOptions, address: string, token: string][] = [
  [{}, "ws://localhost", "localhost:80"],
  [{ secure: true }, "wss://localhost", "localhost:443"],
  [{ port: "" }, "ws://localhost", "localhost"],
  [{ port: null }, "ws://localhost", "localhost"],
  [{ port: 0 }, "ws://localhost", "localhost"],
  [{ port: undefined }, "ws://localhost", "localhost"],
  [{ port: "8000" }, "ws://localhost:8000", "localhost:8000"],
  [{ hostname: "a", port: "" }, "ws://a", "a"],
  [{ hostname: "a", port: 0 }, "ws://a", "a"],
  [{ hostname: "a", secure: true, port: "" }, "wss://a", "a"],
  [{ hostname: "a", secure: true, port: 0 }, "wss://a", "a"],
  [{ host: null }, "ws://localhost", "localhost:80"],
  [{ host: "" }, "ws://localhost", "localhost:80"],
  [{ host: null, hostname: "a", port: 9 }, "ws://a:9", "a:9"],
  [{ host: "a:8000" }, "ws://a:8000", "a:8000"],
  [{ host: "a:8000", port: "" }, "ws://a:8000", "a:8000"],
  [{ host: "a:8000", port: 0 }, "ws://a:8000", "a:8000"],
  [{ host: "a:8000", hostname: "" }, "ws://a:8000", "a:8000"],
];

Deno.test("options - empty values mean what they mean to socketcluster-client", () => {
  for (const [options, address, token] of MEASURED) {
    const socket = create({ ...options, autoConnect: false });
    assertEquals(
      [socket.uri(), socket.authTokenName],
      [`${address}/socketcluster/`, `socketcluster.authToken.${token}`],
      JSON.stringify(options),
    );
  }
});

Deno.test("options - null engines are the standard ones", () => {
  const socket = create({
    autoConnect: false,
    codecEngine: null,
    authEngine: null,
  });
  assertEquals(socket.codec, jsonCodec);
  assertEquals(typeof socket.auth.loadToken, "function");
});

Deno.test("options - socket.options.query is an object, whatever was given", () => {
  for (
    const [query, expected] of [
      [undefined, {}],
      [null, {}],
      ["", {}],
      ["a=1&a=2&b=", { a: ["1", "2"], b: "" }],
      ["__proto__=1&constructor=2", { ["__proto__"]: "1", constructor: "2" }],
      [{ x: 1 }, { x: 1 }],
    ] as [ClientOptions["query"], object][]
  ) {
    const { options } = create({ autoConnect: false, query });
    assertEquals(
      Object.entries(options.query as object),
      Object.entries(expected),
    );
  }
  const own = { x: 1 };
  create({ autoConnect: false, query: own, timestampRequests: true }).uri();
  assertEquals(own, { x: 1 });
});

Deno.test("options - the query is sent where URLSearchParams has no size", () => {
  const { prototype } = URLSearchParams;
  const size = Object.getOwnPropertyDescriptor(prototype, "size")!;
  Object.defineProperty(prototype, "size", {
    ...size,
    get: () => undefined,
  });
  try {
    const settings = resolveSettings({ hostname: "a", query: { b: "c" } });
    assertEquals(toUri(settings, 0), "ws://a/socketcluster/?b=c");
  } finally {
    Object.defineProperty(prototype, "size", size);
  }
});

const TIMES = [
  "connectTimeout",
  "ackTimeout",
  "batchOnHandshakeDuration",
  "batchInterval",
  "silenceTimeout",
];
const DELAYS = ["initialDelay", "randomness", "multiplier", "maxDelay"];

Deno.test("options - a time longer than a timer can wait is the longest wait", () => {
  const longest = 2 ** 31 - 1;
  for (const value of [Infinity, 30 * 24 * 3_600_000, 2 ** 31]) {
    for (const name of TIMES) {
      const settings: any = resolveSettings({ [name]: value });
      assertEquals(settings[name], longest, name);
    }
    for (const name of DELAYS) {
      const { autoReconnectOptions }: any = resolveSettings({
        autoReconnectOptions: { [name]: value },
      });
      assertEquals(autoReconnectOptions[name], longest, name);
    }
  }
});

Deno.test("options - null times have their defaults", () => {
  const settings = resolveSettings({
    ackTimeout: null,
    batchInterval: null,
    autoReconnectOptions: { maxDelay: null },
  } as any);
  assertEquals([settings.ackTimeout, settings.batchInterval], [10_000, 50]);
  assertEquals(settings.autoReconnectOptions.maxDelay, 60_000);
});

Deno.test("options - clientId is a random UUID of version 4", () => {
  const make = () => create({ autoConnect: false }).clientId;
  const ids = Array.from({ length: 100 }, make);
  // React Native has no `crypto`.
  const own = Object.getOwnPropertyDescriptor(globalThis, "crypto")!;
  Object.defineProperty(globalThis, "crypto", {
    value: undefined,
    configurable: true,
  });
  try {
    ids.push(make());
  } finally {
    Object.defineProperty(globalThis, "crypto", own);
  }
  for (const id of ids) {
    assertMatch(
      id,
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  }
  assertEquals(new Set(ids).size, 101);
});

Deno.test("options - wsOptions are ignored where the constructor takes names alone", async () => {
  const { made, WebSocket: Fake } = fakeSockets();
  // As in a browser: https://websockets.spec.whatwg.org/#dom-websocket-websocket
  class BrowserSocket extends Fake {
    constructor(url: string, protocols: string | string[] = []) {
      for (const name of [protocols].flat().map(String)) {
        if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
          throw new DOMException(
            `invalid subprotocol "${name}"`,
            "SyntaxError",
          );
        }
      }
      super(url, protocols);
    }
  }
  const socket = create({
    WebSocket: BrowserSocket,
    wsOptions: { headers: { "x-a": "b" } },
  });
  const connected = socket.listener("connect").once();
  await made[0]!.shakeHands();
  await connected;
  assertEquals(socket.state, "open");
  socket.disconnect();
});

Deno.test("options - without a WebSocket in the runtime, the error says so, and no reconnect follows", async () => {
  const { WebSocket: platform } = globalThis;
  // As on Node 20.
  Reflect.deleteProperty(globalThis, "WebSocket");
  try {
    const socket = create({ hostname: "x" });
    const { error } = await socket.listener("error").once();
    assertEquals(
      ((error as Error).cause as Error).message,
      "this runtime has no WebSocket; pass the option WebSocket, such as the class of the npm package ws",
    );
    assertEquals([socket.state, socket.pendingReconnect], ["closed", false]);
  } finally {
    globalThis.WebSocket = platform;
  }
});

Deno.test("options - a hostname with a scheme or a port is named as the cause, the query is not", async () => {
  for (const hostname of ["localhost:80", "http://localhost"]) {
    const socket = create({ hostname, query: { token: "SECRET" } });
    const { error } = await socket.listener("error").once();
    socket.disconnect();
    assertEquals(
      ((error as Error).cause as Error).message,
      "the options make no valid URL; hostname is a name or an address, without a scheme or a port",
    );
    assertEquals(Deno.inspect(error).includes("SECRET"), false);
  }
});
