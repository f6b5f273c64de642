/** Starts the real server of `server.ts`, and sockets that end with their test. */
// deno-lint-ignore-file no-explicit-any
import {
  type AGClientSocket,
  type ClientOptions,
  create,
} from "../../feed/socketcluster/mod.ts";
import { config } from "../config.ts";
import { type Program, startProgram } from "../program.ts";

/** A server process. */
export class Peer {
  readonly port: number;
  readonly #program: Program;

  private constructor(program: Program) {
    this.port = Number(program.said);
    this.#program = program;
  }

  /** Starts a server with these options of socketcluster-server, and `port`. */
  static async start(options: Record<string, unknown> = {}): Promise<Peer> {
    return new Peer(
      await startProgram(Deno.execPath(), [
        "run",
        "-A",
        "--no-lock",
        `--config=${config}`,
        "tests/socketcluster/server.ts",
        JSON.stringify(options),
      ]),
    );
  }

  /** Ends the process at once: its connections break off. */
  async kill(): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  /** A socket of this server, with a log of its events. */
  connect(options: ClientOptions = {}): AGClientSocket<any> {
    return create<any>({ hostname: "127.0.0.1", port: this.port, ...options });
  }
}
