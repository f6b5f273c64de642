/**
 * The recorded conversations of raw clients (no library) with npm's server,
 * 0.0.8: what the clients sent is sent again, and the same has to come back.
 */
import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { z } from "zod";
import {
  defineAction,
  defineFeed,
  feedmeServer,
} from "../../feed/feedme/server/server.ts";
import { recordings } from "../feedme/recordings.ts";
import { FakeSocket } from "./fake_socket.ts";
import { settled } from "../kit/wait.ts";

const TERMINATION_MS = 50;

const raw = recordings.filter(({ name, frames }) =>
  name.startsWith("B/raw ") && frames.length > 0
);

for (const { name, frames } of raw) {
  Deno.test(`recording ${name}`, async () => {
    const f = defineFeed({ data: z.object({}), initial: () => ({}) });
    // The lab's actions were never answered.
    const silent = defineAction({ handler: () => new Promise<void>(() => {}) });
    const server = feedmeServer(
      { feeds: { f }, actions: { a: silent, hang: silent, "": silent } },
      { terminationMs: TERMINATION_MS },
    );
    const socket = new FakeSocket();
    server.accept(socket);
    const last = frames.findLastIndex(({ dir }) => dir === "C>S");
    for (const [index, { dir, text }] of frames.entries()) {
      if (dir === "S>C") {
        const expected = JSON.parse(text);
        if (expected.MessageType === "FeedTermination") {
          server.feed(f).terminate(expected.ErrorCode, expected.ErrorData);
        }
        assertEquals(socket.sent.shift(), expected, `frame ${index}`);
      } else {
        // The last close of this recording came after the window.
        if (index === last && name.includes("terminationMs")) {
          await delay(2 * TERMINATION_MS);
        }
        socket.receive(text);
        await settled();
      }
    }
    assertEquals(socket.sent, []);
    await server.close();
  });
}

Deno.test("recordings of raw clients - all are there", () => {
  assertEquals(raw.length, 5);
});
