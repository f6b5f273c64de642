/**
 * A real SocketCluster server in a process of its own, for the tests: prints
 * its port, and does what a client tells it by invoking `control`.
 *
 * `deno run -A --config deno.tests.json tests/kit/socketcluster_process.ts '{"port":0}'`
 */
// deno-lint-ignore-file no-explicit-any
import http from "node:http";
// @ts-ignore the package has no types
import socketClusterServer from "socketcluster-server";

const { port = 0, ...options } = JSON.parse(Deno.args[0] ?? "{}");

const httpServer = http.createServer();
const server: any = socketClusterServer.attach(httpServer, {
  authKey: "key of the tests",
  ...options,
});

/** Runs a loop over a stream; its end does not matter. */
async function each(stream: any, body: (value: any) => unknown): Promise<void> {
  for await (const value of stream) await body(value);
}

function named(name: string, message: string, more = {}): Error {
  return Object.assign(new Error(message), { name, ...more });
}

server.setMiddleware(
  server.MIDDLEWARE_HANDSHAKE,
  (stream: any) =>
    each(stream, (action) => {
      const query = new URL(action.request.url, "http://x").searchParams;
      const code = query.get("block");
      if (action.type === action.HANDSHAKE_WS && code === "ws") {
        action.block(named("NoEntryError", "no entry"));
      } else if (action.type === action.HANDSHAKE_SC && code && code !== "ws") {
        const error = named("NoEntryError", "no entry");
        if (code === "default") action.block(error);
        else action.block(Object.assign(error, { statusCode: Number(code) }));
      } else action.allow();
    }),
);

server.setMiddleware(
  server.MIDDLEWARE_INBOUND,
  (stream: any) =>
    each(stream, (action) => {
      const { type, channel, procedure } = action;
      if (channel === "forbidden" || procedure === "forbidden") {
        action.block(named("ForbiddenError", "not allowed", { level: 3 }));
      } else if (channel === "silent") action.block();
      else if (
        type === action.AUTHENTICATE && action.authToken.username === "banned"
      ) action.block(named("BannedError", "not you"));
      else action.allow();
    }),
);

/** What `control` can do. */
const controls: Record<string, (socket: any, data: any) => unknown> = {
  sign: (_socket, { payload, key }) =>
    server.auth.signToken(payload, key ?? server.signatureKey, {}),
  login: (socket, { payload, options }) =>
    socket.setAuthToken(payload, options),
  logout: (socket, options) => socket.deauthenticate(options),
  kick: (socket, { channel, message }) => socket.kickOut(channel, message),
  transmit: (socket, { event, data }) => socket.transmit(event, data),
  send: (socket, frame) => socket.send(frame),
  invoke: (socket, { event, data, ackTimeout }) =>
    socket.invoke(event, data, { ackTimeout }),
  publish: (_socket, { channel, data }) =>
    server.exchange.transmitPublish(channel, data),
  // So many messages, as fast as the server can, for benchmarks.
  flood: async (_socket, { channel, count }) => {
    for (let i = 0; i < count; i++) {
      server.exchange.transmitPublish(channel, { id: i, text: "some text" });
      if (i % 100 === 99) await new Promise((resolve) => setTimeout(resolve));
    }
  },
  subscriptions: (socket) => socket.subscriptions(),
  clients: () => server.clientsCount,
};

/** What `doom` can do: nothing can be answered afterwards. */
const dooms: Record<string, (socket: any, data: any) => unknown> = {
  disconnect: (socket, { code, reason }) => socket.disconnect(code, reason),
  closeWithoutCode: (socket) => socket.socket.close(),
  terminate: (socket) => socket.terminate(),
  // The connection stays open and nothing is said on it any more.
  fallSilent: ({ socket }) => {
    socket._socket.pause();
    socket.send = socket.close = socket.terminate = () => {};
  },
};

each(server.listener("error"), () => {});
each(server.listener("warning"), () => {});
each(server.listener("connection"), ({ socket }) => {
  const query = new URL(socket.request.url, "http://x").searchParams;
  if (query.has("greet")) {
    socket.setAuthToken({ username: "greeted" });
    socket.transmit("hello", { nice: true });
  }
  each(socket.procedure("echo"), (request) => request.end(request.data));
  each(socket.procedure("wait"), (request) => {
    setTimeout(() => request.end(request.data), request.data);
  });
  each(socket.procedure("fail"), (request) => {
    request.error(named("CustomFailure", "it failed", { code: 42 }));
  });
  each(socket.procedure("failAs"), (request) => request.error(request.data));
  each(socket.receiver("pass"), (data) => socket.transmit("passed", data));
  each(socket.receiver("doom"), ({ what, data }) => dooms[what]!(socket, data));
  each(socket.procedure("control"), (request) => {
    const { what, data } = request.data;
    Promise.resolve()
      .then(() => controls[what]!(socket, data))
      .then((result) => request.end(result), (error) => request.error(error));
  });
});

httpServer.listen(port, "127.0.0.1", () => {
  console.log((httpServer.address() as { port: number }).port);
});
