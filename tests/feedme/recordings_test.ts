/**
 * The recorded conversations, replayed: the client gets the recorded frames of
 * the server and has to send the recorded frames of the client, and to tell the
 * application the same things in the same order.
 *
 * Recordings B (git client 0.0.39) are compared as they are. Recordings A are of
 * the older client 0.0.35, which tells some things in another order and in other
 * words: their frames are replayed, and the events of B are expected.
 */
import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { FakeTransport, pass } from "./fake.ts";
import { type Cue, SCENARIOS } from "./scenarios.ts";
import { Stage } from "./stage.ts";
import {
  anyParser,
  expectedInDialectA,
  linesOf,
  recordings,
} from "./recordings.ts";
import { settled } from "../kit/wait.ts";

async function replay(
  expected: string[],
  options: object,
  cues: readonly Cue[],
): Promise<string[]> {
  using time = new FakeTime();
  const transport = new FakeTransport();
  const log: string[] = [];
  transport.onsend = (text) => log.push(`C>S ${text}`);
  const stage = new Stage({ transport, ...options }, (line) => {
    log.push(anyParser(line));
  });
  const pending = [...cues];
  let seen = 0;

  const perform = async (line: string) => {
    const [cue] = pending;
    if (!cue || !`${line}\n`.includes(cue.after)) return;
    pending.shift();
    cue.app?.(stage);
    if (cue.lose) {
      if (cue.lose.next) {
        transport.plans.push(
          new Error("FAILURE: The WebSocket could not be opened."),
        );
      }
      transport.fail("FAILURE: The WebSocket closed unexpectedly.");
    }
    await settled();
    if (cue.wait) await pass(time, cue.wait);
  };

  await perform("start");
  for (const line of expected) {
    if (line.startsWith("S>C ")) {
      transport.receive(line.slice(4));
      // The recorded server often sent several frames in one go.
      await perform(line);
    } else {
      await settled();
      const done = log[seen++];
      if (done !== line) break;
      await perform(line);
    }
  }
  await settled();
  assertEquals(pending, []);
  stage.client.destroy();
  await settled();
  assertEquals(transport.listening, 0);
  return log;
}

for (const { name, options = {}, cues } of SCENARIOS) {
  Deno.test(`recording B/${name}`, async () => {
    const expected = linesOf(`B/${name}`);
    const log = await replay(expected, options, cues);
    assertEquals(log, expected.filter((line) => !line.startsWith("S>C ")));
  });
  Deno.test(`recording A/${name}`, async () => {
    const expected = expectedInDialectA(name);
    const log = await replay(expected, options, cues);
    assertEquals(log, expected.filter((line) => !line.startsWith("S>C ")));
  });
}

Deno.test("recordings: every conversation of a client is replayed", () => {
  const clients = recordings.map(({ name }) => name)
    .filter((name) => !name.slice(2).startsWith("raw "));
  // Where the peer goes beyond the limit; reopen_test.ts has what is right.
  const other = ["reopen throttling"];
  const missing = clients.filter((name) =>
    !SCENARIOS.some((each) => name.slice(2) === each.name) &&
    !other.some((each) => name.slice(2).startsWith(each))
  );
  assertEquals(missing, []);
});
