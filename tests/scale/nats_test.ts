/** `examples/scale/nats.ts` with the real NATS server, Debian's `nats-server`. */
import { assert } from "@std/assert";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { freePort } from "../kit/postgres.ts";
import { folder } from "../kit/program.ts";
import { until } from "../kit/wait.ts";
import { standsAKill } from "./processes.ts";

/** The path of the server's program, if it is installed or `NATS_SERVER` names it. */
async function findNats(): Promise<string | undefined> {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  for (
    const path of [
      Deno.env.get("NATS_SERVER"),
      ...[...folders, "/usr/sbin"].map((each) => `${each}/nats-server`),
    ]
  ) {
    if (path && (await Deno.stat(path).catch(() => undefined))?.isFile) {
      return path;
    }
  }
  return undefined;
}

const program = await findNats();
if (!program) {
  const missing = "scale: no NATS here: apt-get install nats-server";
  const required = Deno.env.get("CI") && Deno.build.os === "linux";
  if (required) throw new Error(missing);
  console.log(missing);
}

Deno.test({
  name:
    "scale - NATS: three processes, 1,000 changes, one killed in the middle",
  ignore: !program,
  async fn() {
    await using files = await folder();
    const port = freePort();
    const server = new Deno.Command(program!, {
      args: ["-a", "127.0.0.1", "-p", `${port}`, "-js", "-sd", files.path],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      const url = `nats://127.0.0.1:${port}`;
      await until(async () => {
        const probe = await connect({ servers: url }).catch(() => undefined);
        await probe?.close();
        return probe !== undefined;
      });
      await standsAKill({ NATS_URL: url });
      const connection = await connect({ servers: url });
      const manager = await jetstreamManager(connection);
      const state = async () => (await manager.streams.info("feedme")).state;
      console.log(`${(await state()).messages} messages`);
      assert((await state()).messages >= 1_000);
      await until(
        async () => (await state()).consumer_count === 0,
        "no consumer is left, not even that of the killed process",
        30_000,
      );
      await connection.close();
    } finally {
      server.kill("SIGKILL");
      await server.status;
    }
  },
});
