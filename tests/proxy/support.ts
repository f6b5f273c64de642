/** What the proxy's tests stand on: a backend, a platform, raw connections. */
import * as zlib from "node:zlib";
import { Hono } from "@hono/hono";
import { ticks } from "../kit/ticks.ts";
import {
  sessionProxy,
  type SessionProxyOptions,
} from "../../session/edge/proxy.ts";
import type {
  BackendState,
  CallOptions,
  ConnectRequest,
  ConnectResponse,
  SessionEngine,
} from "../../types.ts";
import { HTTPError } from "../../types.ts";
import { until } from "../kit/wait.ts";

export { UPGRADE as HANDSHAKE } from "../kit/raw_websocket.ts";

export interface Server extends AsyncDisposable {
  port: number;
  origin: string;
}

export function serve(
  handler: (request: Request) => Response | Promise<Response>,
): Server {
  // The server is closed by force: some tests leave connections behind.
  const controller = new AbortController();
  const server = Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    signal: controller.signal,
    onListen() {},
    onError: (error) => new Response(String(error), { status: 500 }),
  }, handler);
  const { port } = server.addr as Deno.NetAddr;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      controller.abort();
      await server.finished;
    },
  };
}

/** What a backend saw of one request. */
export interface Seen {
  method: string;
  url: string;
  headers: [string, string][];
}

export interface Backend extends Server {
  /** Tokens that lead to the backend; any other gets 410. */
  tokens: Set<string>;
  /** The next requests get this status from the platform's proxy. */
  fail: number[];
  seen: Seen[];
  /** Bytes of request bodies read so far. */
  received: number;
  /** How many request bodies came to their end, and how many broke off. */
  bodies: { whole: number; broken: number };
  /** How streams that the backend was sending ended. */
  cancelled: number;
  /** WebSockets that are open, as the backend holds them. */
  sockets: Set<WebSocket>;
  /** Close codes and reasons that sockets of the backend were ended with. */
  closed: [number, string][];
}

const encoder = new TextEncoder();

/** The functions of node:zlib for a coding, by its name in lower case. */
const CODINGS: Record<
  string,
  [
    encode: (bytes: Uint8Array) => Uint8Array,
    decode: (bytes: Uint8Array) => Uint8Array,
  ]
> = {
  "gzip": [zlib.gzipSync, zlib.gunzipSync],
  "x-gzip": [zlib.gzipSync, zlib.gunzipSync],
  "deflate": [zlib.deflateSync, zlib.inflateSync],
  "br": [zlib.brotliCompressSync, zlib.brotliDecompressSync],
  "zstd": [zlib.zstdCompressSync, zlib.zstdDecompressSync],
  "identity": [(bytes) => bytes, (bytes) => bytes],
  "": [(bytes) => bytes, (bytes) => bytes],
  // A coding that no client knows.
  "x-own": [(bytes) => bytes, (bytes) => bytes],
};

const codingsOf = (header: string) =>
  header.toLowerCase().split(",").map((coding) => coding.trim());

/** A text in these codings, the first one innermost. */
function encode(text: string, header: string): Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array = new TextEncoder().encode(text);
  for (const coding of codingsOf(header)) bytes = CODINGS[coding]![0](bytes);
  return new Uint8Array(bytes);
}

/** The text of an answer, decoded as its header says and Deno's fetch has not. */
export async function decoded(answer: Response): Promise<string> {
  const header = answer.headers.get("content-encoding");
  let bytes: Uint8Array = await answer.bytes();
  if (header !== null && !/^(gzip|br)$/i.test(header)) {
    for (const coding of codingsOf(header).reverse()) {
      bytes = CODINGS[coding]![1](bytes);
    }
  }
  return new TextDecoder().decode(bytes);
}

/** Sends the beginning of a request with a body, and leaves. */
export async function breakOff(
  server: { port: number },
  target: string,
  headers: string[],
  chunked: boolean,
): Promise<void> {
  const connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.port,
  });
  const lines = [
    `POST ${target} HTTP/1.1`,
    `host: 127.0.0.1:${server.port}`,
    ...headers,
    chunked ? "transfer-encoding: chunked" : "content-length: 1000",
  ];
  const body = chunked ? "4\r\nabcd\r\n" : "abcd";
  await connection.write(
    encoder.encode(lines.join("\r\n") + "\r\n\r\n" + body),
  );
  // Until the backend has it.
  await new Promise((resolve) => setTimeout(resolve, 200));
  connection.close();
}

