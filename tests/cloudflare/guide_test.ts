/** The guide of docs/production.md: its worker runs as it stands there. */
import { assertEquals } from "@std/assert";
import { bundle } from "../kit/bundle.ts";
import { meetInRoom, programOf } from "../kit/guide.ts";
import { folder } from "../kit/program.ts";
import { startWorker } from "../kit/workerd.ts";

Deno.test("cloudflare guide - two users meet in one room", async () => {
  await using files = await folder({ "worker.ts": programOf("worker.ts") });
  await using worker = await startWorker({
    module: await bundle(`${files.path}/worker.ts`),
    objects: { ROOMS: "Room" },
  });
  await meetInRoom(worker.port);
  const refused = await fetch(
    `http://127.0.0.1:${worker.port}/rooms/blue/backend/`,
  );
  await refused.body?.cancel();
  assertEquals(refused.status, 403);
});
