/** A platform for a test, calls of its API, and child processes. */
import { assert, assertEquals } from "@std/assert";
import type {
  BackendState,
  ConnectRequest,
  ConnectResponse,
} from "../../types.ts";
import { dial, type DialOptions } from "../../net/dial.ts";
import { readServerEvents } from "../../net/sse.ts";
import {
  type DevPlatform,
  type DevPlatformOptions,
  startDevPlatform,
} from "../../session/dev/mod.ts";

export const ECHO = new URL("echo_backend.ts", import.meta.url);

/** A platform on free ports that is quick to end. */
export function platform(
  options: DevPlatformOptions = {},
): Promise<DevPlatform> {
  return startDevPlatform({
    ...(options.command ? {} : { module: ECHO }),
    port: 0,
    proxyPort: 0,
    grace: 2000,
    ...options,
  });
}

/** A command that runs TypeScript given as text. */
export function code(text: string): { command: string[] } {
  return { command: [Deno.execPath(), "eval", text] };
}

/** Listens on PORT and answers `ok`. */
export const LISTEN =
  `Deno.serve({ port: Number(Deno.env.get("PORT")), onListen() {} }, () => new Response("ok"));`;

/** Status, parsed body and headers of a call. */
export async function call(
  platform: Pick<DevPlatform, "apiUrl">,
  path: string,
  init: RequestInit & { json?: unknown } = {},
  // deno-lint-ignore no-explicit-any
): Promise<{ status: number; body: any; headers: Headers }> {
  const { json, ...rest } = init;
  const response = await fetch(platform.apiUrl + path, {
    ...rest,
    ...(json === undefined
      ? {}
      : { method: "POST", body: JSON.stringify(json) }),
  });
  const text = await response.text();
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // Not every answer is JSON.
  }
  return { status: response.status, body, headers: response.headers };
}

export async function connect(
  platform: Pick<DevPlatform, "apiUrl">,
  request: ConnectRequest = {},
): Promise<ConnectResponse> {
  const { status, body } = await call(platform, "/v2/service/-/-/connect", {
    json: request,
  });
  assertEquals(status, 200, JSON.stringify(body));
  return body;
}

export async function terminate(
  platform: Pick<DevPlatform, "apiUrl">,
  id: string,
  hard?: boolean,
): Promise<void> {
  const { status } = await call(platform, `/v2/backend/${id}/terminate`, {
    json: hard === undefined ? {} : { hard },
  });
  assertEquals(status, 200);
}

/** One event of a status stream. */
export interface StatusEvent {
  id: string | undefined;
  state: BackendState;
}

/** Reads a status stream until `last` comes, or its end. */
export async function states(
  statusUrl: string,
  last?: BackendState["status"],
  headers: HeadersInit = {},
): Promise<StatusEvent[]> {
  const controller = new AbortController();
  const response = await fetch(`${statusUrl}/stream`, {
    headers,
    signal: controller.signal,
  });
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  const events: StatusEvent[] = [];
  await readServerEvents(response.body!, {
    onEvent({ id, data }) {
      const state = JSON.parse(data);
      events.push({ id, state });
      if (state.status === last) controller.abort();
    },
  }).catch((error) => {
    if (!controller.signal.aborted) throw error;
  });
  return events;
}

/** Resolves with the terminated state. */
export async function ended(
  statusUrl: string,
): Promise<BackendState & { status: "terminated" }> {
  const state = (await states(statusUrl)).at(-1)!.state;
  assert(state.status === "terminated");
  return state;
}

/** Whether a process runs. One that ended and was not waited for does not. */
export async function isRunning(pid: number): Promise<boolean> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-o", "stat=", "-p", String(pid)],
    stderr: "null",
  }).output();
  const stat = new TextDecoder().decode(stdout).trim();
  return stat !== "" && !stat.startsWith("Z");
}

/** A WebSocket whose messages are all kept until they are asked for. */
export class Peer {
  readonly socket: WebSocket;
  readonly closed: Promise<CloseEvent>;
  readonly #messages: string[] = [];
  #wake = () => {};

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      this.#messages.push(data);
      this.#wake();
    };
    this.closed = new Promise((resolve) => socket.onclose = resolve);
  }

  static async open(url: string, options: DialOptions = {}): Promise<Peer> {
    let peer: Peer;
    await dial(url.replace("http", "ws"), {
      ...options,
      onOpen: (socket) => peer = new Peer(socket),
    });
    return peer!;
  }

  async next(): Promise<string> {
    while (this.#messages.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#messages.shift()!;
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}

/**
 * A request that `fetch` would not make; the answer until the server closes, or
 * until its head where there is a `body`. Lines end in `\n`.
 */
export async function rawRequest(
  url: string,
  head: string,
  body = "",
): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const reading = read(connection, body === "" ? /$^/ : /\r\n\r\n/);
  const text = `${head.replaceAll("\n", "\r\n")}\r\n\r\n${body}`;
  const writer = connection.writable.getWriter();
  // The server may answer and close before it has read everything.
  await writer.write(new TextEncoder().encode(text)).catch(() => {});
  return await reading;
}

async function read(connection: Deno.Conn, until: RegExp): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await connection.read(buffer).catch(() => null);
    if (count === null) return text;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    if (until.test(text)) return text;
  }
}
