/** Deltas from two snapshots: right, and short. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { applyDeltas, deepEqual } from "../../feed/feedme/wire/delta.ts";
import { diff } from "../../feed/feedme/wire/diff.ts";
import { DataError } from "../../feed/feedme/wire/json.ts";
import {
  checkDelta,
  type Json,
  type JsonObject,
} from "../../feed/feedme/wire/protocol.ts";
import {
  pick,
  type Random,
  randomDelta,
  randomObject,
  randomValue,
  rng,
} from "../feedme/random.ts";

function holds(before: JsonObject, after: JsonObject): number {
  const deltas = diff(before, after);
  for (const delta of deltas) assertEquals(checkDelta(delta), undefined);
  const wire = JSON.parse(JSON.stringify(deltas));
  const result = applyDeltas(before, wire);
  assert(
    result.data !== undefined && deepEqual(result.data, plain(after)),
    `${JSON.stringify(before)} to ${JSON.stringify(after)} by ${
      JSON.stringify(deltas)
    }: ${JSON.stringify(result)}`,
  );
  return JSON.stringify(deltas).length;
}

/** As it comes out of JSON: -0 is 0. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

Deno.test("diff: snapshots that share structure", () => {
  const random = rng(1);
  for (let round = 0; round < 3_000; round++) {
    const before = plain(randomObject(random, 2 + random(30)));
    let after = before;
    for (let step = 0; step < 1 + random(5); step++) {
      after = applyDeltas(after, [randomDelta(random, after)]).data ?? after;
    }
    holds(before, after);
  }
});

Deno.test("diff: any two objects, and equal ones that share nothing", () => {
  const random = rng(2);
  for (let round = 0; round < 3_000; round++) {
    const before = plain(randomObject(random, 20));
    holds(before, plain(randomObject(random, 20)));
    assertEquals(diff(before, plain(before)), []);
  }
});

function edit(random: Random, list: Json[]): Json[] {
  const copy = list.slice();
  for (let step = 0; step < random(6); step++) {
    const at = random(copy.length + 1);
    const kind = random(3);
    if (kind === 0) copy.splice(at, random(3));
    else if (kind === 1) copy.splice(at, 0, randomValue(random, 6));
    else if (at < copy.length) copy[at] = randomValue(random, 6);
  }
  return copy;
}

Deno.test("diff: arrays", () => {
  const random = rng(3);
  for (let round = 0; round < 4_000; round++) {
    const before: Json[] = plain(Array.from(
      { length: random(40) },
      () => random(2) ? pick(random, [1, 2, "a", null]) : { id: random(9) },
    ));
    holds({ list: before }, plain({ list: edit(random, before) }));
    holds({ list: before }, { list: edit(random, before) });
  }
});

const item = (id: number, more = {}) => ({
  id,
  text: `the text of number ${id}, long enough`,
  done: false,
  ...more,
});
const items = Array.from({ length: 200 }, (_, id) => item(id));
const list = (items: object[]) => ({ title: "list", items }) as JsonObject;

for (
  const [what, before, after, expected] of [
    [
      "one element changed",
      items,
      items.map((each) => each.id === 7 ? { ...each, done: true } : each),
      [
        { Operation: "Toggle", Path: ["items", 7, "done"] },
      ],
    ],
    ["one added at the end", items, [...items, item(200)], [
      { Operation: "InsertLast", Path: ["items"], Value: item(200) },
    ]],
    ["one added in front", items, [item(200), ...items], [
      { Operation: "InsertFirst", Path: ["items"], Value: item(200) },
    ]],
    ["one inserted", items, [
      ...items.slice(0, 5),
      item(200),
      ...items.slice(5),
    ], [
      { Operation: "InsertBefore", Path: ["items", 5], Value: item(200) },
    ]],
    ["one removed", items, items.filter(({ id }) => id !== 5), [
      { Operation: "Delete", Path: ["items", 5] },
    ]],
    ["a window that moves on", items, [...items.slice(1), item(200)], [
      { Operation: "DeleteFirst", Path: ["items"] },
      { Operation: "InsertLast", Path: ["items"], Value: item(200) },
    ]],
    ["first and last changed", items, [
      item(0, { done: true }),
      ...items.slice(1, -1),
      item(199, { done: true }),
    ], [
      { Operation: "Toggle", Path: ["items", 0, "done"] },
      { Operation: "Toggle", Path: ["items", 199, "done"] },
    ]],
    ["emptied", items, [], [{ Operation: "Set", Path: ["items"], Value: [] }]],
    ["typing", [{ text: "Water the plant" }], [{ text: "Water the plants" }], [
      { Operation: "Append", Path: ["items", 0, "text"], Value: "s" },
    ]],
  ] as const
) {
  Deno.test(`diff: ${what}`, () => {
    assertEquals(diff(list([...before]), list([...after])) as unknown, [
      ...expected,
    ]);
    // The same where nothing is shared.
    assertEquals(
      diff(list([...before]), plain(list([...after]))) as unknown,
      [...expected],
    );
  });
}

/** How long the deltas are, as a share of the whole list as text. */
function share(before: object[], after: object[]): number {
  const size = holds(list(before), list(after));
  // The same where nothing is shared: by key, and by value if no key is shared.
  const rebuilt = holds(list(before), plain(list(after)));
  assertEquals(rebuilt, size);
  return size / JSON.stringify(after).length;
}

