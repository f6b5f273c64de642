/** The text of the demo's notes: two people in one note lose no letter. */
import { assert, assertEquals } from "@std/assert";
import {
  apply,
  type Change,
  compose,
  diff,
  fits,
  moved,
  SharedText,
  TextHistory,
  transform,
} from "../../examples/board/text.ts";
import { mulberry32 } from "../kit/random.ts";

/** Whole numbers in `[0, below)`. */
function random(seed: number): (below: number) => number {
  const next = mulberry32(seed);
  return (below) => next() % below;
}

Deno.test("demo text - the difference between two texts", () => {
  const cases: [before: string, after: string, Change][] = [
    ["", "", []],
    ["ab", "ab", [2]],
    ["ab", "axb", [1, "x", 1]],
    ["abc", "ac", [1, -1, 1]],
    ["aaa", "aa", [2, -1]],
    ["one two", "one six", [4, "six", -3]],
    // Both halves of a character.
    ["a😀b", "a😁b", [1, "😁", -2, 1]],
    ["😀", "🈀", ["🈀", -2]],
  ];
  for (const [before, after, change] of cases) {
    assertEquals(diff(before, after), change);
    assertEquals(apply(before, change), after);
    assert(fits(change, before.length));
    assert(!fits(change, before.length + 1));
  }
});

Deno.test("demo text - the caret stays between the letters where it was", () => {
  assertEquals(moved(5, diff("hello", "hello!")), 5);
  assertEquals(moved(5, diff("hello", "oh, hello")), 9);
  assertEquals(moved(3, diff("hello", "ho")), 1);
  assertEquals(moved(0, diff("hello", "oh, hello")), 0);
  assertEquals(moved(2, [5, "!"]), 2);
});

/** Changes a text by chance: `text` with some removed and `letters` put in. */
function changed(
  text: string,
  below: (limit: number) => number,
  letters: string,
): string {
  const at = below(text.length + 1);
  const removed = below(3) === 0 ? below(4) : 0;
  return text.slice(0, at) + letters + text.slice(at + removed);
}

Deno.test("demo text - changes in either order lead to one text, composed or not", () => {
  const below = random(7);
  for (let i = 0; i < 2000; i++) {
    const text = "abcdefghij".slice(0, below(11));
    const [left, right] = ["12", "XY"].map((letters) =>
      diff(text, changed(text, below, letters.slice(0, below(3))))
    ) as [Change, Change];
    const afterRight = transform(left, right, "after");
    const afterLeft = transform(right, left, "before");
    const one = apply(apply(text, right), afterRight);
    assertEquals(one, apply(apply(text, left), afterLeft));
    assertEquals(apply(text, compose(right, afterRight)), one);
    assertEquals(apply(text, compose(left, afterLeft)), one);
  }
});

for (const seed of [1, 2, 3, 4, 5]) {
  Deno.test(`demo text - two writers, 1,000 edits by chance, no letter lost (${seed})`, () => {
    const below = random(seed);
    const server = new TextHistory("", 0);
    /** What is under way, in order. */
    const up: { from: Writer; revision: number; change: Change }[] = [];
    interface Writer {
      text: SharedText;
      down: { from: Writer; change: Change }[];
    }
    const writers: Writer[] = [1, 2].map(() => ({
      text: new SharedText("", 0),
      down: [],
    }));
    const send = (from: Writer) => {
      const next = from.text.send();
      if (next) up.push({ from, ...next });
    };
    const serve = () => {
      const next = up.shift();
      if (!next) return;
      const change = server.change(next.revision, next.change);
      assert(change, "the revision is known");
      for (const { down } of writers) down.push({ from: next.from, change });
    };
    const hear = (writer: Writer) => {
      const next = writer.down.shift();
      if (!next) return;
      const { text } = writer;
      if (next.from === writer) text.agreed();
      else {
        const before = text.text;
        const change = text.receive(next.change);
        assertEquals(apply(before, change), text.text, "what the page shows");
      }
      send(writer);
    };
    /** Each letter is put in once, so that a lost or doubled one shows. */
    let letters = 0;
    const removed = new Set<string>();
    for (let edits = 0; edits < 1000;) {
      const writer = writers[below(2)]!;
      switch (below(3)) {
        case 0: {
          edits++;
          const before = writer.text.text;
          const count = 1 + below(3);
          const added = Array.from(
            { length: count },
            () => String.fromCharCode(0x4e00 + letters++),
          ).join("");
          const after = changed(before, below, added);
          const left = new Set(after);
          for (const letter of before) {
            if (!left.has(letter)) removed.add(letter);
          }
          writer.text.make(diff(before, after));
          assertEquals(writer.text.text, after);
          send(writer);
          break;
        }
        case 1:
          serve();
          break;
        case 2:
          hear(writer);
      }
    }
    while (up.length > 0 || writers.some(({ down }) => down.length > 0)) {
      serve();
      writers.forEach(hear);
    }
    for (const { text } of writers) {
      assertEquals(text.text, server.text);
      assert(!text.busy);
    }
    const expected = Array.from(
      { length: letters },
      (_, n) => String.fromCharCode(0x4e00 + n),
    ).filter((letter) => !removed.has(letter));
    assertEquals([...server.text].sort(), expected);
  });
}

Deno.test("demo text - edits that a lost connection cut off are sent again, once", () => {
  for (const arrived of [false, true]) {
    const server = new TextHistory("hello", 3);
    const writer = new SharedText("hello", 3);
    writer.make(diff("hello", "hello world"));
    const sent = writer.send()!;
    if (arrived) server.change(sent.revision, sent.change);
    writer.make(diff("hello world", "hello world!"));
    writer.lost();
    writer.resume(server.text, server.revision);
    const again = writer.send()!;
    assert(server.change(again.revision, again.change));
    writer.agreed();
    assertEquals(server.text, "hello world!");
    assertEquals(writer.text, server.text);
  }
});

Deno.test("demo text - an edit on its way is not sent again when the feed opens", () => {
  const server = new TextHistory("hello", 3);
  const writer = new SharedText("hello", 3);
  writer.make(diff("hello", "hello?"));
  const sent = writer.send()!;
  // The feed was opened before the edit arrived.
  writer.resume(server.text, server.revision);
  assertEquals(writer.send(), undefined);
  server.change(sent.revision, sent.change);
  writer.agreed();
  assertEquals([server.text, writer.text], ["hello?", "hello?"]);
});

Deno.test("demo text - a change that does not fit is refused", () => {
  const server = new TextHistory("abc", 5, 2);
  assertEquals(server.change(6, [3]), undefined, "not there yet");
  assertEquals(server.change(4, [3]), undefined, "forgotten");
  for (const change of [[2], [4], [3, 0], [1.5, 1.5], [-4]]) {
    assertEquals(server.change(5, change), undefined, JSON.stringify(change));
  }
  assertEquals(server.change(5, [3, "d"]), [3, "d"]);
  assertEquals(server.change(5, [-3]), [-3, 1]);
  assertEquals(server.text, "d");
});
