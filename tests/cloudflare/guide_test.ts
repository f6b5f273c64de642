/** The guide of docs/production.md: its worker runs as it stands there. */
import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { bundle } from "../kit/bundle.ts";
import { folder } from "../kit/program.ts";
import { startWorker } from "../kit/workerd.ts";

const page = await Deno.readTextFile(
  new URL("../../docs/production.md", import.meta.url),
);

Deno.test("cloudflare guide - two users meet in one room", async () => {
  const [, code] = /```ts ignore\n(\/\/ worker\.ts\n[^]*?)```/.exec(page)!;
  await using files = await folder({ "worker.ts": code! });
  await using worker = await startWorker({
    module: await bundle(`${files.path}/worker.ts`),
    objects: { ROOMS: "Room" },
  });
  const join = async (name: string) => {
    const socket = new WebSocket(
      `ws://127.0.0.1:${worker.port}/rooms/blue/backend/?as=${name}`,
    );
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    return socket;
  };
  const [ada, bob] = [await join("ada"), await join("bob")];
  const heard = new Promise((resolve) =>
    bob.addEventListener("message", ({ data }) => resolve(data))
  );
  ada.send("hello");
  assertEquals(await deadline(heard, 10_000), "ada: hello");
  for (const socket of [ada, bob]) {
    const closed = new Promise((resolve) =>
      socket.addEventListener("close", resolve)
    );
    socket.close();
    await closed;
  }
  const refused = await fetch(
    `http://127.0.0.1:${worker.port}/rooms/blue/backend/`,
  );
  await refused.body?.cancel();
  assertEquals(refused.status, 403);
});
