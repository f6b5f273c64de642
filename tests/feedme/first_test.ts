/**
 * What a program does before anything else. This has a file of its own, as Deno
 * loads a global when it is first mentioned, and runs microtasks meanwhile.
 */
import { feedmeClient, webSocketTransport } from "../../feed/feedme/mod.ts";

Deno.test("a client that is destroyed while it connects", async () => {
  const transport = webSocketTransport({ url: "ws://127.0.0.1:1" });
  const client = feedmeClient({ transport });
  client.connect();
  await client[Symbol.asyncDispose]();
});
