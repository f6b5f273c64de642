/** Nothing of an ended connection stays in memory. */
import { assertLess } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { create } from "../../feed/socketcluster/mod.ts";
import { fakeSockets } from "./fake_socket.ts";

Deno.test("connections - 20,000 that ended leave nothing behind", async () => {
  setFlagsFromString("--expose-gc");
  const gc: () => void = runInNewContext("gc");
  const { made, WebSocket } = fakeSockets();
  const socket = create({ WebSocket, autoConnect: false });
  const connect = async (times: number) => {
    for (let i = 0; i < times; i++) {
      socket.connect();
      await made[0]!.shakeHands();
      socket.disconnect();
      made[0]!.end(1000);
      made.length = 0;
    }
    await new Promise((resolve) => setTimeout(resolve));
    gc();
    return Deno.memoryUsage().heapUsed;
  };
  const before = await connect(5_000);
  const after = await connect(20_000);
  // A promise that knows the one before it takes 65 bytes, so 1.3 MB here.
  assertLess(after - before, 500_000);
});
