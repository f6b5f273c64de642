/** The transport on real sockets. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { deadline, delay } from "@std/async";
import { FakeTime } from "@std/testing/time";
import { feedmeClient } from "../../feed/feedme/client/client.ts";
import { FeedmeError } from "../../feed/feedme/client/errors.ts";
import type { WebSocketConstructor } from "../../net/dial.ts";
import {
  webSocketTransport,
  type WebSocketTransportOptions,
} from "../../feed/feedme/client/websocket.ts";
import { settled } from "../kit/wait.ts";

type Hook = (socket: WebSocket) => void;
type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

function serve(onSocket: Hook, refuse = false) {
  const requests: { url: string; headers: Headers }[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      // Neither can be read once the request has been answered.
      requests.push({
        url: request.url,
        headers: new Headers(request.headers),
      });
      if (refuse) return new Response("no", { status: 403 });
      const { socket, response } = Deno.upgradeWebSocket(request, {
        protocol: "feedme",
      });
      onSocket(socket);
      return response;
    },
  );
  const { port } = server.addr as Deno.NetAddr;
  return {
    requests,
    url: `ws://127.0.0.1:${port}/secret-token`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function listen(options: WebSocketTransportOptions) {
  const transport = webSocketTransport(options);
  const log: string[] = [];
  const errors: Error[] = [];
  for (const event of ["connecting", "connect", "message", "disconnect"]) {
    transport.on!(event as "message", (...args: unknown[]) => {
      log.push([event, ...args].join(" ").replace(/Error: /, ""));
      errors.push(...args.filter((arg) => arg instanceof Error));
    });
  }
  const until = (part: string) =>
    deadline(
      (async () => {
        while (!log.some((line) => line.includes(part))) await delay(2);
      })(),
      30_000,
    );
  return { transport, log, errors, until };
}

Deno.test("websocket: a URL that is invalid or has no server is in no error", async () => {
  for (
    const url of [
      "ws://127.0.0.1:1/secret",
      () => "foo:secret",
      "http://:secret",
      "ws://127.0.0.1:1/?token=secret",
    ]
  ) {
    const { transport, errors, until } = listen({ url });
    transport.connect();
    await until("disconnect");
    assert(!Deno.inspect(errors).includes("secret"), Deno.inspect(errors));
    assert(!Deno.inspect(transport).includes("secret"));
    assert(!JSON.stringify(transport).includes("secret"));
  }
});

Deno.test("websocket: a URL of another scheme is refused, and the schemes are named", async () => {
  const text =
    "The option url must begin with ws: or wss: (http: and https: mean the same); got localhost:";
  const url = "localhost:80/secret";
  assertThrows(() => webSocketTransport({ url }), TypeError, text);
  const { transport, errors, until } = listen({ url: () => url });
  transport.connect();
  await until("disconnect");
  assertEquals((errors[0]!.cause as Error).message, text);
  assert(!Deno.inspect(errors).includes("secret"));
});

Deno.test("websocket: a dial that failed says why, as far as the runtime does", async () => {
  await using refusing = serve(() => {}, true);
  for (
    const [url, said] of [
      ["ws://127.0.0.1:1/secret-token", "tcp connect error"],
      [refusing.url, "Invalid status code: 403"],
    ] as const
  ) {
    const { transport, errors, until } = listen({ url });
    transport.connect();
    await until("disconnect");
    const { message } = errors[0]!.cause as Error;
    assertStringIncludes(message, "WebSocket closed before it opened: ");
    assertStringIncludes(message, said);
    assert(!message.includes("secret"));
  }
});

Deno.test("websocket: without a WebSocket in the runtime, open() says so, and nothing is tried again", async () => {
  const { WebSocket: platform } = globalThis;
  // As on Node 20.
  Reflect.deleteProperty(globalThis, "WebSocket");
  try {
    using time = new FakeTime();
    const client = feedmeClient({
      transport: webSocketTransport({ url: "ws://x" }),
    });
    const log: string[] = [];
    client.on("connecting", () => log.push("connecting"));
    client.on("disconnect", (error) => {
      const { cause } = (error as FeedmeError).transportError as Error;
      log.push((cause as Error).message);
    });
    const opening = assertRejects(() => client.open("f", {}), FeedmeError);
    await time.tickAsync(24 * 3_600_000);
    assertEquals((await opening).code, "TRANSPORT_FAILURE");
    assertEquals(log, [
      "connecting",
      "this runtime has no WebSocket; pass the option WebSocket, such as the class of the npm package ws",
    ]);
    client.destroy();
  } finally {
    globalThis.WebSocket = platform;
  }
});

Deno.test("websocket: how the client finds a dead connection is an option", () => {
  const url = "ws://x";
  assertEquals(webSocketTransport({ url }).liveness, {
    limit: 15_000,
    probe: 5_000,
    probes: true,
  });
  assertEquals(
    webSocketTransport({ url, silenceTimeout: 0, probe: false }).liveness,
    { limit: 0, probe: 5_000, probes: false },
  );
});

Deno.test("websocket: headers are passed to the constructor only if there are any", async () => {
  await using server = serve(() => {});
  /** As in a browser, which takes anything but a list for a subprotocol. */
  class Browser extends WebSocket {
    constructor(url: string, protocols?: string | string[]) {
      super(url, Array.isArray(protocols) ? protocols : String(protocols));
    }
  }
  const reached: string[] = [];
  for (const headers of [undefined, {}, { "x-custom": "1" }]) {
    const { transport, until } = listen({
      url: server.url,
      WebSocket: Browser,
      ...(headers && { headers }),
    });
    transport.connect();
    while (transport.state() === "connecting") await delay(1);
    reached.push(transport.state());
    if (transport.state() === "connected") transport.disconnect();
    await until("disconnect");
    await transport[Symbol.asyncDispose]!();
  }
  assertEquals(reached, ["connected", "connected", "disconnected"]);
});

