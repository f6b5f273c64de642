/** Optimistic changes, and identities kept, beside a plain re-computation. */
import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { type Layer, Overlay } from "../../feed/feedme/client/overlay.ts";
import { share } from "../../feed/feedme/client/share.ts";
import { applyDeltas } from "../../feed/feedme/wire/delta.ts";
import type { JsonObject } from "../../feed/feedme/wire/protocol.ts";
import {
  pick,
  type Random,
  randomDelta,
  randomObject,
  randomValue,
  rng,
} from "./random.ts";

/** A change that deltas describe; like an application's, it may not fit any more. */
function randomChange(
  random: Random,
  data: JsonObject,
): (data: JsonObject) => JsonObject {
  for (;;) {
    const delta = randomDelta(random, data);
    if (!applyDeltas(data, [delta]).data) continue;
    return (data) => {
      const result = applyDeltas(data, [delta]);
      if (!result.data) throw new Error(result.reason);
      return result.data;
    };
  }
}

/** The data with every change applied, worked out from clones. */
function plain(base: JsonObject, layers: Iterable<Layer<JsonObject>>) {
  let data = structuredClone(base);
  for (const { change } of layers) {
    try {
      data = structuredClone(change(data));
    } catch {
      // Does not fit.
    }
  }
  return data;
}

/** Counts the containers of `after` that are equal to, but not, those of `before`. */
function needlesslyNew(before: unknown, after: unknown): number {
  if (before === after) return 0;
  if (
    typeof before !== "object" || typeof after !== "object" || !before ||
    !after || Array.isArray(before) || Array.isArray(after)
  ) return 0;
  if (JSON.stringify(before) === JSON.stringify(after)) return 1;
  let count = 0;
  for (const name of Object.keys(after)) {
    if (!Object.hasOwn(before, name)) continue;
    count += needlesslyNew(
      (before as JsonObject)[name],
      (after as JsonObject)[name],
    );
  }
  return count;
}

