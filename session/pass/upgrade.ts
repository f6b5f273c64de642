/**
 * How a server accepts a WebSocket, where the runtime does not pass upgrades on
 * by itself. Nothing here imports a runtime: the adapters for Bun and Node work
 * with objects that the application hands in.
 */
import { checkDuration, LONGEST_TIMEOUT } from "../../net/timer.ts";
import { checkSize } from "./limits.ts";
import type { Context } from "./hono.ts";
import type { BridgeSocket } from "./bridge.ts";
import { ProxyError } from "./failure.ts";

/** What to accept an upgrade with. */
export interface UpgradeOptions {
  /** The subprotocol that the backend chose; absent if it chose none. */
  protocol?: string;
}

/** An accepted upgrade. */
export interface Upgraded {
  /**
   * The client's end, open or about to open; rejects if the client went away
   * first. One that is open already must not have received anything.
   */
  socket: BridgeSocket | Promise<BridgeSocket>;
  /** What the request handler has to return. */
  response: Response;
}

/** What a dial is made with. */
export interface DialRequest {
  /** The address; it holds a connection token. */
  url: string;
  /** Subprotocols to offer, best first. */
  protocols: string[];
  /** Headers of the upgrade request. */
  headers: Record<string, string>;
  /** Bytes of a message that the backend may send. */
  maxMessage: number;
  /** To be called if the backend answers with another status than 101. */
  onRefused: (answer: { status: number; headers: Headers }) => void;
}

/**
 * Accepts the WebSocket that the request of a context asks for. Called when the
 * backend's end is open.
 */
export interface UpgradeAdapter {
  (c: Context, options: UpgradeOptions): Upgraded | Promise<Upgraded>;
  /**
   * Dials a backend, where the runtime's own `WebSocket` will not do.
   * @default `new WebSocket(url, { protocols, headers })`
   */
  readonly dial?: ((request: DialRequest) => WebSocket) | undefined;
}

/** As much of a runtime's global object as {@linkcode ownUpgrade} uses. */
interface Accepting {
  upgradeWebSocket(request: Request): Upgraded;
}

