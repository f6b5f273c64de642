/**
 * Accepts WebSockets on runtimes that do not forward upgrades natively. Imports no
 * runtime: the adapters for Bun and Node work with objects that the application passes
 * in.
 */
import { checkDuration, LONGEST_TIMEOUT } from "../../net/timer.ts";
import { checkNumber } from "../../net/number.ts";
import type { Context } from "./hono.ts";
import type { BridgeSocket } from "./bridge.ts";
import { ProxyError } from "./failure.ts";

/** Options for accepting an upgrade. */
export interface UpgradeOptions {
  /** The subprotocol that the backend chose; absent if it chose none. */
  protocol?: string;
}

/** An accepted upgrade. */
export interface Upgraded {
  /**
   * The client's end, open or about to open; rejects if the client disconnects first.
   * A socket that is already open must not have received a message.
   */
  socket: BridgeSocket | Promise<BridgeSocket>;
  /** The response that the request handler must return. */
  response: Response;
}

/** The arguments of a dial. */
export interface DialRequest {
  /** The URL, which contains a connection token. */
  url: string;
  /** Subprotocols to offer, best first. */
  protocols: string[];
  /** Headers of the upgrade request. */
  headers: Record<string, string>;
  /** The longest message that the backend may send, in bytes. */
  maxMessage: number;
  /** Must be called if the backend responds with a status other than 101. */
  onRefused: (answer: { status: number; headers: Headers }) => void;
}

/**
 * Accepts the WebSocket that a request asks for. Called once the backend's end is
 * open.
 */
export interface UpgradeAdapter {
  (c: Context, options: UpgradeOptions): Upgraded | Promise<Upgraded>;
  /**
   * Dials a backend, if the runtime's own `WebSocket` is not sufficient.
   * @default `new WebSocket(url, { protocols, headers })`
   */
  readonly dial?: ((request: DialRequest) => WebSocket) | undefined;
  /**
   * Calls `listener` when the client disconnects before its socket is accepted, if
   * the runtime does not abort the signal of a request for an upgrade. Returns a
   * function that stops it.
   */
  readonly onLeave?:
    | ((c: Context, listener: () => void) => () => void)
    | undefined;
}

/** The part of a runtime's global object that {@linkcode ownUpgrade} uses. */
interface Accepting {
  upgradeWebSocket(request: Request): Upgraded;
}

/**
 * The adapter for a runtime that can accept an upgrade from the request alone, which
 * only Deno can; `undefined` elsewhere. Looks the function up by name, so that other
 * runtimes need not provide it.
 */
export function ownUpgrade(): UpgradeAdapter | undefined {
  const runtime: Partial<Accepting> | undefined = Reflect.get(
    globalThis,
    "Deno",
  );
  if (typeof runtime?.upgradeWebSocket !== "function") return undefined;
  return (c, options) =>
    acceptWebSocket(runtime as Accepting, c.req.raw, options);
}

/**
 * Accepts an upgrade with a runtime's `upgradeWebSocket`. Sets the subprotocol on the
 * response, because Deno finds it in the request's list only if a space follows each
 * comma, and `ws` writes none.
 */
export function acceptWebSocket<Result extends { response: Response }>(
  runtime: { upgradeWebSocket(request: Request): Result },
  request: Request,
  { protocol }: UpgradeOptions,
): Result {
  const accepted = runtime.upgradeWebSocket(request);
  if (protocol) {
    accepted.response.headers.set("sec-websocket-protocol", protocol);
  }
  return accepted;
}

