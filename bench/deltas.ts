/**
 * The deltas of a change, beside jsondiffpatch (which knows the items by their ids) and
 * fast-json-patch: how long they are as JSON, and how long it takes to find them.
 *
 * Feedme has 14 operations, each for one value: no range, no move. Where that decides,
 * the column "floor" is the shortest that they can say, as worked out below; without
 * that column, jsondiffpatch's form decides.
 */
import jsonPatch from "fast-json-patch";
import { create } from "jsondiffpatch";
import { diff } from "../feed/feedme/wire/diff.ts";
import { mulberry32 } from "../tests/kit/random.ts";
import { compare, printTable, type Row } from "./compare.ts";

// Aliases, because an interface has no index signature, which data needs.
type Item = { id: string; text: string; done: boolean };
type Data = { items: Item[] };

const patcher = create({ objectHash: (item) => (item as Item).id });

/** An item of 66 bytes. */
function item(index: number): Item {
  return {
    id: `i${String(index).padStart(7, "0")}`,
    text: "twenty-six letters in here",
    done: false,
  };
}

function list(count: number): Item[] {
  return Array.from({ length: count }, (_, index) => item(index));
}

/** Numbers in `[0, 1)`. */
function numbers(seed: number): () => number {
  const next = mulberry32(seed);
  return () => next() / 2 ** 32;
}

/** The length of ASCII data as JSON. */
function bytes(value: unknown): number {
  return JSON.stringify(value).length;
}

interface Case {
  readonly what: string;
  /** The bar, times jsondiffpatch's bytes. */
  readonly bar: number;
  readonly change: (items: Item[]) => Item[];
  /** The shortest deltas in bytes, where they cannot reach the bar. */
  readonly floor?: (before: Data, after: Data) => number;
}

/** Each new item needs a delta with its value and place. */
function inserted(before: Data, after: Data): number {
  const known = new Set(before.items.map(({ id }) => id));
  return 1 +
    after.items.reduce(
      (sum, value, index) =>
        known.has(value.id) ? sum : sum + 1 + bytes({
          Operation: "InsertBefore",
          Path: ["items", index],
          Value: value,
        }),
      0,
    );
}

/** Each deleted item needs a delta of its own: no operation deletes a range. */
function deleted(before: Data, after: Data): number {
  const left = new Set(after.items.map(({ id }) => id));
  return 1 +
    before.items.reduce(
      (sum, { id }) =>
        left.has(id) ? sum : sum + 1 + Math.min(
          bytes({ Operation: "Delete", Path: ["items", 0] }),
          bytes({ Operation: "DeleteFirst", Path: ["items"] }),
        ),
      0,
    );
}

/**
 * Every item that is not in the longest run that keeps its order is deleted and
 * inserted; beyond some, setting the whole is shorter.
 */
function moved(before: Data, after: Data): number {
  const places = new Map(before.items.map(({ id }, index) => [id, index]));
  const tails: number[] = [];
  for (const { id } of after.items) {
    const place = places.get(id)!;
    let low = 0;
    for (let high = tails.length; low < high;) {
      const middle = (low + high) >> 1;
      if (tails[middle]! < place) low = middle + 1;
      else high = middle;
    }
    tails[low] = place;
  }
  const movedItems = after.items.length - tails.length;
  const each = 2 + bytes({ Operation: "Delete", Path: ["items", 0] }) +
    bytes({ Operation: "InsertFirst", Path: ["items"], Value: item(0) });
  return Math.min(
    1 + movedItems * each,
    bytes([{ Operation: "Set", Path: ["items"], Value: after.items }]),
  );
}