/**
 * The adapter of a runtime that accepts an upgrade by the request alone, which
 * is Deno's; elsewhere undefined. Asked for by name, so that nothing is needed
 * from a runtime that has no such thing.
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
 * Accepts with a runtime's `upgradeWebSocket`. The subprotocol goes into the
 * answer: Deno finds it in a list of names only if a space follows each comma,
 * and `ws` writes none.
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

/** As much of a server-side socket of Bun as {@linkcode bunUpgrade} uses. */
export interface BunSocket {
  /** What `upgrade` was given. */
  data: unknown;
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** Bytes not yet sent. */
  getBufferedAmount(): number;
  /** Sends one message; 0 means that it was dropped. */
  // deno-lint-ignore no-explicit-any
  send(data: any): number;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** The `websocket` member of what `Bun.serve` is given. */
export interface BunWebSocketHandlers {
  /** Bytes of one message. */
  maxPayloadLength: number;
  /** Bytes that may wait for a slow reader before the socket is closed. */
  backpressureLimit: number;
  /** The bridge looks first; this is the second line. */
  closeOnBackpressureLimit: boolean;
  /** Joins the socket to the bridge that waits for it. */
  open(socket: BunSocket): void;
  /** Passes a message on. */
  message(socket: BunSocket, data: unknown): void;
  /** Passes the end on. */
  close(socket: BunSocket, code: number, reason: string): void;
}

/** Options of {@linkcode bunUpgrade}. */
export interface BunUpgradeOptions {
  /** The proxy's `maxMessage`, if it is not the default. @default {16 MiB} */
  maxMessage?: number | undefined;
  /** The proxy's `maxBuffered`, if it is not the default. @default {16 MiB} */
  maxBuffered?: number | undefined;
}

interface BunServer {
  upgrade(
    request: Request,
    options: { headers: Record<string, string>; data: unknown },
  ): boolean;
}

/** A socket of Bun with the face of the standard one. */
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
 * The adapter for Bun, in two parts: `upgrade` is an option of the proxy, and
 * `websocket` one of `Bun.serve`. The server reaches the proxy as Hono's `env`,
 * as it does when an application is the default export. `idleTimeout` is for
 * streams of a backend that are silent for more than ten seconds.
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
  checkSize("maxMessage", maxMessage);
  checkSize("maxBuffered", maxBuffered);
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
        // Without the header, the first one on offer would be taken.
        headers: { "sec-websocket-protocol": protocol },
        data: client,
      });
      if (!taken) throw new ProxyError(499, "the client disconnected");
      return { socket: client, response: new Response(null) };
    },
    websocket: {
      // A message just over the limit is the bridge's to refuse, with 1009.
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

/** As much of a socket of `ws` as {@linkcode nodeUpgrade} uses. */
interface NodeSocket extends BridgeSocket {
  on(event: string, listener: (...args: never[]) => void): void;
  ping(): void;
  terminate(): void;
}

/** As much of a request of `node:http` as {@linkcode nodeUpgrade} uses. */
interface NodeRequest {
  setHeader(name: string, value: string): void;
  end(): void;
  destroy(): void;
}

/** As much of an answer of `node:http` as {@linkcode nodeUpgrade} uses. */
interface NodeAnswer {
  statusCode: number;
  headers: Record<string, string | string[] | undefined>;
}

/** As much of the `WebSocketServer` of `ws` as {@linkcode nodeUpgrade} uses. */
export interface NodeWebSocketServer {
  /** Its options; `handleProtocols` and `maxPayload` are set by the adapter. */
  options: {
    // deno-lint-ignore no-explicit-any
    handleProtocols?: ((offered: Set<string>, request: any) => any) | undefined;
    /** Longest message in bytes; 0 means no limit. */
    maxPayload?: number | undefined;
    /** The class that backends are dialled with. */
    // deno-lint-ignore no-explicit-any
    WebSocket?: any;
  };
}

/** What {@linkcode nodeUpgrade} works with. */
export interface NodeUpgradeOptions {
  /** The `new WebSocketServer({ noServer: true })` that `serve` is given too. */
  server: NodeWebSocketServer;
  /** `upgradeWebSocket` of `@hono/node-server` (version 2). */
  // deno-lint-ignore no-explicit-any
  upgradeWebSocket: (createEvents: any) => any;
  /** The proxy's `maxMessage`, if it is not the default. @default {16 MiB} */
  maxMessage?: number | undefined;
  /**
   * Milliseconds between pings to a client. One that has not answered a ping
   * when the next is due is gone: its socket ends with 1006. 0 or `Infinity`
   * sends none. @default {25_000}
   */
  keepAlive?: number | undefined;
}

/** The adapter of {@linkcode nodeUpgrade}. */
export interface NodeUpgradeAdapter extends UpgradeAdapter {
  /**
   * For `serve({ serverOptions })`: lets requests with another `Upgrade` than
   * `websocket`, such as `h2c`, be served as plain HTTP. Without it they hang.
   * Node 22.21 and 24.9 are the first that know it.
   */
  // deno-lint-ignore no-explicit-any
  readonly serverOptions: Record<string, any>;
}

interface NodeIncoming {
  socket: {
    destroyed: boolean;
    once(event: "close", listener: () => void): void;
    off(event: "close", listener: () => void): void;
  };
}

/**
 * The adapter for Node with `@hono/node-server` 2 and `ws` 8, which backends are
 * dialled with as well.
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
  { server, upgradeWebSocket, maxMessage = 16 * 1024 ** 2, keepAlive = 25_000 }:
    NodeUpgradeOptions,
): NodeUpgradeAdapter {
  if (!server?.options || typeof upgradeWebSocket !== "function") {
    throw new TypeError(
      "nodeUpgrade needs server, a WebSocketServer of ws, and upgradeWebSocket of @hono/node-server 2",
    );
  }
  checkDuration("keepAlive", keepAlive);
  checkSize("maxMessage", maxMessage);
  /** The subprotocol for each request that is being upgraded. */
  const chosen = new WeakMap<object, string | undefined>();
  const { options } = server;
  const before = options.handleProtocols;
  options.handleProtocols = (offered, request) => {
    if (chosen.has(request)) return chosen.get(request) ?? false;
    if (before) return before(offered, request);
    // What `ws` does by itself.
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
    const gone = () => reject(new Error("the client disconnected"));
    incoming.socket.once("close", gone);
    if (incoming.socket.destroyed) gone();
    const upgraded = upgradeWebSocket(() => ({
      onOpen(_event: unknown, { raw }: { raw: NodeSocket }) {
        incoming.socket.off("close", gone);
        sendPings(raw, keepAlive);
        resolve(raw);
      },
    }));
    const response: Response = await upgraded(c, async () => {});
    return { socket: promise, response };
  };
  return Object.assign(accept, {
    dial: options.WebSocket && nodeDial(options.WebSocket),
    serverOptions: {
      shouldUpgradeCallback: (
        { headers }: { headers: { upgrade?: string | undefined } },
      ) => headers.upgrade?.toLowerCase() === "websocket",
    },
  });
}

/** A message just over the limit is the bridge's to refuse, with 1009. */
function payloadLimit(maxMessage: number): number {
  // `ws` wants a 32-bit integer; 0 is no limit.
  const limit = maxMessage + 1024;
  return limit < 2 ** 31 ? limit : 0;
}

/** Ends a socket whose client does not answer pings. */
function sendPings(socket: NodeSocket, interval: number): void {
  if (interval === 0 || interval === Infinity) return;
  let answered = true;
  const timer = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, Math.min(interval, LONGEST_TIMEOUT));
  socket.on("pong", () => answered = true);
  socket.on("close", () => clearInterval(timer));
}

/**
 * Dials with the class of `ws`. Node's own WebSocket may keep its connection open
 * for ever (undici 8.12), and shows no status of a refusal.
 */
function nodeDial(
  WebSocket: new (
    url: string,
    protocols: string[],
    options: Record<string, unknown>,
  ) => WebSocket,
): (request: DialRequest) => WebSocket {
  return ({ url, protocols, headers, maxMessage, onRefused }) => {
    const socket = new WebSocket(url, protocols, {
      headers,
      maxPayload: payloadLimit(maxMessage),
      perMessageDeflate: false,
      finishRequest(request: NodeRequest) {
        // With a space after each comma, without which a backend on Deno finds
        // none of the names.
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
        // The dial fails by this.
        request.destroy();
        socket.close();
      },
    );
    return socket;
  };
}
