/** Starts the real server of `server.ts`, and sockets that end with their test. */
// deno-lint-ignore-file no-explicit-any
import {
  type AGClientSocket,
  type ClientOptions,
  create,
} from "../../feed/socketcluster/mod.ts";
import { config } from "../config.ts";

/** A server process. */
export class Peer {
  readonly port: number;
  readonly #process: Deno.ChildProcess;

  private constructor(port: number, process: Deno.ChildProcess) {
    this.port = port;
    this.#process = process;
  }

  /** Starts a server with these options of socketcluster-server, and `port`. */
  static async start(options: Record<string, unknown> = {}): Promise<Peer> {
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-lock",
        `--config=${config}`,
        new URL("server.ts", import.meta.url).pathname,
        JSON.stringify(options),
      ],
      stdin: "null",
      stdout: "piped",
      stderr: Deno.env.get("PEER_DEBUG") ? "inherit" : "null",
    }).spawn();
    const reader = process.stdout.getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the server did not start");
      text += new TextDecoder().decode(value);
    }
    await reader.cancel();
    return new Peer(parseInt(text), process);
  }

  /** Ends the process at once: its connections break off. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.kill();
    } catch {
      // It was killed before.
    }
  }

  /** A socket of this server, with a log of its events. */
  connect(options: ClientOptions = {}): AGClientSocket {
    return create({ hostname: "127.0.0.1", port: this.port, ...options });
  }
}

/** Has the server do something. */
export function control(
  socket: AGClientSocket,
  what: string,
  data?: unknown,
): Promise<any> {
  return socket.invoke("control", { what, data });
}

/** Has the server end the connection. */
export function doom(
  socket: AGClientSocket,
  what: string,
  data?: unknown,
): void {
  socket.transmit("doom", { what, data: data ?? {} });
}

/** Collects `[event, data]` of these events of a socket, in their order. */
export function log(
  socket: AGClientSocket,
  ...events: string[]
): [string, any][] {
  const entries: [string, any][] = [];
  for (const event of events) {
    (async () => {
      for await (const data of socket.listener(event)) {
        entries.push([event, data]);
      }
    })();
  }
  return entries;
}

/** Waits until something is so, for 10 s at most. */
export async function until(done: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!done()) {
    if (performance.now() > end) throw new Error(`still not: ${done}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
