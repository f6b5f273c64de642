/** The demo's boards on the disk. */
import { assertEquals, assertRejects } from "@std/assert";
import type { Notes } from "../../examples/board/app.ts";
import { BoardFile, fileName } from "../../examples/board/file.ts";

const note = {
  x: 0.5,
  y: 1,
  color: 3,
  by: "Ada",
  text: "hello\u{1f600}",
  revision: 4,
};

Deno.test("demo file - a board comes back as it was saved", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/new/${await fileName("plans")}`;
  let notes: Notes = { [crypto.randomUUID()]: note };
  const file = new BoardFile(path, () => notes);
  assertEquals(await file.load(), undefined);
  await file.save();
  assertEquals(await file.load(), notes);
  // Two at once end with the later one.
  file.save();
  notes = { ...notes, [crypto.randomUUID()]: note };
  await file.save();
  assertEquals(await new BoardFile(path, () => ({})).load(), notes);
  // The first draft is not left behind.
  const names = [...Deno.readDirSync(`${folder}/new`)].map(({ name }) => name);
  assertEquals(names, ["plans.json"]);
  // A file that is no board is not taken for an empty one, and overwritten.
  await Deno.writeTextFile(path, '{"a":1}');
  await assertRejects(() => file.load());
  await Deno.remove(folder, { recursive: true });
});

Deno.test("demo file - no name of a board leads to another file or folder", async () => {
  assertEquals(await fileName("plans-2"), "plans-2.json");
  const names = ["..", "../x", "a/b", "a.json", "Plans", "", "a".repeat(300)];
  const files = await Promise.all(names.map(fileName));
  for (const file of files) {
    assertEquals(/^[0-9a-f]{32}\.sha256\.json$/.test(file), true, file);
  }
  assertEquals(new Set(files).size, names.length);
});
