/** The sample worker in workerd: one key is one object there. */
import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import type { PollApi } from "../../examples/durable/worker.ts";
import { feedmeClient, webSocketTransport } from "../../feed/feedme/mod.ts";
import { bundle } from "../kit/bundle.ts";
import { startWorker } from "../kit/workerd.ts";

Deno.test("durable object: voters of one poll meet, those of another do not", async () => {
  await using worker = await startWorker({
    module: await bundle("examples/durable/worker.ts"),
    objects: { POLLS: "Poll" },
  });
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
