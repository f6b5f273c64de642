/** The sample worker in workerd: one key is one object there. */
import workerd from "workerd";
import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import type { PollApi } from "../../examples/durable/worker.ts";
import { feedmeClient, webSocketTransport } from "../../feed/feedme/mod.ts";
import { config } from "../config.ts";
import { TextLineStream } from "../feedme/lines.ts";

const root = new URL("../../", import.meta.url);

async function startWorker() {
  const folder = await Deno.makeTempDir();
  const bundled = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      `--config=${config}`,
      "--platform=browser",
      `--output=${folder}/worker.mjs`,
      "examples/durable/worker.ts",
    ],
    cwd: root,
  }).output();
  if (!bundled.success) {
    throw new Error(new TextDecoder().decode(bundled.stderr));
  }
  await Deno.writeTextFile(
    `${folder}/config.capnp`,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "polls", worker = .polls)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "polls")],
);
const polls :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
  compatibilityDate = "2026-10-01",
  compatibilityFlags = ["no_nodejs_compat", "no_nodejs_compat_v2"],
  bindings = [(name = "POLLS", durableObjectNamespace = "Poll")],
  durableObjectNamespaces = [(className = "Poll", uniqueKey = "polls")],
  durableObjectStorage = (inMemory = void),
);
`,
  );
  const child = new Deno.Command(
    (workerd as unknown as { default: string }).default,
    {
      args: ["serve", "--control-fd=1", `${folder}/config.capnp`],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    },
  ).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  const { value } = await deadline(lines.read(), 20_000);
  const { port } = JSON.parse(value!);
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await lines.cancel().catch(() => {});
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("durable object: voters of one poll meet, those of another do not", async () => {
  await using worker = await startWorker();
  const join = async (poll: string) => {
    const client = feedmeClient<PollApi>({
      transport: webSocketTransport({
        url: `ws://127.0.0.1:${worker.port}/polls/${poll}`,
      }),
    });
    const feed = client.feed("poll", {});
    feed.desireOpen();
    client.connect();
    await deadline(feed.opened(), 10_000);
    return { client, feed };
  };
  const ada = await join("drinks");
  const grace = await join("drinks");
  const other = await join("others");
  const seen = grace.feed.actions();
  const coming = seen.next();
  assertEquals(await ada.client.action("vote", { option: "tea" }), {});
  const { value } = await deadline(coming, 10_000);
  assertEquals([value!.name, value!.data as unknown], ["voted", {
    option: "tea",
  }]);
  const votes = { tea: 1, coffee: 0, water: 0 };
  assertEquals([ada.feed.data(), grace.feed.data()], [{ votes }, { votes }]);
  assertEquals(other.feed.data(), { votes: { ...votes, tea: 0 } });
  const wrong = await ada.client.action("vote", { option: "beer" as "tea" })
    .catch((error) => error.serverErrorCode);
  assertEquals(wrong, "INVALID_ARGUMENTS");
  await seen.return?.();
  for (const { client } of [ada, grace, other]) {
    await client[Symbol.asyncDispose]();
  }
});