/** An answer of the platform's connection proxy, marked as its own. */
function platformAnswer(text: string, status: number): Response {
  return new Response(text, { status, headers: { "x-of-platform": "1" } });
}

/** A session backend behind the platform's connection proxy: `/{token}/…`. */
export function startBackend(): Backend {
  const backend = {
    tokens: new Set(),
    fail: [],
    seen: [],
    received: 0,
    bodies: { whole: 0, broken: 0 },
    cancelled: 0,
    sockets: new Set(),
    closed: [],
  } as unknown as Backend;
  const floods: Promise<void>[] = [];
  const server = serve((request) => {
    const at = request.url.indexOf("/", "http://".length);
    const [, token, ...rest] = request.url.slice(at).split("/");
    backend.seen.push({
      method: request.method,
      url: request.url.slice(at),
      headers: [...request.headers],
    });
    if (!backend.tokens.has(token!)) {
      return platformAnswer(`no such token: ${token}`, 410);
    }
    const fail = backend.fail.shift();
    if (fail) return platformAnswer(`failed at ${token}`, fail);
    const [path, query] = rest.join("/").split("?", 2);
    const params = new URLSearchParams(query);
    return request.headers.get("upgrade") === "websocket"
      ? socket(path!, params, request)
      : answer(path!, params, request, token!);
  });

  async function answer(
    path: string,
    params: URLSearchParams,
    request: Request,
    token: string,
  ): Promise<Response> {
    switch (path) {
      case "echo":
        return new Response(request.body);
      case "upload": {
        // The answer begins before the body has ended.
        const reader = request.body?.getReader();
        // Whichever of both bodies breaks off first.
        let left = false;
        const leave = () => {
          if (!left) backend.cancelled++;
          left = true;
        };
        return new Response(
          new ReadableStream({
            async pull(stream) {
              const { done, value } = await reader!.read().catch((error) => {
                leave();
                throw error;
              });
              if (done) return stream.close();
              backend.received += value.byteLength;
              stream.enqueue(encoder.encode(`${backend.received}\n`));
            },
            async cancel() {
              leave();
              await reader!.cancel();
            },
          }),
        );
      }
      case "discard": {
        try {
          for await (const chunk of request.body ?? []) {
            backend.received += chunk.byteLength;
          }
        } catch (error) {
          backend.bodies.broken++;
          throw error;
        }
        backend.bodies.whole++;
        return new Response(String(backend.received));
      }
      case "ticks":
        return ticks(
          Number(params.get("every") ?? 20),
          () => backend.cancelled++,
        );
      case "cut":
        // Says how long it is, and breaks off before.
        return new Response(
          new ReadableStream({
            start: (stream) => stream.enqueue(encoder.encode("begun")),
            async pull() {
              await new Promise((resolve) => setTimeout(resolve, 50));
              throw new Error("cut");
            },
          }),
          { headers: { "content-length": "1000" } },
        );
      case "silent":
        // Never answers; the proxy's going away is noticed.
        return await new Promise<Response>((_, reject) =>
          request.signal.addEventListener("abort", () => {
            backend.cancelled++;
            reject(new Error("aborted"));
          })
        );
      case "redirect":
        return new Response("to " + token, {
          status: Number(params.get("status") ?? 302),
          headers: { location: params.get("to")!.replace("TOKEN", token) },
        });
      case "headers":
        return new Response("secret headers", {
          headers: JSON.parse(params.get("set")!.replaceAll("TOKEN", token)),
        });
      case "status":
        return new Response(null, { status: Number(params.get("code")) });
      case "answer":
        await request.body?.cancel();
        // As Plane's proxy marks what a backend answered.
        return new Response("the backend's own", {
          status: Number(params.get("code")),
          headers: { "x-plane-backend-id": "backend-1" },
        });
      case "encoded": {
        const codings = params.get("as")!;
        return new Response(encode("hello ".repeat(1000), codings), {
          headers: { "content-encoding": codings },
        });
      }
      case "gzip":
        return new Response(
          new Blob(["hello ".repeat(1000)]).stream()
            .pipeThrough(new CompressionStream("gzip")),
          { headers: { "content-encoding": "gzip" } },
        );
      default:
        return Response.json(backend.seen.at(-1));
    }
  }

  function socket(
    path: string,
    params: URLSearchParams,
    request: Request,
  ): Response {
    const protocol = params.get("choose");
    const headers = Object.fromEntries(request.headers);
    if (path === "refuse") {
      return new Response("no", {
        status: Number(params.get("code")),
        headers: { "x-plane-backend-id": "backend-1" },
      });
    }
    const { socket, response } = Deno.upgradeWebSocket(
      request,
      protocol ? { protocol } : {},
    );
    backend.sockets.add(socket);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (path === "hello") socket.send(JSON.stringify(headers));
      if (path === "close") {
        socket.close(Number(params.get("code")), params.get("reason") ?? "");
      }
      if (path === "bare-close") socket.close();
      if (path === "flood") {
        floods.push(flood(socket, Number(params.get("bytes"))));
      }
    };
    socket.onmessage = ({ data }) => {
      if (path === "sink") return;
      if (path === "size") {
        return socket.send(String(data.length ?? data.byteLength));
      }
      socket.send(data);
    };
    socket.onerror = (event) => event.preventDefault();
    socket.onclose = ({ code, reason }) => {
      backend.sockets.delete(socket);
      backend.closed.push([code, reason]);
    };
    return response;
  }
  return Object.assign(backend, server, {
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Promise.all(floods);
    },
  });
}