/** The part of Bun's server-side socket that {@linkcode bunUpgrade} uses. */
export interface BunSocket {
  /** The data passed to `upgrade`. */
  data: unknown;
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** Bytes not yet sent. */
  getBufferedAmount(): number;
  /** Sends one message; 0 means that it was dropped. */
  send(data: unknown): number;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** The option `websocket` of `Bun.serve`. */
export interface BunWebSocketHandlers {
  /** The longest message, in bytes. */
  maxPayloadLength: number;
  /** The most bytes that may wait for a slow reader before the socket is closed. */
  backpressureLimit: number;
  /** A second line of defence: the bridge checks first. */
  closeOnBackpressureLimit: boolean;
  /** Joins the socket to the bridge that waits for it. */
  open(socket: BunSocket): void;
  /** Forwards a message. */
  message(socket: BunSocket, data: unknown): void;
  /** Forwards the close. */
  close(socket: BunSocket, code: number, reason: string): void;
}

/** Options of {@linkcode bunUpgrade}. */
export interface BunUpgradeOptions {
  /** Set it to the proxy's `maxMessage`, in bytes. @default {16 MiB} */
  maxMessage?: number | undefined;
  /** Set it to the proxy's `maxBuffered`, in bytes. @default {16 MiB} */
  maxBuffered?: number | undefined;
}

interface BunServer {
  upgrade(
    request: Request,
    options: { headers: Record<string, string>; data: unknown },
  ): boolean;
}

/** Adapts a Bun socket to the standard WebSocket interface. */
class BunClient implements BridgeSocket {
  binaryType = "arraybuffer";
  onopen: BridgeSocket["onopen"] = null;
  onmessage: BridgeSocket["onmessage"] = null;
  onclose: BridgeSocket["onclose"] = null;
  onerror: BridgeSocket["onerror"] = null;
  socket: BunSocket | undefined;
  readonly protocol: string;

  constructor(protocol: string) {
    this.protocol = protocol;
  }

  get readyState(): number {
    return this.socket?.readyState ?? 0;
  }

  get bufferedAmount(): number {
    return this.socket?.getBufferedAmount() ?? 0;
  }

  send(data: unknown): void {
    this.socket?.send(data);
  }