Deno.test("websocket: the url function is called for each connection", async () => {
  await using server = serve(() => {});
  let asked = 0;
  const { transport, until } = listen({
    url: () => Promise.resolve(new URL(`?token=${++asked}`, server.url)),
    protocols: ["feedme", "other"],
    headers: { "x-custom": "1" },
  });
  for (let round = 1; round <= 2; round++) {
    transport.connect();
    while (transport.state() !== "connected") await delay(1);
    transport.disconnect();
    await until("disconnect");
  }
  await transport[Symbol.asyncDispose]!();
  assertEquals(
    server.requests.map(({ url }) => new URL(url).search),
    ["?token=1", "?token=2"],
  );
  const { headers } = server.requests[0]!;
  assertEquals(headers.get("x-custom"), "1");
  assertEquals(headers.get("sec-websocket-protocol"), "feedme, other");
  const { transport: failing, log, errors, until: untilFailed } = listen({
    url: () => Promise.reject(new Error("no token")),
  });
  failing.connect();
  await untilFailed("disconnect");
  assertEquals(
    log.at(-1),
    "disconnect FAILURE: The WebSocket could not be opened.",
  );
  assertEquals((errors[0]!.cause as Error).message, "no token");
});

Deno.test("websocket: a socket that is still closing after its close event, as on Workers", async () => {
  // Before 2026-04-07 they wait for a close in return, and tell nothing more.
  const closes: unknown[] = [];
  const socket = {
    readyState: 0,
    close: (code: number) => void closes.push(code),
  } as unknown as Writable<WebSocket>;
  const { transport, until } = listen({
    url: "ws://x",
    WebSocket: function () {
      return socket;
    } as unknown as WebSocketConstructor,
  });
  transport.connect();
  await delay(0);
  socket.readyState = 1;
  socket.onopen!(new Event("open"));
  await until("connect");
  socket.readyState = 2;
  socket.onclose!(new CloseEvent("close", { code: 4001 }));
  await until("(code 4001)");
  let disposed = false;
  transport[Symbol.asyncDispose]!().then(() => disposed = true);
  await settled();
  assert(disposed, "it waits for nothing");
  assertEquals(closes, [1000]);
});

Deno.test("websocket: both subprotocols are offered, but by another constructor only the first", async () => {
  const offers: unknown[] = [];
  await using server = serve(() => {});
  class Own extends WebSocket {
    constructor(url: string, protocols?: string | string[]) {
      offers.push(protocols);
      super(url, protocols);
    }
  }
  const { WebSocket: platform } = globalThis;
  for (const own of [undefined, Own]) {
    if (!own) globalThis.WebSocket = Own as typeof WebSocket;
    const { transport, until } = listen({
      url: server.url,
      ...(own && { WebSocket: own }),
    });
    transport.connect();
    await until("connect");
    globalThis.WebSocket = platform;
    await transport[Symbol.asyncDispose]!();
  }
  assertEquals(offers, [["feedme", "feedme+alive"], ["feedme"]]);
});
