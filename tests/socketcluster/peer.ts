/** Starts the real server of `server.ts`, and sockets that end with their test. */
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
