/**
 * How a server accepts a WebSocket, where the runtime does not pass upgrades on
 * by itself. Nothing here imports a runtime: the adapters for Bun and Node work
 * with objects that the application hands in.
 */
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

/**
 * Accepts the WebSocket that the request of a context asks for. Called when the
 * backend's end is open.
 */
export type UpgradeAdapter = (
  c: Context,
  options: UpgradeOptions,
) => Upgraded | Promise<Upgraded>;

/** As much of a runtime's global object as {@linkcode ownUpgrade} uses. */
interface Accepting {
  upgradeWebSocket(request: Request, options: UpgradeOptions): Upgraded;
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
    (runtime as Accepting)
      .upgradeWebSocket(c.req.raw, options);
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
      if (!taken) throw new ProxyError(499, "the client is gone");
      return { socket: client, response: new Response(null) };
    },
    websocket: {
      // A message just over the limit is the bridge's to refuse, with 1009.
      maxPayloadLength: maxMessage + 1024,
      backpressureLimit: maxBuffered + maxMessage + 1024,
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

/** As much of the `WebSocketServer` of `ws` as {@linkcode nodeUpgrade} uses. */
export interface NodeWebSocketServer {
  /** Its options; `handleProtocols` is set by the adapter. */
  options: {
    // deno-lint-ignore no-explicit-any
    handleProtocols?: ((offered: Set<string>, request: any) => any) | undefined;
  };
}

/** What {@linkcode nodeUpgrade} works with. */
export interface NodeUpgradeOptions {
  /** The `new WebSocketServer({ noServer: true })` that `serve` is given too. */
  server: NodeWebSocketServer;
  /** `upgradeWebSocket` of `@hono/node-server` (version 2). */
  // deno-lint-ignore no-explicit-any
  upgradeWebSocket: (createEvents: any) => any;
}

interface NodeIncoming {
  socket: {
    destroyed: boolean;
    once(event: "close", listener: () => void): void;
    off(event: "close", listener: () => void): void;
  };
}

/**
 * The adapter for Node with `@hono/node-server` 2 and `ws` 8.
 *
 * ```ts ignore
 * import { serve, upgradeWebSocket } from "@hono/node-server";
 * import { WebSocketServer } from "ws";
 *
 * const server = new WebSocketServer({ noServer: true });
 * const upgrade = nodeUpgrade({ server, upgradeWebSocket });
 * app.route("/sessions", sessionProxy({ engine, authorize, upgrade }));
 * serve({ fetch: app.fetch, websocket: { server } });
 * ```
 */
export function nodeUpgrade(
  { server, upgradeWebSocket }: NodeUpgradeOptions,
): UpgradeAdapter {
  if (!server?.options || typeof upgradeWebSocket !== "function") {
    throw new TypeError(
      "nodeUpgrade needs server, a WebSocketServer of ws, and upgradeWebSocket of @hono/node-server 2",
    );
  }
  /** The subprotocol for each request that is being upgraded. */
  const chosen = new WeakMap<object, string | undefined>();
  const before = server.options.handleProtocols;
  server.options.handleProtocols = (offered, request) => {
    if (chosen.has(request)) return chosen.get(request) ?? false;
    if (before) return before(offered, request);
    // What `ws` does by itself.
    const [first] = offered;
    return first ?? false;
  };
  return async (c, { protocol }) => {
    const incoming = c.env?.incoming as NodeIncoming | undefined;
    if (!incoming) {
      throw new TypeError("nodeUpgrade needs @hono/node-server");
    }
    chosen.set(incoming, protocol);
    const { promise, resolve, reject } = Promise.withResolvers<BridgeSocket>();
    promise.catch(() => {});
    const gone = () => reject(new Error("the client is gone"));
    incoming.socket.once("close", gone);
    if (incoming.socket.destroyed) gone();
    const accept = upgradeWebSocket(() => ({
      onOpen(_event: unknown, { raw }: { raw: BridgeSocket }) {
        incoming.socket.off("close", gone);
        resolve(raw);
      },
    }));
    const response: Response = await accept(c, async () => {});
    return { socket: promise, response };
  };
}
