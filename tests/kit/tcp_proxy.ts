/** A TCP proxy in front of a server that can cut connections, or swallow bytes. */

/**
 * What happens to bytes: they pass, or are read and dropped in one or both directions.
 * `refuse` ends all connections and each new one.
 */
export type Fault =
  | "none"
  | "swallow both"
  | "swallow up"
  | "swallow down"
  | "refuse";

/** A proxy; `up` is towards the server. */
export class TcpProxy {
  /** Where clients connect. */
  readonly port: number;
  #fault: Fault = "none";
  /** How many more bytes pass, of both directions, before all connections are cut. */
  budget = Infinity;
  /** How many bytes have passed. */
  passed = 0;
  /** How many connections were made. */
  connections = 0;
  readonly #target: number;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #done: Promise<void>;

  constructor(target: number) {
    this.#target = target;
    this.#listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    this.port = this.#listener.addr.port;
    this.#done = this.#accept();
  }

  set fault(fault: Fault) {
    this.#fault = fault;
    if (fault === "refuse") this.cut();
  }

  async #accept(): Promise<void> {
    const served: Promise<void>[] = [];
    for await (const client of this.#listener) {
      this.connections++;
      served.push(this.#serve(client));
    }
    await Promise.all(served);
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    if (this.#fault === "refuse") return client.close();
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect({
        port: this.#target,
        hostname: "127.0.0.1",
      });
    } catch {
      return client.close();
    }
    this.#open.add(client).add(server);
    await Promise.all([
      this.#pump(client, server, "swallow up"),
      this.#pump(server, client, "swallow down"),
    ]);
  }

  async #pump(
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    swallowed: Fault,
  ): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        if (this.#fault === "swallow both" || this.#fault === swallowed) {
          continue;
        }
        const piece = buffer.subarray(0, Math.min(count, this.budget));
        this.passed += piece.length;
        this.budget -= piece.length;
        for (let sent = 0; sent < piece.length;) {
          sent += await to.write(piece.subarray(sent));
        }
        if (piece.length < count) this.cut();
      }
    } catch {
      // The connection was cut, here or by a peer.
    }
    // What swallows bytes swallows the end as well.
    if (this.#fault === "none") {
      this.#close(from);
      this.#close(to);
    }
  }

  #close(connection: Deno.TcpConn): void {
    if (this.#open.delete(connection)) connection.close();
  }

  /** Ends all connections at once, and lets new ones pass. */
  cut(): void {
    this.budget = Infinity;
    for (const connection of this.#open) this.#close(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#done;
  }
}