/** Sends messages of 64 kB as fast as the network takes them. */
async function flood(socket: WebSocket, bytes: number): Promise<void> {
  const message = new Uint8Array(64 * 1024);
  for (let sent = 0; sent < bytes; sent += message.byteLength) {
    while (
      socket.bufferedAmount > 1024 ** 2 && socket.readyState === WebSocket.OPEN
    ) await new Promise((resolve) => setTimeout(resolve, 5));
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(message);
  }
}

/** A platform that runs one backend, told what to say. */
export class ScriptedEngine implements SessionEngine {
  readonly origins: readonly string[] = ["http://127.0.0.1:*"];
  readonly requests: ConnectRequest[] = [];
  readonly backend: Backend;
  readonly states: BackendState[] = [
    { status: "starting", time: "2026-01-01T00:00:00.000Z" },
    { status: "ready", time: "2026-01-01T00:00:01.000Z" },
  ];
  /** Status streams that are open. */
  following = 0;
  backendId = "backend-1";
  running = true;
  secret: string | null = "SECRET-sauce";
  /** What the next calls of `connect` do in place of an answer. */
  readonly answers: (Partial<ConnectResponse> | Error)[] = [];

  constructor(backend: Backend) {
    this.backend = backend;
  }

  connect(
    request: ConnectRequest = {},
    _options: CallOptions = {},
  ): Promise<ConnectResponse> {
    this.requests.push(request);
    const scripted = this.answers.shift();
    if (scripted instanceof Error) return Promise.reject(scripted);
    if (request.spawn === false && !this.running) {
      return Promise.reject(new HTTPError(409, "not running"));
    }
    const token = `TOKEN-${crypto.randomUUID()}`;
    this.backend.tokens.add(token);
    return Promise.resolve({
      backend_id: this.backendId,
      spawned: this.requests.length === 1,
      status: "ready",
      token,
      url: `${this.backend.origin}/${token}/`,
      secret_token: this.secret,
      status_url: `${this.backend.origin}/v2/backend/b/status`,
      ready_url: `${this.backend.origin}/ready/${token}`,
      ...scripted,
    });
  }

