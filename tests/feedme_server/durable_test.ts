/** The example of Durable Objects, in workerd: one key is one object there. */
import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import type { PollApi } from "../../examples/durable/worker.ts";
import { feedmeClient, webSocketTransport } from "../../feed/feedme/mod.ts";
import { bundle } from "../kit/bundle.ts";
import { folder } from "../kit/program.ts";
import { startWorker } from "../kit/workerd.ts";

const example = {
  module: await bundle("examples/durable/worker.ts"),
  objects: { POLLS: "Poll" },
};

/** A voter with the feed of a poll. */
async function join(port: number, poll: string) {
  const client = feedmeClient<PollApi>({
    transport: webSocketTransport({
      url: `ws://127.0.0.1:${port}/polls/${poll}/backend/`,
    }),
  });
  const feed = client.feed("poll", {});
  feed.desireOpen();
  client.connect();
  await deadline(feed.opened(), 10_000);
  return { client, feed };
}

Deno.test("durable object: voters of one poll meet, those of another do not", async () => {
  await using worker = await startWorker(example);
  const { port } = worker;
  const ada = await join(port, "drinks");
  const grace = await join(port, "drinks");
  const other = await join(port, "others");
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

Deno.test("durable object: a poll keeps its votes when it is out of memory", async () => {
  await using storage = await folder();
  const options = { ...example, storage: storage.path };
  {
    await using worker = await startWorker(options);
    const { client } = await join(worker.port, "drinks");
    await client.action("vote", { option: "tea" });
    await client[Symbol.asyncDispose]();
  }
  await using worker = await startWorker(options);
  const { client, feed } = await join(worker.port, "drinks");
  assertEquals(feed.data(), { votes: { tea: 1, coffee: 0, water: 0 } });
  await client[Symbol.asyncDispose]();
});
