/**
 * The recorded conversations, replayed: the client gets the recorded frames of
 * the server and has to send the recorded frames of the client, and to tell the
 * application the same things in the same order.
 *
 * Recordings B (git client 0.0.39) are compared as they are. Recordings A are of
 * the older client 0.0.35, which tells some things in another order and in other
 * words: their frames are replayed, and the events of B are expected.
 */
import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { FakeTransport, settled } from "./fake.ts";
import { type Cue, SCENARIOS, Stage } from "./scenarios.ts";
import { readShared } from "./shared.ts";

interface Recording {
  name: string;
  frames: { dir: "C>S" | "S>C"; text: string }[];
  log: string[];
}

const recordings = readShared<Recording[]>("feedme/transcripts.json");

function recording(name: string): Recording {
  const found = recordings!.find((each) => each.name === name);
  assert(found, `no recording ${name}`);
  return found;
}

/** The log of a recording without times and what only the server saw. */
function lines({ log }: Recording): string[] {
  return log.map((line) => line.replace(/^\[ *\d+ms\] /, ""))
    .filter((line) => !line.startsWith("server "))
    // The lab rewrote the client's handshake on the wire.
    .map((line) => line.replace('["9.9"]', '["0.1"]'))
    .map(anyParser);
}

/** What a JSON parser says is its own affair. */
function anyParser(line: string): string {
  return line.replace(/"parseError":"[^"]*"/, '"parseError":"?"');
}

/** B's log with A's frames of the server. */
function inDialect(b: Recording, a: Recording): string[] {
  const frames = a.frames.filter(({ dir }) => dir === "S>C");
  const expected = lines(b).map((line) =>
    line.startsWith("S>C ") ? `S>C ${frames.shift()!.text}` : line
  );
  assertEquals(frames, []);
  const [handshake] = a.log.filter((line) => line.includes('"ClientId"'));
  return expected.map((line) => {
    // What an error shows of a message is what came.
    const shown = line.replaceAll('"FeedAction"', '"ActionRevelation"');
    const again = '"serverMessage":{"MessageType":"HandshakeResponse"';
    return shown.includes(again) && handshake
      ? shown.replace('"Version":"0.1"}', '"Version":"0.1","ClientId":"c"}')
      : shown;
  });
}

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
    if (cue.wait) await time.tickAsync(cue.wait);
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

for (const { name, options = {}, cues } of recordings ? SCENARIOS : []) {
  Deno.test(`recording B/${name}`, async () => {
    const expected = lines(recording(`B/${name}`));
    const log = await replay(expected, options, cues);
    assertEquals(log, expected.filter((line) => !line.startsWith("S>C ")));
  });
  Deno.test(`recording A/${name}`, async () => {
    const expected = inDialect(recording(`B/${name}`), recording(`A/${name}`));
    const log = await replay(expected, options, cues);
    assertEquals(log, expected.filter((line) => !line.startsWith("S>C ")));
  });
}

Deno.test({
  name: "recordings: every conversation of a client is replayed",
  ignore: recordings === undefined,
  fn() {
    const clients = recordings!.map(({ name }) => name)
      .filter((name) => !name.slice(2).startsWith("raw "));
    // Where the peer goes beyond the limit; reopen_test.ts has what is right.
    const other = ["reopen throttling"];
    const missing = clients.filter((name) =>
      !SCENARIOS.some((each) => name.slice(2) === each.name) &&
      !other.some((each) => name.slice(2).startsWith(each))
    );
    assertEquals(missing, []);
  },
});