  #known(backendId: string): void {
    if (backendId !== this.backendId) {
      throw new HTTPError(404, `no backend ${backendId}`);
    }
  }

  // deno-lint-ignore require-await
  async status(
    backendId: string,
    _options?: CallOptions,
  ): Promise<BackendState> {
    this.#known(backendId);
    return this.states.at(-1)!;
  }

  async *statuses(
    backendId: string,
    { signal }: { signal?: AbortSignal | undefined } = {},
  ): AsyncIterableIterator<BackendState> {
    this.#known(backendId);
    this.following++;
    try {
      for (let index = 0;; index++) {
        while (index >= this.states.length) {
          signal?.throwIfAborted();
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        const state = this.states[index]!;
        yield state;
        if (state.status === "terminated") return;
      }
    } finally {
      this.following--;
    }
  }

  isPlatformAnswer({ headers }: { headers: Headers }): boolean {
    return headers.has("x-of-platform");
  }

  statusStream(): Promise<() => void> {
    return Promise.reject(new Error("not used by the proxy"));
  }

  terminate(): Promise<void> {
    return Promise.reject(new Error("not used by the proxy"));
  }
}

/** An edge at `/sessions`, before a platform with one backend. */
export function startEdge(options: Partial<SessionProxyOptions> = {}) {
  const backend = startBackend();
  const engine = new ScriptedEngine(backend);
  /** What the route reported to its owner. */
  const errors: Error[] = [];
  const app = new Hono();
  app.route(
    "/sessions",
    sessionProxy({
      engine,
      authorize: () => ({ user: "ada" }),
      upgrade: (c, options) => Deno.upgradeWebSocket(c.req.raw, options),
      onError: (error) => void errors.push(error),
      ...options,
    }),
  );
  const edge = serve(app.fetch);
  return {
    backend,
    engine,
    errors,
    edge,
    /** The address of a path below the session `doc`. */
    url: (path: string) => `${edge.origin}/sessions/doc${path}`,
    async [Symbol.asyncDispose]() {
      await until(() => backend.sockets.size === 0, "no socket is left");
      await edge[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

export interface RawAnswer {
  status: number;
  head: string;
  body: string;
}

/** Sends a request byte by byte as given, which `fetch` would tidy up. */
export async function raw(
  server: { port: number },
  target: string,
  headers: string[] = [],
  method = "GET",
): Promise<RawAnswer> {
  using connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.port,
  });
  const lines = [
    `${method} ${target} HTTP/1.1`,
    `host: 127.0.0.1:${server.port}`,
    ...headers,
  ];
  await connection.write(encoder.encode(lines.join("\r\n") + "\r\n\r\n"));
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65536);
  let text = "";
  while (!complete(text)) {
    const count = await connection.read(buffer);
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  const [head = "", ...body] = text.split("\r\n\r\n");
  return {
    status: Number(head.split(" ")[1]),
    head: head.toLowerCase(),
    body: body.join("\r\n\r\n"),
  };
}

function complete(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const head = text.slice(0, end).toLowerCase();
  if (head.startsWith("http/1.1 101")) return true;
  const length = /content-length: (\d+)/.exec(head);
  if (length) return text.length - end - 4 >= Number(length[1]);
  if (/http\/1.1 (204|304)/.test(head)) return true;
  return !head.includes("chunked") || text.endsWith("0\r\n\r\n");
}

export interface Opened extends AsyncDisposable {
  socket: WebSocket;
  messages: (string | ArrayBuffer)[];
  /** Code and reason once it is closed. */
  closed: Promise<[number, string]>;
  next(): Promise<string | ArrayBuffer>;
}

/** A client's WebSocket; rejects if the handshake is refused. */
export async function open(
  url: string,
  protocols: string[] = [],
  headers: Record<string, string> = {},
): Promise<Opened> {
  const socket = new WebSocket(
    url.replace(/^http/, "ws"),
    { protocols, headers } as unknown as string[],
  );
  socket.binaryType = "arraybuffer";
  const messages: (string | ArrayBuffer)[] = [];
  socket.onmessage = ({ data }) => messages.push(data);
  socket.onerror = (event) => event.preventDefault();
  const closed = new Promise<[number, string]>((resolve) => {
    socket.onclose = ({ code, reason }) => resolve([code, reason]);
  });
  let opened = false;
  await Promise.race([
    new Promise<void>((resolve) =>
      socket.onopen = () => {
        opened = true;
        resolve();
      }
    ),
    closed.then(([code]) => {
      if (!opened) throw new Error(`refused (${code})`);
    }),
  ]);
  let read = 0;
  return {
    socket,
    messages,
    closed,
    async next() {
      await until(() => messages.length > read, "a message came");
      return messages[read++]!;
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await closed;
    },
  };
}
