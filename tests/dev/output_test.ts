/** The output of programs as lines, and that a loud program stalls nothing else. */
import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { LineSplitter, MAX_LINE, readLines } from "../../session/dev/output.ts";
import { call, code, connect, LISTEN, platform, states } from "./helpers.ts";
import { until } from "../kit/wait.ts";

/** The lines of text that comes in these pieces, with what is left at the end. */
function lines(...texts: string[]): string[] {
  const splitter = new LineSplitter();
  const result = texts.flatMap((text) => [...splitter.push(text)]);
  return [...result, splitter.take()].filter((line) => line !== undefined);
}

Deno.test("dev output - lines, whatever they end with", () => {
  assertEquals(lines("a\nb\r\n\nc"), ["a", "b", "", "c"]);
  assertEquals(lines("one\r", "\ntwo\r\n"), ["one", "two"]);
  assertEquals(lines("h\0e\0y\0\r\0\n\0x"), ["hey", "x"]);
});

Deno.test("dev output - of a progress bar the last step is shown", () => {
  assertEquals(
    lines("\rbuilding 0%\rbuilding 50%", "\rbuilding 100%\ndone\n"),
    [
      "building 100%",
      "done",
    ],
  );
  assertEquals(lines("spin \\\rspin /\r\x1b[K\n"), ["spin /"]);
  // However long it goes on.
  const steps = Array.from({ length: 5000 }, (_, i) => `\rstep ${i}`);
  assertEquals(lines(...steps, "\n"), ["step 4999"]);
});

Deno.test("dev output - no piece of a long line breaks a character or a colour", () => {
  const fill = "x".repeat(MAX_LINE - 1);
  for (const end of ["\n", ""]) {
    assertEquals(lines(`${fill}😀end${end}`), [fill, "😀end"]);
    assertEquals(lines(`${fill}\x1b[31mred\x1b[0m${end}`), [fill, "red"]);
  }
  assertEquals(
    lines("y".repeat(20_000)).map(({ length }) => length),
    [MAX_LINE, MAX_LINE, 20_000 - 2 * MAX_LINE],
  );
});

Deno.test("dev output - control sequences for a terminal are removed", () => {
  const link = "\x1b]8;;http://x.example/\x07link\x1b]8;;\x07";
  const link2 = "\x1b]8;;http://y/\x1b\\link\x1b]8;;\x1b\\";
  assertEquals(
    lines(`${link} ${link2} \x1b]0;title\x07end\x1b[2J\x1b[3J\x1b[H\x1bc\n`),
    ["link link end"],
  );
});

Deno.test("dev output - a line without an end is shown after a moment, once", async () => {
  using time = new FakeTime();
  const shown: string[] = [];
  let pipe!: ReadableStreamDefaultController<Uint8Array>;
  const output = new ReadableStream<Uint8Array>({
    start: (controller) => void (pipe = controller),
  });
  const write = async (text: string | Uint8Array<ArrayBuffer>) => {
    pipe.enqueue(
      typeof text === "string" ? new TextEncoder().encode(text) : text,
    );
    // It may rest between two slices of work.
    for (let turn = 0; turn < 4; turn++) await time.tickAsync(5);
  };
  const reading = readLines(
    output,
    (line) => shown.push(line),
    new AbortController().signal,
  );
  await write("password: ");
  await time.tickAsync(800);
  assertEquals(shown, []);
  await time.tickAsync(300);
  assertEquals(shown, ["password: "]);
  await write("\nwelcome\nand");
  assertEquals(shown, ["password: ", "welcome"]);
  // An emoji in two writes.
  await write(new Uint8Array([0x20, 0xf0, 0x9f]));
  await write(new Uint8Array([0x98, 0x80]));
  pipe.close();
  let over = false;
  reading.then(() => over = true);
  while (!over) await time.tickAsync(5);
  assertEquals(shown.slice(2), ["and 😀"]);
});

Deno.test("dev output - between its slices everything else has its turn", async () => {
  const chunk = new TextEncoder().encode("tick\n".repeat(10_000));
  let chunks = 100;
  const output = new ReadableStream<Uint8Array>({
    // Always ready, as the pipe of a loud program is.
    pull: (pipe) => chunks-- > 0 ? pipe.enqueue(chunk) : pipe.close(),
  });
  let count = 0;
  let turn = false;
  setTimeout(() => turn = true);
  await readLines(output, () => count++, new AbortController().signal);
  assertEquals(count, 1_000_000);
  assert(turn, "a timer fired meanwhile");
});

Deno.test("dev output - a backend that never stops writing stalls no other", async () => {
  const loud = `${LISTEN}
    const lines = new TextEncoder().encode("tick\\n".repeat(10_000));
    while (Deno.env.get("LOUD")) Deno.stdout.writeSync(lines);`;
  let count = 0;
  await using dev = await platform({
    ...code(loud),
    onEvent: ({ type }) => type === "line" && count++,
  });
  const quiet = await connect(dev);
  await states(quiet.status_url, "ready");
  await connect(dev, { spawn: { executable: { env: { LOUD: "1" } } } });
  await until(() => count > 1000, "the noise");
  for (let i = 0; i < 20; i++) {
    const before = count;
    const status = `/v2/backend/${quiet.backend_id}/status`;
    assertEquals((await call(dev, status)).body.status, "ready");
    assertEquals(await (await fetch(quiet.url)).text(), "ok");
    await until(() => count > before, "more noise");
  }
  await dev.close({ hard: true });
});