  close(code?: number, reason?: string): void {
    this.socket?.close(code, reason);
  }
}

/**
 * The adapter for Bun, in two parts: `upgrade` is an option of the proxy, `websocket`
 * an option of `Bun.serve`. The proxy needs the server as Hono's `env`, which it is
 * when the application is the default export. Set `idleTimeout` if a backend's streams
 * may be silent for more than ten seconds.
 *
 * ```ts ignore
 * const { upgrade, websocket } = bunUpgrade();
 * app.route("/sessions", sessionProxy({ engine, authorize, upgrade }));
 * export default { fetch: app.fetch, websocket, idleTimeout: 255 };
 * ```
 */
export function bunUpgrade(
  { maxMessage = 16 * 1024 ** 2, maxBuffered = 16 * 1024 ** 2 }:
    BunUpgradeOptions = {},
): { upgrade: UpgradeAdapter; websocket: BunWebSocketHandlers } {
  checkNumber("maxMessage", maxMessage);
  checkNumber("maxBuffered", maxBuffered);
  return {
    upgrade(c, { protocol = "" }) {
      const server = (c.env?.server ?? c.env) as Partial<BunServer> | undefined;
      if (typeof server?.upgrade !== "function") {
        throw new TypeError(
          "bunUpgrade needs the server as Hono's env: app.fetch(request, server)",
        );
      }
      const client = new BunClient(protocol);
      const taken = server.upgrade(c.req.raw, {
        // Without this header, Bun would choose the first subprotocol offered.
        headers: { "sec-websocket-protocol": protocol },
        data: client,
      });
      if (!taken) throw new ProxyError(499, "the client disconnected");
      return { socket: client, response: new Response(null) };
    },
    websocket: {
      // Leaves messages just over the limit to the bridge, which closes with 1009.
      maxPayloadLength: bunLimit(maxMessage + 1024),
      backpressureLimit: bunLimit(maxBuffered + maxMessage + 1024),
      closeOnBackpressureLimit: true,
      open(socket) {
        const client = socket.data as BunClient;
        client.socket = socket;
        client.onopen?.({});
      },
      message(socket, data) {
        (socket.data as BunClient).onmessage?.({ data });
      },
      close(socket, code, reason) {
        (socket.data as BunClient).onclose?.({ code, reason });
      },
    },
  };
}

/** Bun takes whole numbers only; `Infinity` becomes 2 GiB. */
function bunLimit(bytes: number): number {
  return Math.min(Math.ceil(bytes), 2 ** 31 - 1);
}

/** The part of a `ws` socket that {@linkcode nodeUpgrade} uses. */
interface NodeSocket extends BridgeSocket {
  readonly isPaused: boolean;
  on(event: string, listener: (...args: never[]) => void): void;
  ping(): void;
  terminate(): void;
}

/** The part of a `node:http` request that {@linkcode nodeUpgrade} uses. */
interface NodeRequest {
  setHeader(name: string, value: string): void;
  end(): void;
  destroy(): void;
}

/** The part of a `node:http` response that {@linkcode nodeUpgrade} uses. */
interface NodeAnswer {
  statusCode: number;
  headers: Record<string, string | string[] | undefined>;
}

/** The part of `ws`'s `WebSocketServer` that {@linkcode nodeUpgrade} uses. */
export interface NodeWebSocketServer {
  /** Its options; the adapter sets `handleProtocols` and `maxPayload`. */
  options: {
    handleProtocols?:
      | ((offered: Set<string>, request: never) => unknown)
      | undefined;
    /** Longest message in bytes; 0 means no limit. */
    maxPayload?: number | undefined;
    /** The class used to dial backends. */
    WebSocket?: unknown;
  };
}

/** `upgradeWebSocket` of `@hono/node-server`, as {@linkcode nodeUpgrade} calls it. */
type NodeUpgrade = (
  createEvents: () => {
    onOpen(event: unknown, context: { raw: NodeSocket }): void;
  },
) => (c: Context, next: () => Promise<void>) => Promise<Response>;

/** The class `WebSocket` of `ws`. */
type NodeWebSocketClass = new (
  url: string,
  protocols: string[],
  options: Record<string, unknown>,
) => WebSocket;

/** Options of {@linkcode nodeUpgrade}. */
export interface NodeUpgradeOptions {
  /** The `new WebSocketServer({ noServer: true })` that you also pass to `serve`. */
  server: NodeWebSocketServer;
  /** `upgradeWebSocket` of `@hono/node-server` (version 2). */
  upgradeWebSocket: (createEvents: never) => unknown;
  /** Set it to the proxy's `maxMessage`, in bytes. @default {16 MiB} */
  maxMessage?: number | undefined;
  /**
   * Milliseconds between pings to a client. A client that has not responded when the
   * next ping is due counts as lost: its socket ends with 1006. 0 or `Infinity`
   * disables pings. @default {25_000}
   */
  keepAlive?: number | undefined;
}

/** The adapter of {@linkcode nodeUpgrade}. */
export interface NodeUpgradeAdapter extends UpgradeAdapter {
  /**
   * For `serve({ serverOptions })`: serves requests with an `Upgrade` other than
   * `websocket`, such as `h2c`, as plain HTTP. Without it they hang. Supported since
   * Node 22.21 and 24.9.
   */
  // deno-lint-ignore no-explicit-any -- the types of Node before 24.9 lack the option
  readonly serverOptions: Record<string, any>;
}

interface NodeIncoming {
  socket: {
    destroyed: boolean;
    once(event: "close" | "end", listener: () => void): void;
    off(event: "close" | "end", listener: () => void): void;
  };
}

/**
 * Calls `listener` when the client's connection ends. A socket that only the client
 * has closed emits `end`; Node leaves our half open.
 */
function onNodeLeave(
  { socket }: NodeIncoming,
  listener: () => void,
): () => void {
  socket.once("end", listener);
  socket.once("close", listener);
  if (socket.destroyed) listener();
  return () => {
    socket.off("end", listener);
    socket.off("close", listener);
  };
}

/**
 * The adapter for Node with `@hono/node-server` 2 and `ws` 8. It also dials backends
 * with `ws`.
 *
 * ```ts ignore
 * import { serve, upgradeWebSocket } from "@hono/node-server";
 * import { WebSocketServer } from "ws";
 *
 * const server = new WebSocketServer({ noServer: true });
 * const upgrade = nodeUpgrade({ server, upgradeWebSocket });
 * app.route("/sessions", sessionProxy({ engine, authorize, upgrade }));
 * const { serverOptions } = upgrade;
 * serve({ fetch: app.fetch, websocket: { server }, serverOptions });
 * ```
 *
 * @throws {TypeError} if `server` or `upgradeWebSocket` is missing
 * @throws {RangeError} if `keepAlive` or `maxMessage` is NaN or negative
 */
export function nodeUpgrade(
  given: NodeUpgradeOptions,
): NodeUpgradeAdapter {
  const {
    server,
    upgradeWebSocket,
    maxMessage = 16 * 1024 ** 2,
    keepAlive = 25_000,
  } = given ?? {};
  if (!server?.options || typeof upgradeWebSocket !== "function") {
    throw new TypeError(
      "nodeUpgrade needs server, a WebSocketServer of ws, and upgradeWebSocket of @hono/node-server 2",
    );
  }
  checkDuration("keepAlive", keepAlive);
  checkNumber("maxMessage", maxMessage);
  /** The chosen subprotocol of each request that is being upgraded. */
  const chosen = new WeakMap<object, string | undefined>();
  const { options } = server;
  const before = options.handleProtocols;
  options.handleProtocols = (offered, request: object) => {
    if (chosen.has(request)) return chosen.get(request) ?? false;
    if (before) return before(offered, request as never);
    // The default behaviour of `ws`.
    const [first] = offered;
    return first ?? false;
  };
  options.maxPayload = Math.min(
    options.maxPayload || Infinity,
    payloadLimit(maxMessage),
  );
  const accept: UpgradeAdapter = async (c, { protocol }) => {
    const incoming = c.env?.incoming as NodeIncoming | undefined;
    if (!incoming) {
      throw new TypeError("nodeUpgrade needs @hono/node-server");
    }
    chosen.set(incoming, protocol);
    const { promise, resolve, reject } = Promise.withResolvers<BridgeSocket>();
    promise.catch(() => {});
    const unwatch = onNodeLeave(
      incoming,
      () => reject(new Error("the client disconnected")),
    );
    const upgraded = (upgradeWebSocket as NodeUpgrade)(() => ({
      onOpen(_event, { raw }) {
        unwatch();
        sendPings(raw, keepAlive);
        resolve(raw);
      },
    }));
    const response = await upgraded(c, async () => {});
    return { socket: promise, response };
  };
  return Object.assign(accept, {
    onLeave(c: Context, listener: () => void) {
      const incoming = c.env?.incoming as NodeIncoming | undefined;
      return incoming ? onNodeLeave(incoming, listener) : () => {};
    },
    dial: options.WebSocket
      ? nodeDial(options.WebSocket as NodeWebSocketClass)
      : undefined,
    serverOptions: {
      shouldUpgradeCallback: (
        { headers }: { headers: { upgrade?: string | undefined } },
      ) => headers.upgrade?.toLowerCase() === "websocket",
    },
  });
}

/** Leaves messages just over the limit to the bridge, which closes with 1009. */
function payloadLimit(maxMessage: number): number {
  // `ws` needs a 32-bit integer; 0 means no limit.
  const limit = maxMessage + 1024;
  return limit < 2 ** 31 ? limit : 0;
}

/**
 * Ends a socket whose client does not respond to pings. While the bridge pauses a
 * socket, no pong is read; afterwards, messages may be read before the pong.
 */
function sendPings(socket: NodeSocket, interval: number): void {
  if (interval === 0 || interval === Infinity) return;
  let answered = true;
  const timer = setInterval(() => {
    if (!answered && !socket.isPaused) return socket.terminate();
    answered = false;
    socket.ping();
  }, Math.min(interval, LONGEST_TIMEOUT));
  socket.on("pong", () => answered = true);
  socket.on("message", () => answered = true);
  socket.on("close", () => clearInterval(timer));
}

/**
 * Dials with `ws`. Node's own WebSocket may keep its connection open forever
 * (undici 8.12) and does not expose the status of a refusal.
 */
function nodeDial(
  WebSocket: NodeWebSocketClass,
): (request: DialRequest) => WebSocket {
  return ({ url, protocols, headers, maxMessage, onRefused }) => {
    const socket = new WebSocket(url, protocols, {
      headers,
      maxPayload: payloadLimit(maxMessage),
      perMessageDeflate: false,
      finishRequest(request: NodeRequest) {
        // With a space after each comma: without it, a backend on Deno finds none of
        // the names.
        if (protocols.length > 0) {
          request.setHeader("sec-websocket-protocol", protocols.join(", "));
        }
        request.end();
      },
    });
    (socket as unknown as NodeSocket).on(
      "unexpected-response",
      (request: NodeRequest, answer: NodeAnswer) => {
        const fields = Object.entries(answer.headers).flatMap(([name, value]) =>
          [value ?? []].flat().map((one): [string, string] => [name, one])
        );
        onRefused({ status: answer.statusCode, headers: new Headers(fields) });
        // This makes the dial fail.
        request.destroy();
        socket.close();
      },
    );
    return socket;
  };
}
