/** The recorded conversations, as the tests compare them. */
import { assert, assertEquals } from "@std/assert";
import { readData } from "../kit/data.ts";

interface Recording {
  name: string;
  frames: { dir: "C>S" | "S>C"; text: string }[];
  log: string[];
}

/** All recorded conversations. */
export const recordings = readData<Recording[]>("feedme/transcripts.json");

function recording(name: string): Recording {
  const found = recordings.find((each) => each.name === name);
  assert(found, `no recording ${name}`);
  return found;
}

/** The log of a recording without times and what only the server saw. */
export function linesOf(name: string): string[] {
  return recording(name).log.map((line) => line.replace(/^\[ *\d+ms\] /, ""))
    .filter((line) => !line.startsWith("server "))
    // The lab rewrote the client's handshake on the wire.
    .map((line) => line.replace('["9.9"]', '["0.1"]'))
    .map(anyParser);
}

/** What a JSON parser says is its own affair. */
export function anyParser(line: string): string {
  return line.replace(/"parseError":"[^"]*"/, '"parseError":"?"');
}

/** What a client of the specification makes of A's frames: B's log with them. */
export function expectedInDialectA(name: string): string[] {
  const a = recording(`A/${name}`);
  const frames = a.frames.filter(({ dir }) => dir === "S>C");
  const expected = linesOf(`B/${name}`).map((line) =>
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
