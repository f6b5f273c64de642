/**
 * Our SocketCluster client in a cluster: a state server, two brokers (`scc-broker`) and
 * two workers (`socketcluster-server` with `scc-broker-client`), all from npm except the
 * state server.
 */
import { assertEquals } from "@std/assert";
import { create } from "../../feed/socketcluster/mod.ts";
import { config } from "../kit/config.ts";
import { freePort } from "../kit/postgres.ts";
import { type Program, startProgram } from "../kit/program.ts";
import { delay, until } from "../kit/wait.ts";

const run = (file: string, args: string[], env: Record<string, string> = {}) =>
  startProgram(Deno.execPath(), [
    ...["run", "-A", "--no-lock", `--config=${config}`],
    ...[`tests/scale/${file}`, ...args],
  ], env);

Deno.test("scale - SocketCluster: 1,000 messages in order, each broker and a worker killed meanwhile", async () => {
  const programs: Program[] = [];
  const start = async (...how: Parameters<typeof run>) => {
    const program = await run(...how);
    programs.push(program);
    return program;
  };
  const sockets: ReturnType<typeof create>[] = [];
  try {
    const { said: statePort } = await start("scc_state.ts", []);
    const startBroker = () =>
      start("scc_broker.ts", [], {
        SCC_BROKER_SERVER_PORT: `${freePort()}`,
        SCC_BROKER_SERVER_LOG_LEVEL: "3",
        SCC_BROKER_SERVER_RETRY_DELAY: "200",
        SCC_STATE_SERVER_HOST: "127.0.0.1",
        SCC_STATE_SERVER_PORT: statePort,
      });
    const brokers = await Promise.all([startBroker(), startBroker()]);
    const ports = [freePort(), freePort()];
    const workers = await Promise.all(
      ports.map((port) => start("scc_worker.ts", [`${port}`, statePort])),
    );
    const connect = (port: number) => {
      const socket = create({
        hostname: "127.0.0.1",
        port,
        autoReconnectOptions: { initialDelay: 100, maxDelay: 200 },
      });
      sockets.push(socket);
      return socket;
    };
    // The reader stays with the second worker; the writer's worker dies.
    const reader = connect(ports[1]!);
    const got: number[] = [];
    let probes = 0;
    const channel = reader.subscribe("news");
    (async () => {
      for await (const n of channel as AsyncIterable<unknown>) {
        if (n === "probe") probes++;
        else got.push(n as number);
      }
    })();
    await channel.listener("subscribe").once();
    const writer = connect(ports[0]!);
    let sent = 0;
    /** Until what is written arrives again. */
    const open = async () => {
      const before = probes;
      await until(async () => {
        await writer.invokePublish("news", "probe").catch(() => {});
        await delay(50);
        return probes > before;
      }, "a message reaches the other worker");
    };
    const write = async (count: number) => {
      const end = sent + count;
      const writing: Promise<unknown>[] = [];
      while (sent < end) writing.push(writer.invokePublish("news", ++sent));
      await Promise.all(writing);
      await until(() => got.length === sent, `all of ${sent} have arrived`);
    };
    await open();
    await write(250);
    // The channel is with one of the two, so each is killed.
    await brokers[0]![Symbol.asyncDispose]();
    await open();
    await write(250);
    await startBroker();
    await brokers[1]![Symbol.asyncDispose]();
    await open();
    await write(250);
    // The writer's socket reconnects by itself.
    await workers[0]![Symbol.asyncDispose]();
    await start("scc_worker.ts", [`${ports[0]}`, statePort]);
    await open();
    await write(250);
    assertEquals(got, Array.from({ length: 1_000 }, (_, n) => n + 1));
  } finally {
    for (const socket of sockets) socket.disconnect();
    for (const program of programs) await program[Symbol.asyncDispose]();
  }
});
