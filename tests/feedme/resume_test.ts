/**
 * 1,000 actions over sockets while the link is cut at random bytes, and while the server
 * is killed and started again: nothing is told twice, or missing without a mark.
 */
import { assert, assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { feedmeClient } from "../../feed/feedme/client/client.ts";
import { webSocketTransport } from "../../feed/feedme/client/websocket.ts";
import { config } from "../kit/config.ts";
import { TextLineStream } from "../kit/lines.ts";
import { TcpProxy } from "../kit/tcp_proxy.ts";
import { until } from "../kit/wait.ts";
import { follow } from "./follower.ts";
import { rng } from "./random.ts";

const ROOT = new URL("../../", import.meta.url);
const PATIENCE = 30_000;

/** The server process. */
class Server {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;

  private constructor(port: number, n: number) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        `--config=${config}`,
        "tests/feedme/log_server_process.ts",
        `${port}`,
        `${n}`,
      ],
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  static async start(port: number, n: number): Promise<Server> {
    const server = new Server(port, n);
    assertEquals(await server.#line(), "started");
    return server;
  }

  async #line(): Promise<string | undefined> {
    return (await deadline(this.#lines.read(), PATIENCE)).value;
  }

  /** Performs actions; returns the counter after them. */
  async act(times: number): Promise<number> {
    await this.#stdin.write(new TextEncoder().encode(`${times}\n`));
    return Number(await this.#line());
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#stdin.abort().catch(() => {});
    await this.#lines.cancel();
  }
}

async function start() {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  const server = await Server.start(port, 0);
  const proxy = new TcpProxy(port);
  const client = feedmeClient({
    transport: webSocketTransport({ url: `ws://127.0.0.1:${proxy.port}` }),
    connectRetryMs: 5,
    connectRetryBackoffMs: 0,
  });
  const feed = client.feed("count", {});
  const follower = follow(feed);
  feed.desireOpen();
  client.connect();
  await feed.opened();
  return { port, server, proxy, client, follower };
}

Deno.test("resume: 1,000 actions, and the link is cut at random bytes", async () => {
  const { server, proxy, client, follower } = await start();
  const random = rng(20_261_126);
  let n = 0;
  while (n < 1_000) {
    // From the middle of the upgrade to some actions later.
    if (proxy.budget === Infinity) proxy.budget = random(4_000);
    n = await server.act(Math.min(1 + random(5), 1_000 - n));
    if (random(4) === 0) await until(() => follower.n === n, "caught up");
  }
  proxy.budget = Infinity;
  await until(() => follower.n === n, "the end");
  assert(proxy.connections > 20, `${proxy.connections} connections`);
  assertEquals([n, follower.gaps], [1_000, 0]);
  await follower.end();
  await client.close();
  await proxy[Symbol.asyncDispose]();
  await server.kill();
});

Deno.test("resume: 1,000 actions, and the server is killed and started again", async () => {
  const { port, server: first, proxy, client, follower } = await start();
  let server = first;
  let n = 0;
  for (let life = 1; life <= 5; life++) {
    n = await server.act(100);
    await until(() => follower.n === n, "followed");
    // A cut that the log bridges, and then a death that it does not survive.
    proxy.cut();
    n = await server.act(50);
    await until(() => follower.n === n, "resumed");
    assertEquals(follower.gaps, life - 1);
    n = await server.act(25);
    await server.kill();
    // What happened meanwhile is in the database only.
    n += 25;
    server = await Server.start(port, n);
    await until(() => follower.n === n, "told of the gap");
    assertEquals(follower.gaps, life);
  }
  assertEquals(n, 1_000);
  await follower.end();
  await client.close();
  await proxy[Symbol.asyncDispose]();
  await server.kill();
});
