/** The SocketCluster server from npm as a process, and sockets to it. */
// deno-lint-ignore-file no-explicit-any
import {
  type AGClientSocket,
  type ClientOptions,
  create,
} from "../../feed/socketcluster/mod.ts";
import { config } from "./config.ts";
import { type Program, startProgram } from "./program.ts";

/** A server process. */
export class SocketClusterServer {
  readonly port: number;
  readonly #program: Program;

  private constructor(program: Program) {
    this.port = Number(program.said);
    this.#program = program;
  }

  /** Starts a server with these options of socketcluster-server, and `port`. */
  static async start(
    options: Record<string, unknown> = {},
  ): Promise<SocketClusterServer> {
    return new SocketClusterServer(
      await startProgram(Deno.execPath(), [
        "run",
        "-A",
        "--no-lock",
        `--config=${config}`,
        "tests/kit/socketcluster_process.ts",
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