const CASES: readonly Case[] = [
  {
    what: "insert at the front",
    bar: 1.4,
    change: (items) => [item(9_000_000), ...items],
    floor: inserted,
  },
  {
    what: "move one item",
    bar: 2,
    change: (items) =>
      items.toSpliced(100, 1).toSpliced(items.length - 200, 0, items[100]!),
    floor: moved,
  },
  {
    what: "100 scattered inserts",
    bar: 1.2,
    change(items) {
      const random = numbers(1);
      const result = [...items];
      for (let count = 0; count < 100; count++) {
        const place = Math.floor(random() * (result.length + 1));
        result.splice(place, 0, item(9_000_000 + count));
      }
      return result;
    },
    floor: inserted,
  },
  {
    what: "window moved by 100",
    bar: 1.2,
    change: (items) => [
      ...items.slice(100),
      ...Array.from({ length: 100 }, (_, index) => item(9_000_000 + index)),
    ],
  },
  {
    what: "delete a third",
    bar: 0.6,
    change: (items) => items.filter((_, index) => index % 3 !== 1),
    floor: deleted,
  },
  {
    what: "sort",
    bar: 1.2,
    change(items) {
      const random = numbers(2);
      const keys = new Map(items.map(({ id }) => [id, random()]));
      return items.toSorted((a, b) => keys.get(a.id)! - keys.get(b.id)!);
    },
    floor: moved,
  },
];

function times(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}

function sizes(count: number): Row[] {
  const before: Data = { items: list(count) };
  return CASES.map(({ what, bar, change, floor }) => {
    const after: Data = { items: change(before.items) };
    const own = bytes(diff(before, after));
    const peer = bytes(patcher.diff(before, after));
    const patch = bytes(jsonPatch.compare(before, after));
    const full = bytes(after);
    const least = floor?.(before, after);
    return {
      what: `${what}, ${count.toLocaleString("en")} items`,
      measured: [
        `${own} B`,
        `${times(own / peer)} of jsondiffpatch's ${peer}`,
        `${times(own / patch)} of fast-json-patch's ${patch}`,
        `${times(own / full)} of the data's ${full}`,
      ].join(", "),
      target: `≤ ${bar}×` +
        (least !== undefined && least > bar * peer
          ? `; floor ${least} B, ${times(least / peer)}`
          : ""),
    };
  });
}

/** The forms in which an application may hand over the data of a change. */
const FORMS: readonly [form: string, form: (after: Data) => Data][] = [
  ["kept items are the same objects", (after) => after],
  ["all items are copies", (after) => structuredClone(after)],
];

/** At 1,000 items, because jsondiffpatch's time grows with their square. */
async function speeds(): Promise<Row[]> {
  const before: Data = { items: list(1_000) };
  const rows: Row[] = [];
  for (const { what, change } of CASES) {
    for (const [form, as] of FORMS) {
      const after = as({ items: change(before.items) });
      const { ratio } = await compare(
        () => void diff(before, after),
        () => void patcher.diff(before, after),
      );
      rows.push({
        what: `${what}, ${form}`,
        measured: times(ratio),
        target: "≤ 0.5×",
      });
    }
  }
  return rows;
}

async function growth(): Promise<Row[]> {
  const small: Data = { items: list(10_000) };
  const large: Data = { items: list(100_000) };
  const rows: Row[] = [];
  for (const { what, change } of CASES) {
    for (const [form, as] of FORMS) {
      const toLarge = as({ items: change(large.items) });
      const toSmall = as({ items: change(small.items) });
      const { ratio, a } = await compare(
        () => void diff(large, toLarge),
        () => void diff(small, toSmall),
        3,
      );
      rows.push({
        what: `${what}, ${form}`,
        measured: `${ratio.toFixed(1)}×, ${Math.round(a)} ms`,
        target: what === "sort" ? "about 10×, ≤ 1,000 ms" : "about 10×",
      });
    }
  }
  return rows;
}

/** Prints the tables. */
export async function benchDeltas(): Promise<void> {
  printTable("Deltas: length as JSON", [...sizes(1_000), ...sizes(10_000)]);
  printTable(
    "Deltas: time to find them at 1,000 items, beside jsondiffpatch",
    await speeds(),
  );
  printTable(
    "Deltas: time at 100,000 items, beside 10,000",
    await growth(),
  );
}

if (import.meta.main) await benchDeltas();