Deno.test("overlay: 100,000 random steps agree with a plain re-computation", () => {
  const random = rng(15);
  const overlay = new Overlay<JsonObject>();
  let base: JsonObject = randomObject(random, 8);
  const layers: Layer<JsonObject>[] = [];
  overlay.rebase(base);
  const counts = { added: 0, removed: 0, confirmed: 0, others: 0, resets: 0 };
  for (let step = 0; step < 100_000; step++) {
    const before = overlay.data!;
    const copy = step % 10 === 0 ? structuredClone(before) : undefined;
    const chance = random(100);
    if (chance < 35 && layers.length < 6) {
      const layer = { change: randomChange(random, before) };
      layers.push(layer);
      overlay.add(layer);
      counts.added++;
    } else if (chance < 50 && layers.length > 0) {
      const layer = pick(random, layers);
      layers.splice(layers.indexOf(layer), 1);
      overlay.remove(layer);
      counts.removed++;
    } else if (chance < 70 && layers.length > 0) {
      // The server has performed it, and says so with the change.
      const layer = pick(random, layers);
      layers.splice(layers.indexOf(layer), 1);
      try {
        base = layer.change(base);
      } catch {
        // It had no effect at the server either.
      }
      overlay.rebase(base, [layer]);
      counts.confirmed++;
    } else if (chance < 99) {
      base = randomChange(random, base)(base);
      // Data that only grows would make the test slow.
      if (JSON.stringify(base).length > 600) base = randomObject(random, 8);
      overlay.rebase(base);
      counts.others++;
    } else {
      base = share(base, randomObject(random, 8));
      overlay.rebase(base);
      counts.resets++;
    }
    assertEquals(overlay.size, layers.length);
    const after = overlay.data!;
    const expected = JSON.stringify(sorted(plain(base, layers)));
    if (JSON.stringify(sorted(after)) !== expected) {
      assertEquals(after, plain(base, layers), `step ${step}`);
    }
    if (copy) assertEquals(before, copy, "what was seen stays as it was");
    if (layers.length === 0) assertStrictEquals(after, base);
    else assertEquals(needlesslyNew(before, after), 0, `step ${step}`);
  }
  for (const count of Object.values(counts)) assert(count > 500, `${count}`);
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const names = Object.keys(value).sort();
  return names.map((name) => [name, sorted((value as JsonObject)[name])]);
}

Deno.test("overlay: several changes stay in order, above what others do", () => {
  type Data = { lines: readonly string[]; other: object };
  const overlay = new Overlay<Data>();
  const other = {};
  const say = (text: string) => ({
    change: (data: Data) => ({ ...data, lines: [...data.lines, text] }),
  });
  const [one, two] = [say("one"), say("two")];
  // Without data, there is nothing to change yet.
  overlay.add(one);
  assertEquals(overlay.data, undefined);
  overlay.rebase({ lines: [], other });
  overlay.add(two);
  assertEquals(overlay.data!.lines, ["one", "two"]);
  overlay.rebase({ lines: ["theirs"], other });
  assertEquals(overlay.data!.lines, ["theirs", "one", "two"]);
  assertStrictEquals(overlay.data!.other, other);
  overlay.rebase({ lines: ["theirs", "two"], other }, [two]);
  assertEquals(overlay.data!.lines, ["theirs", "two", "one"]);
  overlay.remove(one);
  overlay.remove(one);
  assertEquals(overlay.data!.lines, ["theirs", "two"]);
  overlay.rebase(undefined);
  assertEquals(overlay.data, undefined);
});

Deno.test("overlay: a change that throws or is asynchronous changes nothing", () => {
  const overlay = new Overlay<JsonObject>();
  const base = { n: 1 };
  overlay.rebase(base);
  for (
    const change of [
      () => {
        throw new TypeError("must not");
      },
      () => undefined,
      async () => await {},
      () => [],
    ]
  ) {
    assertThrows(
      () => overlay.add({ change: change as unknown as () => JsonObject }),
      TypeError,
      "must",
    );
  }
  assertEquals(overlay.size, 0);
  assertStrictEquals(overlay.data, base);
});

Deno.test("share: equal parts keep their identity, wherever they are", () => {
  const before = {
    title: { text: "a" },
    byId: [{ id: 1, tags: ["x"] }, { id: 2, tags: ["y"] }, { id: 3, tags: [] }],
    byValue: [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 3 }],
    words: ["a", "b"],
    grid: [[1, 2], [3, 4]],
  };
  assertStrictEquals(share(before, structuredClone(before)), before);
  const received = {
    title: { text: "b" },
    byId: [{ id: 0, tags: [] }, { id: 2, tags: ["y"] }, {
      id: 3,
      tags: ["new"],
    }, { id: 1, tags: ["x"] }],
    byValue: [{ n: 3 }, { n: 0 }, { n: 3 }, { n: 2 }],
    words: ["a", "b"],
    grid: [[0], [1, 2], [3, 4]],
  };
  const copy = structuredClone(received);
  const after = share<typeof before>(before, received);
  assertEquals(after, copy);
  assertEquals(received, copy);
  assertStrictEquals(after.words, before.words);
  assertStrictEquals(after.byId[1], before.byId[1]);
  assertStrictEquals(after.byId[3], before.byId[0]);
  assert(after.byId[2] !== before.byId[2]);
  assertStrictEquals(after.byValue[0], before.byValue[2]);
  assertStrictEquals(after.byValue[2], before.byValue[3]);
  assertStrictEquals(after.byValue[3], before.byValue[1]);
  assertStrictEquals(after.grid[1], before.grid[0]);
  // Objects that are in both stay where the application put them.
  const [first, second] = before.byId;
  const swapped = [second!, first!];
  assertStrictEquals(share(before.byId, swapped), swapped);
});

Deno.test("share: 20,000 random pairs stay equal to what arrived", () => {
  const random = rng(7);
  for (let step = 0; step < 20_000; step++) {
    const before = randomObject(random, 10);
    const after = random(3) === 0
      ? randomValue(random, 10)
      : applyDeltas(before, [randomDelta(random, before)]).data ?? before;
    const received = structuredClone(after);
    const shared = share(before, received);
    assertEquals(JSON.stringify(shared), JSON.stringify(received));
    assertEquals(JSON.stringify(received), JSON.stringify(after));
  }
});