const many = Array.from({ length: 2_000 }, (_, id) => item(id));
const unkeyed = many.map(({ id, text }) => ({ n: id, text }));

for (
  const [kind, all] of [["with keys", many], ["by value", unkeyed]] as const
) {
  const fresh = Array.from(
    { length: 300 },
    (_, index) => ({ ...all[0]!, ...item(5_000 + index) }),
  );
  Deno.test(`diff: many edits of one array, ${kind}`, () => {
    const moved = [...all.slice(300), ...fresh];
    assert(share(all, moved) < 0.5, "a window that moved on");
    const third = all.filter((_, index) => index % 3 !== 0);
    assert(share(all, third) < 0.5, "a third deleted");
    const scattered = all.flatMap((each, index) =>
      index % 10 === 0 ? [fresh[index / 10]!, each] : [each]
    );
    assert(share(all, scattered) < 0.3, "200 scattered insertions");
    const halves = [...all.slice(1_000), ...all.slice(0, 1_000)];
    assert(share(all, halves) < 1.1, "two halves changed places");
    const reversed = [...all].reverse();
    assert(share(all, reversed) < 1.1, "reversed: as a whole");
  });
}

Deno.test("diff: elements that changed are found by their key among many edits", () => {
  const after = many.filter(({ id }) => id % 3 !== 0).map((each) =>
    each.id % 100 === 1 ? { ...each, done: true } : each
  );
  const deltas = diff(list(many), plain(list(after)));
  const toggles = deltas.filter(({ Operation }) => Operation === "Toggle");
  assertEquals(toggles.length, after.filter(({ done }) => done).length);
  holds(list(many), list(after));
});

Deno.test("diff: any many edits of any arrays", () => {
  const random = rng(7);
  for (let round = 0; round < 60; round++) {
    const kinds = [
      () => random(50),
      () => ({ id: random(400), n: random(3) }),
      () => ({ key: `${random(400)}`, v: [random(3)] }),
      () => [random(30)],
      () => pick(random, [null, true, "a", 1, {}, []]),
    ];
    const make = () => pick(random, kinds)() as Json;
    const before: Json[] = Array.from({ length: 300 + random(300) }, make);
    const after = before.slice();
    for (let step = 0; step < 300; step++) {
      const at = random(after.length);
      const [taken] = after.splice(at, 1);
      if (random(3)) {
        after.splice(random(after.length), 0, random(2) ? taken! : make());
      }
    }
    holds({ list: before }, { list: after });
    holds({ list: before }, plain({ list: after }));
  }
});

Deno.test("diff: a client is not given more to move than to read", () => {
  const all = Array.from({ length: 40_000 }, (_, id) => ({ id }));
  const half = all.filter(({ id }) => id % 2);
  const deltas = diff({ all }, { all: half });
  assertEquals(deltas.map(({ Operation }) => Operation), ["Set"]);
});

Deno.test("diff: never much longer than the data itself", () => {
  const random = rng(4);
  for (let round = 0; round < 1_000; round++) {
    const before = plain(randomObject(random, 30));
    const after = plain(randomObject(random, 30));
    const size = holds(before, after);
    const whole = JSON.stringify([{
      Operation: "Set",
      Path: [],
      Value: after,
    }]).length;
    assert(size <= whole * 1.3 + 60, `${size} for ${whole}`);
  }
});

Deno.test("diff: names of Object.prototype are names", () => {
  const before = JSON.parse('{"__proto__":{"a":1},"constructor":1}');
  const after = JSON.parse('{"__proto__":{"a":2},"toString":1}');
  holds(before, after);
  holds(after, before);
  assertEquals(Object.keys(Object.prototype), []);
});

Deno.test("diff: values that are not JSON are refused with their path", () => {
  for (
    const value of [
      undefined,
      NaN,
      new Date(),
      () => {},
      1n,
      [, 1],
      new Map([[1, 2]]),
    ]
  ) {
    const error = assertThrows(
      () => diff({ a: { b: 1 } }, { a: { b: value } } as unknown as JsonObject),
      DataError,
    );
    assert(error.message.includes('"a"'), error.message);
  }
});

Deno.test("diff: nesting is bounded, and exhausts no stack beyond it", () => {
  const deep = (leaf: Json, levels: number) => {
    let value: Json = leaf;
    for (let depth = 0; depth < levels; depth++) value = { a: value };
    return value as JsonObject;
  };
  for (const levels of [200, 1_000]) {
    const [before, after] = [deep(1, levels), deep(2, levels)];
    const deltas = diff(before, after, { maxDepth: levels });
    const { data } = applyDeltas(before, deltas);
    assert(deepEqual(data, after));
  }
  for (const levels of [201, 20_000]) {
    const error = assertThrows(
      () => diff(deep(1, levels), deep(2, levels)),
      DataError,
    );
    assertEquals([error.fault, error.path.length], ["TOO_DEEP", 200]);
  }
});
